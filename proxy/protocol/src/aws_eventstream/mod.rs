//! The binary framing of AWS's event streams (`application/vnd.amazon.eventstream`), read incrementally.
//!
//! A message is: total length, length of the headers (both big-endian, 4 bytes), CRC-32 of these 8 bytes, headers,
//! payload, CRC-32 of everything before it. A header is: length of its name (1 byte), name, type (1 byte), value; text
//! values (type 7) have their length before them (2 bytes). Source: "Event Stream Encoding" in the documentation of
//! Amazon Transcribe, and `botocore.eventstream` of AWS's own SDK, whose limits are these.

mod headers;

#[cfg(test)]
mod tests;

use headers::Headers;

use crate::sse::{Frame, FrameError};

/// The most bytes of headers in a message.
pub const MAX_HEADERS: usize = 128 * 1024;
/// The most bytes of payload in a message.
pub const MAX_PAYLOAD: usize = 24 * 1024 * 1024;
/// What the event of a frame begins with that holds an exception or an error; its type follows.
pub const FAULT: u8 = b'!';

/// Bytes before the headers.
const PRELUDE: usize = 12;
/// Bytes after the payload.
const TRAILER: usize = 4;

/// Reads messages as frames: their type is the event, their payload the data. The event of an exception is its type
/// after [`FAULT`], and so is the code of an error, whose data is its text.
#[derive(Debug, Default)]
pub struct EventStreamFramer {
    /// The start of a message whose end has not arrived.
    pending: Vec<u8>,
}

impl EventStreamFramer {
    /// Takes the next bytes and gives every message they complete.
    ///
    /// # Errors
    /// A checksum or a length is wrong. The framer is of no use afterwards.
    pub fn push(&mut self, chunk: &[u8], each: &mut dyn FnMut(Frame<'_>)) -> Result<(), FrameError> {
        let mut rest = chunk;
        while !self.pending.is_empty() {
            let wanted = match length(&self.pending)? {
                Some(total) => total,
                None => PRELUDE,
            };
            let missing = wanted - self.pending.len();
            let (now, later) = rest.split_at(missing.min(rest.len()));
            self.pending.extend_from_slice(now);
            rest = later;
            if now.len() < missing {
                return Ok(());
            }
            if wanted > PRELUDE {
                message(&self.pending, each)?;
                self.pending.clear();
            }
        }
        while let Some(total) = length(rest)?.filter(|total| *total <= rest.len()) {
            let (one, later) = rest.split_at(total);
            message(one, each)?;
            rest = later;
        }
        self.pending.extend_from_slice(rest);
        Ok(())
    }

    /// Bytes of a message that is not complete.
    #[must_use]
    pub fn held(&self) -> usize {
        self.pending.len()
    }
}

/// How long the message is that begins there; `None` if too little of it is there to tell.
fn length(bytes: &[u8]) -> Result<Option<usize>, FrameError> {
    let Some(prelude) = bytes.first_chunk::<PRELUDE>() else { return Ok(None) };
    let [total, headers, checksum] = [0, 4, 8].map(|at| number(&prelude[at..]));
    if crc32fast::hash(&prelude[..8]) != checksum {
        return Err(FrameError::Corrupt);
    }
    let (total, headers) = (total as usize, headers as usize);
    if headers > MAX_HEADERS || total > PRELUDE + headers + MAX_PAYLOAD + TRAILER {
        return Err(FrameError::TooLarge);
    }
    if total < PRELUDE + headers + TRAILER { Err(FrameError::Corrupt) } else { Ok(Some(total)) }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |four| u32::from_be_bytes(*four))
}

/// Passes on a whole message, whose lengths are known to be right.
fn message(bytes: &[u8], each: &mut dyn FnMut(Frame<'_>)) -> Result<(), FrameError> {
    let (body, checksum) = bytes.split_at(bytes.len() - TRAILER);
    if crc32fast::hash(body) != number(checksum) {
        return Err(FrameError::Corrupt);
    }
    let (headers, payload) = body[PRELUDE..].split_at(number(&body[4..]) as usize);
    let headers = Headers::read(headers).ok_or(FrameError::Corrupt)?;
    let named = |name| headers.text(name).unwrap_or_default();
    let (fault, data) = match named(":message-type") {
        "exception" => (named(":exception-type"), payload),
        "error" => (named(":error-code"), named(":error-message").as_bytes()),
        // Anything else is no part of the stream itself.
        "event" => {
            each(Frame { event: named(":event-type").as_bytes(), data: payload });
            return Ok(());
        }
        _ => return Ok(()),
    };
    let mut event = Vec::with_capacity(1 + fault.len());
    event.push(FAULT);
    event.extend_from_slice(fault.as_bytes());
    each(Frame { event: &event, data });
    Ok(())
}

/// Writes a message with headers of text, for tests and fakes.
pub fn write_message(out: &mut Vec<u8>, headers: &[(&str, &str)], payload: &[u8]) {
    let mut block = Vec::new();
    headers.iter().for_each(|(name, value)| headers::write(&mut block, name, value));
    let start = out.len();
    let total = PRELUDE + block.len() + payload.len() + TRAILER;
    out.extend_from_slice(&(total as u32).to_be_bytes());
    out.extend_from_slice(&(block.len() as u32).to_be_bytes());
    out.extend_from_slice(&crc32fast::hash(&out[start..]).to_be_bytes());
    out.extend_from_slice(&block);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32fast::hash(&out[start..]).to_be_bytes());
}

/// Writes an event with a JSON payload, as Bedrock sends them, for tests and fakes.
pub fn write_event(out: &mut Vec<u8>, event: &str, payload: &[u8]) {
    let headers = [(":event-type", event), (":content-type", "application/json"), (":message-type", "event")];
    write_message(out, &headers, payload);
}
