//! A case for each row of `API.md`.

/// A parameter; a value that the document speaks of; another one. Of what is honoured, the other is
/// wrong; of what is refused, it means "no" and is let pass.
pub type Case = (&'static str, &'static str, &'static str);

/// Those of chats and of raw completions.
pub const BOTH: [Case; 31] = [
    ("model", "\"scripted\"", "5"),
    ("max_tokens", "5", "-1"),
    ("n", "2", "0"),
    ("best_of", "1", "2"),
    ("seed", "-5", "0.5"),
    ("stop", "[\"x\", \"y\"]", "\"\""),
    ("stop_token_ids", "[5]", "[-1]"),
    ("ignore_eos", "false", "1"),
    ("min_tokens", "2", "-1"),
    ("stream", "true", "1"),
    ("stream_options", "{\"include_usage\": true}", "[]"),
    ("temperature", "1.5", "2.5"),
    ("top_p", "0.5", "0"),
    ("top_k", "5", "-2"),
    ("min_p", "0.5", "1.5"),
    ("logit_bias", "{\"97\": -100}", "{\"97\": 101}"),
    ("frequency_penalty", "-2", "3"),
    ("presence_penalty", "2", "-3"),
    ("repetition_penalty", "1.3", "0"),
    ("return_tokens_as_token_ids", "true", "1"),
    ("cache_salt", "\"mine\"", "\"\""),
    ("timeout", "60", "0"),
    ("user", "\"someone\"", "null"),
    ("metadata", "{\"a\": \"b\"}", "null"),
    ("store", "true", "null"),
    ("prompt_logprobs", "5", "null"),
    ("structured_outputs", "{\"choice\": [\"a\", \"b\"]}", "{\"regex\": \"(\"}"),
    ("guided_json", "{\"type\": \"null\"}", "{\"type\": \"array\", \"uniqueItems\": true}"),
    ("guided_regex", "\"[0-9]\"", "5"),
    ("guided_choice", "[\"a\"]", "[]"),
    ("guided_grammar", "\"start: \\\"a\\\"\"", "\"start: b\""),
];

/// Those of chats alone.
pub const CHAT_ALONE: [Case; 22] = [
    ("messages", "[{\"role\": \"user\", \"content\": \"x\"}]", "[]"),
    ("max_completion_tokens", "5", "0"),
    ("logprobs", "true", "2"),
    ("top_logprobs", "2", "21"),
    ("reasoning_effort", "\"low\"", "\"most\""),
    ("include_reasoning", "false", "1"),
    ("tools", "[{\"type\": \"function\", \"function\": {\"name\": \"f\"}}]", "[{}]"),
    ("tool_choice", "\"none\"", "\"required\""),
    ("parallel_tool_calls", "true", "1"),
    ("response_format", "{\"type\": \"json_object\"}", "{\"type\": \"xml\"}"),
    ("prediction", "{\"type\": \"content\", \"content\": \"x\"}", "{\"type\": \"content\"}"),
    ("service_tier", "\"flex\"", "\"auto\""),
    ("safety_identifier", "\"someone\"", "null"),
    ("prompt_cache_key", "\"mine\"", "null"),
    ("prompt_cache_retention", "\"24h\"", "null"),
    ("audio", "{}", "null"),
    ("modalities", "[\"text\", \"audio\"]", "[\"text\"]"),
    ("functions", "[]", "null"),
    ("function_call", "\"auto\"", "null"),
    ("verbosity", "\"low\"", "\"medium\""),
    ("web_search_options", "{}", "null"),
    ("chat_template_kwargs", "{\"reasoning_effort\": \"low\"}", "{\"enable_thinking\": true}"),
];

/// Those of raw completions alone.
pub const COMPLETIONS_ALONE: [Case; 4] = [
    ("prompt", "\"Once\"", "5"),
    ("echo", "true", "1"),
    ("logprobs", "2", "true"),
    ("suffix", "\"x\"", "\"\""),
];

/// Those of responses.
pub const RESPONSES_ALONE: [Case; 35] = [
    ("model", "\"scripted\"", "5"),
    ("input", "[{\"role\": \"user\", \"content\": \"x\"}]", "[]"),
    ("instructions", "\"Be brief.\"", "[]"),
    ("previous_response_id", "\"resp_of_before\"", "\"resp_of_nobody\""),
    ("store", "false", "1"),
    ("background", "true", "1"),
    ("stream", "true", "1"),
    ("stream_options", "{\"include_obfuscation\": false}", "[]"),
    ("max_output_tokens", "5", "0"),
    ("temperature", "1.5", "2.5"),
    ("top_p", "0.5", "0"),
    ("top_logprobs", "2", "21"),
    ("include", "[\"message.output_text.logprobs\"]", "[\"everything\"]"),
    ("tools", "[{\"type\": \"function\", \"name\": \"f\"}]", "[{}]"),
    ("tool_choice", "\"none\"", "\"required\""),
    ("parallel_tool_calls", "true", "1"),
    ("text", "{\"format\": {\"type\": \"json_object\"}}", "{\"format\": {\"type\": \"xml\"}}"),
    ("reasoning", "{\"effort\": \"low\"}", "{\"effort\": \"most\"}"),
    ("metadata", "{\"a\": \"b\"}", "{\"a\": 5}"),
    ("user", "\"someone\"", "null"),
    ("safety_identifier", "\"someone\"", "null"),
    ("prompt_cache_key", "\"mine\"", "null"),
    ("prompt_cache_retention", "\"24h\"", "null"),
    ("max_tool_calls", "5", "null"),
    ("truncation", "\"auto\"", "\"disabled\""),
    ("service_tier", "\"flex\"", "\"auto\""),
    ("access_programs", "{}", "null"),
    ("background_options", "{}", "{\"completion_window\": \"soonest\"}"),
    ("context_management", "[{\"type\": \"compaction\"}]", "[]"),
    ("conversation", "\"conv_1\"", "null"),
    ("image", "{\"context_compression\": \"enabled\"}", "{\"context_compression\": \"auto\"}"),
    ("moderation", "{\"model\": \"m\"}", "null"),
    ("prompt", "{\"id\": \"p\"}", "null"),
    ("prompt_cache_options", "{\"mode\": \"explicit\"}", "{\"mode\": \"implicit\"}"),
    ("n", "2", "null"),
];

/// Parameters of the other two that responses have too.
pub const RESPONSES_TOO: [&str; 19] = [
    "seed",
    "stop",
    "stop_token_ids",
    "ignore_eos",
    "min_tokens",
    "top_k",
    "min_p",
    "logit_bias",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "return_tokens_as_token_ids",
    "cache_salt",
    "timeout",
    "structured_outputs",
    "guided_json",
    "guided_regex",
    "guided_choice",
    "guided_grammar",
];

/// Those of `/tokenize`, for a text.
pub const TEXT: [Case; 4] = [
    ("prompt", "\"x\"", "5"),
    ("model", "\"scripted\"", "5"),
    ("add_special_tokens", "false", "1"),
    ("return_token_strs", "true", "false"),
];

/// The same for a conversation; what it shares with chats has the cases of chats.
pub const CONVERSATION: [Case; 7] = [
    ("model", "\"org/other\"", "5"),
    ("add_generation_prompt", "false", "1"),
    ("return_token_strs", "true", "false"),
    ("add_special_tokens", "true", "false"),
    ("continue_final_message", "true", "false"),
    ("chat_template", "\"{{ messages }}\"", "null"),
    ("mm_processor_kwargs", "{\"x\": 1}", "{}"),
];

/// What it shares with them.
pub const CONVERSATION_TOO: [&str; 7] = [
    "messages",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "reasoning_effort",
    "chat_template_kwargs",
];

/// Those of `/detokenize`.
pub const TOKENS: [Case; 2] = [("tokens", "[65, 66]", "[-1]"), ("model", "\"scripted\"", "5")];
