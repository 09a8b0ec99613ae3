//! The headers that tell a client how much it may still use, named and written as OpenAI has them.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};

use super::bucket::Level;

/// For one of the two limits.
pub(super) struct Names {
    limit: &'static str,
    remaining: &'static str,
    reset: &'static str,
}

/// Requests a minute.
pub(super) const REQUESTS: Names = Names {
    limit: "x-ratelimit-limit-requests",
    remaining: "x-ratelimit-remaining-requests",
    reset: "x-ratelimit-reset-requests",
};
/// Tokens a minute.
pub(super) const TOKENS: Names = Names {
    limit: "x-ratelimit-limit-tokens",
    remaining: "x-ratelimit-remaining-tokens",
    reset: "x-ratelimit-reset-tokens",
};

/// All of them, for those who may let a web page read them.
pub(crate) const ALL: [&str; 6] = [
    REQUESTS.limit,
    REQUESTS.remaining,
    REQUESTS.reset,
    TOKENS.limit,
    TOKENS.remaining,
    TOKENS.reset,
];

/// Writes where one of the two limits stands.
pub(super) fn write(to: &mut HeaderMap, names: &Names, limit: u32, level: Level) {
    to.insert(names.limit, HeaderValue::from(limit));
    to.insert(names.remaining, HeaderValue::from(level.remaining));
    let reset = HeaderValue::try_from(span(level.reset));
    to.insert(names.reset, reset.expect("digits and letters fit a header"));
}

/// A time as OpenAI writes it: `0s`, `17ms`, `1.2s`, `6m0s`, `1h0m7.25s`; never less than it is.
fn span(time: Duration) -> String {
    let ms = time.as_nanos().div_ceil(1_000_000);
    if ms > 0 && ms < 1000 {
        return format!("{ms}ms");
    }
    let (minutes, ms) = (ms / 60_000, ms % 60_000);
    let mut seconds = format!("{}.{:03}", ms / 1000, ms % 1000);
    seconds.truncate(seconds.trim_end_matches('0').trim_end_matches('.').len());
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::span;

    #[test]
    fn times_are_written_as_openai_writes_them() {
        for (micros, text) in [
            (0, "0s"),
            (1, "1ms"),
            (16_900, "17ms"),
            (999_000, "999ms"),
            (999_001, "1s"),
            (1_200_000, "1.2s"),
            (10_000_000, "10s"),
            (20_000_000, "20s"),
            (59_999_999, "1m0s"),
            (360_000_000, "6m0s"),
            (72_345_000, "1m12.345s"),
            (3_607_250_000, "1h0m7.25s"),
            (600_000_000, "10m0s"),
        ] {
            assert_eq!(span(Duration::from_micros(micros)), text);
        }
    }
}
