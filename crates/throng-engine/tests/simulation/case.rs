//! Everything that happens in one simulation, as plain data that can be printed and made smaller.

use std::fmt;

use throng_testkit::Random;

use crate::arrival::Arrival;
use crate::traffic::Traffic;
use crate::world::World;

/// A world, who comes, and which steps fail.
#[derive(Clone, Debug)]
pub struct Case {
    pub world: World,
    /// In the order of their times.
    pub arrivals: Vec<Arrival>,
    /// Numbers of steps that fail, and how; ascending.
    pub failures: Vec<(usize, Failure)>,
}

/// How a step fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Before it has written anything.
    AtOnce,
    /// After it has written keys and values; its logits are lost.
    Late,
}

impl Case {
    /// The case that follows from a seed.
    pub fn of_seed(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let (world, arrivals) = match random.below(60) {
            0 => {
                let world = World::long(&mut random);
                let arrivals = Traffic::random(&mut random, &world).with_one_unread();
                (world, arrivals)
            }
            1..10 => {
                let world = World::contested(&mut random);
                let arrivals = Traffic::random(&mut random, &world).rush();
                (world, arrivals)
            }
            _ => {
                let (world, count) = (World::random(&mut random), 1 + random.below(24));
                let arrivals = Traffic::random(&mut random, &world).arrivals(count);
                (world, arrivals)
            }
        };
        let mut failures = Vec::new();
        let mut step = 0;
        while random.below(6) == 0 {
            step += 1 + random.below(40);
            failures.push((step, [Failure::AtOnce, Failure::Late][random.below(2)]));
        }
        Self { world, arrivals, failures }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.world)?;
        for (index, arrival) in self.arrivals.iter().enumerate() {
            writeln!(f, "request {index}: {arrival}")?;
        }
        for (step, failure) in &self.failures {
            writeln!(f, "step {step} fails ({failure:?})")?;
        }
        Ok(())
    }
}
