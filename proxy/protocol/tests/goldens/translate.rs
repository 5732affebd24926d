//! Recordings of one protocol translated for another.

#![allow(dead_code, reason = "two tests share this file, and neither reads everything")]

use std::collections::BTreeSet;

use llm_protocol::capabilities::Capabilities;
use llm_protocol::codec::{Codec, Encoded, NoStates, Reply, RouteOptions};
use llm_protocol::ir::{Choice, Event, Fold, Request, Sink};
use llm_protocol::notes::code;
use llm_protocol::{ErrorHead, Exchange, Framing, Notes, Protocol, StreamReader, Target, UrlFacts, codec};
use serde_json::Value;

use crate::case::Case;
use crate::unfold;

/// The protocols that are translated into each other, each with a model that takes most.
pub(crate) const PAIRED: [(Protocol, &str); 4] = [
    (Protocol::OpenAiChat, "gpt-5.2"),
    (Protocol::OpenAiResponses, "gpt-5.2"),
    (Protocol::Anthropic, "claude-sonnet-4-6"),
    (Protocol::Gemini, "gemini-3-flash"),
];

/// A time and randomness that are always the same.
const CREATED: u64 = 1_700_000_000;
const SEED: u128 = 7;

/// A request as it was written for another protocol.
pub(crate) struct Written {
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
    pub(crate) warnings: String,
}

/// An answer as it was written for another protocol.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) warnings: String,
    pub(crate) is_stream: bool,
}

/// The codec of a protocol.
pub(crate) fn speak(protocol: Protocol) -> &'static dyn Codec {
    codec(protocol).unwrap_or_else(|| panic!("no codec for {}", protocol.name()))
}

/// What Gemini says in the URL.
fn url(case: &Case) -> UrlFacts<'_> {
    let path = case.path().split('?').next().unwrap_or("");
    match path.rsplit('/').next().and_then(|last| last.split_once(':')) {
        Some((model, method)) => UrlFacts { model: Some(model), stream: Some(method.starts_with("stream")) },
        None => UrlFacts { model: case.meta["model"].as_str(), stream: case.meta["stream"].as_bool() },
    }
}

/// The recording's request for a provider of another protocol: what it gets, or why the client is refused.
pub(crate) fn request(case: &Case, to: Protocol, model: &str) -> Option<Result<Written, String>> {
    request_in(case, to, model, None)
}

/// The same, streaming or not whatever was recorded.
pub(crate) fn request_in(
    case: &Case,
    to: Protocol,
    model: &str,
    stream: Option<bool>,
) -> Option<Result<Written, String>> {
    let body = case.request.as_ref()?;
    let from = speak(Protocol::from_name(&case.protocol)?);
    let request = match from.decode_request(body, url(case)) {
        Ok(request) => Request { stream: stream.or(request.stream), ..request },
        Err(error) => return Some(Err(error.to_string())),
    };
    let options = RouteOptions { url_fetch: true, ..RouteOptions::default() };
    let target = Target { model, capabilities: Capabilities::of(model), options, states: &NoStates };
    let mut notes = Notes::new(false);
    let written = speak(to).encode_request(&request, &target, &mut notes);
    let path = speak(to).path(model, request.stream == Some(true));
    Some(match written {
        Ok(Encoded { body, .. }) => Ok(Written { path, body, warnings: notes.header().unwrap_or_default() }),
        Err(rejected) => Err(rejected.to_string()),
    })
}

/// How an answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As it was recorded.
    Recorded,
    /// Whole.
    Plain,
    /// As a stream, its pieces few.
    Stream,
}

/// What the client asked for that shapes its answer.
fn reply(case: &Case, to: Protocol, model: &str) -> Reply {
    let asked = request(case, to, model).and_then(Result::ok).map(|written| written.body);
    let asked = asked.as_ref().and_then(|body| {
        let url = UrlFacts { model: Some(model), stream: Some(false) };
        speak(to).decode_request(body, url).ok()
    });
    let asked = asked.unwrap_or_else(|| Request::new(to, "m".into()));
    let mut reply = Reply::to(speak(to), &asked, CREATED, SEED);
    (reply.include_usage, reply.show_reasoning, reply.input_estimate) = (true, true, 1);
    reply
}

