//! The item at hand of a stream being written, and the events that say where its pieces belong.

use crate::json::write::{self, Object};
use crate::sse::write_event;

use super::answer::{Call, Part};

/// The item at hand.
pub(super) enum Open {
    None,
    /// A message: texts that follow each other are its parts.
    Message(Message),
    /// Reasoning; its item opens with the first thing there is to show.
    Thought(Thought),
    /// A call; its item opens once its state, which goes before it, can no longer come.
    Call {
        call: Call,
        begun: bool,
        /// All of it came, as far as its provider says.
        ended: bool,
        arguments: String,
    },
    /// Nothing of it is written.
    Skipped,
}

pub(super) struct Message {
    pub(super) id: String,
    /// Its item was opened.
    pub(super) begun: bool,
    /// Complete parts, as the JSON of a list without its brackets.
    pub(super) parts: Vec<u8>,
    pub(super) count: u32,
    /// The part at hand, opened with its first text.
    pub(super) part: Option<Part>,
    /// How much of the part's log probabilities was written.
    pub(super) likely: usize,
}

#[derive(Default)]
pub(super) struct Thought {
    pub(super) id: String,
    pub(super) begun: bool,
    pub(super) text: String,
    pub(super) state: Option<String>,
}

/// Where the pieces of an item belong.
pub(super) struct Place<'p> {
    pub(super) id: &'p str,
    pub(super) index: u32,
    pub(super) part: (&'static str, u32),
}

impl Place<'_> {
    pub(super) fn write(&self, o: &mut Object<'_>) {
        o.str("item_id", self.id);
        o.u64("output_index", self.index.into());
        o.u64(self.part.0, self.part.1.into());
    }
}

/// Writes an event and counts it.
pub(super) fn event(
    out: &mut Vec<u8>,
    kind: &'static str,
    number: &mut u64,
    members: impl FnOnce(&mut Object<'_>),
) {
    write_event(out, kind, |out| {
        write::object(out, |o| {
            o.str("type", kind);
            members(o);
            o.u64("sequence_number", *number);
        });
    });
    *number += 1;
}

pub(super) fn added(out: &mut Vec<u8>, number: &mut u64, index: u32, item: impl FnOnce(&mut Object<'_>)) {
    event(out, "response.output_item.added", number, |o| {
        o.u64("output_index", index.into());
        o.object("item", item);
    });
}
