//! The places of an answer in Harmony: thoughts in the channel `analysis`, preambles to calls in
//! `commentary`, the text in `final`, calls in either of the first two. The ways between them are
//! the headers of the format, and no others.

use super::frame::{Frame, OVER};
use super::place::{Place, Text};
use super::plan::Plan;
use super::ways::{Part, Way};
use crate::harmony::Tokens;

/// Who answers.
const AUTHOR: &str = "assistant";
/// The place of the text; the calls come next, then two sections.
const TEXT: u16 = 0;
/// Places of a section.
const SECTION: u16 = 4;
/// The first: behind the author.
const START: u16 = 0;
/// A thought.
const THOUGHT: u16 = 1;
/// A preamble.
const PREAMBLE: u16 = 2;
/// Behind a message.
const BETWEEN: u16 = 3;

/// Makes the frame of an answer.
pub(super) fn frame(tokens: &Tokens, plan: &Plan) -> Frame {
    let first = TEXT + 1 + plan.calls.len() as u16;
    let second = first + SECTION;
    let formed = plan.content.is_some();
    let mut text = Place { ends: true, ..place(plan.content, Vec::new()) };
    if !formed {
        text.ways.push(Way::new(&[Part::Token(tokens.end)], first + BETWEEN));
    }
    let mut places = vec![text];
    for (_, grammar) in &plan.calls {
        places.push(place(*grammar, vec![Way::new(&[Part::Token(tokens.call)], OVER)]));
    }
    // What a person reads beside a text with a form would not have it. So there a preamble is one
    // to a call, which then must come.
    let bound = (formed && !plan.required && !plan.calls.is_empty()).then_some(second);
    let spoken = !formed || plan.required;
    let preamble = if spoken { Some(first) } else { bound };
    let open = Section { base: first, says: !plan.required, preamble };
    places.extend(open.places(tokens, plan));
    if let Some(base) = bound {
        let section = Section { base, says: false, preamble: bound };
        places.extend(section.places(tokens, plan));
    }
    Frame::new(places, first + START)
}

fn place(grammar: Option<usize>, ways: Vec<Way>) -> Place {
    let text = grammar.map_or(Text::Free, Text::Formed);
    Place { text, ..Place::free(ways) }
}

/// Messages that may follow one another.
#[derive(Clone, Copy)]
struct Section {
    /// Its first place.
    base: u16,
    /// Whether the text may be among them.
    says: bool,
    /// Whether preambles may be, and the section that follows one.
    preamble: Option<u16>,
}

impl Section {
    fn places(self, tokens: &Tokens, plan: &Plan) -> [Place; SECTION as usize] {
        let end = |to| Way::new(&[Part::Token(tokens.end)], to);
        let mut start = Place::crossing(Vec::new());
        self.headers(tokens, plan, &mut start.ways);
        let mut preamble = Place::free(vec![end(self.preamble.unwrap_or(self.base) + BETWEEN)]);
        preamble.ends = self.says && plan.content.is_none();
        let author = [Part::Token(tokens.start), Part::Text(AUTHOR)];
        [
            start,
            Place::free(vec![end(self.base + BETWEEN)]),
            preamble,
            Place::crossing(vec![Way::new(&author, self.base + START)]),
        ]
    }

    /// What may follow the author.
    fn headers(self, tokens: &Tokens, plan: &Plan, ways: &mut Vec<Way>) {
        let (channel, message) = (Part::Token(tokens.channel), Part::Token(tokens.message));
        let (constrain, json) = (Part::Token(tokens.constrain), Part::Text("json"));
        let ends: [&[Part<'_>]; 3] =
            [&[message], &[Part::Text(" "), constrain, json, message], &[constrain, json, message]];
        let mut add = |head: &[Part<'_>], end: &[Part<'_>], to| {
            ways.push(Way::new(&[head, end].concat(), to));
        };
        let own = |name| [channel, Part::Text(name)];
        add(&own("analysis"), ends[0], self.base + THOUGHT);
        if self.preamble.is_some() {
            add(&own("commentary"), ends[0], self.base + PREAMBLE);
        }
        if self.says {
            let json = plan.json || plan.content.is_none();
            let ends = if json { &ends[..] } else { &ends[..1] };
            ends.iter().for_each(|end| add(&own("final"), end, TEXT));
        }
        for ((name, _), place) in plan.calls.iter().zip(TEXT + 1..) {
            let to = format!(" to=functions.{name}");
            let to = Part::Text(&to);
            for name in ["commentary", "analysis"].map(Part::Text) {
                for head in [[channel, name, to], [to, channel, name]] {
                    ends.iter().for_each(|end| add(&head, end, place));
                }
            }
        }
    }
}
