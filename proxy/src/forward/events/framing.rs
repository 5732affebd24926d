//! Where events end, and what is in them.

use llm_protocol::sse::{ArrayFramer, Frame, SseFramer};

/// The frames of these events, which are whole and fit into memory already.
pub(super) fn frames(in_array: bool, events: &[u8], each: &mut dyn FnMut(Frame<'_>)) {
    if in_array {
        let _ = ArrayFramer::default().push(events, each);
        return;
    }
    let mut framer = SseFramer::default();
    let _ = framer.push(events, each);
    framer.finish(each);
}

/// The end of the first event in `bytes`, which is right after a blank line, or their end.
pub(super) fn first_end(bytes: &[u8]) -> usize {
    let blank = |at: &usize| matches!(&bytes[..*at], [.., b'\n'] | [.., b'\n', b'\r']);
    memchr::memchr_iter(b'\n', bytes).find(blank).map_or(bytes.len(), |at| at + 1)
}

/// The end of the last event in `bytes`, which is right after a blank line; 0 when there is none. The first
/// `looked_at` bytes hold no such end.
pub(super) fn last_end(bytes: &[u8], looked_at: usize) -> usize {
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
