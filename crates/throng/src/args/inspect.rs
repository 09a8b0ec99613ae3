//! Arguments of `throng inspect`.

use bytesize::ByteSize;
use clap::Args as ClapArgs;
use clap::builder::{NonEmptyStringValueParser, RangedU64ValueParser};
use throng_spec::{QuantisationRequest, builtin};

use super::KvCacheDtype;
use crate::nano;

/// Arguments of `throng inspect`.
#[derive(Debug, ClapArgs)]
#[command(after_help = names())]
pub struct InspectArgs {
    /// Checkpoints, or names of released models, which need no file [default: nano, which is built in]
    #[arg(value_name = "MODEL", env = "THRONG_MODEL", value_parser = NonEmptyStringValueParser::new())]
    pub models: Vec<String>,
    /// Tokens of context that every user of a step has
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_CONTEXT",
        default_value_t = 4096,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=1 << 24)
    )]
    pub context: usize,
    /// Show models as they are once their weights are quantised so: see `throng help serve`
    #[arg(long, value_name = "TYPES", env = "THRONG_QUANTIZE")]
    pub quantize: Option<QuantisationRequest>,
    /// Memory bandwidth in GB/s [default: it is measured, for half a second]
    #[arg(long, value_name = "GB/S", env = "THRONG_BANDWIDTH", value_parser = bandwidth)]
    pub bandwidth: Option<f64>,
    /// How keys and values are kept: auto, f32, bf16, fp8 or int8
    #[arg(long, value_name = "DTYPE", env = "THRONG_KV_CACHE_DTYPE", default_value = "auto")]
    pub kv_cache_dtype: KvCacheDtype,
    /// Memory that may be taken [default: what the machine has free]
    #[arg(long, value_name = "SIZE", env = "THRONG_MEMORY")]
    pub memory: Option<ByteSize>,
    /// Print all numbers as JSON, unrounded
    #[arg(long, env = "THRONG_JSON")]
    pub json: bool,
}

/// A number of GB/s.
pub(super) fn bandwidth(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| (1e-3..=1e6).contains(rate));
    rate.ok_or_else(|| "expected a number of GB/s from 0.001 to 1000000".to_owned())
}

/// The names that need no file.
fn names() -> String {
    let names: Vec<_> =
        [nano::NAME, nano::DRAFT_NAME].into_iter().chain(builtin::names()).collect();
    format!("Names that need no file:\n  {}", names.join(" "))
}
