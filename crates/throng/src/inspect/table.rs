//! Models side by side.

use throng_spec::{DType, Part};

use super::report::{Report, USERS};
use super::text;
use crate::units::{bytes, count, grouped, operations, rate};

/// Models side by side at most: their table fits 100 characters.
const MAX_COLUMNS: usize = 4;

/// Between columns.
const GAP: &str = "  ";

/// A line of a table: what it is about, and a cell for each model, maybe of several lines.
struct Row {
    label: String,
    cells: Vec<String>,
}

/// All models, four at a time or fewer where a line would be longer than `width`, and what the
/// words mean.
pub fn table(reports: &[Report], width: Option<usize>) -> String {
    let Some(first) = reports.first() else { return String::new() };
    let setting = first.setting;
    format!(
        "{}\n\
         A step of decoding gives each user one token, all of them at {} tokens of\n\
         context or their model's whole context. It reads weights as they are kept in\n\
         memory, and each expert that is chosen once, all equally likely. Tokens a\n\
         second are those of all users together if reading memory, at {} GB/s, were\n\
         all that takes time. KV cache and workspace are those of `throng serve` with\n\
         its default settings.\n",
        tables(reports, width).join("\n"),
        grouped(setting.context),
        rate(setting.bytes_per_second / 1e9),
    )
}

/// The models from the first to the last; one that is too wide by itself is so.
fn tables(mut reports: &[Report], width: Option<usize>) -> Vec<String> {
    let mut tables = Vec::new();
    while !reports.is_empty() {
        let mut count = reports.len().min(MAX_COLUMNS);
        let mut table = layout(&rows(&reports[..count]));
        while count > 1 && width.is_some_and(|width| widest(&table) > width) {
            count -= 1;
            table = layout(&rows(&reports[..count]));
        }
        tables.push(table);
        reports = &reports[count..];
    }
    tables
}

/// Characters of the longest line.
fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

fn rows(reports: &[Report]) -> Vec<Row> {
    let mut table = Table { reports, rows: Vec::new() };
    table.row("", |report| report.subject.name.clone());
    table.architecture();
    table.parameters();
    table.operations();
    table.bytes();
    table.kv();
    table.decode();
    table.memory();
    table.rows
}

/// Rows as they come.
struct Table<'a> {
    reports: &'a [Report],
    rows: Vec<Row>,
}

impl Table<'_> {
    fn row(&mut self, label: impl Into<String>, cell: impl Fn(&Report) -> String) {
        let cells = self.reports.iter().map(cell).collect();
        self.rows.push(Row { label: label.into(), cells });
    }

    /// An empty line and a heading.
    fn section(&mut self, label: &str) {
        self.row("", |_| String::new());
        self.row(label, |_| String::new());
    }

    fn architecture(&mut self) {
        self.section("architecture");
        self.row("  family", |report| report.subject.spec.architecture.to_owned());
        self.row("  layers", |report| report.subject.spec.layers.len().to_string());
        self.row("  their attention", |report| text::attention(&report.subject.spec));
        self.row("  query heads × width", |report| text::heads(&report.subject.spec));
        self.row("  residual stream", |report| grouped(report.subject.spec.hidden));
        self.row("  MLP, or experts", |report| text::mlps(&report.subject.spec));
        self.row("  activation", |report| text::activation(&report.subject.spec).to_owned());
        self.row("  positions", |report| text::positions(&report.subject.spec));
        self.row("  context", |report| grouped(report.subject.spec.context));
        self.row("  vocabulary", |report| grouped(report.subject.spec.vocab));
    }

    fn parameters(&mut self) {
        self.section("parameters");
        self.row("  total", |report| grouped(report.subject.spec.parameters()));
        for part in Part::ALL {
            let label = match part {
                Part::Mlp => "    MLP, or experts",
                part => &format!("    {}", text::part(part)),
            };
            self.row(label, |report| {
                let spec = &report.subject.spec;
                match part {
                    Part::Head if spec.tied_head => "the embedding".to_owned(),
                    part => count(spec.parameters_of(part).total),
                }
            });
        }
        self.row("  active for a token", |report| count(report.subject.spec.active_parameters()));
        self.row("    with its embedding", |report| count(report.active_with_embedding()));
    }

    fn operations(&mut self) {
        self.section("multiply-accumulates");
        self.row("  a token", |report| operations(report.subject.spec.linear_macs()));
        self.row("    and its attention", |report| {
            operations(report.subject.spec.attention_macs(report.context))
        });
    }

    fn bytes(&mut self) {
        self.section("bytes");
        self.row("  total", |report| grouped(report.stored_bytes()));
        let mut dtypes: Vec<DType> = Vec::new();
        for (dtype, _) in self.reports.iter().flat_map(|report| &report.stored) {
            if !dtypes.contains(dtype) {
                dtypes.push(*dtype);
            }
        }
        for dtype in dtypes {
            self.row(format!("    {dtype}"), |report| {
                let stored = report.stored.iter().find(|(stored, _)| *stored == dtype);
                stored.map_or_else(String::new, |&(_, stored)| bytes(stored))
            });
        }
        self.row("  bits a parameter", |report| {
            rate(8.0 * report.stored_bytes() as f64 / report.subject.spec.parameters() as f64)
        });
    }

    fn kv(&mut self) {
        self.section("keys and values of a user");
        self.row("  kept in", |report| report.kv_dtype.name().to_owned());
        self.row("  bytes a token", |report| grouped(report.kv.token));
        self.row("    if no layer had windows", |report| grouped(report.kv.token_without_windows));
        self.row("  and once, for windows", |report| grouped(report.kv.sequence));
        self.row("  for the whole context", |report| {
            let spec = &report.subject.spec;
            bytes(spec.layer_kv_bytes(report.kv_dtype) * spec.positions_seen(spec.context))
        });
    }

    fn decode(&mut self) {
        let users = |users: usize| match users {
            1 => "  1 user".to_owned(),
            users => format!("  {users} users"),
        };
        self.section("a step reads");
        for (index, count) in USERS.into_iter().enumerate() {
            self.row(users(count), |report| bytes(report.steps[index].total()));
        }
        self.section("tokens a second");
        for (index, count) in USERS.into_iter().enumerate() {
            self.row(users(count), |report| {
                let per_second = report.setting.bytes_per_second;
                rate(report.steps[index].tokens_per_second(count, per_second))
            });
        }
    }

    fn memory(&mut self) {
        self.section("memory");
        self.row("  weights", |report| bytes(report.memory.plan.weights_bytes));
        self.row("  with KV cache, workspace", |report| bytes(report.memory.plan.total_bytes()));
        self.row("  free here", |report| report.memory.free_bytes.map_or("?".to_owned(), bytes));
        self.row("  fits", text::verdict);
    }
}

