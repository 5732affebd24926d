//! Traffic that is not as the vendors document it: of compatible servers, of gateways, of the vendors themselves.
//!
//! Parsers are tolerant (TRANSLATION §1.6): what a provider says is read as far as it can be, and what one protocol
//! wrote comes back as it was.

// Tests may panic; clippy takes only the functions marked as tests for tests.
#![allow(clippy::unwrap_used)]

mod answers;
mod counts;
mod ends;
mod errors;
mod halves;
mod models;
mod requests;
mod streams;
mod warnings;
mod whole;

use llm_protocol::capabilities::Capabilities;
use llm_protocol::codec::{NoStates, Reply, RouteOptions};
use llm_protocol::ir::{Content, Event, Fold, Request, Response};
use llm_protocol::{
    ApiError, Codec, DecodeError, Exchange, Framing, Notes, Protocol, StreamReader, Target, UrlFacts, codec,
};
use serde_json::{Value, json};

const CHAT: Protocol = Protocol::OpenAiChat;
const RESPONSES: Protocol = Protocol::OpenAiResponses;
const MESSAGES: Protocol = Protocol::Anthropic;
const GEMINI: Protocol = Protocol::Gemini;
const COMPLETIONS: Protocol = Protocol::OpenAiCompletions;

fn of(protocol: Protocol) -> &'static dyn Codec {
    codec(protocol).unwrap()
}

/// Reads a request and writes it again in the same protocol.
fn request_again(protocol: Protocol, body: &str) -> Result<Value, DecodeError> {
    let url = UrlFacts { model: Some("m"), stream: Some(false) };
    let request = of(protocol).decode_request(body.as_bytes(), url)?;
    let target = Target {
        model: &request.model,
        capabilities: Capabilities::of("m"),
        options: RouteOptions::default(),
        states: &NoStates,
    };
    let written = of(protocol).encode_request(&request, &target, &mut Notes::new(true)).unwrap();
    Ok(serde_json::from_slice(&written.body).unwrap())
}

/// Reads a request and writes it for another protocol: its body, or the path of what is refused.
fn request_to(from: Protocol, to: Protocol, body: &str) -> Result<Value, String> {
    request_for(from, to, "m", Capabilities::of("m"), body).map(|(body, _)| body)
}

/// The same for a model: its body and the warnings.
fn request_for(
    from: Protocol,
    to: Protocol,
    model: &str,
    capabilities: &Capabilities,
    body: &str,
) -> Result<(Value, String), String> {
    let request = of(from).decode_request(body.as_bytes(), UrlFacts::default()).unwrap();
    let target = Target { model, capabilities, options: RouteOptions::default(), states: &NoStates };
    let mut notes = Notes::new(false);
    let written = of(to).encode_request(&request, &target, &mut notes).map_err(|rejected| rejected.path)?;
    Ok((serde_json::from_slice(&written.body).unwrap(), notes.header().unwrap_or_default()))
}

fn answer(protocol: Protocol, body: &str) -> Result<Response<'_>, DecodeError> {
    of(protocol).decode_response(body.as_bytes(), &Exchange::default())
}

/// Reads an answer and writes it again in the same protocol.
fn answer_again(protocol: Protocol, body: &str) -> Value {
    let request = Request::new(protocol, "".into());
    let mut reply = Reply::to(of(protocol), &request, 1, 7);
    let response = answer(protocol, body).unwrap();
    serde_json::from_slice(&of(protocol).encode_response(&response, &mut reply, &mut Notes::default()))
        .unwrap()
}

/// The answer that a stream amounts to, and the error that ended it.
fn stream(protocol: Protocol, body: &str) -> (Response<'static>, Option<ApiError>) {
    let mut reader = StreamReader::new(Framing::Sse, of(protocol).stream_decoder(Exchange::default()));
    let mut fold = Fold::new(protocol);
    reader.push(body.as_bytes(), &mut fold);
    reader.finish(&mut fold);
    fold.into_parts()
}

/// A stream read and written again in the same protocol.
fn stream_again(protocol: Protocol, body: &str) -> String {
    let request = Request::new(protocol, "".into());
    let mut reply = Reply::to(of(protocol), &request, 1, 7);
    (reply.include_usage, reply.show_reasoning) = (true, true);
    let mut encoder = of(protocol).stream_encoder(reply);
    let mut out = Vec::new();
    let mut reader = StreamReader::new(Framing::Sse, of(protocol).stream_decoder(Exchange::default()));
    let mut sink = |event: Event<'_>| encoder.event(&event, &mut out);
    reader.push(body.as_bytes(), &mut sink);
    reader.finish(&mut sink);
    String::from_utf8(out).unwrap()
}

/// Events of a stream, with their types as names where they have one.
fn sse(events: &[Value]) -> String {
    events.iter().map(|event| format!("data: {event}\n\n")).collect()
}

fn texts(response: &Response<'_>, pick: impl Fn(&Content<'_>) -> Option<String>) -> String {
    response
        .choices
        .iter()
        .flat_map(|choice| choice.blocks())
        .filter_map(|block| pick(&block.content))
        .collect()
}

/// What was said.
fn text(response: &Response<'_>) -> String {
    texts(response, |content| match content {
        Content::Text(text) => Some(text.to_string()),
        _ => None,
    })
}

/// What was thought.
fn reasoning(response: &Response<'_>) -> String {
    texts(response, |content| match content {
        Content::Reasoning(text) => Some(text.to_string()),
        _ => None,
    })
}

/// Id, name and arguments of each call.
fn calls(response: &Response<'_>) -> Value {
    let calls = response.choices.iter().flat_map(|choice| choice.blocks()).filter_map(|block| {
        let Content::ToolCall(call) = &block.content else { return None };
        Some(json!([call.id, call.name, call.arguments.as_text()]))
    });
    Value::Array(calls.collect())
}
