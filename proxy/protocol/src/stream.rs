//! Streams: the seams between bytes, frames and events.

use std::borrow::Cow;

use crate::aws_eventstream::EventStreamFramer;
use crate::error::ApiError;
use crate::ir::{Delta, Event, Sink};
use crate::json::Str;
use crate::notes::Notes;
use crate::sse::{ArrayFramer, Frame, FrameError, SseFramer};

/// How a stream is divided into frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    #[default]
    Sse,
    /// One JSON array whose elements arrive over time (Gemini without `alt=sse`).
    JsonArray,
    /// AWS's event streams, which no client asks for (Bedrock).
    AwsEvents,
}

/// Reads the frames of a provider's stream.
pub trait StreamDecoder: Send {
    /// Takes one frame.
    fn frame(&mut self, frame: Frame<'_>, sink: &mut dyn Sink);

    /// Whether all of the answer came, though its end was not passed on: what it cost may follow. If the stream breaks
    /// now, nothing of the answer is lost.
    fn is_complete(&self) -> bool;

    /// The stream is over. Emits `End`, or `Error` if the answer is not complete. Nothing, if either was emitted before:
    /// with the last event, where a protocol has one.
    fn finish(&mut self, sink: &mut dyn Sink);
}

/// Writes events for a client.
pub trait StreamEncoder: Send {
    /// Appends what an event looks like. Nothing is written after `End` or `Error`.
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>);

    /// What was said by now that the client could not be given.
    fn notes(&self) -> &Notes;

    /// What to send when nothing was sent for a while.
    fn keep_alive(&self) -> &'static [u8] {
        b": keep-alive\n\n"
    }
}

/// Reads the bytes of a provider's stream, in chunks of any size.
pub struct StreamReader {
    framer: Framer,
    decoder: Box<dyn StreamDecoder>,
    over: bool,
}

enum Framer {
    /// Nothing but white space was seen.
    Unknown(Framing),
    Sse(SseFramer),
    Array(ArrayFramer),
    Aws(EventStreamFramer),
}

impl std::fmt::Debug for StreamReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamReader").field("over", &self.over).finish_non_exhaustive()
    }
}

impl StreamReader {
    /// A reader of a stream framed as the request asked. A body that begins with `{` or `[` is read as JSON all the
    /// same: Gemini labels plain JSON errors as event streams, and some servers do not stream.
    pub fn new(framing: Framing, decoder: Box<dyn StreamDecoder>) -> Self {
        StreamReader { framer: Framer::Unknown(framing), decoder, over: false }
    }

    /// Takes the next bytes. After an error of the framing nothing more is read.
    pub fn push(&mut self, chunk: &[u8], sink: &mut dyn Sink) {
        if self.over {
            return;
        }
        if let Framer::Unknown(framing) = self.framer {
            let Some(first) = chunk.iter().find(|b| !b.is_ascii_whitespace()) else { return };
            self.framer = match (framing, first) {
                (Framing::Sse, b'{' | b'[') | (Framing::JsonArray, _) => {
                    Framer::Array(ArrayFramer::default())
                }
                // A message of AWS that began so, or with white space, would be far too long.
                (Framing::AwsEvents, b'{') => Framer::Array(ArrayFramer::default()),
                (Framing::AwsEvents, _) => Framer::Aws(EventStreamFramer::default()),
                (Framing::Sse, _) => Framer::Sse(SseFramer::default()),
            };
        }
        let decoder = &mut self.decoder;
        let mut each = |frame: Frame<'_>| decoder.frame(frame, sink);
        let result = match &mut self.framer {
            Framer::Sse(framer) => framer.push(chunk, &mut each),
            Framer::Array(framer) => framer.push(chunk, &mut each),
            Framer::Aws(framer) => framer.push(chunk, &mut each),
            Framer::Unknown(_) => Ok(()),
        };
        self.fail(result, sink);
    }

    /// Whether [finishing](Self::finish) gives an answer its end, and no error: also of a stream that broke.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.over && self.decoder.is_complete()
    }

    /// The stream is over.
    pub fn finish(&mut self, sink: &mut dyn Sink) {
        if self.over {
            return;
        }
        if let Framer::Sse(framer) = &mut self.framer {
            let decoder = &mut self.decoder;
            framer.finish(&mut |frame: Frame<'_>| decoder.frame(frame, sink));
        }
        self.over = true;
        self.decoder.finish(sink);
    }

    fn fail(&mut self, result: Result<(), FrameError>, sink: &mut dyn Sink) {
        if result.is_err() {
            self.over = true;
            sink.event(Event::Error(Box::new(ApiError::malformed())));
        }
    }
}

/// Passes a piece of a block on, unless it is empty.
pub(crate) fn piece<'t>(
    block: u32,
    text: Option<Str<'t>>,
    delta: fn(Cow<'t, str>) -> Delta<'t>,
    sink: &mut dyn Sink,
) {
    if let Some(Str(text)) = text.filter(|text| !text.0.is_empty()) {
        sink.event(Event::Delta { block, delta: delta(text) });
    }
}

#[cfg(test)]
mod tests;
