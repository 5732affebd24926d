//! Reading a stream (TRANSLATION §8).

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::account;
use crate::codec::Exchange;
use crate::error::ApiError;
use crate::ir::{BlockKind, Delta, Event, Logprob, Sink};
use crate::json::{Mender, Str, StrOr, count, lenient, string};
use crate::sse::Frame;
use crate::stream::StreamDecoder;

use super::decode_calls::Call;
use super::response::{Signs, finish};
use super::wire::{Chunk, ChunkChoice, Piece};
use super::{annotations, error, logprobs, part, usage};

/// Reads chunks.
pub(super) struct Decoder {
    exchange: Exchange,
    mender: Mender,
    choices: Vec<Choice>,
    /// Blocks opened so far.
    blocks: u32,
    started: bool,
    /// The end, or an error, was passed on.
    over: bool,
}

/// What is open in one choice.
pub(super) struct Choice {
    pub(super) index: u32,
    /// The open block of text, reasoning or refusal.
    pub(super) said: Option<(Said, u32)>,
    /// The length of all text so far, and of what came before the text at hand, in characters.
    length: u64,
    before: u64,
    /// All stay open, since their pieces may alternate.
    pub(super) calls: Vec<Call>,
    pub(super) signs: Signs,
    /// It comes in deltas. A message next to them only repeats what they said.
    has_deltas: bool,
    /// The provider's word for why it ended.
    finish: Option<String>,
}

/// Kinds of blocks of which one is open at a time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Text,
    Reasoning,
    Refusal,
}

impl Decoder {
    pub(super) fn new(exchange: Exchange) -> Self {
        let mender = Mender::default();
        Decoder { exchange, mender, choices: Vec::new(), blocks: 0, started: false, over: false }
    }

    fn chunk(&mut self, chunk: Chunk<'_>, sink: &mut dyn Sink) {
        if let Some(raw) = chunk.error {
            self.over = true;
            return sink.event(Event::Error(Box::new(error::decode_stream(raw))));
        }
        let choices = chunk.choices.unwrap_or_default();
        // Azure sends a chunk without choices and id first, about its filters.
        if !self.started && !choices.is_empty() {
            self.started = true;
            let word = |text: Option<Str<'_>>| text.map_or(String::new(), |text| text.0.into_owned());
            sink.event(Event::Start {
                id: word(chunk.id).into(),
                model: word(chunk.model).into(),
                created: chunk.created.and_then(count),
                service_tier: chunk.service_tier.and_then(string),
            });
        }
        for choice in choices {
            self.choice(choice, sink);
        }
        if let Some(counts) = chunk.usage.as_ref().and_then(usage::decode) {
            sink.event(Event::Usage(counts));
        }
    }

    /// A frame that is no chunk: an error without the member that says so, or nothing of ours.
    fn odd(&mut self, event: &[u8], text: &str, sink: &mut dyn Sink) {
        if let Some(error) = error::decode_bare(event == b"error", text) {
            self.over = true;
            sink.event(Event::Error(Box::new(error)));
        }
    }

    /// Ends the answer. What is open of one that is not complete was cut: it has no end.
    fn end(&mut self, is_complete: bool, sink: &mut dyn Sink) {
        self.over = true;
        if !is_complete {
            return sink.event(Event::Error(Box::new(ApiError::incomplete())));
        }
        for choice in &mut self.choices {
            Open { state: choice, blocks: &mut self.blocks, exchange: &self.exchange, sink }.open_calls();
            let said = choice.said.take().map(|(_, block)| block);
            for block in said.into_iter().chain(choice.calls.drain(..).filter_map(|call| call.block())) {
                sink.event(Event::BlockEnd { block });
            }
            let native = Cow::Owned(choice.finish.take().unwrap_or_default());
            let finish = finish(&native, &choice.signs);
            sink.event(Event::Finish {
                choice: choice.index,
                finish,
                native,
                stop_sequence: None,
                message: None,
            });
        }
        sink.event(Event::End);
    }

