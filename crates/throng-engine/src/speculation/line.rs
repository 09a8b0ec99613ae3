//! What a step takes, as a line over its tokens, learned from what steps took.

/// Part of the mean that the last step is; so it follows a context that grows.
const SHARE: f64 = 1.0 / 16.0;

/// Part of what is known of the slope that is kept beside a step that says something of it.
const KEPT: f64 = 15.0 / 16.0;

/// The same beside a step that says nothing of it: a slope that was bad luck must not keep steps alike
/// for ever, so in the end it is guessed again.
const FADED: f64 = 511.0 / 512.0;

/// A step that differs by less of the mean tokens says nothing of the slope.
const DIFFERENT: f64 = 0.05;

/// What a token more is taken to cost, as a part of the mean, while nothing is known: so little that
/// it is tried.
const GUESS: f64 = 0.25;

/// A step that takes so many times what it should has waited for something else.
const OUTLIER: f64 = 3.0;

/// Seconds over tokens. Means follow every step; the slope is kept for long, until a step of another
/// size says another one.
#[derive(Debug, Default)]
pub(crate) struct Line {
    tokens: f64,
    seconds: f64,
    /// Weighted sums of squares and products of differences from the means.
    squares: f64,
    products: f64,
    observed: u64,
}

impl Line {
    /// Notes what a step of so many tokens took.
    pub(crate) fn observe(&mut self, tokens: usize, seconds: f64) {
        let tokens = tokens as f64;
        let seconds =
            if self.observed < 4 { seconds } else { seconds.min(OUTLIER * self.at(tokens)) };
        self.observed += 1;
        let share = SHARE.max(1.0 / self.observed as f64);
        let (more_tokens, more_seconds) = (tokens - self.tokens, seconds - self.seconds);
        if self.observed > 1 && more_tokens.abs() > DIFFERENT * self.tokens {
            self.squares = KEPT * self.squares + more_tokens * more_tokens;
            self.products = KEPT * self.products + more_tokens * more_seconds;
        } else {
            self.squares *= FADED;
            self.products *= FADED;
        }
        self.tokens += share * more_tokens;
        self.seconds += share * more_seconds;
    }

    /// Steps that are known.
    pub(crate) fn observed(&self) -> u64 {
        self.observed
    }

    /// Seconds of a token more.
    pub(crate) fn slope(&self) -> f64 {
        if self.observed == 0 {
            return 0.0;
        }
        // The guess counts as much as one step with a quarter more tokens.
        let weight = self.tokens * self.tokens / 16.0;
        let mean = self.seconds / self.tokens;
        let slope = (self.products + weight * GUESS * mean) / (self.squares + weight);
        slope.clamp(0.0, mean)
    }

    /// Seconds of a step of so many tokens.
    pub(crate) fn at(&self, tokens: f64) -> f64 {
        (self.seconds + self.slope() * (tokens - self.tokens)).max(0.0)
    }

    /// Seconds of a step beside those of its tokens.
    pub(crate) fn start(&self) -> f64 {
        self.at(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_and_followed() {
        let mut line = Line::default();
        for step in 0..200 {
            let tokens = [1, 5, 3][step % 3];
            line.observe(tokens, 10.0 + 2.0 * tokens as f64);
        }
        assert!((line.slope() - 2.0).abs() < 0.2, "{}", line.slope());
        assert!((line.at(4.0) - 18.0).abs() < 1.0, "{}", line.at(4.0));
        // Steps alike say nothing of the slope, but how long they take.
        (0..400).for_each(|step| line.observe(1, 12.0 + 8.0 * f64::from(step.min(200)) / 200.0));
        assert!((line.slope() - 2.0).abs() < 0.5, "{}", line.slope());
        assert!((line.at(1.0) - 20.0).abs() < 0.1, "{}", line.at(1.0));
    }

    #[test]
    fn a_slope_that_was_bad_luck_is_forgotten() {
        let mut line = Line::default();
        (0..8).for_each(|_| line.observe(1, 1.0));
        line.observe(9, 99.0);
        (0..10).for_each(|_| line.observe(1, 1.0));
        assert!(line.slope() > 0.2 * line.at(1.0), "{line:?}");
        (0..8000).for_each(|_| line.observe(1, 1.0));
        assert!((line.slope() - GUESS).abs() < 0.05, "{line:?} {}", line.slope());
    }

    #[test]
    fn a_step_that_waited_moves_little() {
        let mut line = Line::default();
        (0..100).for_each(|step| line.observe(1 + step % 4, 1.0));
        line.observe(4, 1000.0);
        assert!(line.at(2.0) < 1.3, "{}", line.at(2.0));
        assert_eq!(Line::default().slope(), 0.0);
    }
}
