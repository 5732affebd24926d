//! Watches a stream of server-sent events go by: whole events only are let through, and it is known whether the
//! stream said that it is over, what tokens it counted, and whether it told of an error; as long as it told no counts,
//! what it said is heard, too.
//!
//! The bytes stay as they are. An event that has not arrived whole is held back, so that whatever has to be said when
//! the provider breaks off stands between two events. Events are looked into only when they may say something of
//! interest, which a search for a few words in the chunk tells.

use super::usage::{Counts, Tokens};
use crate::tally::Heard;
use crate::translate::redact::redacted_bytes;
use bytes::{Bytes, BytesMut};
use llm_protocol::sse::{Frame, SseFramer};
use llm_snapshot::provider::Protocol;
use memchr::memmem::Finder;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::sync::LazyLock;

/// Most bytes of an event that is held back. A larger one is no event of any protocol.
const MAX_EVENT: usize = 16 * 1024 * 1024;

/// How a stream says that it is over.
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
    /// What the stream said at last about its end.
    pub end: Option<End>,
    counts: Option<Box<Counts>>,
    /// The counts are of the whole answer so far, and not of its beginning.
    settled: bool,
    heard: Heard,
    /// Chunks that hold counts and nothing else are left out.
    hide: bool,
    /// There was one.
    hidden: bool,
}

/// An event is larger than any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

/// Words without which no event says anything of interest.
struct Words {
    finder: Finder<'static>,
    /// The word is a key, which says nothing before `null`.
    key: bool,
}

fn word(word: &'static str) -> Words {
    Words { finder: Finder::new(word), key: word.starts_with('"') }
}

static CHAT: LazyLock<[Words; 3]> = LazyLock::new(|| [word("[DONE]"), word("\"usage\""), word("\"error\"")]);
static MESSAGES: LazyLock<[Words; 3]> =
    LazyLock::new(|| [word("message_stop"), word("\"usage\""), word("\"error\"")]);
static GEMINI: LazyLock<[Words; 4]> = LazyLock::new(|| {
    [word("\"usageMetadata\""), word("\"finishReason\""), word("\"blockReason\""), word("\"error\"")]
});
static RESPONSES: LazyLock<[Words; 4]> = LazyLock::new(|| {
    [word("response.completed"), word("response.incomplete"), word("response.failed"), word("\"error\"")]
});

/// What may be in an event of Chat Completions and Completions.
#[derive(Deserialize)]
struct Chunk {
    usage: Option<Counts>,
    error: Option<IgnoredAny>,
    choices: Option<Vec<IgnoredAny>>,
}

/// What may be in an event of Messages.
#[derive(Deserialize)]
struct Message {
    r#type: String,
    message: Option<Answer>,
    usage: Option<Counts>,
}

/// What may be in a chunk of Gemini.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    #[serde(default)]
    candidates: Vec<Candidate>,
    prompt_feedback: Option<Feedback>,
    usage_metadata: Option<Counts>,
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    finish_reason: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<IgnoredAny>,
}

