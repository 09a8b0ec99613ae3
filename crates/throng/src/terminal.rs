//! What goes where: answers to standard output, everything else to standard error, colours only
//! where a person looks and `NO_COLOR` is not set.

use std::ffi::OsStr;
use std::io::{IsTerminal, Write, stderr, stdout};

const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// Writes an answer as it comes: what the model thinks dim on standard error, what it says on
/// standard output.
pub struct Terminal {
    colours: bool,
    /// Whether the last thing written was reasoning, whose line is still open.
    thinking: bool,
    /// Whether standard output's line is open.
    open: bool,
}

impl Terminal {
    /// Looks at where standard error goes.
    pub fn new() -> Self {
        let colours = stderr().is_terminal() && wants_colour();
        Self { colours, thinking: false, open: false }
    }

    /// More of what the model thinks.
    pub fn reasoning(&mut self, text: &str) -> std::io::Result<()> {
        self.thinking = true;
        self.dim(text)
    }

    /// More of what it says.
    pub fn content(&mut self, text: &str) -> std::io::Result<()> {
        self.end_reasoning()?;
        self.open = !text.ends_with('\n');
        let mut out = stdout();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// The answer is over: ends open lines.
    pub fn end(&mut self) -> std::io::Result<()> {
        self.end_reasoning()?;
        if std::mem::take(&mut self.open) {
            writeln!(stdout())?;
        }
        Ok(())
    }

    /// A remark about the answer, for a person who watches.
    pub fn remark(&self, text: &str) -> std::io::Result<()> {
        if stderr().is_terminal() {
            self.dim(text)?;
            writeln!(stderr())?;
        }
        Ok(())
    }

    /// What must be known to read the answer rightly, whoever reads it.
    pub fn note(&self, text: &str) -> std::io::Result<()> {
        writeln!(stderr(), "note: {text}")
    }

    fn end_reasoning(&mut self) -> std::io::Result<()> {
        if std::mem::take(&mut self.thinking) {
            write!(stderr(), "\n\n")?;
        }
        Ok(())
    }

    fn dim(&self, text: &str) -> std::io::Result<()> {
        let (dim, plain) = if self.colours { (DIM, PLAIN) } else { ("", "") };
        write!(stderr(), "{dim}{text}{plain}")?;
        stderr().flush()
    }
}

/// Whether whoever looks at a terminal wants colours there.
pub fn wants_colour() -> bool {
    allows_colour(std::env::var_os("NO_COLOR").as_deref())
}

/// As no-color.org has it: an empty `NO_COLOR` says nothing.
fn allows_colour(no_color: Option<&OsStr>) -> bool {
    no_color.is_none_or(OsStr::is_empty)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::allows_colour;

    #[test]
    fn only_a_no_color_that_says_something_counts() {
        assert!(allows_colour(None) && allows_colour(Some(OsStr::new(""))));
        assert!(!allows_colour(Some(OsStr::new("0"))));
    }
}
