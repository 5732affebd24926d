//! Writing a stream (TRANSLATION §8): items one after the other, each with everything its end needs.

use crate::codec::Reply;
use crate::error::ApiError;
use crate::ir::{BlockKind, Citation, Delta, Event, Finish, Logprob, Sequence, State, Usage};
use crate::notes::Notes;
use crate::openai_chat::{annotations, logprobs};
use crate::state::Trailing;
use crate::stream::StreamEncoder;

use super::answer::{
    Call, Ending, Head, Items, Part, Progress, Told, carried, write_message, write_reasoning,
};
use super::error;
use super::finish::{self, Signs};
use super::stream_items::{Message, Open, Place, Thought, added, event};
use super::write_item::write_thought;

/// Writes events.
pub(super) struct Encoder {
    sequence: Sequence,
    writer: Writer,
}

/// Writes events whose blocks do not overlap.
pub(super) struct Writer {
    reply: Reply,
    head: Option<Head>,
    /// The number of the next event.
    pub(super) number: u64,
    pub(super) items: Items,
    pub(super) open: Open,
    signs: Signs,
    trailing: Trailing,
    end: Option<(Finish, Option<String>)>,
    usage: Option<Usage>,
    over: bool,
}

impl Encoder {
    pub(super) fn new(reply: Reply) -> Self {
        let writer = Writer {
            reply,
            head: None,
            number: 0,
            items: Items::default(),
            open: Open::None,
            signs: Signs::default(),
            trailing: Trailing::default(),
            end: None,
            usage: None,
            over: false,
        };
        Encoder { sequence: Sequence::default(), writer }
    }
}

impl StreamEncoder for Encoder {
    fn notes(&self) -> &Notes {
        &self.writer.reply.notes
    }

    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        let writer = &mut self.writer;
        self.sequence.event(event, &mut |event: Event<'_>| writer.event(&event, out));
    }
}

