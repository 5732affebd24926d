//! Which answers a stream gives, and whether each of them said why it ended: such a stream is complete, even without the
//! event that is to be the last one.

use super::framing::frames;
use super::recent::{self, Recent};
use super::wire::Chunk;
use super::words;
use llm_protocol::sse::Frame;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeSet;

/// One of the answers in a chunk.
#[derive(Deserialize)]
pub(super) struct Choice<'c> {
    #[serde(borrow)]
    index: Option<&'c RawValue>,
    #[serde(borrow, alias = "finishReason")]
    finish_reason: Option<&'c RawValue>,
}

/// The answers of a stream by their index.
#[derive(Debug, Default)]
pub(super) struct Choices {
    open: BTreeSet<u32>,
    ended: BTreeSet<u32>,
    /// Events that nobody looked into.
    unread: Recent,
}

/// Whether a reason says something.
pub(super) fn is_told(reason: Option<&RawValue>) -> bool {
    reason.is_some_and(|raw| !["null", "\"\""].contains(&raw.get()))
}

impl<'c> Choice<'c> {
    /// Those of a list, as far as they can be read.
    pub(super) fn all(list: Option<&'c RawValue>) -> Vec<Self> {
        let all: Vec<&RawValue> =
            list.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        all.into_iter().filter_map(|raw| serde_json::from_str(raw.get()).ok()).collect()
    }
}

impl Choices {
    /// Takes events of Chat Completions and Completions, to be read when it matters: reasons come last, and nearly always
    /// with an end that makes them superfluous.
    pub(super) fn pass(&mut self, events: &[u8]) {
        self.unread.keep(events);
        if events.len() > recent::MAX && words::ends(events) {
            self.read(events);
        }
    }

    fn read(&mut self, events: &[u8]) {
        let mut look = |frame: Frame<'_>| {
            if let Ok(chunk) = serde_json::from_slice::<Chunk<'_>>(frame.data) {
                self.take(&Choice::all(chunk.choices));
            }
        };
        frames(false, events, &mut look);
    }

    /// Takes what a chunk holds.
    pub(super) fn take(&mut self, choices: &[Choice<'_>]) {
        for choice in choices {
            let index = choice.index.and_then(|raw| raw.get().parse().ok()).unwrap_or(0);
            self.see(index, is_told(choice.finish_reason));
        }
    }

    /// An answer goes on, or has a reason to end.
    pub(super) fn see(&mut self, index: u32, ends: bool) {
        if ends {
            self.open.remove(&index);
            self.ended.insert(index);
        } else if !self.ended.contains(&index) {
            self.open.insert(index);
        }
    }

    /// Whether there are answers, and all of them ended.
    pub(super) fn all_ended(&mut self) -> bool {
        let unread = std::mem::take(&mut self.unread);
        self.read(unread.bytes());
        self.open.is_empty() && !self.ended.is_empty()
    }
}
