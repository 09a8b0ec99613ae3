//! The command line as it was typed.

#[cfg(feature = "load")]
mod asked;
mod bench;
mod eval;
mod inspect;
mod kv_cache_dtype;
#[cfg(feature = "load")]
mod load;
mod quantize;
mod serve;
mod speculation;
#[cfg(feature = "top")]
mod top;

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args as ClapArgs, Parser, Subcommand};
use throng_chat::Effort;
use throng_ops::Isa;
use throng_server::Date;
use throng_spec::QuantisationRequest;

#[cfg(feature = "load")]
pub use self::asked::{AnswerArgs, EndpointName, PromptArgs, TargetArgs};
pub use self::bench::{BenchArgs, OfflineArgs};
pub use self::eval::{EvalArgs, WindowsName};
pub use self::inspect::InspectArgs;
pub use self::kv_cache_dtype::KvCacheDtype;
#[cfg(feature = "load")]
pub use self::load::{ConversationsArgs, FairnessArgs, LoadArgs, LoadCommand, SoakArgs};
pub use self::quantize::QuantizeArgs;
pub use self::serve::{Secret, ServeArgs};
pub use self::speculation::SpeculationArgs;
#[cfg(feature = "top")]
pub use self::top::TopArgs;

/// Serve gpt-oss models to many users at once, from one set of weights.
#[derive(Debug, Parser)]
#[command(name = "throng", version, max_term_width = 100)]
pub struct Args {
    /// What to do; without it, a greeting.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Talk to a model in the terminal
    Chat(ChatArgs),
    /// Answer one prompt
    Generate(GenerateArgs),
    /// Serve a model over HTTP, with OpenAI's API and a chat page
    Serve(ServeArgs),
    /// Watch a running server: who is served, how fast, and what holds it back
    #[cfg(feature = "top")]
    Top(TopArgs),
    /// Fetch a model from the Hugging Face hub into its cache, and print where it is
    #[cfg(feature = "pull")]
    Pull(PullArgs),
    /// Write a model again with smaller weights, and say what that does to each tensor
    Quantize(QuantizeArgs),
    /// Print the log-probability of every token of a text, as JSON lines
    Score(ScoreArgs),
    /// Measure how well a model predicts texts, and what its settings cost beside a reference
    Eval(EvalArgs),
    /// Show what models are made of, what they read a step and whether they fit here
    Inspect(InspectArgs),
    /// Measure how fast a model reads and writes here, for how many users
    Bench(BenchArgs),
    /// Write a checkpoint of random weights, to measure a model without having it
    Synth(SynthArgs),
}

/// Which model, and how to run it.
#[derive(Clone, Debug, ClapArgs)]
#[command(next_help_heading = "Model")]
pub struct ModelArgs {
    /// A checkpoint's folder, a GGUF file, or what was pulled from the hub, as ORG/NAME with
    /// @REVISION or :FILE if need be [default: nano, which is built in]
    #[arg(short, long, value_name = "MODEL", env = "THRONG_MODEL")]
    pub model: Option<PathBuf>,
    /// Compute in f32 throughout, as a reference does; --exact=false rounds activations, keys and
    /// values, which is faster [default: true for small models, which feel rounding most]
    #[arg(
        long,
        value_name = "BOOL",
        env = "THRONG_EXACT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub exact: Option<bool>,
    /// Threads to compute with [default: one a core]
    #[arg(long, value_name = "N", env = "THRONG_THREADS")]
    pub threads: Option<usize>,
    /// Instruction set to compute with: scalar, or one that the machine has [default: its best]
    #[arg(long, value_name = "NAME", env = "THRONG_ISA", value_parser = isa)]
    pub isa: Option<Isa>,
    /// Quantise weights while they are loaded: TYPE for all matrices that are not quantised yet, or
    /// KIND=TYPE for those of attention, head or experts (MLPs of any kind), separated by commas;
    /// types are int8, mxfp4 and bf16
    #[arg(long, value_name = "TYPES", env = "THRONG_QUANTIZE")]
    pub quantize: Option<QuantisationRequest>,
    /// Memory for keys and values, such as 512MiB; bounds prompt and answer together
    /// [default: half of what weights and a step leave]
    #[arg(long, value_name = "SIZE", env = "THRONG_KV_CACHE_MEMORY")]
    pub kv_cache_memory: Option<ByteSize>,
    /// How keys and values are kept: f32, bf16, fp8 (half of bf16, so twice the users in the same
    /// memory), int8, or auto, which is f32 with --exact and else bf16
    #[arg(long, value_name = "DTYPE", env = "THRONG_KV_CACHE_DTYPE", default_value = "auto")]
    pub kv_cache_dtype: KvCacheDtype,
    /// Memory that may be taken in all; a model that would take more is not loaded
    /// [default: what the machine has free]
    #[arg(long, value_name = "SIZE", env = "THRONG_MEMORY")]
    pub memory: Option<ByteSize>,
}

