//! Writing a stream (TRANSLATION §8): blocks one after the other, none of them empty.

use std::borrow::Cow;

use crate::account;
use crate::codec::Reply;
use crate::error::ApiError;
use crate::ir::{BlockKind, CallStyle, Delta, Event, Finish, Sequence, State, Usage};
use crate::json::write::{self, Object};
use crate::notes::Notes;
use crate::sse::write_event;
use crate::state::{Trailing, UNSIGNED};
use crate::stream::StreamEncoder;
use crate::{custom, json};

use super::finish::{self, Signs};
use super::response::{carried, estimate, is_hidden, message_id, write_end};
use super::{error, usage};

/// Writes events.
pub(super) struct Encoder {
    sequence: Sequence,
    writer: Writer,
}

/// Writes events whose blocks do not overlap.
struct Writer {
    reply: Reply,
    /// Id and model of a message whose start is not written yet: that waits for the first counts.
    start: Option<(String, String)>,
    /// The start was written.
    begun: bool,
    /// Blocks written so far.
    index: u32,
    open: Option<Open>,
    signs: Signs,
    trailing: Trailing,
    end: Option<End>,
    usage: Option<Usage>,
    over: bool,
}

/// The block at hand.
struct Open {
    kind: Kind,
    /// Its start was written.
    begun: bool,
    /// Something was written after it.
    filled: bool,
}

enum Kind {
    Text,
    Thinking {
        is_signed: bool,
    },
    Redacted,
    Call {
        id: String,
        name: String,
    },
    /// A custom call: its text is wrapped once it is complete.
    Custom {
        id: String,
        name: String,
        text: String,
    },
    /// Nothing of it is written.
    Skipped,
}

struct End {
    finish: Finish,
    native: Option<&'static str>,
    stop_sequence: Option<String>,
    message: Option<String>,
}

impl Encoder {
    pub(super) fn new(reply: Reply) -> Self {
        let writer = Writer {
            reply,
            start: None,
            begun: false,
            index: 0,
            open: None,
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

    fn keep_alive(&self) -> &'static [u8] {
        b"event: ping\ndata: {\"type\": \"ping\"}\n\n"
    }
}

impl Writer {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        self.reply.note(event);
        match event {
            Event::Start { id, model, .. } => self.restart(id, model),
            Event::Usage(counts) => self.usage = Some(*counts),
            Event::BlockStart { choice, kind, .. } => {
                self.begin(out);
                self.close(out);
                self.open = Some(self.opened(*choice, kind));
            }
            Event::Delta { delta, .. } => self.delta(delta, out),
            Event::Logprobs { .. } => self.reply.notes.tell("logprobs_dropped"),
            Event::Citation { .. } => self.reply.notes.tell("annotations_dropped"),
            Event::Message { .. } | Event::Extension(_) => {}
            Event::Signature { state, .. } => self.sign(state, out),
            // Whether a call without arguments was cut is said by what follows.
            Event::BlockEnd { .. } if self.is_empty_call() => {}
            Event::BlockEnd { .. } => self.close(out),
            Event::Finish { choice: 0, finish, native, stop_sequence, message } => {
                self.end = Some(End {
                    finish: *finish,
                    native: finish::own(native, *finish),
                    stop_sequence: stop_sequence.as_deref().map(str::to_owned),
                    message: message.as_deref().map(str::to_owned),
                });
            }
            Event::Finish { .. } => {}
            Event::Error(error) => self.fail(error, out),
            Event::End => self.stop(out),
        }
    }

    /// A message begins; a second one voids the first, as its own protocol has it.
    fn restart(&mut self, id: &str, model: &str) {
        let id = message_id(id, &mut self.reply);
        self.start = Some((id, self.reply.model(Some(model)).to_owned()));
        (self.begun, self.index, self.open) = (false, 0, None);
        (self.signs, self.end, self.usage) = (Signs::default(), None, None);
        self.trailing = Trailing::default();
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.begun {
            return;
        }
        self.begun = true;
        let (id, model) = self
            .start
            .take()
            .unwrap_or_else(|| (message_id("", &mut self.reply), self.reply.model(None).to_owned()));
        let counts = self.usage.unwrap_or(estimate(&self.reply));
        event(out, "message_start", |o| {
            o.object("message", |o| {
                o.str("id", &id);
                o.str("type", "message");
                o.str("role", "assistant");
                o.str("model", &model);
                o.list("content", |_| {});
                o.null("stop_reason");
                o.null("stop_sequence");
                o.object("usage", |o| usage::write(o, &counts));
            });
        });
    }

