//! How fast the machine multiplies and accumulates, which bounds how fast it computes a prompt or
//! a step for many users.

#[cfg(target_arch = "x86_64")]
mod amx;
mod plain;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::time::{Duration, Instant};

use super::isa::{CpuError, Isa, MAX_THREADS};
use super::pool::Pool;
use crate::arithmetic::{Arithmetic, PerArithmetic};

/// Times that a loop runs before it asks for more work: a fraction of a millisecond.
const REPEATS: usize = 50_000;

/// Pieces of a pass that a thread gets: enough that none waits long for the last one.
const PIECES: usize = 8;

/// Multiply-accumulates of registers with registers.
struct Loop {
    /// What they are made in.
    arithmetic: Arithmetic,
    /// How many one round makes.
    macs: usize,
    /// Makes so many rounds.
    ///
    /// # Safety
    /// The machine has the instruction set that the loop was listed for.
    run: unsafe fn(rounds: usize),
}

/// Multiply-accumulates a second that `threads` threads make together, with nothing to wait for:
/// the fastest of the passes that fit in `time`, since other programs only ever slow one down.
/// bf16 can be widened to f32 for its products, so its peak is that of the faster way.
///
/// # Errors
/// The machine lacks the instruction set, or does not give that many threads.
pub fn arithmetic_peaks(
    threads: usize,
    isa: Option<Isa>,
    time: Duration,
) -> Result<PerArithmetic<f64>, CpuError> {
    let isa = isa.unwrap_or_else(Isa::detect);
    if !isa.is_supported() {
        return Err(CpuError::Unsupported(isa));
    }
    if threads == 0 || threads > MAX_THREADS {
        return Err(CpuError::Threads(threads));
    }
    let mut pool =
        Pool::new(threads).map_err(|error| CpuError::Spawn { threads, reason: error.kind() })?;
    let loops = loops(isa);
    let each = time / loops.len() as u32;
    let measured: Vec<(Arithmetic, f64)> =
        loops.iter().map(|made| (made.arithmetic, peak(&mut pool, made, each))).collect();
    let best = |wanted: &[Arithmetic]| {
        let of_those = measured.iter().filter(|(arithmetic, _)| wanted.contains(arithmetic));
        of_those.map(|&(_, rate)| rate).fold(0.0, f64::max)
    };
    Ok(PerArithmetic::from_fn(|arithmetic| match arithmetic {
        Arithmetic::Bf16 => best(&[Arithmetic::Bf16, Arithmetic::F32]),
        other => best(&[other]),
    }))
}

/// What an instruction set has for each arithmetic.
fn loops(isa: Isa) -> &'static [Loop] {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => &x86::AVX2,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => &x86::AVX512,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Bf16 => &x86::AVX512_BF16,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Amx => &amx::LOOPS,
        _ => &plain::LOOPS,
    }
}

fn peak(pool: &mut Pool, measured: &Loop, time: Duration) -> f64 {
    let pieces = PIECES * pool.threads();
    let start = Instant::now();
    let (mut best, mut passes) = (0.0, 0);
    while passes < 3 || start.elapsed() < time {
        let pass = Instant::now();
        pool.run(pieces, 1, &|pieces| {
            // SAFETY: `arithmetic_peaks` has made sure that the machine has the instruction set.
            unsafe { (measured.run)(pieces.len() * REPEATS) };
        });
        let seconds = pass.elapsed().as_secs_f64().max(1e-9);
        best = f64::max(best, (pieces * REPEATS * measured.macs) as f64 / seconds);
        passes += 1;
    }
    best
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Isa, arithmetic_peaks};
    use crate::arithmetic::Arithmetic;

    #[test]
    fn every_instruction_set_has_a_peak_of_each_arithmetic() {
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_supported()) {
            let peaks = arithmetic_peaks(2, Some(isa), Duration::ZERO).unwrap();
            for arithmetic in Arithmetic::ALL {
                let peak = peaks.of(arithmetic);
                assert!(peak.is_finite() && peak > 0.0, "{isa}, {arithmetic:?}: {peak}");
            }
            assert!(peaks.of(Arithmetic::Bf16) >= peaks.of(Arithmetic::F32));
        }
        assert!(arithmetic_peaks(0, None, Duration::ZERO).is_err());
    }
}
