//! Arguments of `throng quantize`.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use throng_spec::{QuantisationRequest, WeightType};

/// Arguments of `throng quantize`.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Types: int8 (8.5 bits a weight), mxfp4 (4.25) and bf16. What is not named stays \
                        as it is; so do embeddings that are no head, routers, norms and biases."
)]
pub struct QuantizeArgs {
    /// A folder of safetensors as released, what was pulled from the hub, or nano, which is built in
    #[arg(value_name = "IN")]
    pub model: PathBuf,
    /// The folder to write
    pub out: PathBuf,
    /// Type of the projections of queries, keys, values and attention's output
    #[arg(long, value_name = "TYPE", env = "THRONG_ATTENTION")]
    pub attention: Option<WeightType>,
    /// Type of the head, or of the embedding where that is the head too
    #[arg(long, value_name = "TYPE", env = "THRONG_HEAD")]
    pub head: Option<WeightType>,
    /// Type of the MLPs, experts or not
    #[arg(long, value_name = "TYPE", env = "THRONG_EXPERTS")]
    pub experts: Option<WeightType>,
    /// Replace what is there
    #[arg(long, env = "THRONG_FORCE")]
    pub force: bool,
}

impl QuantizeArgs {
    /// What they ask for.
    pub fn request(&self) -> QuantisationRequest {
        QuantisationRequest { kinds: [self.attention, self.head, self.experts], others: None }
    }
}