    fn choice(&mut self, chunk: ChunkChoice<'_>, sink: &mut dyn Sink) {
        let index = chunk.index.unwrap_or(0);
        let at = match self.choices.iter().position(|choice| choice.index == index) {
            Some(at) => at,
            None => {
                self.choices.push(Choice {
                    index,
                    said: None,
                    length: 0,
                    before: 0,
                    calls: Vec::new(),
                    signs: Signs::default(),
                    has_deltas: false,
                    finish: None,
                });
                self.choices.len() - 1
            }
        };
        let state = &mut self.choices[at];
        state.has_deltas |= chunk.delta.is_some();
        let message = chunk.message.filter(|_| !state.has_deltas).map(|message| *message);
        let mut open = Open { state, blocks: &mut self.blocks, exchange: &self.exchange, sink };
        if let Some(delta) = chunk.delta.or(message) {
            let likely = logprobs::of_choice(chunk.logprobs);
            open.say(Said::Reasoning, delta.reasoning_content.or(delta.reasoning), Vec::new());
            open.content(delta.content, likely.text);
            open.say(Said::Refusal, delta.refusal, likely.refusal);
            open.cite(delta.annotations);
            for call in delta.tool_calls.unwrap_or_default() {
                open.call(call);
            }
            if let Some(function) = delta.function_call {
                open.legacy_call(function);
            }
            if let Some(extra) = delta.extra_content {
                open.sign_last(extra);
            }
        }
        if chunk.content_filter_results.is_some_and(|raw| raw.get() != "{}") {
            sink.event(Event::Extension(Cow::Borrowed("content_filter_results")));
        }
        // Some servers write an empty reason until there is one.
        if let Some(native) = chunk.finish_reason.filter(|native| !native.0.is_empty()) {
            state.finish = Some(native.0.into_owned());
        }
    }
}

/// One choice while a chunk is read into it.
pub(super) struct Open<'o, 's> {
    pub(super) state: &'o mut Choice,
    pub(super) blocks: &'o mut u32,
    pub(super) exchange: &'o Exchange,
    pub(super) sink: &'o mut (dyn Sink + 's),
}

impl Open<'_, '_> {
    pub(super) fn start(&mut self, kind: BlockKind<'_>) -> u32 {
        let block = *self.blocks;
        *self.blocks += 1;
        self.sink.event(Event::BlockStart { block, choice: self.state.index, kind });
        block
    }

    /// Adds text. Empty text is no text: some servers send it between the pieces of a call. A token that is a part of
    /// a character has none.
    fn say(&mut self, kind: Said, text: Option<Str<'_>>, logprobs: Vec<Logprob<'_>>) {
        let text = text.map_or(Cow::Borrowed(""), |text| text.0);
        if text.is_empty() && logprobs.is_empty() {
            return;
        }
        let block = match self.state.said {
            Some((open, block)) if open == kind => block,
            other => {
                self.open_named_calls();
                if let Some((_, block)) = other {
                    self.sink.event(Event::BlockEnd { block });
                }
                let block = self.start(match kind {
                    Said::Text => BlockKind::Text,
                    Said::Reasoning => BlockKind::Reasoning,
                    Said::Refusal => BlockKind::Refusal,
                });
                self.state.said = Some((kind, block));
                self.state.before = self.state.length;
                block
            }
        };
        self.state.signs.refuses |= kind == Said::Refusal;
        if !logprobs.is_empty() {
            self.sink.event(Event::Logprobs { block, logprobs });
        }
        if text.is_empty() {
            return;
        }
        if kind == Said::Text {
            self.state.length += annotations::chars(&text);
        }
        let delta = match kind {
            Said::Text => Delta::Text(text),
            Said::Reasoning => Delta::Reasoning(text),
            Said::Refusal => Delta::Refusal(text),
        };
        self.sink.event(Event::Delta { block, delta });
    }

    /// Adds content: text, or a list of texts and thoughts.
    fn content(&mut self, content: Option<StrOr<'_, Piece<'_>>>, mut tokens: Vec<Logprob<'_>>) {
        match content {
            None => {}
            Some(StrOr::Str(text)) => self.say(Said::Text, Some(Str(text)), tokens),
            Some(StrOr::List(pieces)) => {
                for piece in pieces {
                    self.say(Said::Reasoning, piece.thinking.map(|raw| Str(part::thoughts(raw))), Vec::new());
                    self.say(Said::Text, piece.text, std::mem::take(&mut tokens));
                }
            }
        }
    }

    /// Citations are of the text at hand; places in it are counted from the beginning of the message.
    fn cite(&mut self, raw: Option<&RawValue>) {
        let Some((Said::Text, block)) = self.state.said else { return };
        for raw in annotations::list(raw) {
            let Some(mut citation) = annotations::read(raw) else {
                self.sink.event(Event::Extension(Cow::Borrowed(account::ANNOTATIONS)));
                continue;
            };
            citation.start = citation.start.saturating_sub(self.state.before);
            citation.end = citation.end.saturating_sub(self.state.before);
            self.sink.event(Event::Citation { block, citation });
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
        // What cannot be read is no chunk; a stream that holds nothing else ends incomplete.
        let text = &*self.mender.text(frame.data);
        let Ok(chunk) = lenient::<Chunk<'_>>(text) else { return };
        if chunk.choices.is_none() && chunk.error.is_none() && chunk.usage.is_none() {
            return self.odd(frame.event, text, sink);
        }
        self.chunk(chunk, sink);
    }

    fn is_complete(&self) -> bool {
        let mut choices = self.choices.iter();
        !self.over && !self.choices.is_empty() && choices.all(|choice| choice.finish.is_some())
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        if !self.over {
            self.end(self.is_complete(), sink);
        }
    }
}
