//! The command line.

use std::time::Duration;

/// What there is to choose.
pub const USAGE: &str = "\
usage: cargo xtask bench server [OPTIONS]
  --streams N      clients that read an answer each (64)
  --tokens N       tokens of an answer; then its client asks again (512)
  --step MS        how long a step of the model takes; several: a row each (0 and 10)
  --windows N      measurements of each row (15)
  --window MS      how long each of them takes (1000)";

/// What was chosen.
pub struct Options {
    pub streams: usize,
    pub tokens: usize,
    pub steps: Vec<Duration>,
    pub windows: usize,
    pub window: Duration,
}

impl Options {
    /// Reads a command line.
    pub fn parse(args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = args;
        let mut options = Self {
            streams: 64,
            tokens: 512,
            steps: Vec::new(),
            windows: 15,
            window: Duration::from_secs(1),
        };
        while let Some(flag) = args.next() {
            let value = args.next().ok_or_else(|| format!("{flag} needs a value"))?;
            let number = |least: usize, most: usize| match value.parse() {
                Ok(number) if (least..=most).contains(&number) => Ok(number),
                _ => Err(format!("{flag} is a number from {least} to {most}, not {value}")),
            };
            let millis = |least| number(least, 60_000).map(|ms| Duration::from_millis(ms as u64));
            match &*flag {
                "--streams" => options.streams = number(1, 1000)?,
                "--tokens" => options.tokens = number(16, 2048)?,
                "--step" => options.steps.push(millis(0)?),
                "--windows" => options.windows = number(1, 1000)?,
                "--window" => options.window = millis(10)?,
                _ => return Err(format!("there is no {flag}")),
            }
        }
        if options.steps.is_empty() {
            options.steps = [0, 10].map(Duration::from_millis).to_vec();
        }
        Ok(options)
    }
}
