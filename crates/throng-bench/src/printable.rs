//! Texts of strangers, made fit for a terminal.

/// The beginning of a stranger's text on one line: what a terminal would obey, and what would hide
/// or turn around the text beside it, becomes a space.
pub(crate) fn printable(text: &str, most: usize) -> String {
    let plain = text.chars().map(|c| if c.is_control() || is_format(c) { ' ' } else { c });
    plain.take(most).collect()
}

/// Unicode's category Cf, as far as it moves, joins or hides other characters.
fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn nothing_is_left_that_a_terminal_obeys() {
        assert_eq!(printable("a\n\u{1b}[31mb\u{9b}c", 99), "a  [31mb c");
        assert_eq!(printable("a\u{202e}b\u{200b}c\u{feff}", 99), "a b c ");
        assert_eq!(printable("Zoë 日本", 99), "Zoë 日本");
        assert_eq!(printable("abc", 2), "ab");
    }
}
