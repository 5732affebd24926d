//! Reading a stream (TRANSLATION §8).

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::account;
use crate::codec::{Exchange, JSON_TOOL};
use crate::custom;
use crate::error::ApiError;
use crate::ir::{BlockKind, CallStyle, Citation, Delta, Event, Finish, Scope, Sink, State};
use crate::json::{Mender, Str, compact, lenient};
use crate::sse::Frame;
use crate::state::untag;
use crate::stream::{StreamDecoder, piece};

use super::facts::FACTS;
use super::usage::Counts;
use super::{THIS, citations, error, finish, wire};

/// Reads events.
pub(super) struct Decoder {
    exchange: Exchange,
    mender: Mender,
    /// A message was started.
    started: bool,
    /// Blocks opened so far, over all messages.
    blocks: u32,
    /// Blocks opened in this message.
    said: bool,
    open: Vec<Open>,
    /// Blocks that the message began with, as JSON, while nothing else of it is known.
    begun: Option<String>,
    counts: Counts,
    /// The message calls tools; it calls the one that stands for its text.
    calls: bool,
    json_called: bool,
    end: Option<End>,
    /// The end, or an error, was passed on.
    over: bool,
}

struct Open {
    index: u32,
    block: u32,
    kind: Kind,
}

/// What is open.
enum Kind {
    /// A text: its characters so far, and what it cites. Where the citations are is known at its end.
    Text(u64, Vec<Citation<'static>>),
    Reasoning,
    /// A call, and the arguments that came with its start: they count if no others follow.
    Call(String),
    /// The call whose arguments are the text of the answer, and those that nothing was sent of: `{}` at first.
    Json(String),
    /// The call of a custom tool: its arguments must be complete to be unwrapped.
    Custom(String),
    /// A block only this protocol knows.
    Other,
}

/// Why the message ended.
struct End {
    word: String,
    stop_sequence: Option<String>,
    message: Option<String>,
}

impl Decoder {
    pub(super) fn new(exchange: Exchange) -> Self {
        Decoder {
            exchange,
            mender: Mender::default(),
            started: false,
            blocks: 0,
            said: false,
            open: Vec::new(),
            begun: None,
            counts: Counts::default(),
            calls: false,
            json_called: false,
            end: None,
            over: false,
        }
    }

    /// A message begins, or begins again: what was said before is void then.
    fn start(&mut self, message: wire::StartedMessage<'_>, sink: &mut dyn Sink) {
        self.close_all(sink);
        if !self.started || self.said {
            let id = message.id.map_or(Cow::Borrowed(""), |id| id.0);
            let model = message.model.map_or(Cow::Borrowed(""), |model| model.0);
            sink.event(Event::Start { id, model, created: None, service_tier: None });
        }
        self.started = true;
        (self.said, self.calls, self.json_called, self.end) = (false, false, false, None);
        self.begun = message.content.map(RawValue::get).filter(|json| json.len() > 2).map(str::to_owned);
        self.take_end(message.stop_reason, message.stop_sequence, message.stop_details);
        if let Some(told) = &message.usage {
            self.counts = Counts::default();
            self.count(told, sink);
        }
    }

    /// Passes on the blocks that the message began with, unless those that follow count from before their end: then they
    /// are sent again.
    fn begin(&mut self, next: Option<u32>, sink: &mut dyn Sink) {
        let Some(json) = self.begun.take() else { return };
        let blocks: Vec<wire::StartedBlock<'_>> = lenient(&json).unwrap_or_default();
        if next.is_some_and(|next| (next as usize) < blocks.len()) {
            return;
        }
        for (index, block) in blocks.into_iter().enumerate() {
            self.open(index as u32, block, sink);
            self.close(index as u32, sink);
        }
    }

    fn open(&mut self, index: u32, started: wire::StartedBlock<'_>, sink: &mut dyn Sink) {
        if !self.started {
            self.start(wire::StartedMessage::default(), sink);
        }
        self.begin(Some(index), sink);
        let block = self.blocks;
        self.blocks += 1;
        self.said = true;
        let word = started.kind.as_ref().map_or("", |kind| kind.as_ref());
        let mut kind = match word {
            "text" => Kind::Text(0, Vec::new()),
            "thinking" | "redacted_thinking" => Kind::Reasoning,
            "tool_use" => self.call_kind(&started),
            _ => Kind::Other,
        };
        let told = match &kind {
            Kind::Text(..) | Kind::Json(_) => BlockKind::Text,
            Kind::Reasoning => BlockKind::Reasoning,
            Kind::Call(_) => self.call(&started, CallStyle::Function),
            Kind::Custom(_) => self.call(&started, CallStyle::Custom),
            Kind::Other => BlockKind::Opaque(Cow::Borrowed(word)),
        };
        sink.event(Event::BlockStart { block, choice: 0, kind: told });
        match &mut kind {
            Kind::Text(length, _) => {
                *length += chars(started.text.as_ref());
                piece(block, started.text, Delta::Text, sink);
            }
            Kind::Reasoning => {
                piece(block, started.thinking, Delta::Reasoning, sink);
                sign(block, started.signature, false, sink);
                sign(block, started.data, true, sink);
            }
            _ => {}
        }
        self.open.push(Open { index, block, kind });
    }

