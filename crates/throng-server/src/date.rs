//! The day that a model is told.

use std::str::FromStr;

use jiff::civil;
use jiff::tz::TimeZone;

/// The day that a model believes it is. It is part of every prompt's beginning, so prompts of
/// different days share no prefix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Date {
    /// The day of the request, in UTC.
    #[default]
    Today,
    /// Always this one.
    Fixed(civil::Date),
    /// None is told.
    Unsaid,
}

impl Date {
    /// As a conversation carries it: `YYYY-MM-DD`.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Today => Some(jiff::Timestamp::now().to_zoned(TimeZone::UTC).date().to_string()),
            Self::Fixed(date) => Some(date.to_string()),
            Self::Unsaid => None,
        }
    }
}

impl FromStr for Date {
    type Err = UnknownDate;

    fn from_str(text: &str) -> Result<Self, UnknownDate> {
        match text {
            "today" => Ok(Self::Today),
            "none" => Ok(Self::Unsaid),
            _ => text.parse().map(Self::Fixed).map_err(|_| UnknownDate),
        }
    }
}

/// A text that names no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a day is written YYYY-MM-DD; today and none go too")]
pub struct UnknownDate;

/// Seconds since 1970.
pub(crate) fn unix_seconds() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Date;

    #[test]
    fn days_are_read_and_written() {
        let text = |day: &str| day.parse::<Date>().map(|date| date.text());
        assert_eq!(text("2026-11-21"), Ok(Some("2026-11-21".to_owned())));
        assert_eq!(text("none"), Ok(None));
        assert_eq!(text("today").unwrap().map(|today| today.len()), Some(10));
        assert!(text("2026-02-30").is_err());
        assert!(text("tomorrow").is_err());
    }
}
