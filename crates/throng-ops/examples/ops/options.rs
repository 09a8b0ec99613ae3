//! The command line.

use std::time::Duration;

use throng_ops::{Isa, Precision};
use throng_spec::KvDtype;

/// What there is to choose.
pub const USAGE: &str = "\
usage: cargo xtask bench ops [OPTIONS]
  --filter TEXT    cases whose name has TEXT in it, like linear/mxfp4 or t512; several: any of them
  --isa NAME       scalar, avx2, avx512, ...; without it the machine's best
  --threads N      without it one a core
  --exact          exact precision: f32 activations
  --kv-cache-dtype NAME
                   f32, bf16, fp8 or int8 keys and values; without it what the precision has
  --time MS        how long each case is measured (100)
  --footprint MB   weights and KV cache of a case together, so that they come from memory (512);
                   0 for one copy, which may stay in a cache";

/// What was chosen.
pub struct Options {
    filters: Vec<String>,
    pub isa: Option<Isa>,
    pub threads: usize,
    pub precision: Precision,
    kv_dtype: Option<KvDtype>,
    pub time: Duration,
    /// Bytes.
    pub footprint: usize,
}

impl Options {
    /// Reads a command line.
    pub fn parse(args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = args;
        let mut options = Self {
            filters: Vec::new(),
            isa: None,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            precision: Precision::Fast,
            kv_dtype: None,
            time: Duration::from_millis(100),
            footprint: 512_000_000,
        };
        while let Some(flag) = args.next() {
            if flag == "--exact" {
                options.precision = Precision::Exact;
                continue;
            }
            let value = args.next().ok_or_else(|| format!("{flag} needs a value"))?;
            let number = |most: usize| match value.parse() {
                Ok(number) if number <= most => Ok(number),
                _ => Err(format!("{flag} is a number up to {most}, not {value}")),
            };
            match &*flag {
                "--filter" => options.filters.push(value),
                "--isa" => {
                    let isa = Isa::ALL.into_iter().find(|isa| isa.name() == value);
                    options.isa = Some(isa.ok_or_else(|| format!("no instruction set {value}"))?);
                }
                "--kv-cache-dtype" => {
                    let dtype = KvDtype::ALL.into_iter().find(|dtype| dtype.name() == value);
                    options.kv_dtype = Some(dtype.ok_or_else(|| format!("no dtype {value}"))?);
                }
                "--threads" => options.threads = number(1024)?,
                "--time" => options.time = Duration::from_millis(number(60_000)? as u64),
                "--footprint" => options.footprint = number(16_384)? * 1_000_000,
                _ => return Err(format!("there is no {flag}")),
            }
        }
        Ok(options)
    }

    /// How keys and values are kept.
    pub fn kv_dtype(&self) -> KvDtype {
        self.kv_dtype.unwrap_or(self.precision.kv_dtype())
    }

    /// Whether a case was asked for.
    pub fn wants(&self, name: &str) -> bool {
        let among = |filter: &String| name.split('/').any(|part| part == filter);
        let within = |filter: &String| filter.contains('/') && name.contains(filter.as_str());
        self.filters.is_empty() || self.filters.iter().any(|f| among(f) || within(f))
    }

    /// Copies of something of so many bytes that fill the footprint.
    pub fn copies(&self, bytes: usize) -> usize {
        self.footprint.div_ceil(bytes.max(1)).max(1)
    }
}
