//! `throng synth`: a model of random weights, to measure what a real one would cost.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;
use throng_checkpoint::WriteOptions;
use throng_checkpoint::synth::RandomModel;
use throng_spec::builtin;

use crate::args::SynthArgs;
use crate::failure::Failure;
use crate::{nano, units, writing};

/// Bytes of a `config.json` at most.
const MAX_CONFIG_BYTES: u64 = 16 << 20;

/// Writes the checkpoint and says on standard error what it wrote.
///
/// # Errors
/// There is no such shape, or the checkpoint cannot be written.
pub fn run(args: &SynthArgs) -> Result<()> {
    let model = RandomModel::new(&config(&args.spec)?, args.layers, args.seed)?;
    // A folder of that name would look like a file to everyone after us.
    let gguf = args.gguf || args.out.extension().is_some_and(|extension| extension == "gguf");
    let bytes = if gguf { model.gguf_bytes() } else { model.bytes() };
    let write = |options: &WriteOptions<'_>| match gguf {
        true => model.write_gguf(&args.out, options),
        false => model.write_folder(&args.out, options),
    };
    let ((), seconds) = writing::write("writing", bytes, args.force, write)?;
    let layers = match model.spec().layers.len() {
        1 => "1 layer".to_owned(),
        layers => format!("{layers} layers"),
    };
    let (out, size) = (args.out.display(), units::bytes(usize::try_from(bytes)?));
    eprintln!("{out}: {layers}, {size} of random weights, written in {seconds:.1} s");
    Ok(())
}

/// The config of a shape: a name that needs no file comes before a file's.
fn config(spec: &str) -> Result<Value> {
    if let Some(config) = builtin::config(spec) {
        return Ok(config);
    }
    if let Some(config) = nano::config(spec) {
        return Ok(serde_json::from_slice(config)?);
    }
    let spec = Path::new(spec);
    let file = if spec.is_dir() { spec.join("config.json") } else { spec.to_owned() };
    let name = file.display();
    let metadata = fs::metadata(&file).map_err(|error| Failure {
        message: format!("no shape {name}: {error}"),
        hint: "a config.json is a shape, its folder, or a name such as gpt-oss-20b: \
               `throng help inspect` lists them",
    })?;
    if !metadata.is_file() || metadata.len() > MAX_CONFIG_BYTES {
        let message = format!("{name} is no config.json");
        let hint = "a config.json is a small file of JSON";
        return Err(Failure { message, hint }.into());
    }
    let content = fs::read(&file).with_context(|| format!("{name} cannot be read"))?;
    Ok(serde_json::from_slice(&content).map_err(|error| Failure {
        message: format!("{name} is not valid JSON: {error}"),
        hint: "take the config.json of a released model",
    })?)
}
