//! Numbers as a person reads them.

/// With commas between thousands: `13,761,264,768`.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes in three digits: `13.8 GB`, decimal as sizes of files and memory bandwidths are.
pub fn bytes(bytes: usize) -> String {
    scaled(bytes as f64, ["B", "kB", "MB", "GB", "TB", "PB"])
}

/// A count in three digits: `20.9 B` for billions.
pub fn count(count: usize) -> String {
    scaled(count as f64, ["", "K", "M", "B", "T", "Q"])
}

/// Operations in three digits: `3.61 G`.
pub fn operations(count: usize) -> String {
    scaled(count as f64, ["", "k", "M", "G", "T", "P"])
}

/// Three digits: `1230`, `412`, `53.1`, `4.07`, `0.12`.
pub fn rate(rate: f64) -> String {
    match rate {
        100.0.. => format!("{rate:.0}"),
        10.0.. => format!("{rate:.1}"),
        _ => format!("{rate:.2}"),
    }
}

fn scaled(number: f64, units: [&str; 6]) -> String {
    let mut rest = number;
    let mut unit = 0;
    // 999.5 of a unit would be written as 1000.
    while rest >= 999.5 && unit + 1 < units.len() {
        rest /= 1000.0;
        unit += 1;
    }
    let digits = match rest {
        _ if unit == 0 => 0,
        99.95.. => 0,
        9.995.. => 1,
        _ => 2,
    };
    format!("{rest:.digits$} {}", units[unit]).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_a_unit() {
        for (number, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (9_994, "9.99 kB"),
            (9_996, "10.0 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (13_761_264_768, "13.8 GB"),
            (usize::MAX, "18447 PB"),
        ] {
            assert_eq!(bytes(number), text);
        }
        assert_eq!((count(50), count(20_914_757_184)), ("50".to_owned(), "20.9 B".to_owned()));
        assert_eq!(operations(1_234_567), "1.23 M");
    }

    #[test]
    fn thousands_and_rates() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        for (number, text) in [(1234.5, "1234"), (99.96, "100.0"), (4.066, "4.07"), (0.0, "0.00")] {
            assert_eq!(rate(number), text);
        }
    }
}
