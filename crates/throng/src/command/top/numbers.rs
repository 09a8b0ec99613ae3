//! Numbers as the screen shows them.

use throng_bench::live::Quantile;
use throng_bench::load::seconds;

use crate::units::{count, grouped, rate};

/// A time as far as it is known.
pub fn quantile(quantile: Option<Quantile>) -> String {
    match quantile {
        None => "-".to_owned(),
        Some(Quantile::AtMost(bound)) => format!("≤ {}", seconds(bound)),
        Some(Quantile::About(time)) => seconds(time),
        Some(Quantile::Above(bound)) => format!("> {}", seconds(bound)),
    }
}

/// A number that may have a fraction.
pub fn figure(number: f64) -> String {
    if number < 99_999.5 { rate(number) } else { count(number as usize) }
}

/// A number of things.
pub fn whole(number: f64) -> String {
    if number < 9_999_999.5 { grouped(number.round() as usize) } else { count(number as usize) }
}

/// A part of a whole.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A number of seconds: its two largest units.
pub fn lapse(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_however_large_they_are() {
        assert_eq!(
            (figure(4.066), figure(1234.5), figure(1e6)),
            ("4.07".into(), "1234".into(), "1.00 M".into())
        );
        assert_eq!((whole(1234.4), whole(2e18)), ("1,234".into(), "2000 Q".into()));
        assert_eq!((percent(0.4567), percent(1e18).len()), ("45.7 %".into(), 25));
    }

    #[test]
    fn times_say_how_much_is_known_of_them() {
        let text = |each| quantile(Some(each));
        assert_eq!(text(Quantile::AtMost(0.01)), "≤ 10.0 ms");
        assert_eq!(text(Quantile::About(0.025)), "25.0 ms");
        assert_eq!(
            (text(Quantile::Above(2560.0)), quantile(None)),
            ("> 2560 s".into(), "-".into())
        );
    }

    #[test]
    fn lapses_have_two_units() {
        for (seconds, text) in [
            (59, "59 s"),
            (60, "1 min 0 s"),
            (3_725, "1 h 2 min"),
            (90_000, "1 d 1 h"),
            (u64::MAX, "213503982334601 d 7 h"),
        ] {
            assert_eq!(lapse(seconds), text);
        }
    }
}
