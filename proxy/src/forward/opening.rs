//! The opening of a stream: events that say that an answer begins, and nothing of the answer. They are held back, so
//! that a provider that fails right after them can still be replaced by another one.

use llm_protocol::sse::{Frame, SseFramer};
use llm_snapshot::provider::Protocol;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Most bytes that are held back.
pub(super) const MAX: usize = 64 * 1024;

/// Types of events of an opening.
fn types(protocol: Protocol) -> &'static [&'static str] {
    match protocol {
        Protocol::Messages => &["message_start", "ping"],
        Protocol::Responses => &["response.created", "response.in_progress", "response.queued"],
        _ => &[],
    }
}

/// Whether a stream has only begun so far: with events of an opening, or with comments.
pub(super) fn is_all(protocol: Protocol, so_far: &[u8]) -> bool {
    if so_far.len() > MAX {
        return false;
    }
    let (mut events, mut is_opening) = (0_usize, true);
    let mut each = |frame: Frame<'_>| {
        events += 1;
        is_opening = is_opening && opens(protocol, &frame);
    };
    let read = SseFramer::default().push(so_far, &mut each);
    read.is_ok() && is_opening && (events > 0 || so_far.starts_with(b":"))
}

/// Whether an event says nothing of the answer.
fn opens(protocol: Protocol, frame: &Frame<'_>) -> bool {
    match protocol {
        Protocol::ChatCompletions => {
            serde_json::from_slice::<Chunk<'_>>(frame.data).is_ok_and(|chunk| chunk.opens())
        }
        _ => {
            let event: Option<Event<'_>> = serde_json::from_slice(frame.data).ok();
            let kind = event.as_ref().and_then(|event| event.kind.as_deref()).map(str::as_bytes);
            let kind = kind.unwrap_or(frame.event);
            types(protocol).iter().any(|known| known.as_bytes() == kind)
        }
    }
}

#[derive(Deserialize)]
struct Event<'e> {
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'e, str>>,
}

/// A chunk of Chat Completions. Some servers write members that they have nothing for.
#[derive(Deserialize)]
struct Chunk<'c> {
    #[serde(borrow)]
    choices: Vec<Choice<'c>>,
    #[serde(borrow)]
    error: Option<&'c RawValue>,
}

#[derive(Deserialize)]
struct Choice<'c> {
    #[serde(borrow)]
    delta: BTreeMap<Cow<'c, str>, &'c RawValue>,
    #[serde(borrow)]
    finish_reason: Option<&'c RawValue>,
}

impl Chunk<'_> {
    /// Whether it has nothing but the role of who answers.
    fn opens(&self) -> bool {
        let is_empty = |(key, value): (&Cow<'_, str>, &&RawValue)| {
            key == "role" || matches!(value.get(), "null" | "\"\"" | "[]" | "{}")
        };
        let opens = |choice: &Choice<'_>| choice.finish_reason.is_none() && choice.delta.iter().all(is_empty);
        self.error.is_none() && self.choices.iter().all(opens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_openings_are_held_back() {
        let created = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"error\":null}}\n\n";
        let item = [created, "data: {\"type\":\"response.output_item.added\"}\n\n"].concat();
        let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n";
        let with = |more: &str| [start, more].concat();
        let ping = with("event: ping\ndata: {\"type\": \"ping\"}\n\n");
        let block = with("event: content_block_start\ndata: {\"type\":\"content_block_start\"}\n\n");
        let half = with("event: content_block_sta");
        let error = with("event: error\ndata: {\"type\":\"error\",\"error\":{}}\n\n");
        let chat = |choice: &str| format!("data: {{\"id\":\"c\",\"choices\":[{choice}]}}\n\n");
        let role = r#"{"index":0,"delta":{"role":"assistant","content":"","refusal":null,"tool_calls":[]},"finish_reason":null}"#;
        let table = [
            (Protocol::Messages, ping.as_str(), true),
            (Protocol::Messages, &half, true),
            (Protocol::Messages, "event: ping\ndata: {\"type\":\"ping\"}\n\n", true),
            (Protocol::Messages, &block, false),
            (Protocol::Messages, &error, false),
            (Protocol::Messages, "event: mess", false),
            (Protocol::Responses, created, true),
            (Protocol::Responses, &item, false),
            (Protocol::Responses, "data: {}\n\n", false),
            (Protocol::ChatCompletions, ": PROCESSING\n\n", true),
            (Protocol::ChatCompletions, &chat(role), true),
            (Protocol::ChatCompletions, &chat(""), true),
            (Protocol::ChatCompletions, &chat(&role.replace("\"content\":\"\"", "\"content\":\"a\"")), false),
            (Protocol::ChatCompletions, &chat(&role.replace("null}", "\"stop\"}")), false),
            (Protocol::ChatCompletions, "data: {\"choices\":[],\"error\":{}}\n\n", false),
            (Protocol::ChatCompletions, "data: [DONE]\n\n", false),
            (Protocol::GenerateContent, "data: {\"candidates\":[]}\n\n", false),
        ];
        for (protocol, stream, held) in table {
            assert_eq!(is_all(protocol, stream.as_bytes()), held, "{stream}");
        }
        let long = [&ping, "x".repeat(MAX).as_str()].concat();
        assert!(!is_all(Protocol::Messages, long.as_bytes()));
    }
}
