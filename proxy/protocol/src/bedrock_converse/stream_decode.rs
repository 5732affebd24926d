//! Reading a stream.
//!
//! Blocks of text and reasoning have no start of their own: their first piece is it. Why the answer ended is said
//! before what it cost, which is the last event.

use std::borrow::Cow;

use crate::aws_eventstream::FAULT;
use crate::codec::{Exchange, JSON_TOOL};
use crate::custom;
use crate::error::ApiError;
use crate::ir::{BlockKind, CallStyle, Delta, Event, Sink};
use crate::json::{Mender, Str, compact, lenient};
use crate::sse::Frame;
use crate::state::untag;
use crate::stream::{StreamDecoder, piece};

use super::finish::{self, Called};
use super::{THIS, error, wire};

/// Reads events.
pub(super) struct Decoder {
    exchange: Exchange,
    mender: Mender,
    started: bool,
    blocks: u32,
    open: Vec<Open>,
    called: Called,
    /// Why the answer ended was said.
    ended: bool,
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
    Text,
    Reasoning,
    Call,
    /// The call whose arguments are the text of the answer; whether any came.
    Json(bool),
    /// The call of a custom tool: its arguments must be complete to be unwrapped.
    Custom(String),
}

impl Decoder {
    pub(super) fn new(exchange: Exchange) -> Self {
        Decoder {
            exchange,
            mender: Mender::default(),
            started: false,
            blocks: 0,
            open: Vec::new(),
            called: Called::default(),
            ended: false,
            over: false,
        }
    }

    fn start(&mut self, sink: &mut dyn Sink) {
        if !std::mem::replace(&mut self.started, true) {
            let none = Cow::Borrowed("");
            sink.event(Event::Start { id: none.clone(), model: none, created: None, service_tier: None });
        }
    }

    /// The block of that index; opened if it is not.
    fn block(&mut self, index: u32, kind: Kind, told: BlockKind<'_>, sink: &mut dyn Sink) -> &mut Open {
        self.start(sink);
        let at = match self.open.iter().position(|open| open.index == index) {
            Some(at) => at,
            None => {
                let block = self.blocks;
                self.blocks += 1;
                sink.event(Event::BlockStart { block, choice: 0, kind: told });
                self.open.push(Open { index, block, kind });
                self.open.len() - 1
            }
        };
        &mut self.open[at]
    }

    fn call(&mut self, index: u32, call: wire::ToolUse<'_>, sink: &mut dyn Sink) {
        let id = call.id.map(|id| id.0).unwrap_or_default();
        let name = call.name.map(|name| name.0).unwrap_or_default();
        if self.exchange.json_tool && name == JSON_TOOL {
            self.called.json = true;
            self.block(index, Kind::Json(false), BlockKind::Text, sink);
            return;
        }
        self.called.tools = true;
        let name = Cow::Owned(self.exchange.names.client(name).into_owned());
        let custom = self.exchange.custom.contains(&*name);
        let (kind, style) = match custom {
            true => (Kind::Custom(String::new()), CallStyle::Custom),
            false => (Kind::Call, CallStyle::Function),
        };
        self.block(index, kind, BlockKind::ToolCall { id, name, style }, sink);
    }

    fn delta(&mut self, index: u32, delta: wire::Delta<'_>, sink: &mut dyn Sink) {
        if let Some(text) = delta.text {
            let block = self.block(index, Kind::Text, BlockKind::Text, sink).block;
            piece(block, Some(text), Delta::Text, sink);
        }
        if let Some(reasoning) = delta.reasoning {
            let block = self.block(index, Kind::Reasoning, BlockKind::Reasoning, sink).block;
            piece(block, reasoning.text, Delta::Reasoning, sink);
            sign(block, reasoning.signature, false, sink);
            sign(block, reasoning.redacted, true, sink);
        }
        let Some(input) = delta.tool_use.and_then(|call| call.input) else { return };
        let Some(open) = self.open.iter_mut().find(|open| open.index == index) else { return };
        match &mut open.kind {
            Kind::Call => piece(open.block, Some(input), Delta::Args, sink),
            Kind::Json(came) => {
                *came |= !input.0.is_empty();
                piece(open.block, Some(input), Delta::Text, sink);
            }
            Kind::Custom(text) => text.push_str(&input.0),
            Kind::Text | Kind::Reasoning => {}
        }
    }

    fn close(&mut self, index: u32, sink: &mut dyn Sink) {
        if let Some(at) = self.open.iter().position(|open| open.index == index) {
            self.open.remove(at).close(sink);
        }
    }

