//! How fast the machine reads memory, which bounds how fast it decodes.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::aligned::Aligned;
use super::isa::{CpuError, MAX_THREADS};
use super::pool::Pool;

/// Words that a thread claims at a time: 1 MiB, so a claim costs nothing beside it.
const PIECE: usize = 1 << 17;

/// Pieces that are timed together: a millisecond or less, so that where other programs have a share of
/// the cores, most of them meet none.
const SLICE: usize = 8;

/// Sums that run side by side, as many as hide the latency of an addition.
const SUMS: usize = 32;

/// Bytes a second that `threads` threads together read from memory: the median of slices of a buffer
/// of `bytes` (larger than the last-level cache, or it is the cache's speed), which is gone through
/// as often as fits in `time`, at least three times. `None` if the buffer cannot be had.
///
/// # Errors
/// The machine does not give that many threads.
pub fn read_bandwidth(
    threads: usize,
    bytes: usize,
    time: Duration,
) -> Result<Option<f64>, CpuError> {
    if threads == 0 || threads > MAX_THREADS {
        return Err(CpuError::Threads(threads));
    }
    let mut pool =
        Pool::new(threads).map_err(|error| CpuError::Spawn { threads, reason: error.kind() })?;
    let words = bytes.div_ceil(size_of::<u64>()).max(1).next_multiple_of(PIECE);
    let Some(mut buffer) = Aligned::<u64>::try_zeroed(words) else { return Ok(None) };
    // Pages that were never written all lie on one page of zeros.
    super::scatter::for_each_part(&mut pool, &mut buffer, PIECE, 1, &|index, piece| {
        piece.fill(index as u64);
    });
    let start = Instant::now();
    let (mut rates, mut passes) = (Vec::new(), 0);
    while passes < 3 || start.elapsed() < time {
        for slice in buffer.chunks(SLICE * PIECE) {
            let begun = Instant::now();
            pool.run(slice.len() / PIECE, 1, &|pieces| {
                black_box(sum(&slice[pieces.start * PIECE..pieces.end * PIECE]));
            });
            let seconds = begun.elapsed().as_secs_f64().max(1e-9);
            rates.push(size_of_val(slice) as f64 / seconds);
        }
        passes += 1;
    }
    rates.sort_by(f64::total_cmp);
    Ok(Some(rates[rates.len() / 2]))
}

/// The sum of some words by the widest loads that there are: narrow ones keep a core from asking
/// for as much as memory could give.
fn sum(words: &[u64]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: the machine has the instructions.
        return unsafe { sum_512(words) };
    }
    sum_plain(words)
}

/// By loads that the compiler chooses.
fn sum_plain(words: &[u64]) -> u64 {
    let mut sums = [0u64; SUMS];
    for words in words.as_chunks::<SUMS>().0 {
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum = sum.wrapping_add(*word);
        }
    }
    sums.iter().fold(0, |all, sum| all.wrapping_add(*sum))
}

/// By loads of 64 bytes, each line asked for ahead of its use.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn sum_512(words: &[u64]) -> u64 {
    use std::arch::x86_64::*;
    /// Bytes ahead.
    const AHEAD: usize = 2048;
    let mut sums = [_mm512_setzero_si512(); SUMS / 8];
    for words in words.as_chunks::<SUMS>().0 {
        for (sum, line) in sums.iter_mut().zip(words.as_chunks::<8>().0) {
            let ahead = line.as_ptr().wrapping_byte_add(AHEAD).cast();
            // SAFETY: a prefetch reads nothing, wherever it points; the load reads the line.
            let line = unsafe {
                _mm_prefetch::<_MM_HINT_T0>(ahead);
                _mm512_loadu_si512(line.as_ptr().cast())
            };
            *sum = _mm512_add_epi64(*sum, line);
        }
    }
    sums.iter().fold(0, |all, &sum| all.wrapping_add(_mm512_reduce_add_epi64(sum) as u64))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{PIECE, SUMS, read_bandwidth, sum, sum_plain};

    #[test]
    fn every_word_is_read() {
        let words: Vec<u64> = (0..PIECE as u64).collect();
        assert!(PIECE.is_multiple_of(SUMS));
        let expected = (PIECE as u64 - 1) * PIECE as u64 / 2;
        assert_eq!([sum(&words), sum_plain(&words)], [expected; 2]);
    }

    #[test]
    fn a_rate_comes_out_and_nonsense_is_refused() {
        let rate = read_bandwidth(2, 1, Duration::ZERO).unwrap().unwrap();
        assert!(rate.is_finite() && rate > 0.0);
        assert!(read_bandwidth(0, 1, Duration::ZERO).is_err());
        assert_eq!(read_bandwidth(1, usize::MAX / 2, Duration::ZERO).unwrap(), None);
    }
}