/// Columns padded to their widest cell: labels to the left, cells to the right.
fn layout(rows: &[Row]) -> String {
    let width = |text: &str| text.chars().count();
    let widest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.cells.get(column));
        cells.flat_map(|cell| cell.lines()).map(width).max().unwrap_or(0)
    };
    let columns = rows.first().map_or(0, |row| row.cells.len());
    let widths: Vec<usize> = (0..columns).map(widest).collect();
    let labels = rows.iter().map(|row| width(&row.label)).max().unwrap_or(0);
    let mut out = String::new();
    for (index, row) in rows.iter().enumerate() {
        let height = row.cells.iter().map(|cell| cell.lines().count()).max().unwrap_or(0).max(1);
        for line in 0..height {
            let label = if line == 0 { row.label.as_str() } else { "" };
            let mut text = format!("{label:labels$}");
            for (cell, &width) in row.cells.iter().zip(&widths) {
                text += &format!("{GAP}{:>width$}", cell.lines().nth(line).unwrap_or(""));
            }
            out += text.trim_end();
            out.push('\n');
        }
        if index == 0 {
            out +=
                &"─".repeat(labels + widths.iter().map(|width| GAP.len() + width).sum::<usize>());
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use throng_spec::{ModelSpec, builtin};

    use super::super::{Setting, Subject};
    use super::*;
    use crate::args::KvCacheDtype;

    #[test]
    fn a_narrow_terminal_gets_narrow_tables() {
        let report = |name: &str| {
            let spec = ModelSpec::from_config(&builtin::config(name).unwrap()).unwrap();
            let subject = Subject { name: name.to_owned(), tensors: spec.released(), spec };
            let setting = Setting {
                context: 4096,
                kv_cache_dtype: KvCacheDtype::Auto,
                bytes_per_second: 1e10,
                free_bytes: None,
            };
            Report::new(subject, setting)
        };
        let reports =
            ["gpt2-xl", "gpt-oss-20b", "gpt-oss-120b", "qwen3-30b-a3b", "gpt2"].map(report);
        let count = |width| tables(&reports, width).len();
        assert_eq!([None, Some(100), Some(80), Some(1)].map(count), [2, 2, 2, 5]);
        let narrow = table(&reports, Some(80));
        assert_eq!(narrow.lines().find(|line| line.chars().count() > 80), None, "{narrow}");
        for report in &reports {
            assert!(narrow.contains(&report.subject.name));
        }
    }
}
