//! Reading a stream (TRANSLATION §8).

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::codec::Exchange;
use crate::error::ApiError;
use crate::ir::{BlockKind, CallStyle, Delta, Event, Finish, Logprob, Sink};
use crate::json::{Str, count, string};
use crate::sse::Frame;
use crate::stream::StreamDecoder;

use super::response::{Signs, finish};
use super::wire::{CallDelta, CallDeltaFunction, Chunk, ChunkChoice};
use super::{annotations, error, logprobs, message, usage};

/// The key of the deprecated `function_call` among a choice's calls, which has no index.
const LEGACY: u32 = u32::MAX;

/// Reads chunks.
pub(super) struct Decoder {
    exchange: Exchange,
    choices: Vec<Choice>,
    /// Blocks opened so far.
    blocks: u32,
    started: bool,
    /// `[DONE]` was seen.
    done: bool,
    /// An error ended the stream.
    failed: bool,
}

/// What is open in one choice.
struct Choice {
    index: u32,
    /// The open block of text, reasoning or refusal.
    said: Option<(Said, u32)>,
    /// The length of all text so far, and of what came before the text at hand, in characters.
    length: u64,
    before: u64,
    /// Calls by their index in the stream; all stay open, since their pieces may alternate.
    calls: Vec<(u32, u32)>,
    signs: Signs,
    finish: Option<(Finish, String)>,
}

/// Kinds of blocks of which one is open at a time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Text,
    Reasoning,
    Refusal,
}

impl Decoder {
    pub(super) fn new(exchange: Exchange) -> Self {
        Decoder { exchange, choices: Vec::new(), blocks: 0, started: false, done: false, failed: false }
    }

    fn chunk(&mut self, chunk: Chunk<'_>, sink: &mut dyn Sink) {
        if let Some(raw) = chunk.error {
            self.failed = true;
            return sink.event(Event::Error(Box::new(stream_error(raw))));
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
        if let Some(counts) = &chunk.usage {
            sink.event(Event::Usage(usage::decode(counts)));
        }
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
                    finish: None,
                });
                self.choices.len() - 1
            }
        };
        let state = &mut self.choices[at];
        let mut open = Open { state, blocks: &mut self.blocks, exchange: &self.exchange, sink };
        if let Some(delta) = chunk.delta {
            let likely = logprobs::of_choice(chunk.logprobs);
            open.say(Said::Reasoning, delta.reasoning_content.or(delta.reasoning), Vec::new());
            open.say(Said::Text, delta.content, likely.text);
            open.say(Said::Refusal, delta.refusal, likely.refusal);
            open.cite(delta.annotations);
            for call in delta.tool_calls.unwrap_or_default() {
                open.call(call);
            }
            if let Some(function) = delta.function_call {
                open.function(LEGACY, Cow::Borrowed(""), function, CallStyle::Legacy);
            }
            if let Some(extra) = delta.extra_content {
                open.sign_last(extra);
            }
        }
        if let Some(native) = chunk.finish_reason {
            state.finish = Some((finish(native.as_ref(), &state.signs), native.0.into_owned()));
        }
    }
}

/// One choice while a chunk is read into it.
struct Open<'o, 's> {
    state: &'o mut Choice,
    blocks: &'o mut u32,
    exchange: &'o Exchange,
    sink: &'o mut (dyn Sink + 's),
}

impl Open<'_, '_> {
    fn start(&mut self, kind: BlockKind<'_>) -> u32 {
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

    /// Citations are of the text at hand; places in it are counted from the beginning of the message.
    fn cite(&mut self, raw: Option<&RawValue>) {
        let Some((Said::Text, block)) = self.state.said else { return };
        for mut citation in annotations::list(raw).filter_map(annotations::read) {
            citation.start = citation.start.saturating_sub(self.state.before);
            citation.end = citation.end.saturating_sub(self.state.before);
            self.sink.event(Event::Citation { block, citation });
        }
    }

    fn call(&mut self, call: CallDelta<'_>) {
        let index = call.index.unwrap_or(0);
        let id = call.id.map_or(Cow::Borrowed(""), |id| id.0);
        let block = match call.custom {
            Some(custom) => {
                let function = CallDeltaFunction { name: custom.name, arguments: custom.input };
                self.function(index, id, function, CallStyle::Custom)
            }
            None => self.function(index, id, call.function.unwrap_or_default(), CallStyle::Function),
        };
        if let Some(state) = call.extra_content.and_then(message::google_signature) {
            self.sink.event(Event::Signature { block, state });
        }
    }

    /// Adds to the call of that index; id and name come with its first piece only.
    fn function(
        &mut self,
        index: u32,
        id: Cow<'_, str>,
        function: CallDeltaFunction<'_>,
        style: CallStyle,
    ) -> u32 {
        let known = self.state.calls.iter().find(|(known, _)| *known == index).map(|(_, block)| *block);
        let block = known.unwrap_or_else(|| {
            if let Some((_, block)) = self.state.said.take() {
                self.sink.event(Event::BlockEnd { block });
            }
            let name = function.name.map_or(Cow::Borrowed(""), |name| name.0);
            let name = self.exchange.names.client(name);
            let block = self.start(BlockKind::ToolCall { id, name, style });
            self.state.calls.push((index, block));
            self.state.signs.calls = true;
            block
        });
        if let Some(Str(args)) = function.arguments.filter(|args| !args.0.is_empty()) {
            self.sink.event(Event::Delta { block, delta: Delta::Args(args) });
        }
        block
    }

    /// A signature of the message belongs to its first call, or to what is being said.
    fn sign_last(&mut self, extra: &RawValue) {
        let block =
            self.state.calls.first().map(|(_, block)| *block).or(self.state.said.map(|(_, block)| block));
        if let (Some(block), Some(state)) = (block, message::google_signature(extra)) {
            self.sink.event(Event::Signature { block, state });
        }
    }
}

impl StreamDecoder for Decoder {
    fn frame(&mut self, frame: Frame<'_>, sink: &mut dyn Sink) {
        if self.failed || self.done {
            return;
        }
        if frame.data.trim_ascii() == b"[DONE]" {
            self.done = true;
            return;
        }
        // What cannot be read is no chunk; a stream that holds nothing else ends incomplete.
        let Ok(text) = std::str::from_utf8(frame.data) else { return };
        if let Ok(chunk) = serde_json::from_str::<Chunk<'_>>(text) {
            self.chunk(chunk, sink);
        }
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        if self.failed {
            return;
        }
        let all_ended = self.choices.iter().all(|choice| choice.finish.is_some());
        let complete = !self.choices.is_empty() && (self.done || all_ended);
        if !complete {
            // What is open was cut: it has no end.
            return sink.event(Event::Error(Box::new(ApiError::incomplete())));
        }
        for choice in &mut self.choices {
            let said = choice.said.take().map(|(_, block)| block);
            for block in said.into_iter().chain(choice.calls.drain(..).map(|(_, block)| block)) {
                sink.event(Event::BlockEnd { block });
            }
            let (finish, native) = choice.finish.take().unwrap_or((Finish::Unknown, String::new()));
            let native = Cow::Owned(native);
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
}

fn stream_error(raw: &RawValue) -> ApiError {
    let mut error = error::decode_inner(200, raw.get());
    if error.message.is_empty() {
        error.message = "the provider's stream failed".to_owned();
    }
    error
}
