//! `throng quantize`: a model written again with smaller weights.

use std::fs;
use std::io::{Write, stdout};
use std::path::Path;

use anyhow::Result;
use throng_checkpoint::WriteOptions;
use throng_checkpoint::quantised::{QuantisedModel, TensorReport};
use throng_spec::{Deviation, QuantisationRequest};

use crate::args::QuantizeArgs;
use crate::failure::Failure;
use crate::source::{Files, Source};
use crate::{units, writing};

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
    let checkpoint = source.open()?;
    let spec = checkpoint.spec();
    let quantisation = request.resolve(spec, &throng_model::stored(&checkpoint))?;
    let model = match &source.files {
        Files::BuiltIn(files) => QuantisedModel::embedded(&checkpoint, *files, quantisation)?,
        Files::Path(path) => {
            check_apart(path, &args.out)?;
            QuantisedModel::new(&checkpoint, path, quantisation)?
        }
    };
    let bytes = model.bytes();
    let write = |options: &WriteOptions<'_>| model.write_folder(&args.out, options);
    let (reports, seconds) = writing::write("quantising", bytes, args.force, write)?;
    stdout().write_all(table(&reports).as_bytes())?;
    let (out, size) = (args.out.display(), units::bytes(usize::try_from(bytes)?));
    eprintln!("{out}: {quantisation}; {size}, written in {seconds:.1} s");
    Ok(())
}

/// What is read must not be replaced meanwhile.
fn check_apart(from: &Path, to: &Path) -> Result<()> {
    if let (Ok(from), Ok(out)) = (fs::canonicalize(from), fs::canonicalize(to))
        && from == out
    {
        let message = format!("{} cannot be read and replaced at once", to.display());
        return Err(Failure { message, hint: "name another folder to write" }.into());
    }
    Ok(())
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
