//! A soak as a person reads it: what clients did, and what the server held.

use super::soak::{Ends, Endurance};
use super::units::NONE;

impl Endurance {
    /// A line for each conduct, what failed, and a line for each look at the server.
    pub fn table(&self) -> String {
        let head = ["clients", "requests", "completed", "left", "failed"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        let line = |name: &str, ends: Ends| {
            let all = ends.completed + ends.left + ends.failed;
            let counts =
                [all, ends.completed, ends.left, ends.failed].map(|count| count.to_string());
            [vec![name.to_owned()], counts.to_vec()].concat()
        };
        let mut total = Ends::default();
        for (name, ends) in &self.conducts {
            rows.push(line(name, *ends));
            total.completed += ends.completed;
            total.left += ends.left;
            total.failed += ends.failed;
        }
        rows.push(line("all", total));
        let mut text = crate::table(&rows);
        for (kind, count) in &self.failures {
            text += &format!("{count} failed: {kind}\n");
        }
        if self.refusals > 0 {
            text += &format!("{} met a full queue and came back later\n", self.refusals);
        }
        text.push('\n');
        text += &self.looks();
        text += &match self.quiet_seconds {
            Some(seconds) => format!("quiet {seconds:.1} s after the last request\n"),
            None if self.looks.iter().all(|look| look.gauges.is_none()) => {
                "the server has no metrics\n".to_owned()
            }
            None => "NOT quiet: something of a request is left\n".to_owned(),
        };
        text
    }

    fn looks(&self) -> String {
        let head = ["after", "running", "waiting", "KV blocks", "resident", "threads", "files"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for look in &self.looks {
            let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
            let gauges = look.gauges.unwrap_or_default();
            let mut row = vec![format!("{:.0} s", look.at.as_secs_f64())];
            row.extend(
                [gauges.running, gauges.waiting, gauges.blocks]
                    .map(|gauge| or_none(gauge.map(|gauge| gauge.to_string()))),
            );
            let process = look.process;
            row.push(or_none(
                process.map(|one| format!("{:.1} MB", one.resident_bytes as f64 / 1e6)),
            ));
            row.push(or_none(process.map(|one| one.threads.to_string())));
            row.push(or_none(process.and_then(|one| one.files).map(|files| files.to_string())));
            rows.push(row);
        }
        crate::table(&rows)
    }
}
