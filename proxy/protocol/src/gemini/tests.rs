mod answer;
mod hostile;
mod known_bugs;
mod own;
mod pieces;
mod request;
mod source;
mod state;
mod stream;

use crate::codec::ProviderCodec as _;
use serde_json::{Value, json};

use super::Gemini;
use crate::capabilities::Capabilities;
use crate::codec::{Codec, Exchange, NoStates, Reply, RouteOptions, States, Target, UrlFacts};
use crate::ir::{Event, Request};
use crate::notes::{Notes, Rejected};
use crate::openai_chat::OpenAiChat;
use crate::openai_responses::OpenAiResponses;
use crate::stream::{Framing, StreamReader};

/// A request as Gemini gets it, with the warnings and what reading the answer needs to know.
struct Sent {
    body: Value,
    warnings: String,
    exchange: Exchange,
}

const GEMINI_3: &str = "gemini-3-flash-preview";
const GEMINI_25: &str = "gemini-2.5-flash";

/// Sends a request of Chat Completions to a model of Gemini.
fn send(body: &Value, model: &str) -> Result<Sent, Rejected> {
    send_with(body, model, false, RouteOptions::default(), &NoStates)
}

fn send_with(
    body: &Value,
    model: &str,
    strict: bool,
    options: RouteOptions<'_>,
    states: &dyn States,
) -> Result<Sent, Rejected> {
    let text = body.to_string();
    let request = OpenAiChat.decode_request(text.as_bytes(), UrlFacts::default()).unwrap();
    encode(&request, model, strict, options, states)
}

fn encode(
    request: &Request<'_>,
    model: &str,
    strict: bool,
    options: RouteOptions<'_>,
    states: &dyn States,
) -> Result<Sent, Rejected> {
    let target = Target { model, capabilities: Capabilities::of(model), options, states };
    let mut notes = Notes::new(strict);
    let encoded = Gemini.encode_request(request, &target, &mut notes)?;
    Ok(Sent {
        body: serde_json::from_slice(&encoded.body).unwrap(),
        warnings: notes.header().unwrap_or_default(),
        exchange: encoded.exchange,
    })
}

/// A request of Chat Completions with these messages and other members.
fn chat(messages: Value, more: Value) -> Value {
    let mut body = json!({"model": "m", "messages": messages});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

/// A message of the model with calls: id, name, arguments.
fn calls(list: &[(&str, &str, &str)]) -> Value {
    let calls: Vec<Value> = list
        .iter()
        .map(|(id, name, args)| json!({"id": id, "type": "function", "function": {"name": name, "arguments": args}}))
        .collect();
    json!({"role": "assistant", "tool_calls": calls})
}

fn tool(id: &str, text: &str) -> Value {
    json!({"role": "tool", "tool_call_id": id, "content": text})
}

/// A function's definition in Chat Completions.
fn function(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}})
}

/// Reads a request of Gemini.
fn from_gemini(body: &str) -> Request<'_> {
    Gemini
        .decode_request(
            body.as_bytes(),
            UrlFacts { model: Some("gemini-3-pro-preview"), stream: Some(false) },
        )
        .unwrap()
}

fn reply(codec: &dyn Codec) -> Reply {
    Reply::to(codec, &Request::new(codec.protocol(), "m".into()), 1_700_000_000, 1)
}

/// Translates a stream: what the client of `to` reads.
fn translate(
    from: &dyn Codec,
    body: &str,
    framing: Framing,
    exchange: Exchange,
    to: &dyn Codec,
    reply: Reply,
) -> String {
    let mut encoder = to.stream_encoder(reply);
    let mut out = Vec::new();
    let mut reader = StreamReader::new(framing, from.stream_decoder(exchange));
    let mut sink = |event: Event<'_>| encoder.event(&event, &mut out);
    reader.push(body.as_bytes(), &mut sink);
    reader.finish(&mut sink);
    String::from_utf8(out).unwrap()
}

/// The data of every event.
fn events(text: &str) -> Vec<Value> {
    text.split_terminator("\n\n")
        .map(|event| event.strip_prefix("data: ").unwrap())
        .map(|data| serde_json::from_str(data).unwrap_or_else(|_| json!(data)))
        .collect()
}

/// A stream of these chunks.
fn sse(chunks: &[Value]) -> String {
    chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect()
}

/// A chunk of Gemini with these parts.
fn chunk(parts: Value, finish: Option<&str>) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if let Some(word) = finish {
        candidate["finishReason"] = json!(word);
    }
    json!({"candidates": [candidate], "modelVersion": "gemini-x", "responseId": "r1"})
}
