//! Numbers in JSON, which a grammar lets grow without end: here they stay within what a double can
//! hold, so that whoever reads the text can read them.

/// Digits before the point at most.
const MAX_DIGITS: u8 = 50;
/// The greatest exponent. With as many digits before it, numbers stay below 1e301.
const MAX_EXPONENT: u16 = 250;

/// Where in a JSON text a reader is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reader {
    /// Between strings and numbers.
    #[default]
    Outside,
    /// In a string.
    String,
    /// Behind a backslash in one.
    Escaped,
    /// Behind so many digits of a number.
    Whole(u8),
    /// Behind its point.
    Fraction,
    /// In its exponent.
    Exponent { negative: bool, value: u16 },
}

impl Reader {
    /// Behind some more of the text; `None`: a number has grown too great.
    pub(super) fn read(self, bytes: &[u8]) -> Option<Self> {
        bytes.iter().try_fold(self, |reader, &byte| reader.follow(byte))
    }

    /// Whether the reader is in a number.
    pub(super) fn is_in_number(self) -> bool {
        matches!(self, Self::Whole(_) | Self::Fraction | Self::Exponent { .. })
    }

    fn follow(self, byte: u8) -> Option<Self> {
        let digit = byte.is_ascii_digit().then(|| byte - b'0');
        Some(match (self, byte) {
            (Self::String, b'\\') => Self::Escaped,
            (Self::String, b'"') => Self::Outside,
            (Self::String | Self::Escaped, _) => Self::String,
            (Self::Whole(_), b'.') => Self::Fraction,
            (Self::Whole(_) | Self::Fraction, b'e' | b'E') => {
                Self::Exponent { negative: false, value: 0 }
            }
            (Self::Exponent { value, .. }, b'-') => Self::Exponent { negative: true, value },
            (Self::Exponent { .. }, b'+') => self,
            _ => match (self, digit) {
                (Self::Whole(digits), Some(_)) if digits < MAX_DIGITS => Self::Whole(digits + 1),
                (Self::Whole(_), Some(_)) => return None,
                (Self::Fraction, Some(_)) => self,
                (Self::Exponent { negative, value }, Some(digit)) => {
                    let value = value.saturating_mul(10).saturating_add(digit.into());
                    if value > MAX_EXPONENT && !negative {
                        return None;
                    }
                    Self::Exponent { negative, value }
                }
                (_, Some(_)) => Self::Whole(1),
                (_, None) if byte == b'"' => Self::String,
                (_, None) => Self::Outside,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_DIGITS, Reader};

    fn passes(text: &str) -> bool {
        Reader::default().read(text.as_bytes()).is_some()
    }

    #[test]
    fn numbers_stay_finite() {
        let long = "9".repeat(usize::from(MAX_DIGITS));
        for text in
            ["1e250", "-1.5E+250", "1e-999", "0.00", "[1e99,2]", &format!("{long}.{long}e250")]
        {
            assert!(passes(text), "{text}");
            let number: Result<f64, _> = text.parse();
            assert!(number.is_ok_and(f64::is_finite) || text.starts_with('['), "{text}");
        }
        for text in ["1e251", "1e+999", "2.5E0300", "{\"a\": 1e1000", &format!("{long}0")] {
            assert!(!passes(text), "{text}");
        }
    }

    #[test]
    fn strings_are_no_numbers() {
        for text in [r#""1e999""#, r#"{"\"1e999": true, "e": false, "a\\": 1"#] {
            assert!(passes(text), "{text}");
        }
        assert!(!passes(r#"{"a\\": 1e999"#));
        let number = Reader::default().read(b"[12").unwrap();
        assert!(number.is_in_number() && !number.read(b",").unwrap().is_in_number());
    }
}
