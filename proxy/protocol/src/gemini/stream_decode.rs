//! Reading a stream (TRANSLATION §8): each chunk is a response with some of the parts.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::account;
use crate::codec::{Exchange, JSON_TOOL};
use crate::custom;
use crate::error::ApiError;
use crate::ir::{BlockKind, CallStyle, Delta, Event, Finish, Logprob, Scope, Sink, Usage};
use crate::json::{Mender, Str, compact, lenient};
use crate::sse::Frame;
use crate::state::untag_base64;
use crate::stream::StreamDecoder;

use super::facts::FACTS;
use super::partial::Partial;
use super::usage::Counts;
use super::wire::{Answer, Call, Candidate, Part};
use super::{THIS, error, finish, grounding, logprobs, response};

/// Reads chunks.
pub(super) struct Decoder {
    exchange: Exchange,
    mender: Mender,
    choices: Vec<Choice>,
    /// Blocks opened so far.
    blocks: u32,
    started: bool,
    counts: Counts,
    usage: Option<Usage>,
    /// The prompt was blocked: the native word.
    blocked: Option<String>,
    /// An error ended the stream.
    failed: bool,
}

/// What is known of one choice.
struct Choice {
    index: u32,
    open: Option<Open>,
    calls: bool,
    finish: Option<String>,
    /// It went on after it said why it ended: some models say that with every chunk.
    goes_on: bool,
    message: Option<String>,
    /// The text of the open block, where it may be cited.
    text: String,
}

/// The open block of a choice.
enum Open {
    /// Text or a thought. Once signed, it takes no more: what follows has a signature of its own.
    Said { block: u32, thought: bool, signed: bool },
    /// A call whose arguments arrive in pieces.
    Call { block: u32, partial: Partial, kind: CallKind },
}

/// What a call is for the client.
#[derive(Clone, Copy, PartialEq)]
enum CallKind {
    Function,
    /// A custom tool: the argument is free text.
    Custom,
    /// The call that stands for structured output: text.
    Answer,
}

impl Decoder {
    pub(super) fn new(exchange: Exchange) -> Self {
        Decoder {
            exchange,
            mender: Mender::default(),
            choices: Vec::new(),
            blocks: 0,
            started: false,
            counts: Counts::default(),
            usage: None,
            blocked: None,
            failed: false,
        }
    }

    fn chunk(&mut self, chunk: Answer<'_>, sink: &mut dyn Sink) {
        if let Some(raw) = chunk.error {
            self.failed = true;
            return sink.event(Event::Error(Box::new(error::decode_chunk(raw))));
        }
        let candidates = chunk.candidates.unwrap_or_default();
        let blocked = chunk.prompt_feedback.and_then(response::blocked_word);
        if !self.started && (!candidates.is_empty() || blocked.is_some()) {
            self.started = true;
            let word =
                |text: Option<Str<'_>>| Cow::Owned(text.map_or(String::new(), |text| text.0.into_owned()));
            let (id, model) = (word(chunk.response_id), word(chunk.model_version));
            sink.event(Event::Start { id, model, created: None, service_tier: None });
        }
        self.blocked = blocked.or(self.blocked.take());
        chunk.usage_metadata.into_iter().for_each(|raw| self.counts.take(raw));
        if self.started && self.usage.is_none() {
            // Clients of Messages are told the input before anything else. The output has only begun: it is no figure yet.
            let input = |usage| Usage { output_total: 0, reasoning: None, ..usage };
            self.tell(self.counts.usage().map(input), sink);
        }
        for candidate in candidates {
            self.candidate(candidate, sink);
        }
        if self.started {
            self.tell(self.counts.usage(), sink);
        }
    }

    /// Tells counts that are news.
    fn tell(&mut self, usage: Option<Usage>, sink: &mut dyn Sink) {
        if let Some(usage) = usage.filter(|_| usage != self.usage) {
            self.usage = Some(usage);
            sink.event(Event::Usage(usage));
        }
    }

