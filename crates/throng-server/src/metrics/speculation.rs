//! What came of drafted tokens, under vLLM's names where it has one; `method` says where the drafts
//! came from.

use throng_engine::{DraftStats, Method, SpeculationStats};

use super::exposition::Exposition;

/// A count of one method.
type Count = fn(&DraftStats) -> u64;

/// Counts by their places among the drafts of a row.
type Places = fn(&DraftStats) -> &[u64];

/// Writes the counts.
pub(super) fn write(to: &mut Exposition, stats: &SpeculationStats) {
    let by_method: [(&str, &str, Count); 3] = [
        (
            "spec_decode_num_drafts_total",
            "Times that drafts of an answer were looked at.",
            |stats| stats.drafts,
        ),
        ("spec_decode_num_draft_tokens_total", "Tokens drafted and looked at.", |stats| {
            stats.drafted_tokens
        }),
        (
            "spec_decode_num_accepted_tokens_total",
            "Of those, tokens that the answers took.",
            |stats| stats.accepted_tokens,
        ),
    ];
    for (name, help, count) in by_method {
        let mut family = to.counter(name, help);
        for method in Method::ALL {
            let count = count(&stats.by_method[method]);
            family.sample(&[("method", method.name())], count as f64);
        }
    }
    let counters = [
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
        (
            "spec_decode_draft_failures_total",
            "Draft models that failed, after which they draft no more.",
            stats.failures as f64,
        ),
    ];
    for (name, help, value) in counters {
        to.counter(name, help).sample(&[], value);
    }
    let by_place: [(&str, &str, Places); 2] = [
        (
            "spec_decode_num_draft_tokens_per_pos_total",
            "Tokens drafted and looked at, by their place among the drafts.",
            |stats| &stats.drafted_at,
        ),
        (
            "spec_decode_num_accepted_tokens_per_pos_total",
            "Tokens that the answers took, by their place among the drafts.",
            |stats| &stats.accepted_at,
        ),
    ];
    if stats.by_method.iter().all(|(_, stats)| stats.drafted_at.is_empty()) {
        // A family without samples is none.
        return;
    }
    for (name, help, places) in by_place {
        let mut family = to.counter(name, help);
        for (method, stats) in stats.by_method.iter() {
            for (place, &count) in places(stats).iter().enumerate() {
                let labels = [("method", method.name()), ("position", &place.to_string())];
                family.sample(&labels, count as f64);
            }
        }
    }
}
