//! `throng quantize`: a model written again with smaller weights.

use std::fs;
use std::io::{Write, stdout};
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use throng_checkpoint::quantised::{QuantisedModel, TensorReport};
use throng_checkpoint::{Checkpoint, MAX_SHARD_BYTES, WriteOptions};
use throng_spec::{Deviation, QuantisationRequest};

use crate::args::QuantizeArgs;
use crate::failure::Failure;
use crate::interrupt::interrupted;
use crate::source::Source;
use crate::units;

/// Columns for a tensor's name: the table has 100.
const NAME_COLUMNS: usize = 50;

/// Writes the folder, and prints what became of each tensor.
///
/// # Errors
/// The model cannot be read or quantised so, or the folder cannot be written.
pub fn run(args: &QuantizeArgs) -> Result<()> {
    let request = args.request();
    if request == QuantisationRequest::default() {
        let message = "nothing is to be quantised".to_owned();
        let hint = "name a type: --attention int8, --head int8 or --experts mxfp4";
        return Err(Failure { message, hint }.into());
    }
    let source = Source::resolve(&args.model)?;
    let checkpoint = Checkpoint::open(&source.path)?;
    let spec = checkpoint.spec();
    let quantisation = request.resolve(spec, &throng_model::stored(&checkpoint))?;
    let model = QuantisedModel::new(&checkpoint, &source.path, quantisation)?;
    if let (Ok(from), Ok(to)) = (fs::canonicalize(&source.path), fs::canonicalize(&args.out))
        && from == to
    {
        let message = format!("{} cannot be read and replaced at once", args.out.display());
        return Err(Failure { message, hint: "name another folder to write" }.into());
    }
    let bytes = model.bytes();
    let (reports, seconds) = write(args, model)?;
    stdout().write_all(table(&reports).as_bytes())?;
    let (out, size) = (args.out.display(), units::bytes(usize::try_from(bytes)?));
    eprintln!("{out}: {quantisation}; {size}, written in {seconds:.1} s");
    Ok(())
}

/// Writes with a bar; gives the reports and the seconds that it took.
fn write(args: &QuantizeArgs, model: QuantisedModel<'_>) -> Result<(Vec<TensorReport>, f64)> {
    let interrupted = interrupted()?;
    let template = "quantising {bar:24} {decimal_bytes} of {decimal_total_bytes}, \
                    {decimal_bytes_per_sec}, {eta} left";
    let style = ProgressStyle::with_template(template).expect("the template is ours");
    let bar = ProgressBar::new(model.bytes()).with_style(style);
    let progress = |bytes| {
        bar.inc(bytes);
        match interrupted.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (force, max_shard_bytes) = (args.force, MAX_SHARD_BYTES);
    let options = WriteOptions { force, threads, max_shard_bytes, progress: &progress };
    let start = Instant::now();
    let reports = model.write_folder(&args.out, &options)?;
    bar.finish_and_clear();
    Ok((reports, start.elapsed().as_secs_f64()))
}

/// A row a tensor, and one for all of them.
fn table(reports: &[TensorReport]) -> String {
    let heading = ["tensor", "from", "to", "before", "after", "error"];
    let mut rows = vec![heading.map(str::to_owned)];
    let (mut before, mut after, mut all) = (0, 0, Deviation::default());
    for report in reports {
        before += report.bytes_before;
        after += report.bytes_after;
        all += report.deviation;
        rows.push([
            shortened(&report.name),
            report.from.to_string(),
            report.to.to_string(),
            size(report.bytes_before),
            size(report.bytes_after),
            error(report.deviation),
        ]);
    }
    let name = format!("{} tensors", reports.len());
    rows.push([name, String::new(), String::new(), size(before), size(after), error(all)]);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; 6] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(widths).skip(1).map(|(cell, width)| format!("  {cell:>width$}"));
        format!("{:<width$}{}\n", row[0], cells.collect::<String>(), width = widths[0])
    };
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    let rule = format!("{}\n", "─".repeat(widths.iter().sum::<usize>() + 2 * (widths.len() - 1)));
    lines.insert(lines.len() - 1, rule.clone());
    lines.insert(1, rule);
    let note = "error: root mean square of what the values moved, in units of the values\n";
    lines.concat() + note
}

fn size(bytes: u64) -> String {
    units::bytes(usize::try_from(bytes).unwrap_or(usize::MAX))
}

fn error(deviation: Deviation) -> String {
    format!("{:.3} %", 100.0 * deviation.relative_rms())
}

/// A name without its beginning if it is longer than its column.
fn shortened(name: &str) -> String {
    let count = name.chars().count();
    if count <= NAME_COLUMNS {
        return name.to_owned();
    }
    format!("…{}", name.chars().skip(count + 1 - NAME_COLUMNS).collect::<String>())
}

#[cfg(test)]
mod tests {
    use throng_spec::DType;

    use super::*;

    #[test]
    fn a_table_fits_100_columns_whatever_names_are() {
        let report = |name: &str, error: f64| TensorReport {
            name: name.to_owned(),
            from: DType::Bf16,
            to: DType::Mxfp4,
            bytes_before: 1_158_266_880,
            bytes_after: 307_664_640,
            deviation: Deviation { squared_error: error, squared_values: 1.0 },
        };
        let long = "layers.35.".repeat(12);
        let table = table(&[report("lm_head.weight", 0.01), report(&long, 100.0)]);
        assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
        insta::assert_snapshot!(table);
    }
}
