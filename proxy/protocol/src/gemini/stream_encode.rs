//! Writing a stream (TRANSLATION §8).

use crate::account;
use crate::codec::Reply;
use crate::error::{ApiError, ErrorKind};
use crate::ir::{BlockKind, CallStyle, Delta, Event, Finish, Logprob, State, Usage};
use crate::json::write::{self, List, Object};
use crate::notes::Notes;
use crate::sse::write_event;
use crate::stream::{Framing, StreamEncoder};

use super::write_part::{self, Thoughts};
use super::{error, finish, logprobs, usage};

/// Writes chunks.
pub(super) struct Encoder {
    reply: Reply,
    id: String,
    model: String,
    /// By number.
    blocks: Vec<Block>,
    choices: Vec<Choice>,
    usage: Option<Usage>,
    /// Chunks were written.
    written: bool,
    over: bool,
}

struct Block {
    choice: usize,
    kind: Kind,
}

enum Kind {
    Text,
    Thought {
        /// A piece of it was written.
        shown: bool,
    },
    Call(Box<Call>),
    /// What Gemini has no part for.
    Other,
}

/// A call, written when it is complete.
struct Call {
    id: String,
    name: String,
    style: CallStyle,
    args: String,
    signature: Option<String>,
}

struct Choice {
    index: u32,
    thoughts: Thoughts,
    /// Tokens of the text that comes next.
    tokens: Vec<Logprob<'static>>,
    /// Anything was said or called; anything was called.
    spoke: bool,
    calls: bool,
    /// The arguments of a call are no object.
    broken: bool,
    /// The last call, of whose arguments nothing came. If the answer breaks off here, it was cut.
    empty: Option<Box<Call>>,
    finish: Option<(String, Option<String>)>,
}

impl Encoder {
    pub(super) fn new(reply: Reply) -> Self {
        Encoder {
            reply,
            id: String::new(),
            model: String::new(),
            blocks: Vec::new(),
            choices: Vec::new(),
            usage: None,
            written: false,
            over: false,
        }
    }

    /// Begins, or begins again: what was not written yet is void.
    fn start(&mut self, id: &str, model: &str) {
        self.blocks.iter_mut().for_each(|block| block.kind = Kind::Other);
        self.choices.iter_mut().for_each(|choice| {
            (choice.broken, choice.empty, choice.calls) = (false, None, false);
            choice.tokens.clear();
        });
        self.id = if id.is_empty() { self.reply.ids.mint("") } else { id.to_owned() };
        self.model = self.reply.model(Some(model)).to_owned();
    }

    /// Writes a frame around an object.
    fn frame(&mut self, out: &mut Vec<u8>, object: impl FnOnce(&mut Vec<u8>)) {
        match self.reply.framing {
            Framing::Sse | Framing::AwsEvents => write_event(out, "", object),
            Framing::JsonArray => {
                out.extend_from_slice(if self.written { b",\n" } else { b"[" });
                object(out);
            }
        }
        self.written = true;
    }

    /// Writes a chunk.
    fn chunk(&mut self, out: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
        let (id, model) = (std::mem::take(&mut self.id), std::mem::take(&mut self.model));
        self.frame(out, |out| {
            write::object(out, |o| {
                members(o);
                o.str("modelVersion", &model);
                o.str("responseId", &id);
            });
        });
        (self.id, self.model) = (id, model);
    }

