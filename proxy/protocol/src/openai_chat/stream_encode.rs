//! Writing a stream (TRANSLATION §8).

use crate::codec::Reply;
use crate::error::{ApiError, openai_members};
use crate::ir::{BlockKind, CallStyle, Citation, Delta, Event, Finish, Logprob, State, Usage};
use crate::json::write::{self, Object};
use crate::names::fit_id;
use crate::notes::Notes;
use crate::sse::write_event;
use crate::stream::StreamEncoder;

use super::response::{APART, Signs, chat_id, finish_word};
use super::stream_calls::Opening;
use super::write_message::{call_piece, write_signature};
use super::{annotations, logprobs, usage};

/// Writes chunks.
pub(super) struct Encoder {
    pub(super) reply: Reply,
    /// What every chunk begins with: id, object, time, model, as JSON members.
    head: Vec<u8>,
    /// For each block by number: its choice and place.
    pub(super) blocks: Vec<Place>,
    choices: Vec<Choice>,
    /// A call whose first chunk is not written yet: its signature belongs there, and clients look for it nowhere else.
    pub(super) opening: Option<Opening>,
    /// Tokens of the piece that comes next.
    likely: Option<Likely>,
    usage: Option<Usage>,
    over: bool,
}

/// How likely tokens of a block are, as items of a list.
struct Likely {
    block: u32,
    refusal: bool,
    items: Vec<u8>,
}

/// Where the pieces of a block go.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) choice: u32,
    pub(super) is_call: bool,
    is_refusal: bool,
    /// Of a call: its number among the choice's calls, from 0.
    pub(super) call: u32,
    pub(super) style: CallStyle,
    /// Some of its arguments were written.
    pub(super) filled: bool,
    /// Of text: the length of the choice's text before it, in characters.
    start: u64,
}

struct Choice {
    index: u32,
    /// The length of its text, in characters.
    length: u64,
    /// The text that comes next stands apart from that before.
    apart: bool,
    /// There was reasoning; what comes next of it stands apart.
    thought: bool,
    thought_apart: bool,
    calls: u32,
    signs: Signs,
}

impl Choice {
    fn new(index: u32) -> Self {
        let signs = Signs::default();
        Choice { index, length: 0, apart: false, thought: false, thought_apart: false, calls: 0, signs }
    }

    /// What stands between its text so far and the text that comes next.
    fn gap(&self) -> &'static str {
        if self.apart { APART } else { "" }
    }
}

impl Encoder {
    pub(super) fn new(reply: Reply) -> Self {
        Encoder {
            reply,
            head: Vec::new(),
            blocks: Vec::new(),
            choices: Vec::new(),
            opening: None,
            likely: None,
            usage: None,
            over: false,
        }
    }

    fn start(&mut self, id: &str, model: &str, created: Option<u64>) {
        let id = chat_id(id, &mut self.reply);
        let mut head = Vec::with_capacity(160);
        write::object(&mut head, |o| {
            o.str("id", &id);
            o.str("object", "chat.completion.chunk");
            o.u64("created", created.unwrap_or(self.reply.created));
            o.str("model", self.reply.model(Some(model)));
        });
        // Left open: members of the chunk follow.
        head.pop();
        self.head = head;
    }

    /// Writes one chunk: the head and these members.
    fn chunk(&self, out: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
        write_event(out, "", |out| {
            out.extend_from_slice(&self.head);
            let at = out.len();
            write::object(out, |o| {
                members(o);
            });
            // The members continue the head's object: their opening brace becomes the comma.
            out[at] = b',';
        });
    }

