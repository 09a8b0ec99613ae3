//! What came of drafted tokens, under vLLM's names where it has one.

use throng_engine::SpeculationStats;

use super::exposition::Exposition;

/// Writes the counts.
pub(super) fn write(to: &mut Exposition, stats: &SpeculationStats) {
    let counters = [
        (
            "spec_decode_num_drafts_total",
            "Times that drafts of an answer were looked at.",
            stats.drafts as f64,
        ),
        (
            "spec_decode_num_draft_tokens_total",
            "Tokens drafted and looked at.",
            stats.drafted_tokens as f64,
        ),
        (
            "spec_decode_num_accepted_tokens_total",
            "Of those, tokens that the answers took.",
            stats.accepted_tokens as f64,
        ),
        (
            "spec_decode_draft_seconds_total",
            "Seconds in which a model drafted.",
            stats.draft_seconds,
        ),
        (
            "spec_decode_verify_seconds_total",
            "Seconds of the model in steps with drafts.",
            stats.verify_seconds,
        ),
    ];
    for (name, help, value) in counters {
        to.counter(name, help).sample(&[], value);
    }
    if stats.accepted_at.is_empty() {
        // A family without samples is none.
        return;
    }
    let help = "Tokens that the answers took, by their place among the drafts.";
    let mut places = to.counter("spec_decode_num_accepted_tokens_per_pos_total", help);
    for (place, &count) in stats.accepted_at.iter().enumerate() {
        places.sample(&[("position", &place.to_string())], count as f64);
    }
}