/// What may be in an event of Responses.
#[derive(Deserialize)]
struct Event {
    r#type: String,
    response: Option<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    usage: Option<Counts>,
}

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
                counts: None,
                settled: false,
                heard: Heard::default(),
                hide: false,
                hidden: false,
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

    /// The tokens it counted.
    #[must_use]
    pub fn tokens(&self) -> Tokens {
        let told = self.counts.as_ref().map_or_else(Tokens::default, |counts| counts.tokens());
        if self.settled { told } else { told.of_input() }
    }

    /// Whether it counted what was read.
    #[must_use]
    pub fn tells_input(&self) -> bool {
        self.counts.as_ref().is_some_and(|counts| counts.tokens().input.is_some())
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
        let whole = if self.held.is_empty() {
            let end = last_end(&chunk, 0);
            if end < chunk.len() {
                self.held.extend_from_slice(&chunk[end..]);
                chunk.slice(..end)
            } else {
                // Without counting who else has it.
                chunk
            }
        } else {
            // What is held has no end, but its last byte may be half of one.
            let looked_at = self.held.len() - 1;
            self.held.extend_from_slice(&chunk);
            let end = last_end(&self.held, looked_at);
            self.held.split_to(end).freeze()
        };
        if self.held.len() > MAX_EVENT {
            return Err(TooLarge);
        }
        self.look(&whole);
        self.listen(&whole);
        Ok(self.shown(whole))
    }

    /// The provider is done: gives what is left, if with it the stream is over. Some end without the blank line.
    pub fn finish(&mut self) -> Bytes {
        let held = self.held.split().freeze();
        if self.end.is_none() {
            self.look(&held);
        }
        if self.end.is_none() {
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
            let (event, after) = rest.split_at(first_end(rest));
            if failed && self.is_error(event) {
                shown.extend_from_slice(&redacted_bytes(events.slice_ref(event)));
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
            alone.look(event);
            alone.end == Some(End::Error)
        })
    }

    /// Whether the stream said that the answer is complete, and nothing is held back.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.end == Some(End::Complete) && self.held.is_empty()
    }

    fn look(&mut self, events: &[u8]) {
        let words: &[Words] = match self.protocol {
            Protocol::Responses => &*RESPONSES,
            Protocol::Messages => &*MESSAGES,
            Protocol::GenerateContent => &*GEMINI,
            _ => &*CHAT,
        };
        if words.iter().any(|word| word.is_in(events)) {
            let mut framer = SseFramer::default();
            // These are whole events that fit into memory already.
            let _ = framer.push(events, &mut |frame| self.frame(frame));
            framer.finish(&mut |frame| self.frame(frame));
        }
    }

    fn frame(&mut self, frame: Frame<'_>) {
        match self.protocol {
            Protocol::Responses => return self.response_event(frame.data),
            Protocol::Messages => return self.message_event(frame.data),
            Protocol::GenerateContent => return self.part(frame.data),
            _ => {}
        }
        if frame.data.trim_ascii() == b"[DONE]" {
            self.end.get_or_insert(End::Complete);
        } else if let Ok(chunk) = serde_json::from_slice::<Chunk>(frame.data) {
            self.hidden |= self.hide && chunk.is_usage_only();
            self.settle(chunk.usage);
            if chunk.error.is_some() {
                self.end = Some(End::Error);
            }
        }
    }

    fn response_event(&mut self, data: &[u8]) {
        let Ok(event) = serde_json::from_slice::<Event>(data) else { return };
        let end = match &*event.r#type {
            "response.completed" | "response.incomplete" => End::Complete,
            "response.failed" | "error" => End::Error,
            _ => return,
        };
        self.end = Some(end);
        self.settle(event.response.and_then(|answer| answer.usage));
    }

    fn message_event(&mut self, data: &[u8]) {
        let Ok(event) = serde_json::from_slice::<Message>(data) else { return };
        match &*event.r#type {
            "message_stop" => self.end = Some(End::Complete),
            "error" => self.end = Some(End::Error),
            _ => {}
        }
        self.count(event.message.and_then(|message| message.usage));
        self.settle(event.usage);
    }

    /// Gemini's streams have no last event: they are over when the answer has a reason to be, and nothing follows.
    fn part(&mut self, data: &[u8]) {
        let Ok(part) = serde_json::from_slice::<Part>(data) else { return };
        let finished = part.candidates.iter().any(|candidate| candidate.finish_reason.is_some());
        let blocked = part.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some());
        if part.error.is_some() {
            self.end = Some(End::Error);
        } else if finished || blocked {
            self.end = Some(End::Complete);
        }
        self.settle(part.usage_metadata);
    }

    /// Takes counts of the whole answer so far.
    fn settle(&mut self, counts: Option<Counts>) {
        self.settled |= counts.is_some_and(|counts| counts.tokens().output.is_some());
        self.count(counts);
    }

    fn count(&mut self, counts: Option<Counts>) {
        if let Some(counts) = counts {
            let so_far = self.counts.get_or_insert_default();
            **so_far = so_far.and(counts);
        }
    }
}

impl Chunk {
    fn is_usage_only(&self) -> bool {
        self.usage.is_some() && self.error.is_none() && self.choices.as_ref().is_some_and(Vec::is_empty)
    }
}

/// Whether an event holds token counts and nothing else.
fn is_usage_only(event: &[u8]) -> bool {
    let mut only = false;
    let mut look = |frame: Frame<'_>| {
        only = serde_json::from_slice(frame.data).is_ok_and(|chunk: Chunk| chunk.is_usage_only());
    };
    let mut framer = SseFramer::default();
    let _ = framer.push(event, &mut look);
    framer.finish(&mut look);
    only
}

/// The end of the first event in `bytes`, which is right after a blank line, or their end.
fn first_end(bytes: &[u8]) -> usize {
    let blank = |at: &usize| matches!(&bytes[..*at], [.., b'\n'] | [.., b'\n', b'\r']);
    memchr::memchr_iter(b'\n', bytes).find(blank).map_or(bytes.len(), |at| at + 1)
}

impl Words {
    fn is_in(&self, events: &[u8]) -> bool {
        if !self.key {
            return self.finder.find(events).is_some();
        }
        self.finder.find_iter(events).any(|at| {
            let rest = events[at + self.finder.needle().len()..].trim_ascii_start();
            rest.strip_prefix(b":").is_some_and(|value| !value.trim_ascii_start().starts_with(b"null"))
        })
    }
}

/// The end of the last event in `bytes`, which is right after a blank line; 0 when there is none. The first
/// `looked_at` bytes hold no such end.
fn last_end(bytes: &[u8], looked_at: usize) -> usize {
    if bytes.ends_with(b"\n\n") {
        return bytes.len();
    }
    let new = &bytes[looked_at..];
    for at in memchr::memrchr_iter(b'\n', new) {
        if matches!(&bytes[..looked_at + at], [.., b'\n'] | [.., b'\n', b'\r']) {
            return looked_at + at + 1;
        }
    }
    // Lines may end in CR alone.
    let old_style = memchr::memmem::rfind(new, b"\r\r").map_or(0, |at| looked_at + at + 2);
    if memchr::memchr(b'\n', bytes).is_none() { old_style } else { 0 }
}

#[cfg(test)]
mod tests;
