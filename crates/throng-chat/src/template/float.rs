//! Fractions as Python writes them, which templates' authors saw when they tested.

/// Decimal exponents from which on Python writes `1e+16` and not all digits.
const SCIENTIFIC: std::ops::RangeInclusive<i32> = -4..=15;

/// The shortest text that reads back as the same number, like Python's `repr`, and with the names
/// that `json.dumps` has for what is no number.
pub(super) fn repr(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if SCIENTIFIC.contains(&exponent) {
        let text = number.to_string();
        return if text.contains('.') { text } else { text + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::repr;

    #[test]
    fn fractions_are_pythons() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-2.5, "-2.5"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.25e-10, "1.25e-10"),
            (9007199254740993.0, "9007199254740992.0"),
            (5e-324, "5e-324"),
        ];
        for (number, text) in cases {
            assert_eq!(repr(number), text);
        }
        assert_eq!(repr(f64::NEG_INFINITY), "-Infinity");
    }
}