    /// What kind of call starts; the arguments it starts with are `{}` unless a server sends all of them at once.
    fn call_kind(&mut self, started: &wire::StartedBlock<'_>) -> Kind {
        let input = started.input.map_or(Cow::Borrowed(""), |raw| compact(raw.get()));
        let input = if input == "{}" { String::new() } else { input.into_owned() };
        let name = started.name.as_ref().map_or("", |name| name.as_ref());
        if self.exchange.json_tool && name == JSON_TOOL {
            self.json_called = true;
            return Kind::Json(if input.is_empty() { "{}".to_owned() } else { input });
        }
        self.calls = true;
        let client = self.exchange.names.client(Cow::Borrowed(name));
        if self.exchange.custom.contains(&*client) {
            return Kind::Custom(input);
        }
        Kind::Call(input)
    }

    fn call<'s>(&'s self, started: &'s wire::StartedBlock<'_>, style: CallStyle) -> BlockKind<'s> {
        let id = started.id.as_ref().map_or("", |id| id.as_ref());
        let name = started.name.as_ref().map_or("", |name| name.as_ref());
        BlockKind::ToolCall {
            id: Cow::Borrowed(id),
            name: self.exchange.names.client(Cow::Borrowed(name)),
            style,
        }
    }

    fn delta(&mut self, index: u32, delta: wire::Delta<'_>, sink: &mut dyn Sink) {
        let known = self.open.iter().position(|open| open.index == index && open.kind.takes(&delta));
        let Some(at) = known.or_else(|| self.imply(index, &delta, sink)) else { return };
        let open = &mut self.open[at];
        let block = open.block;
        match &mut open.kind {
            Kind::Text(length, cited) => {
                *length += chars(delta.text.as_ref());
                piece(block, delta.text, Delta::Text, sink);
                match delta.citation.map(citations::read) {
                    Some(Some(citation)) => cited.push(citation.into_static()),
                    Some(None) => sink.event(Event::Extension(Cow::Borrowed(account::ANNOTATIONS))),
                    None => {}
                }
            }
            Kind::Reasoning => {
                piece(block, delta.thinking, Delta::Reasoning, sink);
                sign(block, delta.signature, false, sink);
            }
            Kind::Call(input) => {
                if delta.partial_json.as_ref().is_some_and(|text| !text.0.is_empty()) {
                    input.clear();
                }
                piece(block, delta.partial_json, Delta::Args, sink);
            }
            Kind::Json(input) => {
                if delta.partial_json.as_ref().is_some_and(|text| !text.0.is_empty()) {
                    input.clear();
                }
                piece(block, delta.partial_json, Delta::Text, sink);
            }
            Kind::Custom(text) => text.push_str(delta.partial_json.as_ref().map_or("", |text| text.as_ref())),
            Kind::Other => {}
        }
    }

    /// Starts the block of a piece where a server does not: what a call is called is said only there.
    fn imply(&mut self, index: u32, delta: &wire::Delta<'_>, sink: &mut dyn Sink) -> Option<usize> {
        let word = match delta {
            delta if delta.text.is_some() => "text",
            delta if delta.thinking.is_some() => "thinking",
            _ => return None,
        };
        self.close(index, sink);
        let kind = Some(Str(Cow::Borrowed(word)));
        self.open(index, wire::StartedBlock { kind, ..Default::default() }, sink);
        self.open.len().checked_sub(1)
    }

    fn close(&mut self, index: u32, sink: &mut dyn Sink) {
        if let Some(at) = self.open.iter().position(|open| open.index == index) {
            self.open.remove(at).close(sink);
        }
    }

    fn close_all(&mut self, sink: &mut dyn Sink) {
        self.open.drain(..).for_each(|open| open.close(sink));
    }

    fn message_delta(
        &mut self,
        delta: Option<wire::Delta<'_>>,
        told: Option<wire::Usage<'_>>,
        sink: &mut dyn Sink,
    ) {
        if let Some(delta) = delta {
            extension(Scope::Response, "container", delta.container, sink);
            self.take_end(delta.stop_reason, delta.stop_sequence, delta.stop_details);
        }
        if let Some(told) = &told {
            self.count(told, sink);
        }
    }

    fn count(&mut self, told: &wire::Usage<'_>, sink: &mut dyn Sink) {
        self.counts.take(told);
        if let Some(usage) = self.counts.usage() {
            sink.event(Event::Usage(usage));
        }
    }

    /// Keeps why the message ended, once it is said.
    fn take_end(
        &mut self,
        reason: Option<Str<'_>>,
        sequence: Option<Str<'_>>,
        details: Option<wire::StopDetails<'_>>,
    ) {
        let own = |text: Option<Str<'_>>| text.map(|text| text.0.into_owned());
        if let Some(word) = own(reason) {
            let message = own(details.and_then(|details| details.explanation));
            self.end = Some(End { word, stop_sequence: own(sequence), message });
        }
    }

    /// The message is complete: with its last event, or, where a server leaves that out, once it said why it ended.
    fn stop(&mut self, sink: &mut dyn Sink) {
        self.begin(None, sink);
        self.over = true;
        let Some(end) = self.end.take() else {
            return sink.event(Event::Error(Box::new(ApiError::incomplete())));
        };
        self.close_all(sink);
        let finish = match finish::read(&end.word, self.calls) {
            Finish::ToolUse if self.json_called && !self.calls => Finish::Stop,
            finish => finish,
        };
        sink.event(Event::Finish {
            choice: 0,
            finish,
            native: Cow::Owned(end.word),
            stop_sequence: end.stop_sequence.map(Cow::Owned),
            message: end.message.map(Cow::Owned),
        });
        sink.event(Event::End);
    }
}

