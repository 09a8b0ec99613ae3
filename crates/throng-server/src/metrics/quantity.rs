//! What is counted of answers: under which name, and between which bounds.

/// A quantity of one answer, or of one token of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    FirstToken,
    InterToken,
    PerToken,
    Whole,
    Queued,
    Inference,
    Prefill,
    Decode,
    PromptTokens,
    GenerationTokens,
}

/// Name, help and bounds of each, in the order of the variants. Times are in seconds.
pub(super) const QUANTITIES: [(Quantity, &str, &str, &[f64]); 10] = [
    (
        Quantity::FirstToken,
        "time_to_first_token_seconds",
        "From request to first token.",
        FIRST_TOKEN,
    ),
    (Quantity::InterToken, "inter_token_latency_seconds", "From token to token.", TOKEN),
    (
        Quantity::PerToken,
        "request_time_per_output_token_seconds",
        "From token to token, on average over an answer.",
        TOKEN,
    ),
    (Quantity::Whole, "e2e_request_latency_seconds", "From request to last token.", LATENCY),
    (Quantity::Queued, "request_queue_time_seconds", "From request to first step.", LATENCY),
    (
        Quantity::Inference,
        "request_inference_time_seconds",
        "From first step to last token.",
        LATENCY,
    ),
    (Quantity::Prefill, "request_prefill_time_seconds", "From first step to first token.", LATENCY),
    (Quantity::Decode, "request_decode_time_seconds", "From first token to last token.", LATENCY),
    (Quantity::PromptTokens, "request_prompt_tokens", "Tokens of a prompt.", TOKENS),
    (Quantity::GenerationTokens, "request_generation_tokens", "Tokens of an answer.", TOKENS),
];

// A quantity is its row's index.
const _: () = {
    let mut row = 0;
    while row < QUANTITIES.len() {
        assert!(QUANTITIES[row].0 as usize == row);
        row += 1;
    }
};

/// Seconds to a first token.
const FIRST_TOKEN: &[f64] = &[
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    20.0, 40.0, 80.0, 160.0, 640.0, 2560.0,
];
/// Seconds from token to token.
const TOKEN: &[f64] = &[
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0,
    40.0, 80.0,
];
/// Seconds that a request spends in one state or another.
const LATENCY: &[f64] = &[
    0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0,
    480.0, 960.0, 1920.0, 7680.0,
];
/// Tokens of a request. vLLM's end with the model's context, ours never change.
const TOKENS: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0,
    20_000.0, 50_000.0, 100_000.0,
];
