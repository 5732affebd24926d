//! Watches a stream of server-sent events, or of the elements of an array, go by: whole events only are let through, and
//! it is known whether the stream said that it is over, what tokens it counted, and whether it told of an error; as long
//! as it told no counts, what it said is heard, too.
//!
//! The bytes stay as they are. An event that has not arrived whole is held back, so that whatever has to be said when
//! the provider breaks off stands between two events. Events are looked into only when they may say something of
//! interest, which a search for a few words in the chunk tells.

mod array;
mod choices;
pub mod course;
mod framing;
mod recent;
mod wire;
mod words;

pub(crate) use self::words::may_fail;

use self::array::Elements;
use self::choices::{Choice, Choices, is_told};
use self::course::Course;
use self::framing::{first_end, frames, last_end};
use self::wire::{Chunk, Event, Message, Part};
use super::usage::{Counts, Tokens};
use crate::state::Provider;
use crate::tally::Heard;
use crate::translate::redact::redacted_bytes;
use crate::translate::stream::is_error;
use bytes::{Bytes, BytesMut};
use llm_protocol::sse::Frame;
use llm_snapshot::provider::Protocol;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::sync::Arc;

/// Most bytes of an event that is held back. A larger one is no event of any protocol.
const MAX_EVENT: usize = 16 * 1024 * 1024;

/// What a stream says as its last word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The answer is complete.
    Complete,
    /// The provider told of an error.
    Error,
}

/// What is known of a stream so far.
#[derive(Debug)]
pub struct Events {
    protocol: Protocol,
    /// The beginning of an event.
    held: BytesMut,
    /// What the stream said as its last word.
    pub end: Option<End>,
    choices: Choices,
    course: Option<Box<Course>>,
    counts: Option<Box<Counts>>,
    /// The counts are of the whole answer so far, and not of its beginning.
    settled: bool,
    heard: Heard,
    /// Chunks that hold counts and nothing else are left out.
    hide: bool,
    /// There was one.
    hidden: bool,
    /// It is an array.
    elements: Option<Elements>,
    /// Whose credentials no error may tell.
    provider: Option<Arc<Provider>>,
}

