//! Models side by side.

use throng_spec::{DType, Part};

use super::report::{Report, USERS};
use super::text;
use crate::units::{bytes, count, grouped, operations, rate};

/// Columns of a table at most, so that it fits a terminal.
const COLUMNS: usize = 4;

/// Between columns.
const GAP: &str = "  ";

/// A line of a table: what it is about, and a cell for each model, maybe of several lines.
struct Row {
    label: String,
    cells: Vec<String>,
}

/// All models, four at a time, and what the words mean.
pub fn table(reports: &[Report]) -> String {
    let Some(first) = reports.first() else { return String::new() };
    let tables = reports.chunks(COLUMNS).map(|reports| layout(&rows(reports)));
    let setting = first.setting;
    format!(
        "{}\n\
         A step of decoding gives each user one token, all of them at {} tokens of context or their\n\
         model's whole context. It reads weights as they are kept in memory, and each expert that\n\
         is chosen once, all equally likely. Tokens a second are those of all users together if\n\
         reading memory, at {} GB/s, were all that takes time. Cache and work are those of\n\
         `throng serve` with its default settings.\n",
        tables.collect::<Vec<_>>().join("\n"),
        grouped(setting.context),
        rate(setting.bytes_per_second / 1e9),
    )
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
        self.row("  kept in", |report| match report.precision.kv_value_bytes() {
            2 => DType::Bf16.name().to_owned(),
            _ => DType::F32.name().to_owned(),
        });
        self.row("  bytes a token", |report| grouped(report.kv.token));
        self.row("    if no layer had windows", |report| grouped(report.kv.token_without_windows));
        self.row("  and once, for windows", |report| grouped(report.kv.sequence));
        self.row("  for the whole context", |report| {
            let spec = &report.subject.spec;
            let value_bytes = report.precision.kv_value_bytes();
            bytes(2 * spec.heads.kv_width() * value_bytes * spec.positions_seen(spec.context))
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
        self.row("  with cache and work", |report| bytes(report.memory.plan.total_bytes()));
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
