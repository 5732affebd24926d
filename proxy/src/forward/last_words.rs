//! What a client of each protocol understands as the end of a stream that went wrong.

use super::events::course::Course;
use crate::api::error::{Dialect, Kind, Refusal};
use crate::translate::codec;
use llm_protocol::ids::Ids;
use llm_protocol::ir::Event;
use llm_protocol::sse::{Frame, SseFramer};
use llm_protocol::{Framing, Notes, Reply};
use llm_snapshot::provider::Protocol;
use serde_json::{Map, Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// What of a response is not what it was when it began.
const CHANGED: [&str; 6] = ["status", "error", "incomplete_details", "output", "usage", "completed_at"];

/// The events that end a stream, of which this much is known.
pub(super) fn last_words(protocol: Protocol, kind: Kind, course: Option<&Course>) -> String {
    let refusal = Refusal::from(kind);
    match protocol {
        Protocol::Responses => responses(&refusal, course),
        Protocol::Messages => format!("event: error\ndata: {}\n\n", refusal.json(Dialect::Anthropic)),
        _ => format!("data: {}\n\n", refusal.json(Dialect::of(protocol))),
    }
}

/// An event of the error, and the response that failed (TRANSLATION §8).
fn responses(refusal: &Refusal, course: Option<&Course>) -> String {
    let number = course.map_or(0, Course::next);
    let (code, message) = (refusal.kind.row().code, refusal.message());
    let error =
        json!({"type": "error", "code": code, "message": message, "param": null, "sequence_number": number});
    let mut response = failed(refusal);
    let begun = course.map(Course::response).unwrap_or_default();
    response.extend(begun.into_iter().filter(|(key, _)| !CHANGED.contains(&&**key)));
    let failed = json!({"type": "response.failed", "response": response, "sequence_number": number + 1});
    format!("event: error\ndata: {error}\n\nevent: response.failed\ndata: {failed}\n\n")
}

/// A response that failed before anything was known of it, as a translated stream has it.
fn failed(refusal: &Refusal) -> Map<String, Value> {
    let reply = Reply {
        model: String::new(),
        created: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        ids: Ids::new(rand::random()),
        include_usage: false,
        show_reasoning: false,
        input_estimate: 0,
        framing: Framing::Sse,
        echo: Vec::new(),
        notes: Notes::default(),
    };
    let (mut out, mut response) = (Vec::new(), Map::new());
    if let Some(codec) = codec(Protocol::Responses) {
        codec.stream_encoder(reply).event(&Event::Error(Box::new(refusal.as_event())), &mut out);
    }
    let mut last = |frame: Frame<'_>| {
        let event = serde_json::from_slice(frame.data).unwrap_or(Value::Null);
        if let Some(Value::Object(whole)) = event.get("response") {
            response.clone_from(whole);
        }
    };
    // These are our own.
    let _ = SseFramer::default().push(&out, &mut last);
    response
}
