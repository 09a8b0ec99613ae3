//! The result for a person.

use throng_bench::{Agreement, Quality, Samples, Windows, table};
use throng_model::Precision;

use super::Results;
use super::side::Side;
use crate::units::{bytes, grouped};

/// What was read, how well it was predicted, and how near to the reference.
pub fn report(results: &Results) -> String {
    let Results { model, reference, quality, .. } = results;
    let mut out = format!("{}\n{}\n\n", heading(results), subject("model", model));
    if let Some((side, typed)) = reference {
        out.pop();
        out += &format!("{} ({typed})\n\n", subject("reference", side));
    }
    out += &table(&rows(quality));
    if let Some(agreement) = &quality.agreement {
        out.push('\n');
        out += &agreed(agreement);
    }
    out
}

fn heading(results: &Results) -> String {
    let Results { windows, documents, quality, .. } = results;
    let texts = match documents.len() {
        1 => "1 text".to_owned(),
        texts => format!("{} texts", grouped(texts)),
    };
    let how = match windows {
        Windows::Sliding { context, stride } => {
            format!("windows of {}, {} apart", grouped(context.get()), grouped(stride.get()))
        }
        Windows::Disjoint { context } => {
            format!("windows of {} end to end", grouped(context.get()))
        }
    };
    let [tokens, counted] = [results.tokens(), quality.surprises.count()].map(grouped);
    format!("{texts} of {tokens} tokens, {how}; {counted} tokens count")
}

fn subject(what: &str, side: &Side) -> String {
    let mode = if side.precision() == Precision::Exact { "exact" } else { "fast" };
    let memory = side.memory();
    let [weights, kv] = [memory.weights_bytes, memory.kv_bytes].map(bytes);
    let (title, dtype) = (side.title(), side.kv_dtype());
    format!("{what}: {title}, {mode}, {weights} of weights, {kv} of keys and values in {dtype}")
}

/// The model, and the reference with what lies between them.
fn rows(quality: &Quality) -> Vec<Vec<String>> {
    let row = |what: &str, perplexity: String, samples: &Samples| {
        let error = samples.standard_error().unwrap_or(f64::NAN);
        let cells = [perplexity, format!("{:.5}", samples.mean()), format!("{error:.5}")];
        std::iter::once(what.to_owned()).chain(cells).collect()
    };
    let perplexity = |perplexity: f64| format!("{perplexity:.4}");
    let heading = ["", "perplexity", "nats a token", "standard error"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.push(row("model", perplexity(quality.perplexity()), &quality.surprises));
    if let Some(agreement) = &quality.agreement {
        let difference = quality.perplexity() - agreement.perplexity();
        rows.push(row("reference", perplexity(agreement.perplexity()), &agreement.surprises));
        rows.push(row("difference", format!("{difference:+.4}"), &agreement.differences));
    }
    rows
}

fn agreed(agreement: &Agreement) -> String {
    let kl = &agreement.divergences;
    let heading = ["KL(reference ‖ model)", "mean", "standard error", "99 % below", "most"];
    let heading = heading.map(str::to_owned).to_vec();
    let error = kl.standard_error().unwrap_or(f64::NAN);
    let numbers = [kl.mean(), error, kl.percentile(99.0), kl.max()];
    let cells = numbers.into_iter().map(|number| format!("{number:.2e}"));
    let row = std::iter::once("nats a token".to_owned()).chain(cells).collect();
    let (same, all) = (grouped(agreement.same_best), grouped(kl.count()));
    let percent = 100.0 * agreement.top_1();
    format!(
        "{}\nThe most probable token is the same for {same} of {all}: {percent:.2} %.\n",
        table(&[heading, row])
    )
}
