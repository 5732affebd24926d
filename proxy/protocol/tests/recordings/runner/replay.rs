//! Streams replayed in chunks of every size.

use llm_protocol::codec::{Codec, Exchange, Reply};
use llm_protocol::ir::{Event, Fold, Request, Response, Sink};
use llm_protocol::sse::{ArrayFramer, Frame, SseFramer};
use llm_protocol::{ApiError, Framing, StreamReader};
use serde_json::{Value, json};

use super::difference::same;
use super::summary;

/// How many random divisions of each stream are tried.
const SPLITS: u64 = 12;

/// What a stream amounts to.
pub(crate) struct Reading {
    pub(crate) response: Response<'static>,
    pub(crate) error: Option<ApiError>,
    /// The events, as text.
    events: Vec<String>,
}

/// Reads a stream whole, checks it against `expect`, and reads it again in every other way.
pub(crate) fn check(
    codec: &dyn Codec,
    framing: Framing,
    body: &[u8],
    expect: Option<&Value>,
) -> Result<(), String> {
    let whole = read(codec, framing, [body])?;
    let frames = frames(framing, body);
    if let Some(expect) = expect {
        let shown = summary::shown_reasoning(codec.protocol(), frames.iter().map(Vec::as_slice));
        summary::check(expect, &whole.response, whole.error.as_ref(), &shown)?;
        check_frames(expect, &frames)?;
    }
    same_events("byte by byte", &whole, &read(codec, framing, body.chunks(1))?)?;
    for seed in 0..SPLITS {
        same_events(&format!("random split {seed}"), &whole, &read(codec, framing, split(body, seed))?)?;
    }
    if framing == Framing::Sse {
        let crlf = with_line_ends(body, b"\r\n");
        same_events("with CRLF", &whole, &read(codec, framing, [crlf.as_slice()])?)?;
        same_events("with CRLF, byte by byte", &whole, &read(codec, framing, crlf.chunks(1))?)?;
        let cr = with_line_ends(body, b"\r");
        same_events("with CR", &whole, &read(codec, framing, [cr.as_slice()])?)?;
    }
    rewrite(codec, framing, body, &whole)
}

/// Writes the stream again in its own protocol and reads that.
fn rewrite(codec: &dyn Codec, framing: Framing, body: &[u8], whole: &Reading) -> Result<(), String> {
    let request = Request::new(codec.protocol(), "".into());
    let mut reply = Reply::to(codec, &request, 1_700_000_000, 7);
    reply.include_usage = true;
    reply.show_reasoning = true;
    reply.framing = framing;
    let mut encoder = codec.stream_encoder(reply);
    let mut out = Vec::new();
    let mut reader = StreamReader::new(framing, codec.stream_decoder(Exchange::default()));
    let mut sink = |event: Event<'_>| encoder.event(&event, &mut out);
    reader.push(body, &mut sink);
    reader.finish(&mut sink);
    let again = read(codec, framing, [out.as_slice()])?;
    let again = (&again.response, again.error.as_ref());
    let whole = (&whole.response, whole.error.as_ref());
    summary::check_same(codec.protocol(), whole, again)
}

/// The data of the frames of a stream.
fn frames(framing: Framing, body: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut each = |frame: Frame<'_>| frames.push(frame.data.to_vec());
    // A stream that is not framed as it should be has the frames that come before.
    let _ = match framing {
        Framing::JsonArray => ArrayFramer::default().push(body, &mut each),
        _ => {
            let mut framer = SseFramer::default();
            let result = framer.push(body, &mut each);
            framer.finish(&mut each);
            result
        }
    };
    frames
}

/// Compares what a recording says of its frames.
fn check_frames(expect: &Value, frames: &[Vec<u8>]) -> Result<(), String> {
    let is_done = |frame: &&Vec<u8>| frame.trim_ascii() == b"[DONE]";
    let mut types: Vec<String> = frames
        .iter()
        .filter_map(|frame| serde_json::from_slice::<Value>(frame).ok()?["type"].as_str().map(str::to_owned))
        .collect();
    types.sort();
    types.dedup();
    for (key, seen) in [
        ("events", json!(frames.iter().filter(|frame| !is_done(frame)).count())),
        ("event_types", json!(types)),
        ("done_sentinel", json!(frames.iter().any(|frame| is_done(&frame)))),
    ] {
        if let Some(told) = expect.get(key) {
            same(key, told, &seen)?;
        }
    }
    Ok(())
}

