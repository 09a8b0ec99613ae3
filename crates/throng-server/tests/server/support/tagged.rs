//! A model with a chat template and `<think>` and `<tool_call>` tags that knows a few answers by
//! heart.

use serde_json::{Value, json};
use throng_chat::{Chat, Template, Tokenizer};
use throng_testkit::{Script, byte_tokenizer, special};

use super::script::tokens;

/// Harmony's tokens that bear other names in this model's tokenizer, and whether they are control
/// tokens there. Calls are written in bytes.
const RENAMED: [(&str, &str, bool); 4] = [
    ("<|start|>", "<|im_start|>", true),
    ("<|end|>", "<|im_end|>", true),
    ("<|message|>", "<think>", false),
    ("<|channel|>", "</think>", false),
];

/// ChatML with functions, thoughts that can be switched off, and a refusal.
const TEMPLATE: &str = "
{%- if tools %}<|im_start|>system\n{{ tools | tojson }}<tool_call><|im_end|>\n{% endif %}
{%- for message in messages %}
    {%- if message.role == 'system' and not loop.first %}
        {{- raise_exception('instructions come first, not after ' ~ messages[0].content) }}
    {%- endif %}
    {{- '<|im_start|>' ~ message.role ~ '\\n' ~ message.content }}
    {%- for call in message.tool_calls or [] %}
        {{- '<tool_call>' ~ call.function.arguments.expression ~ '</tool_call>' }}
    {%- endfor %}
    {{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is false %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}
{%- endif %}";

/// The same model, taught to call as Llama's models do.
const JSON_CALLS: &str = "{\"name\": function, \"parameters\": object}";

/// What the last words of someone are answered by, tokens named as in Harmony.
const ANSWERS: [(&str, &str); 6] = [
    ("think", "<|message|>\nHmm.\n<|channel|>\n\nDone: né!<|end|>"),
    (
        "calculate",
        "<|message|>\nA tool.\n<|channel|>\n\nWait.\n\
         <tool_call>\n{\"name\": \"calculator\", \"arguments\": {\"expression\": \"6*7\"}}\n</tool_call>\n\
         <tool_call>\n{\"name\": \"calculator\", \"arguments\": {}}\n</tool_call><|end|>",
    ),
    ("42", "It is 42.<|end|>"),
    ("broken", "<tool_call>{\"name\": </tool_call><|end|>"),
    ("compute", "{\"name\": \"calculator\", \"parameters\": {\"expression\": \"6*7\"}}<|end|>"),
    ("describe", "{\"name\": \"Ann\", \"age\": 7}<|end|>"),
];
const OTHERWISE: &str = "What?<|end|>";

/// The model's chat format; `json_calls`: its calls are JSON without tags. Its tokenizer begins a
/// text of its own with a token.
pub fn chat(json_calls: bool) -> Chat {
    let mut file: Value = serde_json::from_slice(&byte_tokenizer()).unwrap();
    for token in file["added_tokens"].as_array_mut().unwrap() {
        let renamed = RENAMED.iter().find(|(name, ..)| token["content"] == *name);
        if let Some((_, name, special)) = renamed {
            token["content"] = Value::from(*name);
            token["special"] = Value::from(*special);
        }
    }
    let begin = "<|startoftext|>";
    file["post_processor"] = json!({
        "type": "TemplateProcessing",
        "single": [{ "SpecialToken": { "id": begin } }, { "Sequence": { "id": "A" } }],
        "special_tokens": { begin: { "id": begin, "ids": [special(begin)], "tokens": [begin] } },
    });
    let tokenizer = Tokenizer::from_json(file.to_string().as_bytes()).unwrap();
    let eos_token = Some("<|im_end|>".to_owned());
    let source = match json_calls {
        true => format!("{{# {JSON_CALLS} #}}{}", TEMPLATE.replace("tool_call>", "call>")),
        false => TEMPLATE.to_owned(),
    };
    let template = Template { source, bos_token: None, eos_token };
    Chat::new(tokenizer, Some(template)).unwrap()
}

/// Logits that make the answer's next token nearly certain.
pub fn script(vocab: usize) -> Script {
    Box::new(move |history| {
        let turn = tokens("<|start|>assistant\n");
        let starts = |at: &usize| history[*at..].starts_with(&turn);
        let start = (0..history.len()).rev().find(starts).expect("a prompt of the template");
        let mut said = &history[start + turn.len()..];
        // Where the prompt thinks for the model, it goes on with the answer itself.
        let thought = tokens("<|message|>\n\n<|channel|>\n\n");
        let skips = said.starts_with(&thought);
        said = if skips { &said[thought.len()..] } else { said };
        let before = &history[..start];
        let asked = |words: &str| {
            let turn = |role: &str| tokens(&format!("<|start|>{role}\n{words}<|end|>\n"));
            ["user", "tool"].iter().any(|role| before.ends_with(&turn(role)))
        };
        let known = ANSWERS.iter().find(|(words, _)| asked(words));
        let answer = known.map_or(OTHERWISE, |(_, answer)| *answer);
        let answer = match answer.split_once("<|channel|>\n\n") {
            Some((_, answer)) if skips => answer,
            _ => answer,
        };
        let next = tokens(answer).get(said.len()).copied().unwrap_or(special("<|end|>"));
        let mut logits = vec![0.0; vocab];
        logits[next as usize] = 20.0;
        logits
    })
}
