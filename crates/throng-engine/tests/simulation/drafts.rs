//! Who drafts in a world: nobody, the text itself, or a model that is right, wrong or now and then
//! right.

use throng_engine::{Drafter, Ngram, Scheduler, Speculation, Step};
use throng_model::{KvBlocks, Runner};
use throng_testkit::{Random, ScriptedRunner};

use crate::world::{Shape, World};

/// A model that drafts.
#[derive(Clone, Copy, Debug)]
pub struct Draft {
    pub shape: Shape,
    pub skill: Skill,
}

/// How often its drafts are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skill {
    /// It computes what the model computes.
    Always,
    /// Hardly ever.
    Never,
    Sometimes,
}

/// How tokens are drafted, in most worlds.
pub fn speculation(random: &mut Random) -> Option<Speculation> {
    let min = 1 + random.below(3);
    let ngram = Drafter::Ngram(Ngram { min, max: min + random.below(3) });
    let drafter = [ngram, Drafter::Model][random.below(2)];
    let tokens = 1 + random.below(8);
    let adaptive = random.below(3) == 0;
    (random.below(3) > 0).then_some(Speculation { drafter, tokens, adaptive })
}

impl Draft {
    pub fn random(random: &mut Random) -> Self {
        let window = 2 + random.below(40);
        let shapes = [Shape::Full, Shape::Window(window), Shape::Both(window)];
        let skills = [Skill::Always, Skill::Never, Skill::Sometimes];
        Self { shape: shapes[random.below(3)], skill: skills[random.below(3)] }
    }

    /// Whether a model drafts that computes what the other computes.
    pub fn is_always_right(world: &World) -> bool {
        let drafter = world.config.speculation.map(|speculation| speculation.drafter);
        drafter == Some(Drafter::Model) && world.draft.skill == Skill::Always
    }

    /// The model, if the world has one, for a scheduler with so many full blocks.
    pub fn runner(world: &World, blocks: usize) -> Option<ScriptedRunner> {
        if world.config.speculation?.drafter != Drafter::Model {
            return None;
        }
        let (script, skill) = (world.script(), world.draft.skill);
        let script = Box::new(move |history: &[u32]| {
            let mut logits = script(history);
            let right = match skill {
                Skill::Always => true,
                Skill::Never => false,
                Skill::Sometimes => logits[0].to_bits().is_multiple_of(2),
            };
            if !right {
                logits.rotate_right(1);
            }
            logits
        });
        let blocks = KvBlocks { full: blocks, window: blocks };
        let spec = world.spec_of(world.draft.shape);
        Some(ScriptedRunner::with_script(spec, blocks, script).strict())
    }
}

/// Lets a model write its drafts for a step: all that it needs is in its cache.
pub fn write(scheduler: &mut Scheduler, draft: &mut ScriptedRunner, step: &mut Step, most: usize) {
    while let Some(small) = scheduler.next_draft(step) {
        let tokens = small.batch.tokens();
        assert!(tokens <= most, "{tokens} tokens in a step of the draft model");
        let logits = draft.run(&small.batch).unwrap();
        scheduler.on_draft_done(step, &small, logits);
    }
}
