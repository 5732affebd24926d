//! Streams.

use std::borrow::Cow;

use crate::codec::Reply;
use crate::error::{ApiError, openai_members};
use crate::ir::{BlockKind, Delta, Event, Sink, Usage};
use crate::json::write::{self, Object};
use crate::json::{Mender, Str, lenient};
use crate::notes::Notes;
use crate::openai_chat::{error, usage};
use crate::sse::{Frame, write_event};
use crate::stream::{StreamDecoder, StreamEncoder};

use super::response::{finish, finish_word, id};
use super::wire::{Answer, Choice};

/// Reads chunks.
#[derive(Default)]
pub(super) struct Decoder {
    /// Choices by their index; each is one block of text, numbered in order of appearance.
    choices: Vec<(u32, Option<String>)>,
    started: bool,
    mender: Mender,
    /// The end, or an error, was passed on.
    over: bool,
}

impl Decoder {
    fn chunk(&mut self, chunk: Answer<'_>, sink: &mut dyn Sink) {
        if let Some(raw) = chunk.error {
            self.over = true;
            return sink.event(Event::Error(Box::new(error::decode_stream(raw))));
        }
        let choices = chunk.choices.unwrap_or_default();
        if !self.started && !choices.is_empty() {
            self.started = true;
            let word =
                |text: Option<Str<'_>>| Cow::Owned(text.map_or(String::new(), |text| text.0.into_owned()));
            sink.event(Event::Start {
                id: word(chunk.id),
                model: word(chunk.model),
                created: chunk.created,
                service_tier: None,
            });
        }
        choices.into_iter().for_each(|choice| self.choice(choice, sink));
        if let Some(counts) = chunk.usage.and_then(usage::read) {
            sink.event(Event::Usage(counts));
        }
    }

    /// Ends the answer. What is open of one that is not complete was cut: it has no end.
    fn end(&mut self, is_complete: bool, sink: &mut dyn Sink) {
        self.over = true;
        if !is_complete {
            return sink.event(Event::Error(Box::new(ApiError::incomplete())));
        }
        for (block, (choice, word)) in self.choices.drain(..).enumerate() {
            let word = word.unwrap_or_default();
            sink.event(Event::BlockEnd { block: block as u32 });
            sink.event(Event::Finish {
                choice,
                finish: finish(&word),
                native: Cow::Owned(word),
                stop_sequence: None,
                message: None,
            });
        }
        sink.event(Event::End);
    }

    fn choice(&mut self, choice: Choice<'_>, sink: &mut dyn Sink) {
        let index = choice.index.unwrap_or(0);
        let at = self.choices.iter().position(|(known, _)| *known == index).unwrap_or_else(|| {
            self.choices.push((index, None));
            let block = self.choices.len() - 1;
            sink.event(Event::BlockStart { block: block as u32, choice: index, kind: BlockKind::Text });
            block
        });
        if let Some(Str(text)) = choice.text.filter(|text| !text.0.is_empty()) {
            sink.event(Event::Delta { block: at as u32, delta: Delta::Text(text) });
        }
        // Some servers write an empty reason until there is one.
        if let Some(word) = choice.finish_reason.filter(|word| !word.0.is_empty()) {
            self.choices[at].1 = Some(word.0.into_owned());
        }
    }
}

impl StreamDecoder for Decoder {
    fn frame(&mut self, frame: Frame<'_>, sink: &mut dyn Sink) {
        if self.over {
            return;
        }
        // What it cost came before.
        if frame.data.trim_ascii() == b"[DONE]" {
            let is_answered = !self.choices.is_empty();
            return self.end(is_answered, sink);
        }
        let text = &*self.mender.text(frame.data);
        if let Ok(chunk) = lenient::<Answer<'_>>(text) {
            self.chunk(chunk, sink);
        }
    }

    fn is_complete(&self) -> bool {
        let mut choices = self.choices.iter();
        !self.over && !self.choices.is_empty() && choices.all(|(_, word)| word.is_some())
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        if !self.over {
            self.end(self.is_complete(), sink);
        }
    }
}

/// Writes chunks. Only text is written: reasoning and calls have no place here.
pub(super) struct Encoder {
    reply: Reply,
    id: String,
    model: String,
    created: u64,
    /// The choice of each block by number.
    blocks: Vec<u32>,
    usage: Option<Usage>,
    written: bool,
    over: bool,
}

impl Encoder {
    pub(super) fn new(reply: Reply) -> Self {
        Encoder {
            created: reply.created,
            reply,
            id: String::new(),
            model: String::new(),
            blocks: Vec::new(),
            usage: None,
            written: false,
            over: false,
        }
    }

    fn start(&mut self, upstream: &str, model: &str, created: Option<u64>) {
        self.created = created.unwrap_or(self.reply.created);
        self.id = id(upstream, &mut self.reply);
        self.model = self.reply.model(Some(model)).to_owned();
    }

    fn chunk(&mut self, out: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
        self.written = true;
        write_event(out, "", |out| {
            write::object(out, |o| {
                o.str("id", &self.id);
                o.str("object", "text_completion");
                o.u64("created", self.created);
                members(o);
                o.str("model", &self.model);
            });
        });
    }

    fn text(&mut self, out: &mut Vec<u8>, choice: u32, text: &str, finish: Option<&str>) {
        let null_usage = self.reply.include_usage;
        self.chunk(out, |o| {
            o.list("choices", |l| {
                l.object(|o| {
                    o.str("text", text);
                    o.u64("index", choice.into());
                    o.null("logprobs");
                    match finish {
                        Some(word) => o.str("finish_reason", word),
                        None => o.null("finish_reason"),
                    }
                });
            });
            if null_usage {
                o.null("usage");
            }
        });
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if let (true, Some(counts)) = (self.reply.include_usage, self.usage) {
            self.chunk(out, |o| {
                o.list("choices", |_| {});
                o.object("usage", |o| usage::write(o, &counts));
            });
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn fail(&mut self, error: &ApiError, out: &mut Vec<u8>) {
        self.over = true;
        write_event(out, "", |out| write::object(out, |o| o.object("error", |o| openai_members(o, error))));
    }
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
            Event::Start { .. } if self.written => self.fail(&ApiError::restarted(), out),
            Event::Start { id, model, created, .. } => self.start(id, model, *created),
            Event::BlockStart { choice, kind, .. } => {
                if matches!(kind, BlockKind::ToolCall { .. }) {
                    self.reply.notes.tell("output_block_dropped");
                }
                self.blocks.push(*choice);
            }
            Event::Delta { block, delta: Delta::Text(text) | Delta::Refusal(text) } => {
                if let Some(choice) = self.blocks.get(*block as usize).copied() {
                    self.text(out, choice, text, None);
                }
            }
            Event::Logprobs { .. } => self.reply.notes.tell("logprobs_dropped"),
            Event::Citation { .. } => self.reply.notes.tell("annotations_dropped"),
            Event::Delta { .. }
            | Event::Message { .. }
            | Event::Extension(_)
            | Event::Signature { .. }
            | Event::BlockEnd { .. } => {}
            Event::Finish { choice, finish, .. } => {
                let (word, warning) = finish_word(*finish);
                warning.into_iter().for_each(|warning| self.reply.notes.tell(warning));
                self.text(out, *choice, "", Some(word));
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Error(error) => self.fail(error, out),
            Event::End => {
                self.over = true;
                self.end(out);
            }
        }
    }
}