impl Kind {
    /// Whether a piece may be of such a block.
    fn takes(&self, delta: &wire::Delta<'_>) -> bool {
        match self {
            Kind::Text(..) => delta.thinking.is_none(),
            Kind::Reasoning => delta.text.is_none(),
            _ => true,
        }
    }
}

impl Open {
    /// Ends the block, with what only now is complete.
    fn close(self, sink: &mut dyn Sink) {
        let block = self.block;
        match &self.kind {
            Kind::Call(input) => piece(block, Some(Str(Cow::Borrowed(input))), Delta::Args, sink),
            Kind::Json(input) => piece(block, Some(Str(Cow::Borrowed(input))), Delta::Text, sink),
            Kind::Custom(text) => piece(block, Some(Str(custom::unwrap(text))), Delta::Args, sink),
            Kind::Text(length, cited) => {
                let whole = |citation: &Citation<'static>| Citation { end: *length, ..citation.clone() };
                cited.iter().map(whole).for_each(|citation| sink.event(Event::Citation { block, citation }));
            }
            Kind::Reasoning | Kind::Other => {}
        }
        sink.event(Event::BlockEnd { block });
    }
}

fn chars(text: Option<&Str<'_>>) -> u64 {
    text.map_or(0, |text| text.0.chars().count() as u64)
}

fn sign(block: u32, data: Option<Str<'_>>, redacted: bool, sink: &mut dyn Sink) {
    if let Some(Str(data)) = data.filter(|data| !data.0.is_empty()) {
        let state: State<'_> = untag(data, THIS.family(), redacted);
        sink.event(Event::Signature { block, state });
    }
}

/// Tells of a field that has no place elsewhere.
fn extension(scope: Scope, key: &'static str, value: Option<&RawValue>, sink: &mut dyn Sink) {
    let fields = value.map(|value| (Cow::Borrowed(key), value));
    for key in account::extensions(&FACTS, scope, fields.as_slice()) {
        sink.event(Event::Extension(Cow::Borrowed(key)));
    }
}

impl StreamDecoder for Decoder {
    fn frame(&mut self, frame: Frame<'_>, sink: &mut dyn Sink) {
        if self.over {
            return;
        }
        // What cannot be read is no event; a stream that holds nothing else ends incomplete.
        let data = &*self.mender.text(frame.data);
        let Ok(event) = lenient::<wire::Event<'_>>(data) else { return };
        let index = event.index.unwrap_or(0);
        match event.kind.as_ref().map_or("", |kind| kind.as_ref()) {
            "message_start" => self.start(event.message.unwrap_or_default(), sink),
            "content_block_start" => self.open(index, event.content_block.unwrap_or_default(), sink),
            "content_block_delta" => self.delta(index, event.delta.unwrap_or_default(), sink),
            "content_block_stop" => self.close(index, sink),
            "message_delta" => {
                extension(Scope::Response, "context_management", event.context_management, sink);
                self.message_delta(event.delta, event.usage, sink);
            }
            "message_stop" => self.stop(sink),
            // A server that does not stream: the message itself.
            "message" => {
                self.start(lenient(data).unwrap_or_default(), sink);
                self.stop(sink);
            }
            kind if kind == "error"
                || frame.event == b"error"
                || kind.is_empty() && event.error.is_some() =>
            {
                self.over = true;
                sink.event(Event::Error(Box::new(error::decode_event(data))));
            }
            _ => {}
        }
    }

    fn is_complete(&self) -> bool {
        !self.over && self.end.is_some() && self.open.is_empty()
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        if !self.over {
            self.stop(sink);
        }
    }
}