    /// The answer is complete; what it cost follows.
    fn stop(&mut self, word: Option<Str<'_>>, sink: &mut dyn Sink) {
        self.start(sink);
        self.open.drain(..).for_each(|open| open.close(sink));
        let word = word.map(|word| word.0).unwrap_or_default();
        let finish = finish::read(&word, self.called);
        if !std::mem::replace(&mut self.ended, true) {
            sink.event(Event::Finish { choice: 0, finish, native: word, stop_sequence: None, message: None });
        }
    }

    /// Reads a whole answer, if that is one.
    fn whole(&mut self, data: &str, sink: &mut dyn Sink) {
        let Ok(answer) = lenient::<wire::Answer<'_>>(data) else { return };
        let Some(message) = answer.output.and_then(|output| output.message) else { return };
        for (index, block) in (0..).zip(message.content.unwrap_or_default()) {
            self.whole_block(index, block, sink);
            self.close(index, sink);
        }
        self.stop(answer.stop_reason, sink);
        self.metadata(answer.usage, sink);
    }

    /// What the answer cost, which is the last event of one that is complete.
    fn metadata(&mut self, usage: Option<wire::Usage<'_>>, sink: &mut dyn Sink) {
        if let Some(usage) = usage.and_then(|usage| usage.counts()) {
            sink.event(Event::Usage(usage));
        }
        if self.ended {
            self.finish(sink);
        }
    }

    fn whole_block(&mut self, index: u32, block: wire::Block<'_>, sink: &mut dyn Sink) {
        let mut delta = wire::Delta { text: block.text, ..wire::Delta::default() };
        if let Some(mut call) = block.tool_use {
            let input = call.input.take().map(|raw| Str(compact(raw.get())));
            delta.tool_use = Some(wire::InputDelta { input });
            self.call(index, call, sink);
        }
        if let Some(reasoning) = block.reasoning {
            let said = reasoning.text.unwrap_or_default();
            let redacted = reasoning.redacted;
            delta.reasoning =
                Some(wire::ReasoningDelta { text: said.text, signature: said.signature, redacted });
        }
        self.delta(index, delta, sink);
        for piece in block.citations.and_then(|cited| cited.content).unwrap_or_default() {
            self.delta(index, wire::Delta { text: piece.text, ..wire::Delta::default() }, sink);
        }
    }

    fn fail(&mut self, error: ApiError, sink: &mut dyn Sink) {
        self.over = true;
        sink.event(Event::Error(Box::new(error)));
    }
}

impl Open {
    fn close(self, sink: &mut dyn Sink) {
        match &self.kind {
            Kind::Custom(text) => piece(self.block, Some(Str(custom::unwrap(text))), Delta::Args, sink),
            // As in whole answers: no arguments are an empty object.
            Kind::Json(false) => piece(self.block, Some(Str("{}".into())), Delta::Text, sink),
            _ => {}
        }
        sink.event(Event::BlockEnd { block: self.block });
    }
}

fn sign(block: u32, data: Option<Str<'_>>, redacted: bool, sink: &mut dyn Sink) {
    if let Some(Str(data)) = data.filter(|data| !data.0.is_empty()) {
        sink.event(Event::Signature { block, state: untag(data, THIS.family(), redacted) });
    }
}

impl StreamDecoder for Decoder {
    fn frame(&mut self, frame: Frame<'_>, sink: &mut dyn Sink) {
        if self.over {
            return;
        }
        let Ok(kind) = std::str::from_utf8(frame.event) else { return };
        if let Some(fault) = kind.strip_prefix(char::from(FAULT)) {
            return self.fail(error::decode_event(fault, frame.data), sink);
        }
        // What cannot be read is no event; a stream that holds nothing else ends incomplete.
        let data = &*self.mender.text(frame.data);
        let Ok(event) = lenient::<wire::Event<'_>>(data) else { return };
        let index = event.index.unwrap_or(0);
        match kind {
            "messageStart" => self.start(sink),
            "contentBlockStart" => {
                if let Some(call) = event.start.and_then(|start| start.tool_use) {
                    self.call(index, call, sink);
                }
            }
            "contentBlockDelta" => self.delta(index, event.delta.unwrap_or_default(), sink),
            "contentBlockStop" => self.close(index, sink),
            "messageStop" => self.stop(event.stop_reason, sink),
            "metadata" => self.metadata(event.usage, sink),
            // A server that does not stream: the answer itself.
            "" => self.whole(data, sink),
            _ => {}
        }
    }

    fn is_complete(&self) -> bool {
        !self.over && self.ended
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        if self.over {
            return;
        }
        if !self.ended {
            return self.fail(ApiError::incomplete(), sink);
        }
        self.over = true;
        sink.event(Event::End);
    }
}
