//! Times attention over a few shapes of gpt-oss-20b's: `cargo run --release -p throng-ops --example
//! attention [isa]`. A line is one call of `append_kv` and one of `attend`; rates are of all threads.

use std::time::Instant;

use throng_ops::{Attention, BLOCK_TOKENS, Backend, Cpu, Isa, Placement, Precision};
use throng_spec::{Heads, KvDtype};

/// Least time of the best of several calls is taken over so many seconds.
const SECONDS: f64 = 0.4;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let threads = std::thread::available_parallelism()?.get();
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_supported()) {
        if !wanted.is_empty() && !wanted.iter().any(|name| name == isa.name()) {
            continue;
        }
        for dtype in KvDtype::ALL {
            println!("{isa}, {dtype}, {threads} threads");
            println!("  rows  context  window   append ms   attend ms  ns/(head, key)   GMAC/s");
            for (rows, tokens, start, window) in [
                (1, 1, 511, None),
                (1, 1, 8191, None),
                (1, 1, 32767, None),
                (1, 1, 8191, Some(128)),
                (16, 1, 511, None),
                (16, 1, 511, Some(128)),
                (1, 512, 0, None),
                (1, 512, 7680, None),
                (1, 512, 7680, Some(128)),
            ] {
                time(&mut Cpu::new(threads, Some(isa))?, dtype, rows, tokens, start, window)?;
            }
        }
    }
    Ok(())
}

/// `sequences` sequences, each with `tokens` new tokens after `start` others.
fn time(
    cpu: &mut Cpu,
    dtype: KvDtype,
    sequences: usize,
    tokens: usize,
    start: usize,
    window: Option<usize>,
) -> Result<(), Box<dyn std::error::Error>> {
    let heads = Heads { query: 64, kv: 8, dim: 64 };
    let attention = Attention { heads, window };
    let end = start + tokens;
    let blocks = end.div_ceil(BLOCK_TOKENS);
    let mut pool = cpu.kv_pool(heads, blocks * sequences, dtype, Precision::Fast)?;
    let sinks = cpu.upload(&vec![0.0; heads.query]);
    let qkv = |tokens: usize| -> Vec<f32> {
        (0..tokens * attention.qkv_width())
            .map(|i| ((i * 7919) % 997) as f32 / 333.0 - 1.5)
            .collect()
    };
    let place = |range: std::ops::Range<usize>| {
        let mut placement = Placement::default();
        for sequence in 0..sequences {
            placement.table_starts.push(placement.tables.len());
            placement.tables.extend((0..blocks).map(|i| (i * sequences + sequence) as u32));
            placement.positions.extend(range.clone().map(|position| position as u32));
            placement.sequences.extend(range.clone().map(|_| sequence as u32));
        }
        placement
    };
    for from in (0..start).step_by(512) {
        let range = from..start.min(from + 512);
        cpu.append_kv(&attention, &place(range.clone()), &qkv(range.len() * sequences), &mut pool);
    }
    let (placement, qkv) = (place(start..end), qkv(tokens * sequences));
    let mut out = vec![0.0; sequences * tokens * heads.query_width()];
    let (mut append, mut attend) = (f64::INFINITY, f64::INFINITY);
    let begin = Instant::now();
    while begin.elapsed().as_secs_f64() < SECONDS {
        let now = Instant::now();
        cpu.append_kv(&attention, &placement, &qkv, &mut pool);
        append = append.min(now.elapsed().as_secs_f64());
        let now = Instant::now();
        cpu.attend(&attention, &placement, &sinks, &qkv, &pool, &mut out);
        attend = attend.min(now.elapsed().as_secs_f64());
    }
    assert!(out.iter().all(|x| x.is_finite()));
    let seen: usize =
        (start..end).map(|position| position + 1 - attention.first_visible(position)).sum();
    let pairs = (seen * sequences * heads.query) as f64;
    println!(
        "  {:>4}  {end:>7}  {:>6}   {:>9.4}   {:>9.4}  {:>14.3}   {:>6.1}",
        sequences * tokens,
        window.map_or("-".to_owned(), |window| window.to_string()),
        1e3 * append,
        1e3 * attend,
        1e9 * attend / pairs,
        2.0 * heads.dim as f64 * pairs / attend / 1e9,
    );
    Ok(())
}
