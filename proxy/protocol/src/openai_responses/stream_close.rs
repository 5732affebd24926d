//! The ends of items in a stream: everything that began is said to be done, complete or not.

use crate::json::write::{self, Object};

use crate::state::UNSIGNED;

use super::answer::{Call, Ending, write_message, write_reasoning};
use super::stream_encode::Writer;
use super::stream_items::{Message, Open, Place, Thought, added, event};
use super::write_item::write_thought;

impl Writer {
    /// Completes the part at hand of a message.
    pub(super) fn close_part(&mut self, out: &mut Vec<u8>) {
        let (index, number) = (self.items.count, &mut self.number);
        let Open::Message(message) = &mut self.open else { return };
        let Some(part) = message.part.take().filter(|part| !part.text.is_empty()) else { return };
        let place = Place { id: &message.id, index, part: ("content_index", message.count) };
        let kind = if part.refusal { "response.refusal.done" } else { "response.output_text.done" };
        event(out, kind, number, |o| {
            place.write(o);
            o.str(if part.refusal { "refusal" } else { "text" }, &part.text);
            if !part.refusal {
                o.items("logprobs", &part.logprobs);
            }
        });
        event(out, "response.content_part.done", number, |o| {
            place.write(o);
            o.object("part", |o| part.write(o));
        });
        message.count += 1;
        if !message.parts.is_empty() {
            message.parts.push(b',');
        }
        write::object(&mut message.parts, |o| part.write(o));
    }

    /// Completes the item at hand, if anything of it is to be written.
    pub(super) fn close(&mut self, out: &mut Vec<u8>) {
        self.close_as(Ending::Complete, out);
    }

    /// Ends the item at hand where the stream broke off: only if it began.
    pub(super) fn cut(&mut self, out: &mut Vec<u8>) {
        let ending = match &self.open {
            Open::Call { begun: false, .. } => return self.open = Open::None,
            Open::Call { ended: true, arguments, call, .. } if call.is_whole(arguments) => Ending::Complete,
            _ => Ending::Cut,
        };
        self.close_as(ending, out);
    }

    /// Ends the item at hand, if anything of it is to be written.
    pub(super) fn close_as(&mut self, ending: Ending, out: &mut Vec<u8>) {
        self.close_part(out);
        self.open_call(out);
        match std::mem::replace(&mut self.open, Open::None) {
            Open::Message(message) if message.begun => self.message(&message, ending, out),
            Open::Thought(thought) if thought.begun || thought.state.is_some() => {
                self.thought(&thought, ending, out);
            }
            Open::Call { call, arguments, .. } => self.call(&call, arguments, ending, out),
            Open::None | Open::Skipped | Open::Message(_) | Open::Thought(_) => {}
        }
    }

    fn message(&mut self, message: &Message, ending: Ending, out: &mut Vec<u8>) {
        self.done(out, |o| write_message(o, &message.id, ending.status(), &message.parts));
    }

    pub(super) fn thought(&mut self, thought: &Thought, ending: Ending, out: &mut Vec<u8>) {
        let index = self.items.count;
        let place = Place { id: &thought.id, index, part: ("summary_index", 0) };
        if !thought.begun {
            added(out, &mut self.number, index, |o| write_reasoning(o, &thought.id, "", None));
        }
        if !thought.text.is_empty() {
            event(out, "response.reasoning_summary_text.done", &mut self.number, |o| {
                place.write(o);
                o.str("text", &thought.text);
            });
            event(out, "response.reasoning_summary_part.done", &mut self.number, |o| {
                place.write(o);
                o.object("part", |o| write_thought(o, &thought.text));
            });
        }
        self.done(out, |o| {
            write_reasoning(
                o,
                &thought.id,
                &thought.text,
                Some(thought.state.as_deref().unwrap_or(UNSIGNED)),
            );
            if ending == Ending::Cut {
                o.str("status", ending.status());
            }
        });
    }

    /// Arguments are never empty, unless they are free text. Nobody is told that those of a call that was cut are all.
    fn call(&mut self, call: &Call, mut arguments: String, ending: Ending, out: &mut Vec<u8>) {
        let index = self.items.count;
        if ending == Ending::Complete {
            if arguments.is_empty() && !call.is_custom() {
                arguments.push_str("{}");
                event(out, call.event(false), &mut self.number, |o| {
                    o.str("item_id", &call.id);
                    o.u64("output_index", index.into());
                    o.str("delta", &arguments);
                });
            }
            event(out, call.event(true), &mut self.number, |o| {
                o.str("item_id", &call.id);
                o.u64("output_index", index.into());
                o.str(if call.is_custom() { "input" } else { "arguments" }, &arguments);
            });
        }
        self.done(out, |o| call.write(o, ending.status(), &arguments));
    }

    /// Keeps an item for the response and says that it is done.
    fn done(&mut self, out: &mut Vec<u8>, item: impl FnOnce(&mut Object<'_>)) {
        let index = self.items.count;
        let item = self.items.add(item);
        event(out, "response.output_item.done", &mut self.number, |o| {
            o.u64("output_index", index.into());
            o.key("item").extend_from_slice(item);
        });
    }
}
