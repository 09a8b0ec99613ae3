//! Where the time of a step goes, beside what the machine could do at best.

mod json;
mod text;

use std::time::Duration;

use anyhow::Result;
use throng_bench::{OfflinePlan, Roofline, profile_prompts, profile_steps};
use throng_model::Runner;
use throng_ops::{Isa, Limits, OperationClock, arithmetic_peaks};

pub use self::json::line;
pub use self::text::report;
use crate::failure::Failure;
use crate::machine::Machine;
use crate::progress::Progress;

/// How long the peaks of all arithmetic are measured together.
const PEAKS: Duration = Duration::from_millis(400);

/// Steps, and what the machine could do meanwhile.
pub struct Rooflines {
    pub isa: Isa,
    pub threads: usize,
    /// Bytes a second that the machine read before and after.
    pub bandwidth: [f64; 2],
    /// With the mean of the two.
    pub limits: Limits,
    /// Prompts, then users, in the order of the plan.
    pub cases: Vec<Roofline>,
}

impl Rooflines {
    /// Measures a plan's steps on a runner whose backend has this clock, instruction set and number
    /// of threads.
    ///
    /// # Errors
    /// As [`profile_steps`], or there is no memory to measure its speed with.
    pub fn measure(
        runner: &mut dyn Runner,
        (clock, isa, threads): (&OperationClock, Isa, usize),
        plan: &OfflinePlan,
    ) -> Result<Self> {
        let bandwidth = || {
            let measured = Machine::this().bandwidth(threads)?;
            Ok::<_, anyhow::Error>(measured.ok_or(Failure {
                message: "there is no memory left to measure its speed with".to_owned(),
                hint: "less --kv-cache-memory leaves more",
            })?)
        };
        let before = bandwidth()?;
        let mut progress = Progress::new("profiling prompts");
        let mut show = |done, steps| progress.show(done, steps);
        let mut profiles = profile_prompts(runner, plan, clock, &mut show)?;
        drop(progress);
        let mut progress = Progress::new("profiling users");
        let mut show = |done, steps| progress.show(done, steps);
        if plan.most_users() > 0 {
            profiles.extend(profile_steps(runner, plan, clock, threads, &mut show)?);
        }
        drop(progress);
        let peaks = arithmetic_peaks(threads, Some(isa), PEAKS)?;
        let bandwidth = [before, bandwidth()?];
        let limits = Limits { bandwidth: bandwidth.iter().sum::<f64>() / 2.0, peaks };
        let cases = profiles.iter().map(|profile| Roofline::new(profile, &limits)).collect();
        Ok(Self { isa, threads, bandwidth, limits, cases })
    }
}
