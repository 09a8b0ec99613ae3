//! Results for a person: tables, and the curve of tokens per second over users.

use throng_bench::{Bar, Case, Measurement, Samples, bar_plot, table};
use throng_model::Precision;

use super::offline::Results;
use super::roofline;
use crate::units::{grouped, rate};

/// Characters of a line where nobody says how wide the terminal is, and at most.
const WIDTHS: (usize, usize) = (80, 100);

/// Users from whose number on a curve says more than its table.
const CURVE: usize = 3;

/// Everything, for a terminal of some width.
pub fn report(results: &Results, width: Option<usize>) -> String {
    let Results { model, precision, kv_dtype, threads, plan, measurements, rooflines } = results;
    let mode = if *precision == Precision::Exact { "exact" } else { "fast" };
    let s = |count: usize| if count == 1 { "" } else { "s" };
    let times = plan.repeats.get();
    let mut out = format!(
        "{model}, {mode}, keys and values in {kv_dtype}, {threads} thread{}; medians of {times} time{}, \
         then the least and the most\n",
        s(*threads),
        s(times)
    );
    let prefills: Vec<_> = measurements.iter().filter_map(prefill).collect();
    if !prefills.is_empty() {
        let heading = ["prompt", "tokens/s", "least", "most", "seconds"];
        out +=
            &format!("\nreading a prompt, {} tokens a step at most\n", grouped(plan.chunk.get()));
        out += &table(&with_heading(heading, prefills));
    }
    let decodes: Vec<_> = measurements.iter().filter_map(users_and_rates).collect();
    if !decodes.is_empty() {
        out += &format!(
            "\nwriting, {} token{} each after {} of context\n",
            grouped(plan.generate),
            s(plan.generate),
            grouped(plan.context)
        );
        out += &table(&decode_rows(&decodes));
        out += &memory(decodes.iter().flat_map(|(measurement, ..)| &measurement.bandwidth));
    }
    if decodes.len() >= CURVE {
        let bar = |(_, users, rates): &(_, usize, Samples)| Bar {
            label: format!("{} user{}", grouped(*users), s(*users)),
            value: rates.median(),
            text: format!("{} tokens/s", rate(rates.median())),
        };
        let bars: Vec<Bar> = decodes.iter().map(bar).collect();
        out.push('\n');
        out += &bar_plot(&bars, width.unwrap_or(WIDTHS.0).min(WIDTHS.1));
    }
    if let Some(rooflines) = rooflines {
        out += &roofline::report(rooflines);
    }
    out
}

/// How fast memory was read around the decodings, if that was measured.
fn memory<'a>(bandwidth: impl Iterator<Item = &'a [f64; 2]>) -> String {
    let Some(speeds) = Samples::new(bandwidth.flatten().copied()) else { return String::new() };
    let [median, least, most] = [speeds.median(), speeds.min(), speeds.max()];
    let [median, least, most] = [median, least, most].map(|speed| rate(speed / 1e9));
    format!("meanwhile memory was read at {median} GB/s, {least} at least and {most} at most\n")
}

fn prefill(measurement: &Measurement) -> Option<[String; 5]> {
    let Case::Prefill { tokens } = measurement.case else { return None };
    let [median, least, most] = spread(&measurement.rates()?);
    Some([grouped(tokens), median, least, most, rate(measurement.seconds.median())])
}

fn users_and_rates(measurement: &Measurement) -> Option<(&Measurement, usize, Samples)> {
    let Case::Decode { users } = measurement.case else { return None };
    Some((measurement, users, measurement.rates()?))
}

fn decode_rows(decodes: &[(&Measurement, usize, Samples)]) -> Vec<Vec<String>> {
    let alone = decodes.iter().find(|(_, users, _)| *users == 1).map(|(.., rates)| rates.median());
    let row = |(measurement, users, rates): &(&Measurement, usize, Samples)| {
        let [median, least, most] = spread(rates);
        let each = rate(rates.median() / *users as f64);
        let step = 1000.0 * measurement.seconds.median() / measurement.steps as f64;
        let gain = alone.map_or(String::new(), |alone| format!("{:.2}×", rates.median() / alone));
        [grouped(*users), median, least, most, each, rate(step), gain]
    };
    let heading = ["users", "tokens/s", "least", "most", "each user", "ms a step", "of 1 user's"];
    with_heading(heading, decodes.iter().map(row))
}

fn spread(samples: &Samples) -> [String; 3] {
    [samples.median(), samples.min(), samples.max()].map(rate)
}

fn with_heading<const N: usize>(
    heading: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> Vec<Vec<String>> {
    let heading = heading.map(str::to_owned).to_vec();
    std::iter::once(heading).chain(rows.into_iter().map(Vec::from)).collect()
}
