//! Server-sent events (WHATWG HTML, section 9.2), read from bytes as they come, from any peer.
//!
//! It forgives what peers do beside the letter: an event without its blank line at the end of the
//! stream, and the field `error:` that some write instead of an event of that name.

/// Bytes of one event at most: its data lines together, or one line of any kind.
const MAX_EVENT_BYTES: usize = 8 << 20;

/// An event is longer than anything that a server of tokens has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event has more than {MAX_EVENT_BYTES} bytes")]
pub(crate) struct TooLong;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// What the field `event` says; empty where nothing did.
    pub(crate) name: String,
    /// The data lines, joined by line feeds.
    pub(crate) data: String,
}

/// Bytes in, events out.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    /// The line that is not over yet.
    line: Vec<u8>,
    /// Whether the last byte ended a line as a carriage return, whose line feed may follow.
    after_return: bool,
    /// Whether a line was seen: a byte order mark may stand before the first.
    begun: bool,
    /// The event that is not over yet, and whether it has data.
    event: Event,
    has_data: bool,
}

impl Parser {
    /// Reads more bytes and appends the events that they complete.
    ///
    /// # Errors
    /// An event grows beyond all reason; nothing after it can be read.
    pub(crate) fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), TooLong> {
        for &byte in bytes {
            let second_of_pair = std::mem::take(&mut self.after_return) && byte == b'\n';
            match byte {
                b'\n' if second_of_pair => {}
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    self.end_line(events)?;
                }
                _ if self.line.len() >= MAX_EVENT_BYTES => return Err(TooLong),
                _ => self.line.push(byte),
            }
        }
        Ok(())
    }

    /// The stream is over: the event that nothing ended, if there is one.
    pub(crate) fn finish(mut self) -> Option<Event> {
        let mut events = Vec::new();
        // What is too long to be an event is none.
        self.end_line(&mut events).ok()?;
        self.end_event(&mut events);
        events.pop()
    }

    fn end_line(&mut self, events: &mut Vec<Event>) -> Result<(), TooLong> {
        let bytes = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&bytes);
        let mut line = text.as_ref();
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            self.end_event(events);
            return Ok(());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "data" => self.add_data(value)?,
            "error" => {
                "error".clone_into(&mut self.event.name);
                self.add_data(value)?;
            }
            // Comments have an empty name; `id` and `retry` are for those who reconnect.
            _ => {}
        }
        Ok(())
    }

    fn add_data(&mut self, value: &str) -> Result<(), TooLong> {
        if self.event.data.len() + value.len() > MAX_EVENT_BYTES {
            return Err(TooLong);
        }
        if std::mem::replace(&mut self.has_data, true) {
            self.event.data.push('\n');
        }
        self.event.data.push_str(value);
        Ok(())
    }

    fn end_event(&mut self, events: &mut Vec<Event>) {
        let event = std::mem::take(&mut self.event);
        if std::mem::take(&mut self.has_data) {
            events.push(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All events of a stream that comes in pieces of `size` bytes.
    fn read(bytes: &[u8], size: usize) -> Vec<(String, String)> {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        for piece in bytes.chunks(size) {
            parser.push(piece, &mut events).unwrap();
        }
        events.extend(parser.finish());
        events.into_iter().map(|event| (event.name, event.data)).collect()
    }

    fn event(name: &str, data: &str) -> (String, String) {
        (name.to_owned(), data.to_owned())
    }

    #[test]
    fn every_way_to_end_a_line_and_any_cut_give_the_same_events() {
        let text = "\u{feff}: comment\ndata: {\"é\":1}\n\nid: 7\ndata:two\ndata:  lines\n\n\n\
                    event: error\ndata\n\nretry: 3\n\nerror: {}\n\ndata: [DONE]";
        let expected = vec![
            event("", "{\"é\":1}"),
            event("", "two\n lines"),
            event("error", ""),
            event("error", "{}"),
            event("", "[DONE]"),
        ];
        for ending in ["\n", "\r\n", "\r"] {
            let text = text.replace('\n', ending);
            for size in 1..=text.len() {
                assert_eq!(read(text.as_bytes(), size), expected, "{ending:?} by {size}");
            }
        }
    }

    #[test]
    fn a_name_alone_is_no_event_and_names_do_not_last() {
        assert_eq!(read(b"event: a\n\ndata: x\n\n", 3), [event("", "x")]);
        assert_eq!(read(b"event: a", 3), []);
    }

    #[test]
    fn a_line_and_an_event_without_end_are_refused() {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        let piece = vec![b'x'; 1 << 20];
        assert!((0..9).any(|_| parser.push(&piece, &mut events) == Err(TooLong)));
        let mut parser = Parser::default();
        let line = [b"data:", &piece[..], b"\n"].concat();
        assert!((0..9).any(|_| parser.push(&line, &mut events) == Err(TooLong)));
        assert_eq!(events, []);
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_cut_give_the_same_events(
            bytes in prop::collection::vec(prop::sample::select(&b"data: \r\n\xff\xc3\xa9"[..]), 0..64),
            size in 1_usize..9,
        ) {
            prop_assert_eq!(read(&bytes, size), read(&bytes, bytes.len().max(1)));
        }
    }
}
