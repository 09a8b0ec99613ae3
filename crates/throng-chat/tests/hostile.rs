//! Templates that would take all time, memory or stack: each ends in an error.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{load, tokenizer_json};
use throng_chat::{Chat, ChatError, Conversation, Message, Template};

fn render(source: &str) -> Result<String, ChatError> {
    let tokenizer = load(&tokenizer_json(&[], &[("<|x|>", true)]));
    let template = Template { source: source.to_owned(), ..Template::default() };
    let chat = Chat::new(tokenizer, Some(template))?;
    let messages = vec![Message::User("0123456789".to_owned())];
    let prompt = chat.render(&Conversation { messages, ..Conversation::default() })?;
    Ok(chat.tokenizer().decode(&prompt.ids))
}

const LOOP: &str = "{% for i in range(100000) %}";

#[test]
fn what_would_have_no_end_is_an_error() {
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(100_000), ")".repeat(100_000));
    let nested = "{% if true %}".repeat(70_000);
    let products = "{{ 'a' * 9 }}".repeat(9);
    let doubled: String =
        (0..60).map(|i| format!("{{% for v{} in [v{i} ~ v{i}] %}}", i + 1)).collect();
    let cases = [
        // Time.
        format!("{LOOP}{LOOP}{{% if i %}}{{% endif %}}{{% endfor %}}{{% endfor %}}"),
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}".to_owned(),
        "{% include 'chat template' %}".to_owned(),
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}".to_owned(),
        // Output.
        format!("{LOOP}{{{{ messages[0].content }}}}{LOOP}x{{% endfor %}}{{% endfor %}}"),
        format!(
            "{{% set x %}}{LOOP}{LOOP}{}{{% endfor %}}{{% endfor %}}{{% endset %}}",
            "x".repeat(9999)
        ),
        // Texts.
        format!(
            "{{% set ns = namespace(x='ab') %}}{LOOP}{{% set ns.x = ns.x ~ ns.x %}}{{% endfor %}}"
        ),
        format!(
            "{{% set ns = namespace(x='ab') %}}{LOOP}{{%- set ns.x = ns.x + ns.x -%}}{{% endfor %}}"
        ),
        "{% macro f(x, n=0) -%} {{ f(x ~ x, n + 1) if n < 45 }}{% endmacro %}{{ f('ab') }}"
            .to_owned(),
        format!("{{% set v0 = 'ab' %}}{doubled}{}", "{% endfor %}".repeat(60)),
        "{% set a = 'ab' * 4000000 %}{{ a | replace('b', a) }}".to_owned(),
        "{% set a = 'ab' * 4000000 %}{{ a.replace('b', a) }}".to_owned(),
        "{% set a = 'ab' * 4000000 %}{{ a.join(a) }}{{ a | join(a) }}".to_owned(),
        "{{ '%99999999999d' | format(1) }}".to_owned(),
        "{{ '%*d' | format(99999999999, 1) }}".to_owned(),
        "{{ '{:99999999999}'.format(1) }}".to_owned(),
        "{{ 'x' | indent(99999999999, true) }}".to_owned(),
        "{{ 'x' | indent(width=99999999999, first=true) }}".to_owned(),
        "{{ [1] | batch(99999999999, 0) | list }}".to_owned(),
        products,
        // Lists, and what holds itself.
        format!("{{% set ns = namespace(x=[]) %}}{LOOP}{{% set ns.x = [ns.x] %}}{{% endfor %}}"),
        format!(
            "{{% set ns = namespace(x=[1]) %}}{LOOP}{{% set ns.x = ns.x + ns.x %}}{{% endfor %}}"
        ),
        format!(
            "{{% set ns = namespace(x=1) %}}{LOOP}{{% set ns.x = [ns.x, ns.x] %}}{{% endfor %}}"
        ),
        "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}".to_owned(),
        "{% set ns = namespace() %}{% set b = ns %}{% set ns.x = {'a': [b]} %}{{ ns ~ '' }}"
            .to_owned(),
        "{% set a = namespace() %}{% set b = namespace(a=a) %}{% set a.b = b %}{{ a }}".to_owned(),
        // Source.
        deep,
        nested,
        "x".repeat((1 << 20) + 1),
        "{% raw %}".to_owned(),
        "{{ 'unended".to_owned(),
    ];
    for source in cases {
        let shown: String = source.chars().take(200).collect();
        match render(&source) {
            Err(ChatError::Template(_)) => {}
            other => panic!("{shown}: {:?}", other.map(|text| text.len())),
        }
    }
}

#[test]
fn what_is_checked_still_means_the_same() {
    let cases = [
        ("{% set a, b = 1, [2] %}{{ a }}{{ b[0] }}", "12"),
        ("{% set x='=' if 1 == 2 else \"=='\" %}{{ x }}", "==\u{27}"),
        ("{% set x = {'a': {'b': 1}} %}{{ x['a'].b }}{{ {'a': {'b': 2}}.a.b }}", "12"),
        ("{% set x | replace('=', 'b') %}a={% endset %}{{ x }}", "ab"),
        ("{% raw %}{% set x = (' %}{{ {% endraw %}{% set x = 1 %}{{ x }}", "{% set x = (' %}{{ 1"),
        ("{{ '{% set x = 1 %}' }}{# {% set #}", "{% set x = 1 %}"),
        ("{% for k, v in {'in': 1}.items() if v %}{{ k }}{% else %}-{% endfor %}", "in"),
        ("{% for x in (1 if false else 2), 3 %}{{ x }}{% endfor %}", "23"),
        ("{% for x in [1, 2, 3] if x is odd -%}\n {{ x }}\n{%- endfor %}", "13"),
        (
            "{%- macro f(a, b=[1, 2], c='=,') -%}\n  {{ a }}{{ b[1] }}{{ c }}\n{%- endmacro %}{{ f(0) }}",
            "02=,",
        ),
        ("{% macro f(a) %}\n{{ a }}\n{% endmacro %}{{ f(1) }}", "1\n"),
        ("{% with a = 1, b = [2] %}{{ a }}{{ b[0] }}{% endwith %}", "12"),
        (
            "{% macro m() %}{{ caller('x') }}{% endmacro %}{% call(y) m() %}<{{ y }}>{% endcall %}",
            "<x>",
        ),
        (
            "{% set n = namespace(s='') %}{% for i in range(3) %}{% set n.s = n.s ~ i %}{% endfor %}{{ n.s }}",
            "012",
        ),
        (
            "{{ ['a', 'b'] | join('-') }}{{ '-'.join(['c', 'd']) }}{{ 'xyx' | replace('x', '') }}",
            "a-bc-dy",
        ),
        ("{{ '**%s**' | format(1) }}", "**1**"),
        ("{{ '%03d|%s' | format(7, 'é') }}{{ '{}-{:>3}'.format(1, 'b') }}", "007|é1-  b"),
        ("{{ 'a\nb' | indent }}{{ 'c\nd' | indent(width=1) }}", "a\n    bc\n d"),
        ("{%- generation -%} x {%- endgeneration %}", "x"),
        ("{{ 1e16 }} {{ 0.5 }} {{ 2 * 3 }}", "1e+16 0.5 6"),
    ];
    for (source, expected) in cases {
        assert_eq!(render(source).unwrap_or_else(|error| panic!("{source}: {error}")), expected);
    }
}
