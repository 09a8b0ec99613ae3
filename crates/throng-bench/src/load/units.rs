//! Numbers as a person reads them.

use crate::Samples;

/// Seconds in three digits: `850 µs`, `12.3 ms`, `1.23 s`, `640 s`.
pub fn seconds(seconds: f64) -> String {
    // 999.5 of a unit would be written as 1000.
    let (number, unit) = match seconds {
        0.9995.. => (seconds, "s"),
        0.000_999_5.. => (seconds * 1e3, "ms"),
        _ => (seconds * 1e6, "µs"),
    };
    format!("{} {unit}", three_digits(number))
}

/// A rate in three digits: `1230`, `412`, `53.1`, `4.07`.
pub(crate) fn three_digits(number: f64) -> String {
    match number {
        99.95.. => format!("{number:.0}"),
        9.995.. => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

/// A part of a whole: `73.4 %`; nothing of nothing is a dash.
pub(crate) fn share(part: u64, whole: u64) -> String {
    match whole {
        0 => NONE.to_owned(),
        whole => format!("{:.1} %", 100.0 * part as f64 / whole as f64),
    }
}

/// What stands where there is nothing.
pub(crate) const NONE: &str = "-";

/// A percentile of times, or a dash where none was measured.
pub(crate) fn percentile(samples: Option<&Samples>, percent: f64) -> String {
    samples.map_or_else(|| NONE.to_owned(), |samples| seconds(samples.percentile(percent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_a_unit() {
        for (number, text) in [
            (0.0, "0.00 µs"),
            (0.000_85, "850 µs"),
            (0.000_999_6, "1.00 ms"),
            (0.012_34, "12.3 ms"),
            (0.999_4, "999 ms"),
            (0.999_6, "1.00 s"),
            (640.2, "640 s"),
        ] {
            assert_eq!(seconds(number), text);
        }
        assert_eq!((share(1, 3), share(0, 0)), ("33.3 %".to_owned(), "-".to_owned()));
    }
}
