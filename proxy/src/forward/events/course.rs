//! What of a stream of Responses its client has to be told again if it breaks off: which response it is, and how many
//! events came.

use super::framing::frames;
use super::recent::{self, Recent};
use super::words::value;
use llm_protocol::sse::Frame;
use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Most bytes of a response that are kept. They repeat what was asked with: instructions and tools.
const MAX_RESPONSE: usize = 64 * 1024;
const NUMBER: &[u8] = b"\"sequence_number\"";

/// How far a stream is.
#[derive(Debug, Default)]
pub struct Course {
    /// The response as the first event has it, as JSON: empty when that is something else.
    response: Option<Box<[u8]>>,
    /// Events whose numbers nobody looked for.
    unread: Recent,
    /// The number of an event that was too long to be among these.
    number: Option<u64>,
}

/// The first event.
#[derive(Deserialize)]
struct Created<'c> {
    r#type: &'c str,
    #[serde(borrow)]
    response: &'c RawValue,
}

impl Course {
    /// Takes whole events.
    pub(super) fn pass(&mut self, events: &[u8]) {
        if events.is_empty() {
            return;
        }
        if self.response.is_none() {
            self.response = created(events);
        }
        self.unread.keep(events);
        if events.len() > recent::MAX {
            self.number = number(events).or(self.number);
        }
    }

    /// The number of the next event.
    #[must_use]
    pub fn next(&self) -> u64 {
        let last = number(self.unread.bytes()).max(self.number);
        last.map_or(0, |number| number.saturating_add(1))
    }

    /// The response, as far as its first event told of it.
    #[must_use]
    pub fn response(&self) -> Map<String, Value> {
        let json = self.response.as_deref().unwrap_or_default();
        serde_json::from_slice(json).unwrap_or_default()
    }
}

/// The last number in events. Within a text its key has other quotes.
fn number(events: &[u8]) -> Option<u64> {
    let at = memmem::rfind(events, NUMBER)?;
    let value = value(&events[at + NUMBER.len()..])?;
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&value[..digits]).ok()?.parse().ok()
}

/// The response of the event that begins a stream, nothing if it has none; `None`: there is no event yet.
fn created(events: &[u8]) -> Option<Box<[u8]>> {
    let mut response = None;
    let mut look = |frame: Frame<'_>| {
        let event = || serde_json::from_slice::<Created<'_>>(frame.data).ok();
        response.get_or_insert_with(|| {
            let event = event().filter(|event| event.r#type == "response.created");
            let json = event.map_or("", |event| event.response.get());
            if json.len() <= MAX_RESPONSE { json.as_bytes().into() } else { Box::default() }
        });
    };
    frames(false, events, &mut look);
    response
}
