//! Where in its frame an answer is.

/// Where in its frame an answer is. Kept for each token, so it is small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// In a place, where so many newlines may come yet before anything else.
    At { place: u16, newlines: u8, matched: Matched },
    /// On those of a place's ways that begin with the first `passed` symbols of way `way`.
    On { place: u16, way: u16, passed: u16 },
    /// Nothing may come.
    Over,
}

/// How much of a tag the text so far ends with: the first `bytes` bytes of tag `tag`, and so of all
/// tags that begin alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Matched {
    pub(super) tag: u8,
    pub(super) bytes: u8,
}
