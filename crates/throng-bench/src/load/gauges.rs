//! What a server says of itself in Prometheus' text format: who runs, who waits, which blocks.

use crate::exposition::samples;

/// Endings of names, ours and vLLM's, then llama-server's.
const RUNNING: [&str; 2] = ["num_requests_running", "requests_processing"];
const WAITING: [&str; 2] = ["num_requests_waiting", "requests_deferred"];
/// A series for each pool and each state: those that requests hold are used.
const BLOCKS: &str = "kv_cache_blocks";
const USED: &str = "used";

/// What a server says of itself; `None` where it does not.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Gauges {
    /// Requests that are being answered.
    pub running: Option<f64>,
    /// Requests that are queued.
    pub waiting: Option<f64>,
    /// Blocks of the KV cache that requests hold, over all pools; what is only cached is free.
    pub blocks: Option<f64>,
}

impl Gauges {
    /// Reads the body of `/metrics`.
    pub fn read(text: &str) -> Self {
        let mut gauges = Self::default();
        for sample in samples(text) {
            let is =
                |endings: [&str; 2]| endings.iter().any(|ending| sample.name.ends_with(ending));
            let gauge = if is(RUNNING) {
                &mut gauges.running
            } else if is(WAITING) {
                &mut gauges.waiting
            } else if sample.name.ends_with(BLOCKS)
                && sample.label("state").as_deref() == Some(USED)
            {
                &mut gauges.blocks
            } else {
                continue;
            };
            // A line for each pool, or each tenant.
            *gauge = Some(gauge.unwrap_or(0.0) + sample.value);
        }
        gauges
    }

    /// Whether nothing is left of any request, as far as the server says.
    pub fn is_quiet(&self) -> bool {
        [self.running, self.waiting, self.blocks].into_iter().flatten().all(|value| value == 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauges_are_found_under_any_prefix_and_summed_over_labels() {
        let text = "# HELP throng:num_requests_running x\n# TYPE throng:num_requests_running gauge\n\
                    throng:num_requests_running 2\n\
                    throng:num_requests_waiting{tenant=\"a } b\"} 3\n\
                    throng:num_requests_waiting{tenant=\"c\"} 4 1700000000\n\
                    throng:kv_cache_blocks{pool=\"full\",state=\"used\"} 5\n\
                    throng:kv_cache_blocks{pool=\"full\",state=\"cached\"} 50\n\
                    throng:kv_cache_blocks{pool=\"window\",state=\"used\"} 2\n\
                    other_total 9\n\
                    nothing\nnum_requests_running NaN\n";
        let gauges = Gauges::read(text);
        assert_eq!(
            (gauges.running, gauges.waiting, gauges.blocks),
            (Some(2.0), Some(7.0), Some(7.0))
        );
        assert!(!gauges.is_quiet());
        let llama = Gauges::read("llamacpp:requests_processing 0\nllamacpp:requests_deferred 0\n");
        assert_eq!((llama.running, llama.waiting), (Some(0.0), Some(0.0)));
        assert!(llama.is_quiet() && Gauges::default().is_quiet());
    }
}
