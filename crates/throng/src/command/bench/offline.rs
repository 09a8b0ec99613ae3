//! A model's steps on this machine, without a server.

use std::io::{Write, stdout};

use anyhow::Result;
use console::Term;
use throng_bench::{Measurement, OfflinePlan, Watch, measure_offline};
use throng_engine::EngineConfig;
use throng_model::{KvDtype, Precision, Runner};
use throng_ops::{Cpu, Timed};

use super::roofline::Rooflines;
use super::{json, text};
use crate::args::OfflineArgs;
use crate::loading::Model;
use crate::machine::Machine;
use crate::progress::Progress;
use crate::threads::threads;

/// What was measured, and on what.
pub struct Results {
    /// The model's name.
    pub model: String,
    pub precision: Precision,
    pub kv_dtype: KvDtype,
    pub threads: usize,
    pub plan: OfflinePlan,
    /// Prompts, then users, in the order of the plan.
    pub measurements: Vec<Measurement>,
    /// Where time goes, if that was asked for.
    pub rooflines: Option<Rooflines>,
}

/// Measures, and prints tables or lines of JSON.
///
/// # Errors
/// The model cannot be loaded or has no room for the plan, or standard output is gone.
pub fn run(args: &OfflineArgs) -> Result<()> {
    let plan = args.plan();
    let model = Model::open(&args.model)?;
    let results = measure(args, plan, &model)?;
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

fn measure(args: &OfflineArgs, plan: OfflinePlan, model: &Model) -> Result<Results> {
    let precision = model.precision(&args.model);
    let kv_dtype = args.model.kv_cache_dtype.or(precision);
    let threads = threads(args.model.threads)?;
    let config = EngineConfig {
        max_sequences: plan.most_users().max(1),
        max_batched_tokens: plan.step_tokens(),
        ..EngineConfig::default()
    };
    let wanted = Some(plan.most_users().max(1));
    // Before the weights are loaded, which may take a while.
    plan.check(model.spec(), model.memory(&args.model, config, wanted).room.blocks)?;
    let steps = |runner: &mut dyn Runner| {
        let mut progress = Progress::new("measuring");
        let mut progress = |done, steps| progress.show(done, steps);
        // The model loads with as many threads, so they can be had.
        let mut probe = || Machine::this().bandwidth(threads).ok().flatten();
        let bandwidth: Option<&mut dyn FnMut() -> Option<f64>> =
            if args.bandwidth { Some(&mut probe) } else { None };
        measure_offline(runner, &plan, Watch { progress: &mut progress, bandwidth })
    };
    let (measurements, rooflines) = if args.roofline {
        let cpu = Cpu::new(threads, args.model.isa)?;
        let isa = cpu.isa();
        let backend = Timed::new(cpu);
        let clock = backend.clock();
        let mut runner = model.runner_on(backend, &args.model, config, wanted, None)?;
        let measurements = steps(runner.as_mut())?;
        let rooflines = Rooflines::measure(runner.as_mut(), (&clock, isa, threads), &plan)?;
        (measurements, Some(rooflines))
    } else {
        let mut runner = model.runner(&args.model, config, wanted)?;
        (steps(runner.as_mut())?, None)
    };
    let model = model.name.clone();
    Ok(Results { model, precision, kv_dtype, threads, plan, measurements, rooflines })
}