    /// Writes a chunk with parts of one choice.
    fn parts(&mut self, out: &mut Vec<u8>, choice: usize, parts: impl FnOnce(&mut List<'_>)) {
        let Some(state) = self.choices.get_mut(choice) else { return };
        state.spoke = true;
        let (index, tokens) = (state.index, std::mem::take(&mut state.tokens));
        self.chunk(out, |o| {
            o.list("candidates", |l| {
                l.object(|o| {
                    write_content(o, parts);
                    o.u64("index", index.into());
                    logprobs::write(o, tokens.iter());
                });
            });
        });
    }

    fn choice(&mut self, index: u32) -> usize {
        self.choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            self.choices.push(Choice {
                index,
                thoughts: Thoughts::new(self.reply.show_reasoning),
                tokens: Vec::new(),
                spoke: false,
                calls: false,
                broken: false,
                empty: None,
                finish: None,
            });
            self.choices.len() - 1
        })
    }

    fn open(&mut self, choice: u32, kind: &BlockKind<'_>, out: &mut Vec<u8>) {
        let kind = match kind {
            BlockKind::Text | BlockKind::Refusal => Kind::Text,
            BlockKind::Reasoning => Kind::Thought { shown: false },
            BlockKind::ToolCall { id, name, style } => Kind::Call(Box::new(Call {
                id: id.to_string(),
                name: name.to_string(),
                style: *style,
                args: String::new(),
                signature: None,
            })),
            BlockKind::Opaque(_) => Kind::Other,
        };
        let choice = self.choice(choice);
        self.choices[choice].calls |= matches!(kind, Kind::Call(_));
        self.call_empty(choice, out);
        self.blocks.push(Block { choice, kind });
    }

    fn piece(&mut self, block: u32, delta: &Delta<'_>, out: &mut Vec<u8>) {
        let Some(Block { choice, kind }) = self.blocks.get_mut(block as usize) else { return };
        let choice = *choice;
        let thoughts = &mut self.choices[choice].thoughts;
        match (kind, delta) {
            (Kind::Call(call), Delta::Args(text)) => call.args.push_str(text),
            (Kind::Text, Delta::Text(text) | Delta::Refusal(text)) => {
                let signature = thoughts.sign(None);
                self.parts(out, choice, |l| write_part::text(l, text, false, signature.as_deref()));
            }
            (Kind::Thought { shown }, Delta::Reasoning(text)) if thoughts.show && !text.is_empty() => {
                *shown = true;
                let waiting = thoughts.sign(None);
                self.state(out, choice, waiting);
                self.parts(out, choice, |l| write_part::text(l, text, true, None));
            }
            _ => {}
        }
    }

    /// Writes state that no part took.
    fn state(&mut self, out: &mut Vec<u8>, choice: usize, waiting: Option<String>) {
        if let Some(waiting) = waiting {
            self.parts(out, choice, |l| write_part::alone(l, &waiting));
        }
    }

    /// Keeps tokens for the text that comes next.
    fn keep_tokens(&mut self, block: u32, tokens: &[Logprob<'_>]) {
        if let Some(Block { choice, kind: Kind::Text }) = self.blocks.get(block as usize) {
            let tokens = tokens.iter().cloned().map(Logprob::into_static);
            self.choices[*choice].tokens.extend(tokens);
        }
    }

    fn sign(&mut self, block: u32, state: &State<'_>, out: &mut Vec<u8>) {
        let Some(Block { choice, kind }) = self.blocks.get_mut(block as usize) else { return };
        let choice = *choice;
        let thoughts = &mut self.choices[choice].thoughts;
        let thought = match kind {
            Kind::Call(call) => {
                call.signature = thoughts.sign(Some(state));
                return;
            }
            Kind::Thought { shown: false } => {
                let waiting = thoughts.keep(state);
                return self.state(out, choice, waiting);
            }
            Kind::Thought { shown: true } => true,
            Kind::Text => false,
            Kind::Other => return,
        };
        let signature = thoughts.sign(Some(state));
        self.parts(out, choice, |l| write_part::text(l, "", thought, signature.as_deref()));
    }

    fn close(&mut self, block: u32, out: &mut Vec<u8>) {
        let Some(Block { choice, kind }) = self.blocks.get_mut(block as usize) else { return };
        let Kind::Call(call) = std::mem::replace(kind, Kind::Other) else { return };
        let choice = *choice;
        let is_last = || self.blocks.iter().skip(block as usize + 1).all(|later| later.choice != choice);
        if call.style != CallStyle::Custom && call.args.trim().is_empty() && is_last() {
            self.choices[choice].empty = Some(call);
            return;
        }
        self.call(choice, &call, out);
    }

    /// Writes the call that waited for what follows it.
    fn call_empty(&mut self, choice: usize, out: &mut Vec<u8>) {
        if let Some(call) = self.choices[choice].empty.take() {
            self.call(choice, &call, out);
        }
    }

    fn call(&mut self, choice: usize, call: &Call, out: &mut Vec<u8>) {
        let Ok(args) = write_part::args_of_text(&call.args, call.style) else {
            self.choices[choice].broken = true;
            return;
        };
        let signature = call.signature.clone().or_else(|| self.choices[choice].thoughts.sign(None));
        self.parts(out, choice, |l| {
            write_part::call(l, &call.id, &call.name, &args, signature.as_deref());
        });
    }

    fn finish(
        &mut self,
        choice: u32,
        finish: Finish,
        native: &str,
        message: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        let at = self.choice(choice);
        if finish.breaks_off() {
            // Calls that were cut are no fault of the provider.
            let empty = self.choices[at].empty.take();
            if std::mem::take(&mut self.choices[at].broken) || empty.is_some() {
                self.reply.notes.tell(account::CALL_DROPPED);
            }
        }
        self.call_empty(at, out);
        if self.choices[at].broken {
            let text = "the model called a tool with arguments that are not a JSON object";
            return self.fail(&ApiError::new(ErrorKind::Server, text), out);
        }
        let is_blocked = native.starts_with(finish::BLOCKED);
        let (word, warning) = finish::word(finish, native, self.choices[at].calls);
        let word = if is_blocked { native } else { word };
        warning.filter(|_| !is_blocked).into_iter().for_each(|warning| self.reply.notes.tell(warning));
        let explained = message.filter(|_| finish == Finish::Refusal);
        self.choices[at].finish = Some((word.to_owned(), explained.map(str::to_owned)));
    }

    /// The last chunk: why every choice ended, and the counts.
    fn end(&mut self, out: &mut Vec<u8>) {
        let mut choices = std::mem::take(&mut self.choices);
        let counts = self.usage;
        self.chunk(out, |o| {
            let ended = |choice: &Choice| choice.finish.as_ref().map(|(word, _)| word.clone());
            let blocked = choices.iter().find_map(ended);
            match blocked.as_deref().and_then(|word| word.strip_prefix(finish::BLOCKED)) {
                Some(reason) => o.object("promptFeedback", |o| o.str("blockReason", reason)),
                None => o.list("candidates", |l| {
                    choices.iter_mut().for_each(|choice| l.object(|o| last(o, choice)));
                }),
            }
            if let Some(counts) = counts {
                o.object("usageMetadata", |o| usage::write(o, &counts));
            }
        });
        self.close_array(out);
    }

    /// The error ends the stream, after the counts of what was used until then.
    fn fail(&mut self, error: &ApiError, out: &mut Vec<u8>) {
        self.over = true;
        if let Some(counts) = self.usage.filter(|_| self.written) {
            self.chunk(out, |o| o.object("usageMetadata", |o| usage::write(o, &counts)));
        }
        self.frame(out, |out| out.extend_from_slice(&error::write_chunk(error)));
        self.close_array(out);
    }

    fn close_array(&self, out: &mut Vec<u8>) {
        if self.reply.framing == Framing::JsonArray {
            out.extend_from_slice(b"]\n");
        }
    }
}

