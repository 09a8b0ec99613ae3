//! The engine's counts.

use std::sync::{Arc, Mutex, PoisonError};

use throng_engine::{Histogram, PoolStats, Stats, TenantStats};

use super::exposition::Exposition;

/// vLLM's bounds for the tokens of a step: every one is a bound of the engine's too.
const STEP_TOKENS: &[f64] =
    &[1.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0];
/// Tenants with a series of their own where anybody may call himself anything.
const LISTED: usize = 100;
/// The series of all others.
const OTHERS: &str = "others";

/// Everything but the tenants.
pub(super) fn write(to: &mut Exposition, stats: &Stats) {
    let gauges = [
        ("num_requests_running", "Answers with a place in the KV cache.", stats.running as f64),
        (
            "num_requests_waiting",
            "Answers that wait for a place in the KV cache.",
            stats.waiting as f64,
        ),
        (
            "kv_cache_usage_perc",
            "Blocks that running answers hold in the fuller pool; 1 is all.",
            usage(stats.full).max(usage(stats.window)),
        ),
    ];
    for (name, help, value) in gauges {
        to.gauge(name, help).sample(&[], value);
    }
    let mut blocks = to.gauge("kv_cache_blocks", "Blocks of the KV cache, by pool and state.");
    for (pool, stats) in [("full", stats.full), ("window", stats.window)] {
        let free = stats.blocks.saturating_sub(stats.used + stats.cached);
        for (state, count) in [("used", stats.used), ("cached", stats.cached), ("free", free)] {
            blocks.sample(&[("pool", pool), ("state", state)], count as f64);
        }
    }
    let counters = [
        (
            "prefix_cache_queries_total",
            "Prompt tokens looked for in the prefix cache.",
            stats.queried_tokens,
        ),
        (
            "prefix_cache_hits_total",
            "Prompt tokens found in the prefix cache.",
            stats.cached_tokens,
        ),
        ("num_preemptions_total", "Answers that lost their place to others.", stats.preemptions),
        ("prompt_tokens_total", "Prompt tokens computed.", stats.prompt_tokens),
        ("generation_tokens_total", "Tokens generated.", stats.generated_tokens),
        ("steps_total", "Steps of the engine.", stats.steps),
    ];
    for (name, help, value) in counters {
        to.counter(name, help).sample(&[], value as f64);
    }
    let tokens = coarser(&stats.step_tokens, STEP_TOKENS);
    to.histogram("iteration_tokens_total", "Tokens of a step.", &tokens);
    let histograms = [
        ("step_rows", "Answers in a step: how full batches are.", &stats.step_rows),
        ("step_scheduling_seconds", "Of a step, deciding who runs.", &stats.scheduling_seconds),
        ("step_model_seconds", "Of a step, in the model.", &stats.model_seconds),
        ("step_sampling_seconds", "Of a step, drawing tokens.", &stats.sampling_seconds),
    ];
    for (name, help, histogram) in histograms {
        to.histogram(name, help, histogram);
    }
}

/// What steps read from memory, and how fast the machine can, as far as either is known.
pub(super) fn write_reading(to: &mut Exposition, stats: &Stats, bandwidth: Option<f64>) {
    if let Some(bytes) = stats.bytes_read {
        let help = "Bytes of weights and of the KV cache that steps had to read.";
        to.counter("model_read_bytes_total", help).sample(&[], bytes as f64);
    }
    if let Some(bandwidth) = bandwidth {
        let help = "What this machine reads a second, measured before the model was loaded.";
        to.gauge("memory_bandwidth_bytes_per_second", help).sample(&[], bandwidth);
    }
}