/// An event is larger than any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl Events {
    /// A stream of that protocol; `None` when the protocol has no streams.
    #[must_use]
    pub fn of(protocol: Protocol) -> Option<Self> {
        match protocol {
            Protocol::ChatCompletions
            | Protocol::Completions
            | Protocol::Responses
            | Protocol::Messages
            | Protocol::GenerateContent => Some(Self {
                protocol,
                held: BytesMut::new(),
                end: None,
                choices: Choices::default(),
                course: (protocol == Protocol::Responses).then(Box::default),
                counts: None,
                settled: false,
                heard: Heard::default(),
                hide: false,
                hidden: false,
                elements: None,
                provider: None,
            }),
            _ => None,
        }
    }

    /// The same, without chunks that hold token counts and nothing else.
    #[must_use]
    pub fn hiding_usage(mut self) -> Self {
        self.hide = true;
        self
    }

    /// The same, as the elements of an array.
    #[must_use]
    pub fn in_array(mut self) -> Self {
        self.elements = Some(Elements::default());
        self
    }

    /// The same, of that provider, whose credentials are its own business.
    #[must_use]
    pub fn of_provider(mut self, provider: Option<Arc<Provider>>) -> Self {
        self.provider = provider;
        self
    }

    /// The tokens it counted.
    #[must_use]
    pub fn tokens(&mut self) -> Tokens {
        let told = self.counts.as_ref().map_or_else(Tokens::default, |counts| counts.tokens());
        // What is not told of an answer that said nothing is 0.
        let settled = self.settled || self.has_ended() && self.heard.rough() == 0;
        if settled { told } else { told.of_input() }
    }

    /// Whether an array has its first element.
    #[must_use]
    pub fn begins_array(first: &[u8]) -> bool {
        let mut elements = Elements::default();
        elements.end(first) > 0
    }

    /// An event that the proxy ends the stream with, as this stream has it.
    #[must_use]
    pub fn framed(&self, event: String) -> String {
        let Some(elements) = &self.elements else { return event };
        let element = event.trim_end().trim_start_matches("data: ");
        [if elements.any { "," } else { "[" }, element, "]"].concat()
    }

    /// Whether it counted what was read.
    #[must_use]
    pub fn tells_input(&self) -> bool {
        self.counts.as_ref().is_some_and(|counts| counts.tokens().input.is_some())
    }

    /// How far it is, of those whose end says so.
    #[must_use]
    pub fn course(&self) -> Option<&Course> {
        self.course.as_deref()
    }

    /// What it said, as long as it did not count it.
    pub fn heard(&mut self) -> Heard {
        std::mem::take(&mut self.heard)
    }

    /// Takes the next bytes and gives those that can be sent on: the same ones, up to the end of an event.
    ///
    /// # Errors
    /// An event is too large. The stream is of no use any more.
    pub fn push(&mut self, chunk: Bytes) -> Result<Bytes, TooLarge> {
        let before = self.held.len();
        let whole = if before == 0 {
            let end = match &mut self.elements {
                Some(elements) => elements.end(&chunk),
                None => last_end(&chunk, 0),
            };
            if end < chunk.len() {
                self.held.extend_from_slice(&chunk[end..]);
                chunk.slice(..end)
            } else {
                // Without counting who else has it.
                chunk
            }
        } else {
            self.held.extend_from_slice(&chunk);
            let end = match &mut self.elements {
                Some(elements) => {
                    Some(elements.end(&chunk)).filter(|end| *end > 0).map_or(0, |end| before + end)
                }
                // What is held has no end, but its last byte may be half of one.
                None => last_end(&self.held, before - 1),
            };
            self.held.split_to(end).freeze()
        };
        if self.held.len() > MAX_EVENT {
            return Err(TooLarge);
        }
        self.look(&whole);
        if self.elements.as_ref().is_some_and(|elements| elements.closed) && self.choices.all_ended() {
            self.complete();
        }
        self.listen(&whole);
        if let Some(course) = &mut self.course {
            course.pass(&whole);
        }
        Ok(self.shown(whole))
    }

    /// The provider is done: gives what is left, if with it the stream is over. Some end without the blank line.
    pub fn finish(&mut self) -> Bytes {
        let held = self.held.split().freeze();
        if let Some(elements) = &self.elements {
            // What is held of an array is its end, or nothing; after an error that may be missing.
            return match self.end {
                None => Bytes::new(),
                Some(_) if elements.closed => held,
                Some(_) => Bytes::from_static(b"]"),
            };
        }
        if self.end.is_none() {
            self.look(&held);
        }
        // The end of an answer that is all there may be cut, and be nothing to anybody.
        let over = self.end.is_some() || self.has_ended() && is_whole(&held);
        if !over {
            return Bytes::new();
        }
        self.listen(&held);
        self.shown(held)
    }

    /// Hears what these events say, unless what they say is counted.
    fn listen(&mut self, events: &[u8]) {
        if !self.settled {
            self.heard.listen(self.protocol, events);
        }
    }

    /// What of these events is let through: not those that only count, if they are to be hidden, and of errors all but
    /// what is the provider's own business.
    fn shown(&mut self, events: Bytes) -> Bytes {
        let (hidden, failed) = (std::mem::take(&mut self.hidden), self.end == Some(End::Error));
        if !hidden && !failed {
            return events;
        }
        let mut shown = BytesMut::with_capacity(events.len());
        let mut rest = &events[..];
        while !rest.is_empty() {
            let end = if self.elements.is_some() { array::first_end(rest) } else { first_end(rest) };
            let (event, after) = rest.split_at(end);
            if failed && self.is_error(event) {
                let event = events.slice_ref(event);
                shown.extend_from_slice(&redacted_bytes(event, self.provider.as_deref()));
            } else if !(hidden && is_usage_only(event)) {
                shown.extend_from_slice(event);
            }
            rest = after;
        }
        shown.freeze()
    }

    /// Whether an event tells of an error.
    fn is_error(&self, event: &[u8]) -> bool {
        Events::of(self.protocol).is_some_and(|mut alone| {
            alone.elements = self.elements.is_some().then(Elements::default);
            alone.look(event);
            alone.end == Some(End::Error)
        })
    }

    /// Whether the answer is complete if nothing follows: the stream said so, or of each answer in it why it ended.
    #[must_use]
    pub fn has_ended(&mut self) -> bool {
        match self.end {
            None => self.choices.all_ended() && self.elements.is_none(),
            end => end == Some(End::Complete),
        }
    }

    /// The same, and nothing is held back.
    #[must_use]
    pub fn is_complete(&mut self) -> bool {
        self.has_ended() && self.held.is_empty()
    }

    fn look(&mut self, events: &[u8]) {
        if matches!(self.protocol, Protocol::ChatCompletions | Protocol::Completions) {
            self.choices.pass(events);
        }
        if words::of(self.protocol).iter().any(|word| word.is_in(events)) {
            frames(self.elements.is_some(), events, &mut |frame| self.frame(frame));
        }
    }

    fn frame(&mut self, frame: Frame<'_>) {
        let failed = is_error(self.protocol, frame);
        match self.protocol {
            Protocol::Responses => self.response_event(frame.data),
            Protocol::Messages => self.message_event(frame.data),
            Protocol::GenerateContent => self.part(frame.data),
            _ => self.chunk(frame.data, failed),
        }
        if failed {
            self.end = Some(End::Error);
        }
    }

    fn chunk(&mut self, data: &[u8], failed: bool) {
        if data.trim_ascii() == b"[DONE]" {
            return self.complete();
        }
        let Ok(chunk) = serde_json::from_slice::<Chunk<'_>>(data) else { return };
        self.hidden |= self.hide && !failed && chunk.is_usage_only();
        self.settle(chunk.usage);
    }

    fn response_event(&mut self, data: &[u8]) {
        let Ok(event) = serde_json::from_slice::<Event<'_>>(data) else { return };
        match event.r#type.as_deref() {
            Some("response.completed" | "response.incomplete") => self.complete(),
            Some("response.failed") => self.end = Some(End::Error),
            _ => return,
        }
        self.settle(event.response.and_then(|answer| answer.usage));
    }

    fn message_event(&mut self, data: &[u8]) {
        let Ok(event) = serde_json::from_slice::<Message<'_>>(data) else { return };
        let told = |reason: Option<Option<&RawValue>>| is_told(reason.flatten());
        match event.r#type.as_deref() {
            Some("message_start") => self.choices = Choices::default(),
            Some("message_stop") => self.complete(),
            _ => {}
        }
        let begun = event.message.as_ref().map(|message| message.stop_reason);
        if told(begun) || told(event.delta.map(|delta| delta.stop_reason)) {
            self.choices.see(0, true);
        }
        self.count(event.message.and_then(|message| message.usage));
        self.settle(event.usage);
    }

    /// Gemini's streams have no last event.
    fn part(&mut self, data: &[u8]) {
        let Ok(part) = serde_json::from_slice::<Part<'_>>(data) else { return };
        self.choices.take(&Choice::all(part.candidates));
        if part.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some()) {
            // Nothing was answered.
            self.choices.see(0, true);
        }
        self.settle(part.usage_metadata);
    }

    /// The answer is complete, unless it failed before.
    fn complete(&mut self) {
        self.end.get_or_insert(End::Complete);
    }

    /// Takes counts of the whole answer so far.
    fn settle(&mut self, counts: Option<Counts>) {
        self.settled |= counts.is_some_and(|counts| counts.tells_output());
        self.count(counts);
    }

    fn count(&mut self, counts: Option<Counts>) {
        if let Some(counts) = counts {
            let so_far = self.counts.get_or_insert_default();
            **so_far = so_far.and(counts);
        }
    }
}

/// Whether an event holds token counts and nothing else.
fn is_usage_only(event: &[u8]) -> bool {
    let mut only = false;
    let mut look = |frame: Frame<'_>| {
        only = serde_json::from_slice(frame.data).is_ok_and(|chunk: Chunk<'_>| chunk.is_usage_only());
    };
    frames(false, event, &mut look);
    only
}

/// Whether events are whole, but for the blank line behind the last one.
fn is_whole(events: &[u8]) -> bool {
    let mut whole = true;
    let mut look = |frame: Frame<'_>| {
        let is_done = frame.data.trim_ascii() == b"[DONE]";
        whole &= is_done || serde_json::from_slice::<IgnoredAny>(frame.data).is_ok();
    };
    frames(false, events, &mut look);
    whole
}

#[cfg(test)]
mod tests;