/// The members of a choice that has ended. State that no part took goes with the last one.
fn last(o: &mut Object<'_>, choice: &mut Choice) {
    let (word, message) = choice.finish.take().unwrap_or_default();
    let signature = choice.thoughts.sign(None);
    let text = message.filter(|_| !choice.spoke).unwrap_or_default();
    write_content(o, |l| write_part::text(l, &text, false, signature.as_deref()));
    if !word.is_empty() {
        o.str("finishReason", &word);
    }
    o.u64("index", choice.index.into());
    logprobs::write(o, choice.tokens.iter());
}

fn write_content(o: &mut Object<'_>, parts: impl FnOnce(&mut List<'_>)) {
    o.object("content", |o| {
        o.list("parts", parts);
        o.str("role", "model");
    });
}

impl StreamEncoder for Encoder {
    fn notes(&self) -> &Notes {
        &self.reply.notes
    }

    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        if !matches!(event, Event::Finish { .. }) {
            self.reply.note(event);
        }
        match event {
            Event::Start { .. } if self.written => self.fail(&ApiError::restarted(), out),
            Event::Start { id, model, .. } => self.start(id, model),
            Event::BlockStart { choice, kind, .. } => self.open(*choice, kind, out),
            Event::Delta { block, delta } => self.piece(*block, delta, out),
            Event::Logprobs { block, logprobs } => self.keep_tokens(*block, logprobs),
            Event::Citation { .. } => self.reply.notes.tell("annotations_dropped"),
            Event::Message { .. } | Event::Extension(_) => {}
            Event::Signature { block, state } => self.sign(*block, state, out),
            Event::BlockEnd { block } => self.close(*block, out),
            Event::Finish { choice, finish, native, message, .. } => {
                self.finish(*choice, *finish, native, message.as_deref(), out);
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Error(error) => self.fail(error, out),
            Event::End => {
                self.over = true;
                self.end(out);
            }
        }
    }

    /// An empty piece of text: Google's client for Python takes every line that is no data for JSON, comments too.
    fn keep_alive(&self) -> &'static [u8] {
        match self.reply.framing {
            Framing::Sse | Framing::AwsEvents => concat!(
                r#"data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"index":0}]}"#,
                "\n\n"
            )
            .as_bytes(),
            Framing::JsonArray => b"\n",
        }
    }
}
