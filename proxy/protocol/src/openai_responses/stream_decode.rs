//! Reading a stream (TRANSLATION §8).

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::account;
use crate::codec::Exchange;
use crate::error::ApiError;
use crate::ir::{BlockKind, CallStyle, Delta, Event, Logprob, Sink};
use crate::json::{Mender, Str, count, lenient};
use crate::openai_chat::{annotations, logprobs};
use crate::sse::Frame;
use crate::stream::StreamDecoder;

use super::finish::Signs;
use super::stream_done::{id, missing};
use super::{error, wire};

/// Reads events.
pub(super) struct Decoder {
    exchange: Exchange,
    mender: Mender,
    /// Items that are open, found by their place in the output: their ids may change on the way.
    pub(super) open: Vec<Open>,
    /// Items seen so far: place and id.
    pub(super) seen: Vec<(u32, String)>,
    /// Blocks opened so far.
    blocks: u32,
    started: bool,
    pub(super) signs: Signs,
    /// There was a message, or reasoning.
    spoke: bool,
    pub(super) over: bool,
}

/// An item.
pub(super) struct Open {
    pub(super) index: u32,
    /// The block at hand: of a message, that of its last part; none before the first.
    pub(super) block: Option<u32>,
    pub(super) kind: Kind,
    /// How many bytes of the block's text were passed on.
    pub(super) sent: usize,
    /// Which part of the content or the summary is at hand.
    pub(super) part: u32,
    /// Its citations were passed on.
    pub(super) cited: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Message { refusal: bool },
    Reasoning,
    Call,
    Other,
}

impl Decoder {
    pub(super) fn new(exchange: Exchange) -> Self {
        Decoder {
            exchange,
            mender: Mender::default(),
            open: Vec::new(),
            seen: Vec::new(),
            blocks: 0,
            started: false,
            signs: Signs::default(),
            spoke: false,
            over: false,
        }
    }

