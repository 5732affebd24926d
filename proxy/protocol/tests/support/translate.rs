//! Recordings of one protocol translated for another.

#![allow(dead_code, reason = "two tests share this file, and neither reads everything")]

use llm_protocol::capabilities::Capabilities;
use llm_protocol::codec::{Codec, Encoded, NoStates, Reply, RouteOptions};
use llm_protocol::ir::{Event, Request};
use llm_protocol::{ErrorHead, Exchange, Framing, Notes, Protocol, StreamReader, Target, UrlFacts, codec};
use serde_json::Value;

use crate::case::Case;

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
    let body = case.request.as_ref()?;
    let from = speak(Protocol::from_name(&case.protocol)?);
    let request = match from.decode_request(body, url(case)) {
        Ok(request) => request,
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

/// The recording's answer for a client of another protocol, who asked the same in that protocol as far as it can.
pub(crate) fn answer(case: &Case, to: Protocol, model: &str) -> Option<Answer> {
    let body = case.response.as_ref()?;
    let from = speak(Protocol::from_name(&case.protocol)?);
    let asked = request(case, to, model).and_then(Result::ok).map(|written| written.body);
    let asked = asked.as_ref().and_then(|body| {
        let url = UrlFacts { model: Some(model), stream: Some(false) };
        speak(to).decode_request(body, url).ok()
    });
    let asked = asked.unwrap_or_else(|| Request::new(to, "m".into()));
    let mut reply = Reply::to(speak(to), &asked, CREATED, SEED);
    (reply.include_usage, reply.show_reasoning, reply.input_estimate) = (true, true, 1);
    let mut notes = Notes::new(false);
    let status = case.status();
    if status >= 400 {
        let head = ErrorHead { status, retry_after: case.header("retry-after"), retry_after_ms: None };
        let (status, body) = speak(to).encode_error(&from.decode_error(head, body));
        return Some(Answer { status, body, warnings: String::new(), is_stream: false });
    }
    let framing = match case.framing() {
        "sse" => Framing::Sse,
        "json-array" => Framing::JsonArray,
        _ => {
            let response = from.decode_response(body, &Exchange::default()).ok()?;
            let body = speak(to).encode_response(&response, &mut reply, &mut notes);
            return Some(Answer {
                status,
                body,
                warnings: notes.header().unwrap_or_default(),
                is_stream: false,
            });
        }
    };
    let mut encoder = speak(to).stream_encoder(reply);
    let mut reader = StreamReader::new(framing, from.stream_decoder(Exchange::default()));
    let mut out = Vec::new();
    let mut sink = |event: Event<'_>| encoder.event(&event, &mut out);
    reader.push(body, &mut sink);
    reader.finish(&mut sink);
    Some(Answer { status, body: out, warnings: String::new(), is_stream: true })
}

/// The data of the events of a stream, but those that are no JSON.
pub(crate) fn events(body: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(body).unwrap_or("");
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter_map(|data| serde_json::from_str(data).ok()).collect()
}