/// Reads the stream of a recording.
pub(crate) fn read(case: &Case, from: &'static dyn Codec, sink: &mut dyn Sink) {
    let framing = if case.framing() == "json-array" { Framing::JsonArray } else { Framing::Sse };
    let mut reader = StreamReader::new(framing, from.stream_decoder(Exchange::default()));
    reader.push(case.response.as_deref().unwrap_or_default(), sink);
    reader.finish(sink);
}

/// The recording's answer for a client of another protocol, who asked the same in that protocol as far as it can.
pub(crate) fn answer(case: &Case, to: Protocol, model: &str, mode: Mode) -> Option<Answer> {
    let body = case.response.as_ref()?;
    let from = speak(Protocol::from_name(&case.protocol)?);
    let mut reply = reply(case, to, model);
    let mut notes = Notes::new(false);
    let status = case.status();
    if status >= 400 {
        let head = ErrorHead { status, retry_after: case.header("retry-after"), ..ErrorHead::default() };
        let (status, body) = speak(to).encode_error(&from.decode_error(head, body));
        return Some(Answer { status, body, warnings: String::new(), is_stream: false });
    }
    let read = |sink: &mut dyn Sink| read(case, from, sink);
    let is_recorded_whole = case.framing() == "json";
    if is_recorded_whole && mode != Mode::Stream || !is_recorded_whole && mode == Mode::Plain {
        let response = if is_recorded_whole {
            from.decode_response(body, &Exchange::default()).ok()?
        } else {
            let mut fold = Fold::new(from.protocol());
            read(&mut fold);
            unfold::whole(fold)?
        };
        let body = speak(to).encode_response(&response, &mut reply, &mut notes);
        return Some(Answer { status, body, warnings: notes.header().unwrap_or_default(), is_stream: false });
    }
    let mut encoder = speak(to).stream_encoder(reply);
    let mut out = Vec::new();
    let mut write = |event: Event<'_>| encoder.event(&event, &mut out);
    match mode {
        _ if is_recorded_whole => {
            unfold::unfold(&from.decode_response(body, &Exchange::default()).ok()?, &mut write);
        }
        Mode::Stream => read(&mut unfold::Shorter::new(write)),
        Mode::Recorded | Mode::Plain => read(&mut write),
    }
    let warnings = encoder.notes().header().unwrap_or_default();
    Some(Answer { status, body: out, warnings, is_stream: true })
}

/// The warnings of what a recording says that only its own protocol knows.
pub(crate) fn own_fields(case: &Case) -> BTreeSet<String> {
    let Some((body, from)) = case.response.as_ref().zip(Protocol::from_name(&case.protocol).map(speak))
    else {
        return BTreeSet::new();
    };
    let mut names = BTreeSet::new();
    if case.framing() == "json" {
        let response = from.decode_response(body, &Exchange::default());
        let blocks = |choice: &Choice<'_>| {
            let other = choice
                .blocks()
                .any(|block| block.marks.as_deref().is_some_and(|marks| marks.other_annotations));
            let own = choice
                .turns
                .iter()
                .flat_map(|turn| turn.blocks.iter().map(|block| &block.ext).chain([&turn.ext]));
            let names =
                own.chain([&choice.ext]).flat_map(|ext| ext.iter().map(|field| field.key.to_string()));
            names.chain(other.then(|| "annotations".to_owned())).collect::<Vec<_>>()
        };
        if let Ok(response) = response {
            names.extend(response.ext.iter().map(|field| field.key.to_string()));
            names.extend(response.choices.iter().flat_map(blocks));
        }
    } else {
        read(case, from, &mut |event: Event<'_>| {
            if let Event::Extension(name) = event {
                names.insert(name.into_owned());
            }
        });
    }
    names.iter().map(|name| code(name, "dropped").into_owned()).collect()
}

/// The data of the events of a stream, but the sentinel of its end.
pub(crate) fn events(body: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(body).unwrap();
    let mut events = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("data: ") {
            Some("[DONE]") => {}
            Some(data) => {
                events.push(serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}")))
            }
            None => assert!(line.is_empty() || line.starts_with("event: "), "no line of an event: {line:?}"),
        }
    }
    events
}
