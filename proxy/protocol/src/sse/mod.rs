//! Framing of streams: server-sent events, and Gemini's JSON array.
//!
//! Framers take bytes in chunks of any size, give each frame without a copy where it lies in one chunk, and hold at
//! most one frame, of at most [`MAX_FRAME`] bytes.

mod array;
mod events;

#[cfg(test)]
mod tests;

pub use array::ArrayFramer;
pub use events::SseFramer;

/// The most bytes a frame that is spread over chunks may have.
pub const MAX_FRAME: usize = 16 * 1024 * 1024;

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'f> {
    /// The `event` field; empty if there is none.
    pub event: &'f [u8],
    /// The `data` fields, joined by line feeds.
    pub data: &'f [u8],
}

/// A stream that is not framed as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A frame exceeds [`MAX_FRAME`].
    #[error("a frame of the stream is too large")]
    TooLarge,
    /// The text is not a JSON array of objects.
    #[error("the stream is not a JSON array")]
    NotAnArray,
    /// A checksum or a length in the stream is wrong (AWS's event streams).
    #[error("the stream is corrupt")]
    Corrupt,
}

/// Writes one event; `event` is left out when empty. Data must not hold line feeds: JSON never does.
pub fn write_event(out: &mut Vec<u8>, event: &str, data: impl FnOnce(&mut Vec<u8>)) {
    if !event.is_empty() {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(event.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    data(out);
    out.extend_from_slice(b"\n\n");
}