    fn candidate(&mut self, candidate: Candidate<'_>, sink: &mut dyn Sink) {
        let index = candidate.index.unwrap_or(0);
        let at = self.choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            self.choices.push(Choice {
                index,
                open: None,
                calls: false,
                finish: None,
                goes_on: false,
                message: None,
                text: String::new(),
            });
            self.choices.len() - 1
        });
        let state = &mut self.choices[at];
        let tokens = candidate.rest.iter().find(|(key, _)| key == logprobs::KEY).map(|(_, raw)| *raw);
        let tokens = logprobs::read(tokens);
        state.goes_on |= state.finish.is_some() && candidate.content.is_some();
        for key in account::extensions(&FACTS, Scope::Choice, &candidate.rest) {
            sink.event(Event::Extension(Cow::Borrowed(key)));
        }
        let mut reader = Reader { state, blocks: &mut self.blocks, exchange: &self.exchange, tokens, sink };
        for part in candidate.content.and_then(|content| content.parts).map_or_else(Vec::new, |parts| parts.0)
        {
            reader.part(part);
        }
        if let Some((_, raw)) = candidate.rest.iter().find(|(key, _)| key == grounding::KEY) {
            reader.cite(raw);
        }
        if let Some(word) = candidate.finish_reason {
            state.finish = Some(word.0.into_owned());
            state.message = candidate.finish_message.map(|text| text.0.into_owned());
        }
    }
}

/// One choice while a chunk is read into it.
struct Reader<'r, 's> {
    state: &'r mut Choice,
    blocks: &'r mut u32,
    exchange: &'r Exchange,
    /// How likely the tokens of the text are that comes next.
    tokens: Vec<Logprob<'r>>,
    sink: &'r mut (dyn Sink + 's),
}

impl Reader<'_, '_> {
    fn part(&mut self, part: Part<'_>) {
        let thought = part.thought.is_some_and(|raw| raw.get() == "true");
        let signature = part.thought_signature;
        if let Some(call) = part.function_call {
            self.call(*call, signature);
        } else if let Some(text) = part.text {
            self.say(text, thought, signature);
        } else {
            let named = [
                ("inlineData", part.inline_data.is_some()),
                ("fileData", part.file_data.is_some()),
                ("functionResponse", part.function_response.is_some()),
            ];
            let kind = named.iter().find(|(_, present)| *present).map(|(kind, _)| Cow::Borrowed(*kind));
            let kind = kind.or_else(|| super::part::kind(&part.rest));
            if kind.is_none() && signature.is_some() {
                // Nothing but state, as on an empty text.
                self.say(Str(Cow::Borrowed("")), thought, signature);
            } else if let Some(kind) = kind {
                self.end();
                let block = self.start(BlockKind::Opaque(kind));
                self.sign(block, signature);
                self.sink.event(Event::BlockEnd { block });
            }
        }
    }

    fn start(&mut self, kind: BlockKind<'_>) -> u32 {
        let block = *self.blocks;
        *self.blocks += 1;
        self.sink.event(Event::BlockStart { block, choice: self.state.index, kind });
        block
    }

    fn sign(&mut self, block: u32, signature: Option<Str<'_>>) {
        if let Some(signature) = signature {
            let state = untag_base64(signature.0, THIS.family());
            self.sink.event(Event::Signature { block, state });
        }
    }

    /// Adds text.
    fn say(&mut self, text: Str<'_>, thought: bool, signature: Option<Str<'_>>) {
        if matches!(self.state.open, Some(Open::Call { .. })) {
            self.end();
        }
        if text.0.is_empty() && signature.is_none() {
            return;
        }
        let block = match self.state.open {
            Some(Open::Said { block, thought: open, signed: false }) if open == thought => block,
            _ => {
                self.end();
                let block = self.start(if thought { BlockKind::Reasoning } else { BlockKind::Text });
                self.state.text.clear();
                self.state.open = Some(Open::Said { block, thought, signed: false });
                block
            }
        };
        if !thought && !self.tokens.is_empty() {
            self.sink.event(Event::Logprobs { block, logprobs: std::mem::take(&mut self.tokens) });
        }
        if self.exchange.searches && !thought {
            self.state.text.push_str(&text.0);
        }
        if !text.0.is_empty() {
            let delta = if thought { Delta::Reasoning(text.0) } else { Delta::Text(text.0) };
            self.sink.event(Event::Delta { block, delta });
        }
        if signature.is_some() {
            self.sign(block, signature);
            self.state.open = Some(Open::Said { block, thought, signed: true });
        }
    }

    /// Tells of the citations of the text at hand, or that there are some.
    fn cite(&mut self, raw: &RawValue) {
        let text = match self.state.open {
            Some(Open::Said { block, thought: false, .. }) => Some(block),
            _ => None,
        };
        let Some((block, citations)) = text.zip(grounding::read(raw, &self.state.text)) else {
            return self.sink.event(Event::Extension(Cow::Borrowed(account::ANNOTATIONS)));
        };
        citations.into_iter().for_each(|citation| self.sink.event(Event::Citation { block, citation }));
    }