/// How tokens are drawn. What is not said is as the model's `generation_config.json` says.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Sampling")]
pub struct SamplingArgs {
    /// Divides the logits: 0 takes the most probable token
    #[arg(long, value_name = "T", env = "THRONG_TEMPERATURE", allow_negative_numbers = true)]
    pub temperature: Option<f32>,
    /// Only the smallest set of tokens with this much probability
    #[arg(long, value_name = "P", env = "THRONG_TOP_P")]
    pub top_p: Option<f32>,
    /// Only the K most probable tokens; 0 for all
    #[arg(long, value_name = "K", env = "THRONG_TOP_K")]
    pub top_k: Option<usize>,
    /// Only tokens at least this fraction as probable as the best
    #[arg(long, value_name = "P", env = "THRONG_MIN_P")]
    pub min_p: Option<f32>,
    /// The same seed gives the same answer [default: another each time]
    #[arg(long, value_name = "N", env = "THRONG_SEED")]
    pub seed: Option<u64>,
    /// End the answer before this text; may be given several times
    #[arg(
        long,
        value_name = "TEXT",
        env = "THRONG_STOP",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub stop: Vec<String>,
    /// Tokens of the answer at most, reasoning included [default: what the context leaves]
    #[arg(long, value_name = "N", env = "THRONG_MAX_TOKENS")]
    pub max_tokens: Option<usize>,
}

/// What the model is told before the conversation.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Conversation")]
pub struct ConversationArgs {
    /// How long to think: low, medium or high
    #[arg(long, value_name = "EFFORT", env = "THRONG_EFFORT", default_value = "medium")]
    pub effort: Effort,
    /// Instructions that come before the conversation
    #[arg(long, value_name = "TEXT", env = "THRONG_SYSTEM")]
    pub system: Option<String>,
    /// The day that the model is told: today, none or YYYY-MM-DD
    #[arg(long, value_name = "DAY", env = "THRONG_DATE", default_value = "today")]
    pub date: Date,
}

/// Arguments of `throng chat`.
#[derive(Debug, ClapArgs)]
pub struct ChatArgs {
    #[command(flatten)]
    pub conversation: ConversationArgs,
    #[command(flatten)]
    pub sampling: SamplingArgs,
    #[command(flatten)]
    pub speculation: SpeculationArgs,
    #[command(flatten)]
    pub model: ModelArgs,
}

/// Arguments of `throng generate`.
#[derive(Debug, ClapArgs)]
pub struct GenerateArgs {
    /// What to ask; `-` reads it from standard input
    pub prompt: String,
    /// Continue the text as it is, without the chat format
    #[arg(long, env = "THRONG_RAW")]
    pub raw: bool,
    #[command(flatten)]
    pub conversation: ConversationArgs,
    #[command(flatten)]
    pub sampling: SamplingArgs,
    #[command(flatten)]
    pub speculation: SpeculationArgs,
    #[command(flatten)]
    pub model: ModelArgs,
}