    /// Writes a chunk of one choice.
    pub(super) fn delta(
        &self,
        out: &mut Vec<u8>,
        choice: u32,
        finish: Option<&str>,
        members: impl FnOnce(&mut Object<'_>),
    ) {
        self.marked(out, choice, finish, None, members);
    }

    /// The same, with how likely its tokens are.
    fn marked(
        &self,
        out: &mut Vec<u8>,
        choice: u32,
        finish: Option<&str>,
        likely: Option<&Likely>,
        members: impl FnOnce(&mut Object<'_>),
    ) {
        self.chunk(out, |o| {
            o.list("choices", |l| {
                l.object(|o| {
                    o.u64("index", choice.into());
                    o.object("delta", members);
                    match likely {
                        Some(Likely { refusal: true, items, .. }) => logprobs::write_choice(o, &[], items),
                        Some(Likely { items, .. }) => logprobs::write_choice(o, items, &[]),
                        None => o.null("logprobs"),
                    }
                    match finish {
                        Some(word) => o.str("finish_reason", word),
                        None => o.null("finish_reason"),
                    }
                });
            });
            if self.reply.include_usage {
                o.null("usage");
            }
        });
    }

    /// The choice's state; its first chunk says the role.
    fn choice(&mut self, index: u32, out: &mut Vec<u8>) -> &mut Choice {
        if self.head.is_empty() {
            self.start("", "", None);
        }
        let at = self.choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            self.choices.push(Choice::new(index));
            self.delta(out, index, None, |o| {
                o.str("role", "assistant");
                o.str("content", "");
            });
            self.choices.len() - 1
        });
        &mut self.choices[at]
    }

    fn open(&mut self, choice: u32, kind: &BlockKind<'_>, out: &mut Vec<u8>) {
        let state = self.choice(choice, out);
        let is_refusal = matches!(kind, BlockKind::Refusal);
        let (start, style) = (state.length + annotations::chars(state.gap()), CallStyle::Function);
        let mut place = Place { choice, is_call: false, is_refusal, call: 0, style, filled: false, start };
        if let BlockKind::ToolCall { id, name, style } = kind {
            place.is_call = true;
            place.call = state.calls;
            place.style = *style;
            state.signs.calls = true;
            state.calls += 1;
            let id = if id.is_empty() { self.reply.ids.mint("call_") } else { fit_id(id).into_owned() };
            let block = self.blocks.len() as u32;
            let name = name.to_string();
            self.opening = Some(Opening { block, id, name, style: *style, ended: false });
        }
        self.blocks.push(place);
    }

    pub(super) fn piece(&mut self, block: u32, delta: &Delta<'_>, out: &mut Vec<u8>) {
        let Some(place) = self.blocks.get_mut(block as usize) else { return };
        place.filled |= matches!(delta, Delta::Args(text) if !text.is_empty());
        let place = *place;
        match delta {
            Delta::Text(text) => {
                let state = self.choice(place.choice, out);
                let gap = state.gap();
                state.apart = false;
                state.length += annotations::chars(gap) + annotations::chars(text);
                let likely = self.likely.take_if(|likely| likely.block == block);
                self.marked(out, place.choice, None, likely.as_ref(), |o| {
                    write::concat(o.key("content"), &[gap, text]);
                });
            }
            Delta::Refusal(text) => {
                self.choice(place.choice, out).signs.refuses = true;
                let likely = self.likely.take_if(|likely| likely.block == block);
                self.marked(out, place.choice, None, likely.as_ref(), |o| o.str("refusal", text));
            }
            Delta::Reasoning(text) => {
                if self.reply.show_reasoning && !text.is_empty() {
                    let state = self.choice(place.choice, out);
                    state.thought = true;
                    let gap = if std::mem::take(&mut state.thought_apart) { APART } else { "" };
                    self.delta(out, place.choice, None, |o| {
                        write::concat(o.key("reasoning_content"), &[gap, text]);
                    });
                }
            }
            Delta::Args(text) => self.call(place, out, |o| call_piece(o, place.style, None, text)),
        }
    }