fn same_events(how: &str, whole: &Reading, other: &Reading) -> Result<(), String> {
    let differs = whole.events.iter().zip(&other.events).position(|(left, right)| left != right);
    match differs {
        Some(at) => Err(format!("{how}: event {at} is {} and not {}", other.events[at], whole.events[at])),
        None if whole.events.len() != other.events.len() => {
            Err(format!("{how}: {} events and not {}", other.events.len(), whole.events.len()))
        }
        None => Ok(()),
    }
}

fn read<'b>(
    codec: &dyn Codec,
    framing: Framing,
    chunks: impl IntoIterator<Item = &'b [u8]>,
) -> Result<Reading, String> {
    let mut reader = StreamReader::new(framing, codec.stream_decoder(Exchange::default()));
    let mut sink = Checked {
        fold: Fold::new(codec.protocol()),
        events: Vec::new(),
        open: Vec::new(),
        state: State::New,
    };
    for chunk in chunks {
        reader.push(chunk, &mut sink);
    }
    reader.finish(&mut sink);
    sink.finish()
}

/// A fold that also checks that the events follow the rules of [`Event`].
struct Checked {
    fold: Fold,
    events: Vec<String>,
    open: Vec<bool>,
    state: State,
}

#[derive(PartialEq)]
enum State {
    New,
    Started,
    Over,
    Broken(String),
}

impl Checked {
    fn finish(self) -> Result<Reading, String> {
        match self.state {
            State::Broken(rule) => Err(rule),
            State::Over => {
                let (response, error) = self.fold.into_parts();
                Ok(Reading { response, error, events: self.events })
            }
            _ => Err("the stream ended without End or Error".to_owned()),
        }
    }

    fn broken_rule(&mut self, event: &Event<'_>) -> Option<&'static str> {
        let open = |block: &u32| self.open.get(*block as usize) == Some(&true);
        match event {
            _ if self.state == State::Over => Some("an event after the end"),
            Event::Start { .. } if self.open.contains(&true) => Some("a new start with open blocks"),
            Event::BlockStart { .. } if self.state == State::New => Some("a block before the start"),
            Event::BlockStart { block, .. } if *block as usize != self.open.len() => {
                Some("blocks not counted from 0")
            }
            Event::Delta { block, .. }
            | Event::Logprobs { block, .. }
            | Event::Citation { block, .. }
            | Event::Signature { block, .. }
            | Event::BlockEnd { block }
                if !open(block) =>
            {
                Some("a piece of a block that is not open")
            }
            Event::End if self.open.contains(&true) => Some("an end with open blocks"),
            _ => None,
        }
    }
}

impl Sink for Checked {
    fn event(&mut self, event: Event<'_>) {
        if matches!(self.state, State::Broken(_)) {
            return;
        }
        if let Some(rule) = self.broken_rule(&event) {
            self.state = State::Broken(format!("event {}: {rule}: {event:?}", self.events.len()));
            return;
        }
        match &event {
            Event::Start { .. } => self.state = State::Started,
            Event::BlockStart { .. } => self.open.push(true),
            Event::BlockEnd { block } => self.open[*block as usize] = false,
            Event::End | Event::Error(_) => self.state = State::Over,
            _ => {}
        }
        self.events.push(format!("{event:?}"));
        self.fold.event(event);
    }
}

/// Divides a body at random places: the same for the same seed.
fn split(body: &[u8], seed: u64) -> Vec<&[u8]> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut rest = body;
    let mut chunks = Vec::new();
    while !rest.is_empty() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Small chunks for some seeds, large ones for others.
        let size = ((state >> 33) % (1 + (7 << (seed % 9)))) as usize;
        let (chunk, after) = rest.split_at(size.min(rest.len()));
        chunks.push(chunk);
        rest = after;
    }
    chunks
}

/// The body with its LF or CRLF line ends replaced.
fn with_line_ends(body: &[u8], end: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 64);
    for (i, byte) in body.iter().enumerate() {
        match byte {
            b'\n' => out.extend_from_slice(end),
            b'\r' if body.get(i + 1) == Some(&b'\n') => {}
            byte => out.push(*byte),
        }
    }
    out
}