/// Arguments of `throng score`.
#[derive(Debug, ClapArgs)]
pub struct ScoreArgs {
    /// Text to score; `-` reads it from standard input
    #[arg(required_unless_present = "tokens", conflicts_with = "tokens")]
    pub text: Option<String>,
    /// Token ids to score instead, separated by commas
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    pub tokens: Vec<u32>,
    /// How many of the most probable tokens to print at each position
    #[arg(long, value_name = "K", env = "THRONG_TOP", default_value_t = 5)]
    pub top: usize,
    /// Also write all logits to this file, f32 `[positions, vocabulary]`
    #[arg(long, value_name = "FILE.safetensors", env = "THRONG_LOGITS")]
    pub logits: Option<PathBuf>,
    #[command(flatten)]
    pub model: ModelArgs,
}

/// Arguments of `throng synth`.
#[derive(Debug, ClapArgs)]
pub struct SynthArgs {
    /// The shape: a released model such as gpt-oss-20b, a config.json, or a folder that has one
    pub spec: String,
    /// The folder to write, or the .gguf file
    pub out: PathBuf,
    /// Layers, instead of as many as the shape has; those there are stay the same
    #[arg(long, value_name = "N", env = "THRONG_LAYERS")]
    pub layers: Option<usize>,
    /// Write one GGUF file in the types of the public ones, instead of safetensors; an OUT that
    /// ends in .gguf says so too
    #[arg(long, env = "THRONG_GGUF")]
    pub gguf: bool,
    /// The same seed gives the same weights
    #[arg(long, value_name = "N", env = "THRONG_SEED", default_value_t = 0)]
    pub seed: u64,
    /// Replace what is there
    #[arg(long, env = "THRONG_FORCE")]
    pub force: bool,
}

/// Arguments of `throng pull`.
#[cfg(feature = "pull")]
#[derive(Debug, ClapArgs)]
pub struct PullArgs {
    /// What to fetch: ORG/NAME; of several GGUF files one, as ORG/NAME:Q4_K_M or ORG/NAME:FILE.gguf
    #[arg(value_name = "ORG/NAME")]
    pub model: String,
    /// A branch, a tag or a commit, as in ORG/NAME@REVISION [default: main]
    #[arg(long, value_name = "REVISION", env = "THRONG_REVISION")]
    pub revision: Option<String>,
    /// Fetch the files that match, separated by commas, and not those that the model needs: * is
    /// any text, ? any character
    #[arg(long, value_name = "GLOBS", env = "THRONG_INCLUDE", value_delimiter = ',')]
    pub include: Vec<String>,
}

fn isa(name: &str) -> Result<Isa, String> {
    let found = Isa::ALL.into_iter().find(|isa| isa.name() == name);
    found.ok_or_else(|| format!("expected one of {}", Isa::ALL.map(Isa::name).join(", ")))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};
    use throng_ops::Isa;

    use super::{Args, isa};

    #[test]
    fn every_instruction_set_has_a_name_to_force_it_by() {
        assert!(Isa::ALL.into_iter().all(|each| isa(each.name()) == Ok(each)));
        let wrong = Args::try_parse_from(["throng", "bench", "--isa", "avx3"]).unwrap_err();
        assert!(wrong.to_string().contains("expected one of scalar, avx2"), "{wrong}");
    }

    #[test]
    fn every_setting_is_an_environment_variable_of_its_name() {
        let command = Args::command();
        command.clone().debug_assert();
        let verbs = command.get_subcommands();
        for verb in verbs.flat_map(|verb| verb.get_subcommands().chain([verb])) {
            for setting in verb.get_arguments().filter(|argument| !argument.is_positional()) {
                let long = setting.get_long().expect("every setting has a long name");
                // What is asked, and what is scored, is no setting.
                if ["help", "tokens"].contains(&long) {
                    continue;
                }
                let variable = format!("THRONG_{}", long.replace('-', "_").to_uppercase());
                let found = setting.get_env().map(|name| name.to_string_lossy().into_owned());
                assert_eq!(found, Some(variable), "{} --{long}", verb.get_name());
            }
        }
    }
}