    /// Keeps tokens for the piece that comes next.
    fn keep_tokens(&mut self, block: u32, tokens: &[Logprob<'_>], out: &mut Vec<u8>) {
        let Some(place) = self.blocks.get(block as usize).copied() else { return };
        if self.likely.as_ref().is_some_and(|likely| likely.block != block) {
            self.flush(out);
        }
        let none = || Likely { block, refusal: place.is_refusal, items: Vec::new() };
        logprobs::append(&mut self.likely.get_or_insert_with(none).items, tokens);
    }

    /// Writes a citation; places are counted from the beginning of the message.
    fn cite(&self, block: u32, citation: &Citation<'_>, out: &mut Vec<u8>) {
        let Some(place) = self.blocks.get(block as usize) else { return };
        self.delta(out, place.choice, None, |o| {
            o.list("annotations", |l| {
                l.object(|o| annotations::write_nested(o, citation, place.start));
            });
        });
    }

    /// Writes tokens that no piece came for.
    fn flush(&mut self, out: &mut Vec<u8>) {
        let Some(likely) = self.likely.take() else { return };
        if let Some(place) = self.blocks.get(likely.block as usize) {
            self.marked(out, place.choice, None, Some(&likely), |_| {});
        }
    }

    fn sign(&mut self, block: u32, state: &State<'_>, out: &mut Vec<u8>) {
        if self.opening.as_ref().is_some_and(|opening| opening.block == block) {
            return self.opened(Some(state), out);
        }
        let Some(place) = self.blocks.get(block as usize).copied() else { return };
        // There is no place for that of anything else.
        if place.is_call && state.family == crate::Protocol::Gemini.family() {
            self.call(place, out, |o| {
                // OpenAI's own client wants to see what every piece is a piece of.
                call_piece(o, place.style, None, "");
                write_signature(o, state);
            });
        }
    }

    fn finish(&mut self, choice: u32, finish: Finish, message: Option<&str>, out: &mut Vec<u8>) {
        let state = self.choice(choice, out);
        let explained = message.filter(|text| finish == Finish::Refusal && !text.is_empty());
        let first = !state.signs.refuses;
        state.signs.refuses |= explained.is_some();
        let signs = state.signs;
        if let (Some(text), true) = (explained, first) {
            self.delta(out, choice, None, |o| o.str("refusal", text));
        }
        let (word, warning) = finish_word(finish, &signs);
        warning.into_iter().for_each(|warning| self.reply.notes.tell(warning));
        self.delta(out, choice, Some(word), |_| {});
    }

    fn counts(&mut self, out: &mut Vec<u8>) {
        if let (true, Some(counts)) = (self.reply.include_usage, self.usage.take()) {
            self.chunk(out, |o| {
                o.list("choices", |_| {});
                o.object("usage", |o| usage::write(o, &counts));
            });
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.counts(out);
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

fn write_error(error: &ApiError, out: &mut Vec<u8>) {
    write_event(out, "", |out| write::object(out, |o| o.object("error", |o| openai_members(o, error))));
}

impl StreamEncoder for Encoder {
    fn notes(&self) -> &Notes {
        &self.reply.notes
    }

    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        self.reply.note(event);
        match event {
            Event::Signature { .. } | Event::Usage(_) => {}
            // Whether a call without arguments was cut is said by what follows.
            Event::BlockEnd { block } if self.ends_empty(*block) => return,
            Event::Finish { finish, .. } => self.settle(*finish, out),
            _ => self.settle(Finish::ToolUse, out),
        }
        match event {
            Event::Start { .. } if !self.blocks.is_empty() => {
                self.over = true;
                write_error(&ApiError::restarted(), out);
            }
            Event::Start { id, model, created, .. } => {
                if self.head.is_empty() {
                    self.start(id, model, *created);
                    self.choice(0, out);
                }
            }
            Event::BlockStart { choice, kind, .. } => self.open(*choice, kind, out),
            Event::Delta { block, delta } => self.piece(*block, delta, out),
            Event::Logprobs { block, logprobs } => self.keep_tokens(*block, logprobs, out),
            Event::Citation { block, citation } => self.cite(*block, citation, out),
            Event::Signature { block, state } => self.sign(*block, state, out),
            Event::BlockEnd { block } => {
                self.flush(out);
                self.close(*block, out);
            }
            Event::Finish { choice, finish, message, .. } => {
                self.finish(*choice, *finish, message.as_deref(), out);
            }
            Event::Message { choice } => {
                let state = self.choice(*choice, out);
                (state.apart, state.thought_apart) = (state.length > 0, state.thought);
            }
            Event::Extension(_) => {}
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Error(error) => {
                self.over = true;
                if !self.head.is_empty() {
                    // Of what was used until then.
                    self.counts(out);
                }
                write_error(error, out);
            }
            Event::End => {
                self.over = true;
                self.end(out);
            }
        }
    }
}
