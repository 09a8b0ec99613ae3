//! The roofline (Williams et al. 2009): how soon a machine could be done with an operation.

use std::time::Duration;

use crate::arithmetic::{Arithmetic, PerArithmetic};
use crate::operation::Work;

/// What a machine can do at best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Bytes a second that it reads from memory.
    pub bandwidth: f64,
    /// Multiply-accumulates a second.
    pub peaks: PerArithmetic<f64>,
}

/// What an operation waits for at the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Reading takes longer than computing.
    Memory,
    /// Computing takes longer than reading.
    Arithmetic,
}

impl Bound {
    /// The name used in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Arithmetic => "arithmetic",
        }
    }
}

/// The least that some work can take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// What it waits for.
    pub bound: Bound,
    /// Wall time, if reading and computing go on side by side.
    pub time: Duration,
}

impl Limits {
    /// The limit of some work; `None` where nothing was counted.
    pub fn of(&self, work: &Work) -> Option<Limit> {
        let reading = work.bytes as f64 / self.bandwidth;
        let compute = |each| work.macs.of(each) as f64 / self.peaks.of(each);
        let computing: f64 = Arithmetic::ALL.into_iter().map(compute).sum();
        let bound = if reading >= computing { Bound::Memory } else { Bound::Arithmetic };
        let time = Duration::try_from_secs_f64(reading.max(computing)).ok()?;
        (work.bytes > 0 || work.macs.total() > 0).then_some(Limit { bound, time })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Bound, Limit, Limits};
    use crate::arithmetic::{Arithmetic, Macs, PerArithmetic};
    use crate::operation::Work;

    #[test]
    fn the_longer_of_reading_and_computing_binds() {
        let peaks = PerArithmetic::from_fn(|each| match each {
            Arithmetic::F32 => 10.0,
            Arithmetic::Bf16 => 20.0,
            Arithmetic::Int8 => 40.0,
        });
        let limits = Limits { bandwidth: 100.0, peaks };
        let limit = |bytes, macs| limits.of(&Work { bytes, macs, ..Work::default() });
        let seconds = |bound, seconds| Some(Limit { bound, time: Duration::from_secs(seconds) });
        let int8 = |count| Macs::only(Arithmetic::Int8, count);
        assert_eq!(limit(200, int8(40)), seconds(Bound::Memory, 2));
        assert_eq!(limit(200, int8(120)), seconds(Bound::Arithmetic, 3));
        let each_a_second = Macs::from_fn(|each| peaks.of(each) as u64);
        assert_eq!(limit(0, each_a_second), seconds(Bound::Arithmetic, 3));
        assert_eq!(limit(0, Macs::default()), None);
    }
}