/// Each tenant's counts; `listed` remembers who has a series, if not all may.
pub(super) fn write_tenants(
    to: &mut Exposition,
    stats: &Stats,
    listed: Option<&Mutex<Vec<Arc<str>>>>,
) {
    let tenants = merged(&stats.tenants, &stats.forgotten, listed);
    let gauge = |to: &mut Exposition, name, help, of: fn(&TenantStats) -> usize| {
        let mut family = to.gauge(name, help);
        for tenant in &tenants {
            family.sample(&[("tenant", &*tenant.name)], of(tenant) as f64);
        }
    };
    gauge(to, "tenant_requests_running", "num_requests_running, by tenant.", |tenant| {
        tenant.running
    });
    gauge(to, "tenant_requests_waiting", "num_requests_waiting, by tenant.", |tenant| {
        tenant.waiting
    });
    let counter = |to: &mut Exposition, name, help, of: fn(&TenantStats) -> u64| {
        let mut family = to.counter(name, help);
        for tenant in &tenants {
            family.sample(&[("tenant", &*tenant.name)], of(tenant) as f64);
        }
    };
    counter(to, "tenant_prompt_tokens_total", "prompt_tokens_total, by tenant.", |one| {
        one.prompt_tokens
    });
    counter(to, "tenant_prefix_cache_hits_total", "prefix_cache_hits_total, by tenant.", |one| {
        one.cached_tokens
    });
    counter(to, "tenant_generation_tokens_total", "generation_tokens_total, by tenant.", |one| {
        one.generated_tokens
    });
    counter(to, "tenant_preemptions_total", "num_preemptions_total, by tenant.", |one| {
        one.preemptions
    });
}

/// Those with a series of their own, and the sum of the others: a client that calls itself by
/// another name in each request makes no more series than any other.
fn merged(
    tenants: &[TenantStats],
    forgotten: &TenantStats,
    listed: Option<&Mutex<Vec<Arc<str>>>>,
) -> Vec<TenantStats> {
    let Some(listed) = listed else { return tenants.to_vec() };
    let mut listed = listed.lock().unwrap_or_else(PoisonError::into_inner);
    let mut own = Vec::new();
    let mut others = TenantStats { name: OTHERS.into(), ..forgotten.clone() };
    for tenant in tenants {
        let known = listed.contains(&tenant.name);
        if !known && listed.len() < LISTED {
            listed.push(tenant.name.clone());
        } else if !known {
            others.add(tenant);
            continue;
        }
        own.push(tenant.clone());
    }
    own.push(others);
    own
}

fn usage(pool: PoolStats) -> f64 {
    if pool.blocks == 0 { 0.0 } else { pool.used as f64 / pool.blocks as f64 }
}

/// The same counts between fewer bounds.
fn coarser(histogram: &Histogram, bounds: &'static [f64]) -> Histogram {
    let mut counts = vec![0; bounds.len() + 1];
    let upper = histogram.bounds.iter().copied().chain([f64::INFINITY]);
    for (bound, count) in upper.zip(&histogram.counts) {
        counts[bounds.partition_point(|coarse| *coarse < bound)] += count;
    }
    Histogram { bounds, counts, sum: histogram.sum }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use throng_engine::{Histogram, TenantStats};

    use super::{LISTED, OTHERS, coarser, merged};

    #[test]
    fn counts_move_to_the_next_bound_above() {
        let counts = vec![1, 2, 3, 4, 5];
        let histogram = Histogram { bounds: &[1.0, 2.0, 4.0, 8.0], counts, sum: 0.0 };
        assert_eq!(coarser(&histogram, &[1.0, 8.0]).counts, [1, 9, 5]);
    }

    #[test]
    fn the_number_of_series_is_bounded_and_no_token_is_lost() {
        let tenants: Vec<TenantStats> = (0..3 * LISTED)
            .map(|number| TenantStats {
                name: number.to_string().into(),
                generated_tokens: 1,
                ..TenantStats::default()
            })
            .collect();
        let nobody = TenantStats::default();
        assert_eq!(merged(&tenants, &nobody, None).len(), tenants.len());
        let listed = Mutex::new(Vec::<Arc<str>>::new());
        for _ in 0..2 {
            let series = merged(&tenants, &nobody, Some(&listed));
            assert_eq!(series.len(), LISTED + 1);
            assert_eq!(series.iter().map(|one| one.generated_tokens).sum::<u64>(), 300);
            assert_eq!(&*series[LISTED].name, OTHERS);
        }
        // Who has a series keeps it, and what the engine has forgotten of the rest stays counted.
        let forgotten = TenantStats { generated_tokens: 50, ..nobody };
        let last = merged(&tenants[50..], &forgotten, Some(&listed));
        assert_eq!((&*last[0].name, last.len()), ("50", 51));
        assert_eq!(last.iter().map(|one| one.generated_tokens).sum::<u64>(), 300);
    }
}
