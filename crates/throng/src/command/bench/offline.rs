//! A model's steps on this machine, without a server.

use std::io::{Write, stdout};

use anyhow::Result;
use console::Term;
use throng_bench::{Measurement, OfflinePlan, measure_offline};
use throng_engine::EngineConfig;
use throng_model::Precision;

use super::progress::Progress;
use super::{json, text};
use crate::args::OfflineArgs;
use crate::loading::{Model, threads};

/// What was measured, and on what.
pub struct Results {
    /// The model's name.
    pub model: String,
    pub precision: Precision,
    pub threads: usize,
    pub plan: OfflinePlan,
    /// Prompts, then users, in the order of the plan.
    pub measurements: Vec<Measurement>,
}

/// Measures, and prints tables or lines of JSON.
///
/// # Errors
/// The model cannot be loaded or has no room for the plan, or standard output is gone.
pub fn run(args: &OfflineArgs) -> Result<()> {
    let plan = args.plan();
    let model = Model::open(&args.model)?;
    let precision = model.precision(&args.model);
    let config = EngineConfig {
        max_sequences: plan.most_users().max(1),
        max_batched_tokens: plan.step_tokens(),
        ..EngineConfig::default()
    };
    let kv_bytes = usize::try_from(args.model.kv_cache_memory.as_u64())?;
    // Before the weights are loaded, which may take a while.
    let blocks = config.kv_blocks(model.spec(), kv_bytes, precision.kv_value_bytes());
    plan.check(model.spec(), blocks)?;
    let mut runner = model.runner(&args.model, config, Some(plan.most_users().max(1)))?;
    let mut progress = Progress::new();
    let measurements = measure_offline(runner.as_mut(), &plan, None, &mut |done, steps| {
        progress.show(done, steps);
    })?;
    drop(progress);
    let threads = threads(args.model.threads)?;
    let results = Results { model: model.name, precision, threads, plan, measurements };
    let mut out = stdout().lock();
    if args.json {
        for line in json::lines(&results) {
            writeln!(out, "{line}")?;
        }
    } else {
        let width = Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
        out.write_all(text::report(&results, width).as_bytes())?;
    }
    Ok(())
}
