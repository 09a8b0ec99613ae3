//! What a server has said of itself within the last minute.

use std::collections::VecDeque;
use std::time::Duration;

use super::snapshot::Snapshot;

/// How long a look is kept.
const MINUTE: Duration = Duration::from_secs(60);
/// What a rate is taken over: long enough not to jump from step to step.
const MOMENT: Duration = Duration::from_secs(2);
/// Looks, and points of a curve, that are kept at most.
const MOST: usize = 240;

/// Looks at one server, oldest first.
#[derive(Debug, Default)]
pub struct History {
    looks: VecDeque<(Duration, Snapshot)>,
    /// Tokens written and read a second, between two looks.
    written: VecDeque<f64>,
    read: VecDeque<f64>,
}

/// Two looks, and the seconds between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'a> {
    pub(super) from: &'a Snapshot,
    pub(super) to: &'a Snapshot,
    pub(super) seconds: f64,
}

impl History {
    /// One more look, at a time since some moment that is the same for all. A server that has begun
    /// to count anew begins a new history.
    pub fn push(&mut self, at: Duration, snapshot: Snapshot) {
        if self.looks.back().is_some_and(|(_, last)| !snapshot.follows(last)) {
            *self = Self::default();
        }
        self.looks.push_back((at, snapshot));
        let oldest = at.saturating_sub(MINUTE);
        while self.looks.len() > MOST || self.looks.front().is_some_and(|(at, _)| *at < oldest) {
            self.looks.pop_front();
        }
        let Some(span) = self.last(Duration::ZERO) else { return };
        let written = span.rate(|look| look.generated_tokens);
        let read = span.rate(|look| look.prompt_tokens);
        for (points, point) in [(&mut self.written, written), (&mut self.read, read)] {
            points.extend(point);
            if points.len() > MOST {
                points.pop_front();
            }
        }
    }

    /// The last look.
    pub(super) fn now(&self) -> Option<&Snapshot> {
        self.looks.back().map(|(_, look)| look)
    }

    /// Tokens written a second, between any two looks.
    pub(super) fn written(&self) -> Vec<f64> {
        self.written.iter().copied().collect()
    }

    /// Tokens read a second, between any two looks.
    pub(super) fn read(&self) -> Vec<f64> {
        self.read.iter().copied().collect()
    }

    /// The last moment; `None` if there was one look.
    pub(super) fn moment(&self) -> Option<Span<'_>> {
        self.last(MOMENT)
    }

    /// The last minute, or as much of it as was seen; `None` if there was one look.
    pub(super) fn minute(&self) -> Option<Span<'_>> {
        self.last(MINUTE)
    }

    /// From the first look that is no older than this to the last, or between the last two.
    fn last(&self, length: Duration) -> Option<Span<'_>> {
        let (end, to) = self.looks.back()?;
        let before = self.looks.len().checked_sub(2)?;
        let since = end.saturating_sub(length);
        let first = self.looks.partition_point(|(at, _)| *at < since).min(before);
        let (start, from) = &self.looks[first];
        let seconds = end.saturating_sub(*start).as_secs_f64();
        (seconds > 0.0).then_some(Span { from, to, seconds })
    }
}

impl Span<'_> {
    /// How much of something came between the two looks.
    pub(super) fn more(&self, of: impl Fn(&Snapshot) -> Option<f64>) -> Option<f64> {
        Some((of(self.to)? - of(self.from)?).max(0.0))
    }

    /// How much of it came a second.
    pub(super) fn rate(&self, of: impl Fn(&Snapshot) -> Option<f64>) -> Option<f64> {
        self.more(of).map(|more| more / self.seconds)
    }
}