    fn event(&mut self, event: wire::Event<'_>, named_error: bool, data: &str, sink: &mut dyn Sink) {
        let index = event.output_index.unwrap_or_else(|| self.place(event.item_id.as_ref()));
        let part = event.content_index.unwrap_or(0);
        match event.kind.as_ref().map_or("", |kind| kind.as_ref()) {
            "response.output_text.delta" => {
                self.say(index, part, false, event.delta, logprobs::read(event.logprobs), sink);
            }
            "response.refusal.delta" => self.say(index, part, true, event.delta, Vec::new(), sink),
            "response.output_text.annotation.added" => {
                let citation = event.annotation.and_then(annotations::read);
                if citation.is_none() {
                    sink.event(Event::Extension(Cow::Borrowed(account::ANNOTATIONS)));
                }
                self.cite(index, part, citation, sink);
            }
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                self.piece(index, event.delta, Delta::Args, sink);
            }
            "response.reasoning_summary_text.delta" => {
                self.think(index, event.summary_index.unwrap_or(0), event.delta, sink);
            }
            "response.reasoning_text.delta" => self.think(index, part, event.delta, sink),
            "response.output_text.done" => self.said(index, part, false, event.text, event.logprobs, sink),
            "response.refusal.done" => self.said(index, part, true, event.refusal, None, sink),
            "response.function_call_arguments.done" => self.rest(index, event.arguments, sink),
            "response.custom_tool_call_input.done" => self.rest(index, event.input, sink),
            "response.output_item.added" => self.item(index, event.item, sink),
            "response.output_item.done" => self.item_done(index, event.item, sink),
            "response.created" | "response.in_progress" | "response.queued" => {
                self.start(event.response, sink)
            }
            "response.completed" | "response.incomplete" => self.stop(event.response, sink),
            "response.failed" => self.failed(event.response, sink),
            "error" => self.fail(error::of_event(&event, data), sink),
            // A gateway that knows no types.
            kind if named_error || kind.is_empty() && event.error.is_some() => {
                self.fail(error::of_event(&event, data), sink)
            }
            // A server that does not stream: the response itself.
            "" if event.response.is_none() => self.whole(data, sink),
            _ => {}
        }
    }

    /// The place of an event that only names its item, as some compatible servers do.
    fn place(&self, id: Option<&Str<'_>>) -> u32 {
        let known = id.and_then(|id| self.seen.iter().rev().find(|(_, known)| known == id.as_ref()));
        known.map_or(0, |(index, _)| *index)
    }

    pub(super) fn start(&mut self, response: Option<&RawValue>, sink: &mut dyn Sink) {
        if self.started {
            return;
        }
        self.started = true;
        let answer: wire::Answer<'_> = response.and_then(|raw| lenient(raw.get()).ok()).unwrap_or_default();
        let text = |text: Option<Str<'_>>| Cow::Owned(text.map_or(String::new(), |text| text.0.into_owned()));
        let created = answer.created_at.and_then(count);
        // What is said of the class of service here is what was asked for.
        sink.event(Event::Start {
            id: text(answer.id),
            model: text(answer.model),
            created,
            service_tier: None,
        });
    }

    pub(super) fn block(&mut self, kind: BlockKind<'_>, sink: &mut dyn Sink) -> u32 {
        self.start(None, sink);
        let block = self.blocks;
        self.blocks += 1;
        sink.event(Event::BlockStart { block, choice: 0, kind });
        block
    }

    /// An item opens. A message waits for its first part.
    pub(super) fn item(&mut self, index: u32, raw: Option<&RawValue>, sink: &mut dyn Sink) {
        let item: wire::Item<'_> = raw.and_then(|raw| lenient(raw.get()).ok()).unwrap_or_default();
        self.close(index, sink);
        self.seen.push((index, id(&item)));
        let (kind, block) = match item.kind.as_ref().map_or("", |kind| kind.as_ref()) {
            "message" => {
                self.apart(sink);
                (Kind::Message { refusal: false }, None)
            }
            "reasoning" => {
                self.apart(sink);
                (Kind::Reasoning, Some(self.block(BlockKind::Reasoning, sink)))
            }
            "function_call" => (Kind::Call, Some(self.call(&item, CallStyle::Function, sink))),
            "custom_tool_call" => (Kind::Call, Some(self.call(&item, CallStyle::Custom, sink))),
            other => (Kind::Other, Some(self.block(BlockKind::Opaque(Cow::Borrowed(other)), sink))),
        };
        self.open.push(Open { index, block, kind, sent: 0, part: 0, cited: false });
    }

    /// What opens is a message, or reasoning: apart from those before.
    fn apart(&mut self, sink: &mut dyn Sink) {
        if std::mem::replace(&mut self.spoke, true) {
            sink.event(Event::Message { choice: 0 });
        }
    }

    fn call(&mut self, item: &wire::Item<'_>, style: CallStyle, sink: &mut dyn Sink) -> u32 {
        self.signs.calls = true;
        let id = item.call_id.as_ref().map_or("", |id| id.as_ref());
        let name = item.name.as_ref().map_or("", |name| name.as_ref());
        let name = self.exchange.names.client(Cow::Borrowed(name)).into_owned();
        let kind = BlockKind::ToolCall { id: Cow::Borrowed(id), name: Cow::Owned(name), style };
        self.block(kind, sink)
    }

    pub(super) fn find(&mut self, index: u32) -> Option<&mut Open> {
        self.open.iter_mut().find(|open| open.index == index)
    }

    /// A piece of a message's part; another part is another block.
    pub(super) fn say(
        &mut self,
        index: u32,
        part: u32,
        refusal: bool,
        text: Option<Str<'_>>,
        logprobs: Vec<Logprob<'_>>,
        sink: &mut dyn Sink,
    ) {
        let Some(Str(text)) = text.filter(|text| !text.0.is_empty()) else { return };
        let block = self.part(index, part, refusal, sink);
        if let Some(open) = self.find(index) {
            open.sent += text.len();
        }
        self.signs.refuses |= refusal;
        if !logprobs.is_empty() {
            sink.event(Event::Logprobs { block, logprobs });
        }
        let delta = if refusal { Delta::Refusal(text) } else { Delta::Text(text) };
        sink.event(Event::Delta { block, delta });
    }

    /// A part is complete: what of its text did not come in pieces. What is said about the text here is about all of it.
    fn said(
        &mut self,
        index: u32,
        part: u32,
        refusal: bool,
        text: Option<Str<'_>>,
        likely: Option<&RawValue>,
        sink: &mut dyn Sink,
    ) {
        let sent = self.find(index).map_or(0, |open| {
            if open.kind == (Kind::Message { refusal }) && open.part == part { open.sent } else { 0 }
        });
        let tokens = if sent == 0 { logprobs::read(likely) } else { Vec::new() };
        self.say(index, part, refusal, missing(text.as_ref(), sent), tokens, sink);
    }

    /// The block of that part of a message, opened if it is not.
    fn part(&mut self, index: u32, part: u32, refusal: bool, sink: &mut dyn Sink) -> u32 {
        if self.find(index).is_none_or(|open| !matches!(open.kind, Kind::Message { .. })) {
            // A server that does not say that items open.
            self.close(index, sink);
            self.seen.push((index, String::new()));
            self.apart(sink);
            let kind = Kind::Message { refusal };
            self.open.push(Open { index, block: None, kind, sent: 0, part, cited: false });
        }
        let known = self.find(index).and_then(|open| {
            let same = open.kind == Kind::Message { refusal } && open.part == part;
            open.block.filter(|_| same)
        });
        if let Some(block) = known {
            return block;
        }
        let before = self.find(index).and_then(|open| open.block);
        before.into_iter().for_each(|block| sink.event(Event::BlockEnd { block }));
        let block = self.block(if refusal { BlockKind::Refusal } else { BlockKind::Text }, sink);
        if let Some(open) = self.find(index) {
            let kind = Kind::Message { refusal };
            *open = Open { index, block: Some(block), kind, sent: 0, part, cited: false };
        }
        block
    }

    /// A piece of reasoning; parts of it have an empty line between them.
    fn think(&mut self, index: u32, part: u32, text: Option<Str<'_>>, sink: &mut dyn Sink) {
        let Some(open) = self.find(index).filter(|open| open.kind == Kind::Reasoning) else { return };
        let next = open.sent > 0 && open.part != part;
        open.part = part;
        if let (true, Some(block)) = (next, open.block) {
            sink.event(Event::Delta { block, delta: Delta::Reasoning(Cow::Borrowed("\n\n")) });
        }
        self.piece(index, text, Delta::Reasoning, sink);
    }

    /// Passes a piece of an item on, unless it is empty.
    pub(super) fn piece<'t>(
        &mut self,
        index: u32,
        text: Option<Str<'t>>,
        delta: fn(Cow<'t, str>) -> Delta<'t>,
        sink: &mut dyn Sink,
    ) {
        let Some(Str(text)) = text.filter(|text| !text.0.is_empty()) else { return };
        let Some(open) = self.find(index) else { return };
        open.sent += text.len();
        if let Some(block) = open.block {
            sink.event(Event::Delta { block, delta: delta(text) });
        }
    }
}

impl StreamDecoder for Decoder {
    fn frame(&mut self, frame: Frame<'_>, sink: &mut dyn Sink) {
        if self.over {
            return;
        }
        // What cannot be read is no event; a stream that holds nothing else ends incomplete.
        let data = &*self.mender.text(frame.data);
        if let Ok(event) = lenient::<wire::Event<'_>>(data) {
            self.event(event, frame.event == b"error", data, sink);
        }
    }

    /// Nothing is known to be complete before the last event.
    fn is_complete(&self) -> bool {
        false
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        if !self.over {
            // What is open was cut: it has no end.
            self.fail(ApiError::incomplete(), sink);
        }
    }
}
