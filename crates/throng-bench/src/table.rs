//! Columns of text.

/// Between columns.
const GAP: &str = "  ";

/// Rows in columns as wide as their widest cell, right-aligned, the first row as the heading over a
/// line. Rows may be shorter than the heading.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let width = |column: usize| cells(column).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for (index, row) in rows.iter().enumerate() {
        let padded = row.iter().zip(&widths).map(|(cell, &width)| format!("{GAP}{cell:>width$}"));
        out += padded.collect::<String>().trim_end();
        out.push('\n');
        if index == 0 {
            let line: usize = widths.iter().map(|width| GAP.len() + width).sum();
            out += &format!("{GAP}{}\n", "─".repeat(line.saturating_sub(GAP.len())));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: &[&str]| cells.iter().map(ToString::to_string).collect::<Vec<_>>();
        let rows = [row(&["users", "a"]), row(&["1", "10 %"]), row(&["64"])];
        let text = "  users     a\n  ───────────\n      1  10 %\n     64\n";
        assert_eq!(table(&rows), text);
        assert_eq!(table(&[]), "");
    }
}