    fn opened(&mut self, choice: u32, kind: &BlockKind<'_>) -> Open {
        let kind = match kind {
            _ if choice != 0 => Kind::Skipped,
            BlockKind::Text => Kind::Text,
            BlockKind::Refusal => {
                self.signs.refuses = true;
                Kind::Text
            }
            BlockKind::Reasoning => Kind::Thinking { is_signed: false },
            BlockKind::ToolCall { id, name, style } => {
                self.signs.calls = true;
                self.trailing.call();
                let id = if id.is_empty() { self.reply.ids.mint("toolu_") } else { id.to_string() };
                match style {
                    CallStyle::Custom => Kind::Custom { id, name: name.to_string(), text: String::new() },
                    _ => Kind::Call { id, name: name.to_string() },
                }
            }
            BlockKind::Opaque(_) => Kind::Skipped,
        };
        Open { kind, begun: false, filled: false }
    }

    fn delta(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>) {
        let Some(open) = &mut self.open else { return };
        match (&mut open.kind, delta) {
            (Kind::Text, Delta::Text(text) | Delta::Refusal(text)) if !text.is_empty() => {
                self.piece("text_delta", "text", text, out);
            }
            (Kind::Thinking { .. }, Delta::Reasoning(text)) if !text.is_empty() => {
                self.piece("thinking_delta", "thinking", text, out);
            }
            // State came first: the text is a block of its own.
            (Kind::Redacted, Delta::Reasoning(text)) if !text.is_empty() => {
                self.close(out);
                self.open =
                    Some(Open { kind: Kind::Thinking { is_signed: false }, begun: false, filled: false });
                self.piece("thinking_delta", "thinking", text, out);
            }
            (Kind::Call { .. }, Delta::Args(text)) if !text.is_empty() => {
                self.piece("input_json_delta", "partial_json", text, out);
            }
            (Kind::Custom { text, .. }, Delta::Args(more)) => text.push_str(more),
            _ => {}
        }
    }

    /// Writes a piece of the open block, and its start if it is the first.
    fn piece(&mut self, kind: &'static str, key: &'static str, text: &str, out: &mut Vec<u8>) {
        self.open_block(out);
        let index = self.index;
        if let Some(open) = &mut self.open {
            open.filled = true;
        }
        event(out, "content_block_delta", |o| {
            o.u64("index", index.into());
            o.object("delta", |o| {
                o.str("type", kind);
                o.str(key, text);
            });
        });
    }

    fn open_block(&mut self, out: &mut Vec<u8>) {
        let index = self.index;
        let Some(open) = self.open.as_mut().filter(|open| !open.begun) else { return };
        open.begun = true;
        block_start(out, index, |o| match &open.kind {
            Kind::Text | Kind::Redacted | Kind::Skipped => {
                o.str("type", "text");
                o.str("text", "");
            }
            Kind::Thinking { .. } => {
                o.str("type", "thinking");
                o.str("thinking", "");
                o.str("signature", "");
            }
            Kind::Call { id, name } | Kind::Custom { id, name, .. } => {
                o.str("type", "tool_use");
                o.str("id", id);
                o.str("name", name);
                o.raw("input", "{}");
            }
        });
    }

