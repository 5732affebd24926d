//! The opening of a stream: events that say that an answer begins, and nothing of the answer. They are held back, so
//! that a provider that fails right after them can still be replaced by another one.

use super::attempt::HOLD;
use crate::route::Failure;
use crate::upstream;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use llm_snapshot::provider::Protocol;
use memchr::memmem;
use tokio::time::{Instant, timeout_at};

/// Most bytes that are held back.
const MAX: usize = 64 * 1024;

/// What events of an opening are named, and what any that may follow are.
fn words(protocol: Protocol) -> Option<(&'static [&'static str], &'static [&'static str])> {
    match protocol {
        Protocol::Messages => Some((&["message_start"], &["content_block", "message_delta", "error"])),
        Protocol::Responses => {
            let answer = &["output_item", "response.completed", "response.incomplete", "error", "failed"];
            Some((&["response.created"], answer))
        }
        _ => None,
    }
}

/// Whether a stream has only begun so far.
pub(super) fn is_all(protocol: Protocol, so_far: &[u8]) -> bool {
    let Some((opening, answer)) = words(protocol) else { return false };
    let has = |words: &[&str]| words.iter().any(|word| memmem::find(so_far, word.as_bytes()).is_some());
    // The words of the answer are looked for in few events: an opening is short.
    so_far.len() <= MAX && has(opening) && !has(answer)
}

/// Reads on until the stream says something, or it is time that the client hears what there is.
///
/// # Errors
/// It breaks off before that.
pub(super) async fn hold(
    protocol: Protocol,
    begun: Option<Bytes>,
    body: &mut upstream::Body,
) -> Result<Option<Bytes>, Failure> {
    let mut held = BytesMut::from(begun.unwrap_or_default());
    let until = Instant::now() + HOLD;
    while is_all(protocol, &held) {
        let Ok(part) = timeout_at(until, body.frame()).await else { break };
        let part = part.and_then(Result::ok).ok_or(Failure::Broken)?;
        if let Ok(data) = part.into_data() {
            held.extend_from_slice(&data);
        }
    }
    Ok(Some(held.freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_openings_are_held_back() {
        let created = "event: response.created\ndata: {\"response\":{\"status\":\"in_progress\"}}\n\n";
        let item = [created, "event: response.output_item.added\ndata: {}\n\n"].concat();
        let table = [
            (Protocol::Messages, "event: message_start\ndata: {}\n\nevent: ping\ndata: {}\n\n", true),
            (Protocol::Messages, "event: message_start\n\nevent: content_block_start\ndata: {}\n\n", false),
            (Protocol::Messages, "event: message_start\n\nevent: error\ndata: {}\n\n", false),
            (Protocol::Messages, "event: ping\n\n", false),
            (Protocol::Responses, created, true),
            (Protocol::Responses, &item, false),
            (Protocol::Responses, "data: {}\n\n", false),
            (Protocol::ChatCompletions, "data: {\"message_start\":1}\n\n", false),
        ];
        for (protocol, stream, held) in table {
            assert_eq!(is_all(protocol, stream.as_bytes()), held, "{stream}");
        }
        let long = ["message_start", &"x".repeat(MAX)].concat();
        assert!(!is_all(Protocol::Messages, long.as_bytes()));
    }
}
