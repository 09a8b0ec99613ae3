//! How things look: colours where they are wanted, else bold and dim. Nothing is said by colour
//! alone.

use ratatui::style::{Color, Modifier};
use ratatui::text::Span;

/// Makes pieces of text that look like what they are.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colours: bool,
}

impl Style {
    /// With colours or without.
    pub fn new(colours: bool) -> Self {
        Self { colours }
    }

    /// A number that somebody looks for.
    pub fn plain(&self, text: impl Into<String>) -> Span<'static> {
        Span::raw(text.into())
    }

    /// What a number is.
    pub fn dim(&self, text: impl Into<String>) -> Span<'static> {
        self.with(text, None, Modifier::DIM)
    }

    /// What is most important.
    pub fn strong(&self, text: impl Into<String>) -> Span<'static> {
        self.with(text, None, Modifier::BOLD)
    }

    /// What should not be.
    pub fn bad(&self, text: impl Into<String>) -> Span<'static> {
        self.with(text, Some(Color::Red), Modifier::BOLD)
    }

    /// A curve, or the part of a bar that is in use.
    pub fn used(&self, text: impl Into<String>) -> Span<'static> {
        self.with(text, Some(Color::Cyan), Modifier::empty())
    }

    /// The part of a bar that could be had if need be.
    pub fn spare(&self, text: impl Into<String>) -> Span<'static> {
        self.with(text, Some(Color::Blue), Modifier::empty())
    }

    fn with(
        &self,
        text: impl Into<String>,
        colour: Option<Color>,
        modifier: Modifier,
    ) -> Span<'static> {
        let style = ratatui::style::Style::new().add_modifier(modifier);
        let colour = colour.filter(|_| self.colours);
        Span::styled(text.into(), colour.map_or(style, |colour| style.fg(colour)))
    }
}
