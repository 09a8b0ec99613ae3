//! Conversations as a person reads them: a line a turn, with what was cached.

use serde_json::{Value, json};

use super::conversations::{Talk, Turn};
use super::summary::spread;
use super::units::{NONE, percentile, share, three_digits};
use crate::Samples;

/// Counts of one turn of all conversations, or of all turns.
struct Row<'a> {
    turns: Vec<&'a Turn>,
    /// Tokens of the prompts.
    prompt: u64,
    /// Of them, found in a cache; `None`: the server does not say.
    cached: Option<u64>,
    /// Of them, what a cache as large as one likes has at least: the prompt of the turn before, or
    /// in the first turn the system prompt that another conversation brought.
    endless: u64,
    first_token: Option<Samples>,
}

impl Talk {
    fn row<'a>(&self, turns: Vec<&'a Turn>) -> Row<'a> {
        let completed = || turns.iter().filter(|turn| turn.exchange.is_complete());
        let usages = || completed().filter_map(|turn| turn.exchange.usage);
        let is_counted = usages().count() == completed().count();
        let first = completed().filter(|turn| turn.turn == 0).count() as u64;
        // One conversation must bring the system prompt.
        let shared = first.saturating_sub(1) * self.system_tokens;
        Row {
            prompt: usages().map(|usage| usage.prompt).sum(),
            cached: is_counted.then(|| usages().map(|usage| usage.cached).sum()).flatten(),
            endless: completed().map(|turn| turn.before).sum::<u64>() + shared,
            first_token: Samples::new(
                completed().filter_map(|turn| Some(turn.exchange.first_token?.as_secs_f64())),
            ),
            turns,
        }
    }

    fn rows(&self) -> Vec<Row<'_>> {
        let last = self.turns.iter().map(|turn| turn.turn).max().unwrap_or(0);
        let of = |number| self.turns.iter().filter(move |turn| turn.turn == number);
        (0..=last).map(|number| self.row(of(number).collect())).collect()
    }

    /// The most that any cache of so many tokens can have: all of the system prompt, and of what
    /// conversations have of their own as much as fits beside it. In a circle each kept token is
    /// found once a round, so no order of eviction finds more.
    fn best(&self, row: &Row<'_>, pool: u64) -> u64 {
        let users = row.turns.iter().filter(|turn| turn.exchange.is_complete()).count() as u64;
        let shared = (users * self.system_tokens).min(row.endless);
        let own = row.endless - shared;
        shared + own.min(pool.saturating_sub(self.system_tokens))
    }

    /// A line a turn and one for all; `pool` tokens of KV cache give the best possible beside it.
    pub fn table(&self, pool: Option<u64>) -> String {
        let mut head =
            vec!["turn", "done", "failed", "prompts", "repeated", "cached", "of prompts"];
        head.extend(pool.map(|_| "of best"));
        head.extend(["TTFT p50", "p99"]);
        let mut table = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
        let rows = self.rows();
        let best: Vec<u64> =
            rows.iter().map(|row| self.best(row, pool.unwrap_or(u64::MAX))).collect();
        let all = self.row(self.turns.iter().collect());
        let total = best.iter().sum();
        for (number, (row, best)) in rows.iter().zip(best).enumerate() {
            table.push(cells(&(number + 1).to_string(), row, pool.map(|_| best)));
        }
        table.push(cells("all", &all, pool.map(|_| total)));
        let completed = self.turns.iter().filter(|turn| turn.exchange.is_complete());
        let tokens: u64 = completed.map(|turn| turn.exchange.tokens()).sum();
        let seconds = self.elapsed.as_secs_f64();
        let mut text = crate::table(&table);
        text += &format!(
            "{} conversations in {} s, {} tokens/s of answers. repeated: prompts of the turns\n\
             before, which a cache without end has.\n",
            self.conversations,
            three_digits(seconds),
            three_digits(tokens as f64 / seconds.max(f64::MIN_POSITIVE)),
        );
        for (kind, count) in self.failures() {
            text += &format!("{count} failed: {kind}\n");
        }
        if self.refusals > 0 {
            text += &format!("told to come back later {} times\n", self.refusals);
        }
        text
    }

    fn failures(&self) -> std::collections::BTreeMap<String, usize> {
        super::summary::failures(self.turns.iter().map(|turn| &turn.exchange))
    }

    /// Everything, for programs; times in seconds.
    pub fn json(&self, pool: Option<u64>) -> Value {
        let turn = |row: &Row<'_>| {
            json!({
                "completed": row.turns.iter().filter(|turn| turn.exchange.is_complete()).count(),
                "prompt_tokens": row.prompt,
                "repeated_tokens": row.endless,
                "cached_tokens": row.cached,
                "best_cached_tokens": pool.map(|pool| self.best(row, pool)),
                "time_to_first_token": spread(row.first_token.as_ref()),
            })
        };
        json!({
            "conversations": self.conversations,
            "system_tokens": self.system_tokens,
            "seconds": self.elapsed.as_secs_f64(),
            "failures": self.failures(),
            "refusals": self.refusals,
            "turns": self.rows().iter().map(turn).collect::<Vec<_>>(),
        })
    }
}

fn cells(name: &str, row: &Row<'_>, best: Option<u64>) -> Vec<String> {
    let done = row.turns.iter().filter(|turn| turn.exchange.is_complete()).count();
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
    let mut cells = vec![
        name.to_owned(),
        done.to_string(),
        (row.turns.len() - done).to_string(),
        row.prompt.to_string(),
        row.endless.to_string(),
        or_none(row.cached.map(|cached| cached.to_string())),
        or_none(row.cached.map(|cached| share(cached, row.prompt))),
    ];
    cells.extend(best.map(|best| or_none(row.cached.map(|cached| share(cached, best)))));
    cells.extend([50.0, 99.0].map(|percent| percentile(row.first_token.as_ref(), percent)));
    cells
}
