//! Stop strings over streamed text.

/// Passes text on until one of some strings completes, without ever passing on the beginning of
/// one.
///
/// The text ends where the first stop string to be completed begins (the longest, if several are
/// completed by the same character), however the text was cut into pieces. Matching is
/// Knuth–Morris–Pratt's over bytes, so a piece costs its length times the number of strings.
#[derive(Clone, Debug, Default)]
pub struct Stops {
    patterns: Vec<Pattern>,
    /// Text that may be the beginning of a stop string.
    held: String,
    /// Text that is pushed now may complete no stop string.
    suspended: bool,
    stopped: bool,
}

#[derive(Clone, Debug)]
struct Pattern {
    text: Box<[u8]>,
    /// Length of the longest proper border of each prefix, by the prefix's length less one.
    borders: Box<[usize]>,
    /// How much of the pattern the text ends with.
    matched: usize,
}

impl Pattern {
    fn new(text: String) -> Self {
        let text = text.into_bytes().into_boxed_slice();
        let mut borders = vec![0; text.len()];
        let mut matched = 0;
        for end in 1..text.len() {
            while matched > 0 && text[end] != text[matched] {
                matched = borders[matched - 1];
            }
            matched += usize::from(text[end] == text[matched]);
            borders[end] = matched;
        }
        Self { text, borders: borders.into(), matched: 0 }
    }

    /// Takes one more byte; tells whether the pattern is complete.
    fn step(&mut self, byte: u8) -> bool {
        while self.matched > 0 && byte != self.text[self.matched] {
            self.matched = self.borders[self.matched - 1];
        }
        self.matched += usize::from(byte == self.text[self.matched]);
        self.matched == self.text.len()
    }

    /// Goes on after the whole pattern, as if one more byte had not fitted.
    fn fall_back(&mut self) {
        self.matched = self.borders[self.matched - 1];
    }
}

impl Stops {
    /// Stops at the first of these strings; empty ones are ignored.
    pub fn new(stops: Vec<String>) -> Self {
        let patterns = stops.into_iter().filter(|stop| !stop.is_empty()).map(Pattern::new);
        Self { patterns: patterns.collect(), ..Self::default() }
    }

    /// Whether stop strings that are completed from now on are text like any other. One that has
    /// begun before may still be completed afterwards.
    pub fn suspend(&mut self, suspended: bool) {
        self.suspended = suspended;
    }

    /// Takes the next piece of text and gives back what is safe to show. Once a stop string has
    /// been seen, everything is dropped.
    pub fn push(&mut self, text: &str) -> String {
        if self.stopped {
            return String::new();
        }
        let scanned = self.held.len();
        self.held.push_str(text);
        for end in scanned..self.held.len() {
            let byte = self.held.as_bytes()[end];
            let mut longest = 0;
            for pattern in &mut self.patterns {
                if pattern.step(byte) {
                    if self.suspended {
                        pattern.fall_back();
                    } else {
                        longest = longest.max(pattern.text.len());
                    }
                }
            }
            if longest > 0 {
                self.stopped = true;
                self.held.truncate(end + 1 - longest);
                return std::mem::take(&mut self.held);
            }
        }
        let kept = self.patterns.iter().map(|pattern| pattern.matched).max().unwrap_or(0);
        let kept = self.held.split_off(self.held.len() - kept);
        std::mem::replace(&mut self.held, kept)
    }

    /// Gives back what was held, because the text ends here and no stop string can be completed.
    /// Text pushed afterwards is searched anew.
    pub fn flush(&mut self) -> String {
        for pattern in &mut self.patterns {
            pattern.matched = 0;
        }
        std::mem::take(&mut self.held)
    }

    /// Whether a stop string has been seen.
    pub fn stopped(&self) -> bool {
        self.stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stops(list: &[&str]) -> Stops {
        Stops::new(list.iter().map(|&stop| stop.to_owned()).collect())
    }

    #[test]
    fn a_stop_across_pieces_is_found_and_nothing_of_it_shown() {
        let mut stops = stops(&["END"]);
        assert_eq!(stops.push("one E"), "one ");
        assert_eq!(stops.push("N"), "");
        assert_eq!(stops.push("D two"), "");
        assert!(stops.stopped());
        assert_eq!(stops.push("three"), "");
        assert_eq!(stops.flush(), "");
    }

    #[test]
    fn a_false_start_is_shown_as_soon_as_it_is_one() {
        let mut stops = stops(&["aab"]);
        assert_eq!(stops.push("aa"), "");
        assert_eq!(stops.push("a"), "a");
        assert_eq!(stops.push("c"), "aac");
        assert_eq!(stops.push("aa"), "");
        assert_eq!(stops.flush(), "aa");
        assert!(!stops.stopped());
    }

    #[test]
    fn the_longest_of_two_that_end_together_wins_and_empty_ones_never_match() {
        let mut both = stops(&["", "d", "cd"]);
        assert_eq!(both.push("abcde"), "ab");
        let mut none = stops(&[""]);
        assert_eq!(none.push("text"), "text");
    }

    #[test]
    fn while_suspended_only_a_beginning_is_held_back() {
        let mut stops = stops(&["aba", "END"]);
        stops.suspend(true);
        assert_eq!(stops.push("END ENaba"), "END ENab", "the last a may begin another");
        assert_eq!(stops.push("-E"), "a-");
        stops.suspend(false);
        assert_eq!(stops.push("ND after"), "");
        assert!(stops.stopped());
    }

    #[test]
    fn characters_that_share_bytes_are_not_split() {
        let mut stops = stops(&["é"]);
        assert_eq!(stops.push("è"), "è");
        assert_eq!(stops.push("né"), "n");
        assert!(stops.stopped());
    }
}
