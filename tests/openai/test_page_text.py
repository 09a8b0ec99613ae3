"""Texts on the chat page: they become nodes, and never markup."""

from browsing import answered, ask, find, text
from selenium.webdriver.common.keys import Keys


def rendered(page, source):
    """The markup of the nodes that a text becomes."""
    return page.execute_async_script(
        "const [source, done] = arguments;"
        "import('/page/text/markdown.js').then(({ markdown }) => {"
        "  const box = document.createElement('div'); box.append(...markdown(source));"
        "  done(box.innerHTML); });",
        source,
    )


def evaluated(page, script, *given):
    """What a script calls `done` with."""
    return page.execute_async_script(
        f"const done = arguments[arguments.length - 1]; {script}", *given
    )


def test_markup_is_shown_and_not_run(page):
    ask(page, "<img src=x onerror=\"document.title='run'\"><b>bold</b>")
    answered(page, 1)
    assert "<b>bold</b>" in text(page, ".bubble")
    assert find(page, ".turn img") == [] and find(page, ".turn b") == []
    assert page.title != "run"


def test_shift_enter_starts_a_line(page):
    question = find(page, "#question")[0]
    question.send_keys("first", Keys.SHIFT + Keys.ENTER)
    question.send_keys(Keys.NULL, "second")
    assert question.get_property("value") == "first\nsecond"
    assert find(page, ".turn") == []


def test_markdown_becomes_nodes(page):
    for source, wanted in (
        ("# Head #\n## Two", "<h3>Head</h3><h4>Two</h4>"),
        (
            "**bold** and `x < 1`\n*it* ~~no~~",
            "<p><strong>bold</strong> and <code>x &lt; 1</code>\n<em>it</em> <del>no</del></p>",
        ),
        (
            "**a *b* c** __init__ a_b_c 2 * 3 * 4",
            "<p><strong>a <em>b</em> c</strong> __init__ a_b_c 2 * 3 * 4</p>",
        ),
        (r"\*plain\* `` a`b ``", "<p>*plain* <code>a`b</code></p>"),
        (
            "- one\n- <i>two</i>\n  1. deep\n  2. er\n- three",
            "<ul><li>one</li><li>&lt;i&gt;two&lt;/i&gt;<ol><li>deep</li><li>er</li></ol></li>"
            "<li>three</li></ul>",
        ),
        ("3. three\n4. four\n\nend", '<ol start="3"><li>three</li><li>four</li></ol><p>end</p>'),
        ("- a\n\n  b\n- c", "<ul><li><p>a</p><p>b</p></li><li>c</li></ul>"),
        ("In\n1984. no list", "<p>In\n1984. no list</p>"),
        ("> said\n> - so\n\n---", "<blockquote><p>said</p><ul><li>so</li></ul></blockquote><hr>"),
    ):
        assert rendered(page, source) == wanted, source
    table = rendered(page, "before\n| x | y |\n|--:|:-:|\n| 1 | `a\\|b` |\n\nafter")
    assert '<th class="right">x</th><th class="middle">y</th>' in table
    assert '<td class="right">1</td><td class="middle"><code>a|b</code></td>' in table
    assert table.startswith("<p>before</p>") and table.endswith("<p>after</p>")


def test_links_lead_to_other_sites_and_never_to_scripts(page):
    link = rendered(page, "[a **b**](https://example.org/x_(y)) <https://example.org/a>.")
    assert link.count('target="_blank"') == link.count('rel="noopener noreferrer"') == 2
    assert 'href="https://example.org/x_(y)"' in link and "<strong>b</strong></a>" in link
    assert 'href="https://example.org/a"' in link and link.endswith("</a>.</p>")
    scripts = ("javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x")
    for target in (*scripts, "/v1/models", "//x.org"):
        source = f"[here]({target})"
        assert rendered(page, source) == f"<p>{source}</p>"
    assert "<img" not in rendered(page, "![alt](https://example.org/x.png)")


def test_code_is_shown_as_it_is(page):
    source = "```rust\nfn a<'a>(x: &'a str) { \"<b>\"; } // no 'end\n```"
    html = rendered(page, source)
    assert '<span class="language">rust</span>' in html
    assert '<span class="keyword">fn</span> a&lt;\'a&gt;' in html
    assert '<span class="string">"&lt;b&gt;"</span>' in html
    assert '<span class="comment">// no \'end</span>' in html
    # Names that every object of the language has.
    for name in ("constructor", "__proto__"):
        assert "<code>a</code>" in rendered(page, f"```{name}\na\n```")
    plain = rendered(page, "~~~\n**no** <i>\n```\n~~~")
    assert "<code>**no** &lt;i&gt;\n```</code>" in plain
    assert "<code>half</code>" in rendered(page, "```\nhalf"), "while it is written"


def test_deep_and_long_texts_are_bounded(page):
    deep = rendered(page, ">" * 5000 + " x")
    assert deep.count("<blockquote>") <= 8
    rendered(page, "**" * 20_000 + "`" * 20_000 + "[" * 20_000)
    assert rendered(page, "- " * 3000).count("<ul>") <= 8


def test_what_has_been_drawn_stays_while_a_text_grows(page):
    same = evaluated(
        page,
        "import('/page/text/markdown.js').then(({ Growing }) => {"
        "  const box = document.createElement('div'); const growing = new Growing(box);"
        "  growing.draw('one\\n\\ntw'); const [one, two] = box.children;"
        "  growing.draw('one\\n\\ntwo\\n\\nthree');"
        "  const kept = [box.children[0] === one, box.children[1] === two];"
        "  growing.draw('other'); done([...kept, box.innerHTML]); });",
    )
    assert same == [True, False, "<p>other</p>"]


def test_json_keeps_its_digits_and_is_no_tree_where_it_is_none(page):
    script = (
        "const source = arguments[0]; import('/page/text/json.js').then(({ jsonTree }) => {"
        "  const tree = jsonTree(source); done(tree && [tree.className, tree.textContent]); });"
    )
    digits = '{"id": 12345678901234567890, "price": 1.50, "none": null, "list": []}'
    kind, words = evaluated(page, script, digits)
    assert kind == "json"
    assert '"id": 12345678901234567890,' in words and "1.50" in words and '"list": []' in words
    assert evaluated(page, script, "{no}") is None
    assert evaluated(page, script, "7") is None
    deep = "[" * 3000 + "]" * 3000
    wide = "[" + "1," * 5000 + "1]"
    for source in (deep, wide):
        tree = evaluated(page, script, source)
        assert tree is None or tree[0] == "code", "too much for a tree is text"
