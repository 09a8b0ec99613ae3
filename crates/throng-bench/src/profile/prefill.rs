//! Steps that read a prompt: the model alone, since the scheduler has nothing to do meanwhile that
//! would take time.

use std::hint::black_box;
use std::time::Instant;

use throng_model::{Batch, Runner};
use throng_ops::OperationClock;

use super::StepProfile;
use crate::offline::{Case, OfflineError, OfflinePlan, chunks};

/// Profiles the reading of each prompt of a plan, as often as it says and once before. `clock` is
/// that of the runner's backend. What the KV cache holds is overwritten; `progress` gets steps done
/// and in all.
///
/// # Errors
/// The plan does not fit the model, or the model fails.
pub fn profile_prompts(
    runner: &mut dyn Runner,
    plan: &OfflinePlan,
    clock: &OperationClock,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<StepProfile>, OfflineError> {
    plan.check(runner.spec(), runner.kv_blocks())?;
    let chunk = plan.chunk.get();
    let rounds = plan.repeats.get() + 1;
    let steps: usize = plan.prompts.iter().map(|tokens| tokens.div_ceil(chunk)).sum();
    let mut done = 0;
    let profile = |&tokens: &usize| StepProfile::none(Case::Prefill { tokens });
    let mut profiles: Vec<_> = plan.prompts.iter().map(profile).collect();
    for round in 0..rounds {
        for (profile, &tokens) in profiles.iter_mut().zip(&plan.prompts) {
            let reader = plan.reader(runner.spec(), tokens);
            for part in chunks(0..tokens, chunk) {
                let wanted = usize::from(part.end == tokens);
                let batch = Batch { rows: vec![reader.row(0, part, wanted)] };
                let before = clock.read();
                let start = Instant::now();
                black_box(runner.run(&batch)?);
                let model = start.elapsed();
                if round > 0 {
                    let operations = clock.read().since(&before);
                    let step = StepProfile::none(profile.case);
                    profile.add(&StepProfile { steps: 1, model, operations, ..step });
                }
                done += 1;
                progress(done, rounds * steps);
            }
        }
    }
    Ok(profiles)
}
