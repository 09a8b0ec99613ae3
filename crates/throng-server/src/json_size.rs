//! How deep and how large a JSON text is, before anything is made of it.
//!
//! A value takes tens of bytes of memory for two of text, and a nested one a frame of the stack for
//! each level, so both are counted first, without looking at anything else: whether it is JSON at
//! all is for the parser to say.

use crate::error::ApiError;

/// Levels of arrays and objects at most.
const MAX_DEPTH: usize = 100;
/// Values at most, over all levels. The longest context there is has 131,072 tokens.
const MAX_VALUES: usize = 1 << 20;

/// Looks whether a body may be parsed.
///
/// # Errors
/// It is too deep, or has too many values.
pub(crate) fn check(text: &str) -> Result<(), ApiError> {
    let (mut depth, mut values) = (0_usize, 1_usize);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'[' | b'{' => {
                depth += 1;
                values += 1;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            _ => {}
        }
        if depth > MAX_DEPTH {
            let message = format!("The body is nested more than {MAX_DEPTH} levels deep");
            return Err(ApiError::malformed(message));
        }
        if values > MAX_VALUES {
            let message = format!("The body has more than {MAX_VALUES} values");
            return Err(ApiError::malformed(message));
        }
    }
    Ok(())
}

/// Goes behind the end of a string whose beginning was read.
fn skip_string(bytes: &mut impl Iterator<Item = u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'"' => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{MAX_DEPTH, MAX_VALUES, check};

    fn nested(levels: usize) -> String {
        let pairs = ["[", "{\"a\":"].into_iter().cycle().zip(["]", "}"].into_iter().cycle());
        let (open, close): (Vec<&str>, Vec<&str>) = pairs.take(levels).unzip();
        open.concat() + "0" + &close.into_iter().rev().collect::<String>()
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        assert!(check(&nested(MAX_DEPTH)).is_ok());
        assert!(
            serde_json::from_str::<Value>(&nested(MAX_DEPTH)).is_ok(),
            "the parser goes as deep"
        );
        assert!(check(&nested(MAX_DEPTH + 1)).is_err());
        assert!(check(&"[".repeat(10_000)).is_err());
        assert!(check(&format!("[{}]", "[],".repeat(MAX_DEPTH))).is_ok(), "beside each other");
        let list = |values: usize| format!("[0{}]", ",0".repeat(values - 1));
        assert!(check(&list(MAX_VALUES - 1)).is_ok());
        assert!(check(&list(MAX_VALUES + 1)).is_err());
    }

    #[test]
    fn what_is_in_strings_does_not_count() {
        let text = format!("\"{}\\\"{}\"", "[".repeat(1000), "{,".repeat(MAX_VALUES));
        assert!(check(&text).is_ok());
        assert!(check(&format!("{text}{}", "[".repeat(101))).is_err());
        assert!(check(&format!("\"\\\\\"{}", "[".repeat(101))).is_err());
        assert!(check("\"\\").is_ok() && check("\"").is_ok() && check("").is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Values are counted as a parser finds them.
        #[test]
        fn nothing_within_the_bounds_is_refused(text in "[\\[\\]{}\",:\\\\a0 ]{0,200}") {
            let deepest = text.bytes().filter(|byte| b"[{".contains(byte)).count();
            prop_assume!(deepest <= MAX_DEPTH);
            prop_assert!(check(&text).is_ok());
        }
    }
}