    /// Reads a whole call, the start of one, a piece of one, or (without members) its end.
    fn call(&mut self, call: Call<'_>, signature: Option<Str<'_>>) {
        let goes_on = call.will_continue.is_some_and(|raw| raw.get() == "true");
        let name = call.name.map_or(Cow::Borrowed(""), |name| name.0);
        if !name.is_empty() {
            self.end();
            let id = call.id.map_or(Cow::Borrowed(""), |id| self.exchange.id(id.0));
            let (block, kind) = self.start_call(id, name);
            self.sign(block, signature);
            if !goes_on && call.partial_args.is_none() {
                return self.end_call(block, kind, &compact(call.args.map_or("{}", RawValue::get)));
            }
            self.state.open = Some(Open::Call { block, partial: Partial::new(call.args), kind });
        }
        if let (Some(Open::Call { partial, .. }), Some(args)) = (&mut self.state.open, call.partial_args) {
            partial.take(args);
        }
        if !goes_on {
            self.end();
        }
    }

    fn start_call(&mut self, id: Cow<'_, str>, name: Cow<'_, str>) -> (u32, CallKind) {
        if self.exchange.json_tool && name == JSON_TOOL {
            return (self.start(BlockKind::Text), CallKind::Answer);
        }
        self.state.calls = true;
        let name = self.exchange.names.client(name);
        let is_custom = self.exchange.custom.contains(&*name);
        let (style, kind) = match is_custom {
            true => (CallStyle::Custom, CallKind::Custom),
            false => (CallStyle::Function, CallKind::Function),
        };
        (self.start(BlockKind::ToolCall { id, name, style }), kind)
    }

    /// Closes a call. Its arguments are told even if there are none (litellm#25561).
    fn end_call(&mut self, block: u32, kind: CallKind, args: &str) {
        let delta = match kind {
            CallKind::Function => Delta::Args(Cow::Borrowed(args)),
            CallKind::Custom => Delta::Args(custom::unwrap(args)),
            CallKind::Answer => Delta::Text(Cow::Borrowed(args)),
        };
        self.sink.event(Event::Delta { block, delta });
        self.sink.event(Event::BlockEnd { block });
    }

    /// Closes the open block.
    fn end(&mut self) {
        match self.state.open.take() {
            Some(Open::Said { block, .. }) => self.sink.event(Event::BlockEnd { block }),
            Some(Open::Call { block, partial, kind }) => self.end_call(block, kind, &partial.text()),
            None => {}
        }
    }
}

impl StreamDecoder for Decoder {
    fn frame(&mut self, frame: Frame<'_>, sink: &mut dyn Sink) {
        if self.failed {
            return;
        }
        // What cannot be read is no chunk; a stream that holds nothing else ends incomplete.
        let text = &*self.mender.text(frame.data);
        if let Ok(chunk) = lenient::<Answer<'_>>(text) {
            self.chunk(chunk, sink);
        }
    }

    fn is_complete(&self) -> bool {
        let is_over = |choice: &Choice| choice.finish.is_some() && !choice.goes_on;
        let is_answered = !self.choices.is_empty() && self.choices.iter().all(is_over);
        !self.failed && (is_answered || self.choices.is_empty() && self.blocked.is_some())
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        if self.failed {
            return;
        }
        // Of an answer that never began.
        self.tell(self.counts.usage(), sink);
        let answered = !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finish.is_some());
        let blocked = self.blocked.take().filter(|_| self.choices.is_empty());
        if !answered && blocked.is_none() {
            // What is open was cut: it has no end.
            return sink.event(Event::Error(Box::new(ApiError::incomplete())));
        }
        for state in &mut self.choices {
            let (blocks, exchange) = (&mut self.blocks, &self.exchange);
            Reader { state, blocks, exchange, tokens: Vec::new(), sink }.end();
            let word = state.finish.take().unwrap_or_default();
            sink.event(Event::Finish {
                choice: state.index,
                finish: finish::of_word(&word, state.calls),
                native: Cow::Owned(word),
                stop_sequence: None,
                message: state.message.take().map(Cow::Owned),
            });
        }
        if let Some(word) = blocked {
            sink.event(Event::Finish {
                choice: 0,
                finish: Finish::ContentFilter,
                native: Cow::Owned(word),
                stop_sequence: None,
                message: None,
            });
        }
        sink.event(Event::End);
    }
}