impl Writer {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        self.reply.note(event);
        match event {
            Event::Start { .. } if self.items.count > 0 || !matches!(self.open, Open::None) => {
                self.fail(&ApiError::restarted(), out);
            }
            Event::Start { id, model, created, service_tier } => {
                let service_tier = service_tier.as_deref();
                self.begin(Told { id, model, created: *created, service_tier }, out);
            }
            Event::Usage(counts) => self.usage = Some(*counts),
            Event::BlockStart { choice, kind, .. } => {
                self.begin(Told::default(), out);
                self.start(*choice, kind, out);
            }
            Event::Delta { delta, .. } => self.delta(delta, out),
            Event::Logprobs { logprobs, .. } => self.keep_tokens(logprobs),
            Event::Citation { citation, .. } => self.cite(citation, out),
            Event::Message { .. } | Event::Extension(_) => {}
            Event::Signature { state, .. } => self.sign(state, out),
            Event::BlockEnd { .. } => self.block_end(out),
            Event::Finish { choice: 0, finish, message, .. } => {
                self.end = Some((*finish, message.as_deref().map(str::to_owned)));
            }
            Event::Finish { .. } => {}
            Event::Error(failure) => self.fail(failure, out),
            Event::End => self.stop(out),
        }
    }

    fn begin(&mut self, told: Told<'_>, out: &mut Vec<u8>) {
        if self.head.is_some() {
            return;
        }
        self.head = Some(Head::of(told, &mut self.reply));
        self.response(out, "response.created", "in_progress", None, None);
        self.response(out, "response.in_progress", "in_progress", None, None);
    }

    /// Writes an event with the whole response.
    fn response(
        &mut self,
        out: &mut Vec<u8>,
        kind: &'static str,
        status: &str,
        reason: Option<&str>,
        error: Option<&ApiError>,
    ) {
        let none = Head::default();
        let head = self.head.as_ref().unwrap_or(&none);
        let usage = self.usage.unwrap_or_default();
        let usage = (status != "in_progress" && status != "failed").then_some(&usage);
        let progress =
            Progress { status, reason, error, usage: usage.or(self.usage.as_ref()), items: &self.items };
        event(out, kind, &mut self.number, |o| {
            o.object("response", |o| head.write(o, &progress, &self.reply));
        });
    }

    fn start(&mut self, choice: u32, kind: &BlockKind<'_>, out: &mut Vec<u8>) {
        let refusal = match kind {
            BlockKind::Text if choice == 0 => false,
            BlockKind::Refusal if choice == 0 => true,
            _ => {
                self.close(out);
                self.open = match kind {
                    BlockKind::Reasoning if choice == 0 => {
                        Open::Thought(Thought { id: self.reply.ids.mint("rs_"), ..Thought::default() })
                    }
                    BlockKind::ToolCall { id, name, style } if choice == 0 => {
                        self.signs.calls = true;
                        self.trailing.call();
                        let call = Call::new(id, name, *style, &mut self.reply);
                        Open::Call { call, begun: false, ended: false, arguments: String::new() }
                    }
                    _ => Open::Skipped,
                };
                return;
            }
        };
        if !matches!(self.open, Open::Message(_)) {
            self.close(out);
            let id = self.reply.ids.mint("msg_");
            self.open = Open::Message(Message {
                id,
                begun: false,
                parts: Vec::new(),
                count: 0,
                part: None,
                likely: 0,
            });
        }
        if let Open::Message(message) = &mut self.open {
            message.part = Some(Part { refusal, ..Part::default() });
            message.likely = 0;
        }
    }

    fn delta(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>) {
        match delta {
            Delta::Text(text) | Delta::Refusal(text) if !text.is_empty() => self.say(text, out),
            Delta::Reasoning(text) if !text.is_empty() && self.reply.show_reasoning => self.think(text, out),
            Delta::Args(text) if !text.is_empty() => self.argue(text, out),
            _ => {}
        }
    }

    fn say(&mut self, text: &str, out: &mut Vec<u8>) {
        let (index, number) = (self.items.count, &mut self.number);
        let Open::Message(message) = &mut self.open else { return };
        let Some(part) = &mut message.part else { return };
        self.signs.refuses |= part.refusal;
        if !message.begun {
            message.begun = true;
            added(out, number, index, |o| write_message(o, &message.id, "in_progress", b""));
        }
        let place = Place { id: &message.id, index, part: ("content_index", message.count) };
        if part.text.is_empty() {
            event(out, "response.content_part.added", number, |o| {
                place.write(o);
                o.object("part", |o| Part { refusal: part.refusal, ..Part::default() }.write(o));
            });
        }
        part.text.push_str(text);
        let likely = part.logprobs.get(message.likely..).unwrap_or_default();
        message.likely = part.logprobs.len();
        let kind = if part.refusal { "response.refusal.delta" } else { "response.output_text.delta" };
        event(out, kind, number, |o| {
            place.write(o);
            o.str("delta", text);
            if !part.refusal {
                o.items("logprobs", likely.strip_prefix(b",").unwrap_or(likely));
            }
        });
    }

    /// Keeps tokens for the text that comes next.
    fn keep_tokens(&mut self, tokens: &[Logprob<'_>]) {
        match &mut self.open {
            Open::Message(Message { part: Some(part), .. }) if !part.refusal => {
                logprobs::append(&mut part.logprobs, tokens);
            }
            _ => self.reply.notes.tell("logprobs_dropped"),
        }
    }

    fn cite(&mut self, citation: &Citation<'_>, out: &mut Vec<u8>) {
        let (index, number) = (self.items.count, &mut self.number);
        let Open::Message(message) = &mut self.open else { return };
        let Some(part) = message.part.as_mut().filter(|part| !part.text.is_empty()) else { return };
        let place = Place { id: &message.id, index, part: ("content_index", message.count) };
        event(out, "response.output_text.annotation.added", number, |o| {
            place.write(o);
            o.u64("annotation_index", part.cited.into());
            o.object("annotation", |o| annotations::write_flat(o, citation));
        });
        part.cite(citation);
    }

    fn think(&mut self, text: &str, out: &mut Vec<u8>) {
        let (index, number) = (self.items.count, &mut self.number);
        let Open::Thought(thought) = &mut self.open else { return };
        let place = Place { id: &thought.id, index, part: ("summary_index", 0) };
        if !thought.begun {
            thought.begun = true;
            added(out, number, index, |o| write_reasoning(o, &thought.id, "", None));
        }
        if thought.text.is_empty() {
            event(out, "response.reasoning_summary_part.added", number, |o| {
                place.write(o);
                o.object("part", |o| write_thought(o, ""));
            });
        }
        thought.text.push_str(text);
        event(out, "response.reasoning_summary_text.delta", number, |o| {
            place.write(o);
            o.str("delta", text);
        });
    }

    fn argue(&mut self, text: &str, out: &mut Vec<u8>) {
        self.open_call(out);
        let (index, number) = (self.items.count, &mut self.number);
        let Open::Call { call, arguments, .. } = &mut self.open else { return };
        arguments.push_str(text);
        event(out, call.event(false), number, |o| {
            o.str("item_id", &call.id);
            o.u64("output_index", index.into());
            o.str("delta", text);
        });
    }

    pub(super) fn open_call(&mut self, out: &mut Vec<u8>) {
        let index = self.items.count;
        if let Open::Call { call, begun: begun @ false, .. } = &mut self.open {
            *begun = true;
            added(out, &mut self.number, index, |o| call.write(o, "in_progress", ""));
        }
    }

    /// State is that of the reasoning at hand, or goes before the call that it signs.
    fn sign(&mut self, state: &State<'_>, out: &mut Vec<u8>) {
        let data = carried(state);
        match &mut self.open {
            Open::Thought(thought) => thought.state = Some(data.into_owned()),
            Open::Message(_) => self.trailing.keep(state),
            Open::Call { begun: false, .. } => {
                let call = std::mem::replace(&mut self.open, Open::None);
                let id = self.reply.ids.mint("rs_");
                let state = Some(data.into_owned());
                self.open = Open::Thought(Thought { id, state, ..Thought::default() });
                self.close(out);
                self.open = call;
            }
            _ => {}
        }
    }

    /// A block ends: a message stays open for more parts, and a call until it is known whether the token limit cut
    /// it: nothing follows then. Everything else is complete.
    fn block_end(&mut self, out: &mut Vec<u8>) {
        match &mut self.open {
            Open::Message(_) => self.close_part(out),
            Open::Call { ended, .. } => {
                *ended = true;
                self.open_call(out);
            }
            _ => self.close(out),
        }
    }

    fn stop(&mut self, out: &mut Vec<u8>) {
        self.begin(Told::default(), out);
        let (finish, message) = self.end.take().unwrap_or((Finish::Unknown, None));
        if let (Finish::Refusal, Some(text), false) = (finish, &message, self.signs.refuses) {
            self.close_part(out);
            self.start(0, &BlockKind::Refusal, out);
            self.say(text, out);
        }
        self.close_as(if finish == Finish::Length { Ending::Cut } else { Ending::Complete }, out);
        if let Some(state) = self.trailing.take() {
            let (id, state) = (self.reply.ids.mint("rs_"), Some(carried(&state).into_owned()));
            self.thought(&Thought { id, state, ..Thought::default() }, Ending::Complete, out);
        }
        if self.trailing.lost {
            self.reply.notes.tell("reasoning_state_dropped");
        }
        let end = finish::word(finish, self.signs);
        end.warning.into_iter().for_each(|warning| self.reply.notes.tell(warning));
        let kind = if end.reason.is_some() { "response.incomplete" } else { "response.completed" };
        self.response(out, kind, end.status, end.reason, None);
        self.over = true;
    }

    /// The response that failed holds what was sent of it.
    fn fail(&mut self, failure: &ApiError, out: &mut Vec<u8>) {
        self.begin(Told::default(), out);
        self.cut(out);
        event(out, "error", &mut self.number, |o| error::write_event(o, failure));
        self.response(out, "response.failed", "failed", None, Some(failure));
        self.over = true;
    }
}
