//! `throng eval`: how well does a model predict a text, and what do its settings cost?

mod documents;
mod json;
mod side;
mod text;

use std::io::{Write, stdout};
use std::num::NonZeroUsize;

use anyhow::{Context, Result};
use throng_bench::{Document, Quality, QualityPlan, Windows, measure_quality};
use throng_model::Runner;

use self::side::Side;
use crate::args::{EvalArgs, ModelArgs, WindowsName};
use crate::failure::Failure;
use crate::progress::Progress;

/// Tokens a step; the numbers do not depend on it.
const CHUNK: NonZeroUsize = NonZeroUsize::new(128).expect("it is more than 0");

/// Tokens of a window where nobody says.
const CONTEXT: usize = 512;

/// What was measured, and on what.
struct Results {
    model: Side,
    /// What the model is compared with, and how that was typed.
    reference: Option<(Side, String)>,
    windows: Windows,
    documents: Vec<Document>,
    quality: Quality,
}

impl Results {
    /// Tokens of all documents.
    fn tokens(&self) -> usize {
        self.documents.iter().map(|document| document.tokens.len()).sum()
    }
}

/// Reads texts, and prints a table or an object of JSON.
///
/// # Errors
/// A model cannot be loaded or has no room, a text cannot be read or is too short, the two models'
/// tokens differ, or standard output is gone.
pub fn run(args: &EvalArgs) -> Result<()> {
    let results = measure(args)?;
    let mut out = stdout().lock();
    if args.json {
        writeln!(out, "{}", json::object(&results))?;
    } else {
        out.write_all(text::report(&results).as_bytes())?;
    }
    Ok(())
}

fn measure(args: &EvalArgs) -> Result<Results> {
    let most = args.context.unwrap_or(CONTEXT);
    let model = Side::open(args.model.clone(), most)?;
    let reference = match &args.against {
        Some(against) => {
            let beside = ModelArgs { memory: model.left(), ..args.model.clone() };
            let reference = Side::open(against.args(&beside), most)?;
            model.check_tokens(&reference)?;
            Some((reference, against.typed.clone()))
        }
        None => None,
    };
    let sides = || std::iter::once(&model).chain(reference.iter().map(|(side, _)| side));
    let least = sides().map(Side::context).min().unwrap_or(CONTEXT);
    let windows = windows(args, args.context.unwrap_or(CONTEXT.min(least)))?;
    let mut documents = Vec::new();
    for file in &args.text {
        documents.extend(documents::read(file, model.tokenizer())?);
    }
    // Before either is loaded, which may take a while.
    model.check_memory()?;
    if let Some((reference, _)) = &reference {
        reference.check_memory().context("the reference does not fit beside the model")?;
    }
    let mut runner = model.load()?;
    let mut beside = match &reference {
        Some((reference, _)) => Some(reference.load()?),
        None => None,
    };
    let mut progress = Progress::new("reading");
    let quality = measure_quality(
        runner.as_mut(),
        beside.as_mut().map(|runner| runner.as_mut() as &mut dyn Runner),
        &documents,
        QualityPlan { windows, chunk: CHUNK },
        &mut |done, steps| progress.show(done, steps),
    )?;
    drop(progress);
    Ok(Results { model, reference, windows, documents, quality })
}

/// How texts are cut into windows of so many tokens.
fn windows(args: &EvalArgs, context: usize) -> Result<Windows> {
    let number = |number: usize| NonZeroUsize::new(number).unwrap_or(NonZeroUsize::MIN);
    let context = number(context);
    let message = match (args.windows, args.stride) {
        (WindowsName::Disjoint, None) => return Ok(Windows::Disjoint { context }),
        (WindowsName::Disjoint, Some(_)) => "disjoint windows have no stride".to_owned(),
        (WindowsName::Sliding, Some(stride)) if stride > context.get() => {
            format!("a stride of {stride} leaves out what is between windows of {context} tokens")
        }
        (WindowsName::Sliding, stride) => {
            let stride = number(stride.unwrap_or(context.get() / 2));
            return Ok(Windows::Sliding { context, stride });
        }
    };
    let hint = "--stride is for sliding windows, and at most --context";
    Err(Failure { message, hint }.into())
}
