//! Times every kernel over the shapes of gpt-oss-20b: `cargo xtask bench ops [--filter linear/bf16]`.
//!
//! It knows operations by [`Backend`](throng_ops::Backend) alone, and takes bytes and
//! multiply-accumulates from the same counts as `throng bench --roofline`.

#[path = "../../tests/common/mod.rs"]
mod common;

mod attention;
mod group;
mod mlp;
mod options;
mod products;
mod small;
mod table;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use throng_ops::{Cpu, CpuError, Limits, Timed, arithmetic_peaks, read_bandwidth};

use self::options::Options;

/// Bytes that bandwidth is measured over: more than most caches.
const BANDWIDTH_BYTES: usize = 768 << 20;

/// How long each of the machine's limits is measured.
const LIMIT_TIME: Duration = Duration::from_millis(400);

fn main() -> ExitCode {
    let run = |options: Options| run(&options).map_err(|error| error.to_string());
    match Options::parse(std::env::args().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}\n{}", options::USAGE);
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let threads = options.threads;
    let backend = Cpu::new(threads, options.isa)?;
    let isa = backend.isa();
    let mut backend = Timed::new(backend);
    let bandwidth = || {
        let measured = read_bandwidth(threads, BANDWIDTH_BYTES, LIMIT_TIME)?;
        Ok::<_, CpuError>(measured.unwrap_or(f64::NAN))
    };
    let limits = Limits {
        bandwidth: bandwidth()?,
        peaks: arithmetic_peaks(threads, options.isa, LIMIT_TIME)?,
    };
    print!("{}", table::heading(isa, threads, &limits));
    let groups = [products::groups(), mlp::groups(), attention::groups(), small::groups()];
    for group in groups.into_iter().flatten() {
        let wanted = |size: &usize| options.wants(&group::name(group.as_ref(), *size));
        let sizes: Vec<usize> = group.sizes().iter().copied().filter(wanted).collect();
        if sizes.is_empty() {
            continue;
        }
        let clock = backend.clock();
        let mut op = group.prepare(&mut backend, options)?;
        for size in sizes {
            let runs = group::measure(op.as_mut(), &mut backend, &clock, size, options.time);
            println!("{}", table::row(&group::name(group.as_ref(), size), &runs, &limits));
        }
    }
    println!("memory is read at {:.1} GB/s now", bandwidth()? / 1e9);
    Ok(())
}