    /// State of reasoning ends it, or is a block of its own if there is no text. That of a call goes before the call,
    /// as long as nothing of it is written.
    fn sign(&mut self, state: &State<'_>, out: &mut Vec<u8>) {
        let Some(open) = &mut self.open else { return };
        match open.kind {
            Kind::Thinking { .. } if !open.begun && is_hidden("", state) => {
                open.begun = true;
                open.kind = Kind::Redacted;
                redacted_start(out, self.index, state);
            }
            Kind::Thinking { .. } => {
                open.kind = Kind::Thinking { is_signed: true };
                self.piece("signature_delta", "signature", &carried(state), out);
            }
            Kind::Call { .. } | Kind::Custom { .. } if !open.begun => {
                redacted_start(out, self.index, state);
                block_stop(out, self.index);
                self.index += 1;
            }
            Kind::Text => self.trailing.keep(state),
            _ => {}
        }
    }

    /// Ends the open block. A call is written though it has no arguments; anything else only if it holds something.
    fn close(&mut self, out: &mut Vec<u8>) {
        match self.open.as_mut().map(|open| (open.filled, &mut open.kind)) {
            Some((true, Kind::Thinking { is_signed: false })) => {
                self.piece("signature_delta", "signature", UNSIGNED, out);
            }
            Some((false, Kind::Call { .. })) => self.piece("input_json_delta", "partial_json", "{}", out),
            Some((_, Kind::Custom { text, .. })) => {
                let wrapped: json::Json<'_> = custom::wrap(&std::mem::take(text));
                self.piece("input_json_delta", "partial_json", wrapped.get(), out);
            }
            _ => {}
        }
        if self.open.take().is_some_and(|open| open.begun) {
            block_stop(out, self.index);
            self.index += 1;
        }
    }

    fn is_empty_call(&self) -> bool {
        matches!(&self.open, Some(Open { filled: false, kind: Kind::Call { .. }, .. }))
    }

    fn stop(&mut self, out: &mut Vec<u8>) {
        self.over = true;
        self.begin(out);
        if self.is_empty_call() && self.end.as_ref().is_some_and(|end| end.finish.breaks_off()) {
            self.open = None;
            self.reply.notes.tell(account::CALL_DROPPED);
        }
        self.close(out);
        if let Some(state) = self.trailing.take() {
            redacted_start(out, self.index, &state);
            block_stop(out, self.index);
        }
        if self.trailing.lost {
            self.reply.notes.tell("reasoning_state_dropped");
        }
        let end = self.end.take().unwrap_or(End {
            finish: Finish::Unknown,
            native: None,
            stop_sequence: None,
            message: None,
        });
        let signs = Signs { stop_text: end.stop_sequence.is_some(), ..self.signs };
        let (word, warning) = finish::word(end.finish, signs);
        warning
            .filter(|_| end.native.is_none())
            .into_iter()
            .for_each(|warning| self.reply.notes.tell(warning));
        let word = end.native.unwrap_or(word);
        let counts = self.usage.unwrap_or(estimate(&self.reply));
        event(out, "message_delta", |o| {
            o.object("delta", |o| {
                write_end(o, word, end.stop_sequence.as_deref(), end.message.as_deref());
            });
            o.object("usage", |o| usage::write(o, &counts));
        });
        event(out, "message_stop", |_| {});
    }

    fn fail(&mut self, failure: &ApiError, out: &mut Vec<u8>) {
        self.over = true;
        write_event(out, "error", |out| error::write_event_data(out, failure));
    }
}

fn event(out: &mut Vec<u8>, kind: &'static str, members: impl FnOnce(&mut Object<'_>)) {
    write_event(out, kind, |out| {
        write::object(out, |o| {
            o.str("type", kind);
            members(o);
        });
    });
}

fn block_start(out: &mut Vec<u8>, index: u32, block: impl FnOnce(&mut Object<'_>)) {
    event(out, "content_block_start", |o| {
        o.u64("index", index.into());
        o.object("content_block", block);
    });
}

fn redacted_start(out: &mut Vec<u8>, index: u32, state: &State<'_>) {
    let data: Cow<'_, str> = carried(state);
    block_start(out, index, |o| {
        o.str("type", "redacted_thinking");
        o.str("data", &data);
    });
}

fn block_stop(out: &mut Vec<u8>, index: u32) {
    event(out, "content_block_stop", |o| o.u64("index", index.into()));
}
