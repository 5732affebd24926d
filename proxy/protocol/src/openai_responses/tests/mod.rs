//! Translations between Responses and the other protocols, as JSON in and JSON out.

mod answer;
mod hostile;
mod known_bugs;
mod own;
mod request;
mod source;
mod stream;

use std::borrow::Cow;

use serde_json::{Value, json};

use super::OpenAiResponses;
use crate::anthropic::Anthropic;
use crate::capabilities::Capabilities;
use crate::codec::{Codec, Encoded, Exchange, NoStates, Reply, RouteOptions, Target, UrlFacts};
use crate::gemini::Gemini;
use crate::ir::Request;
use crate::notes::{Notes, Rejected};
use crate::openai_chat::OpenAiChat;
use crate::stream::{Framing, StreamReader};

/// A model that reasons and one that does not.
const REASONS: &str = "gpt-5.2";
const PLAIN: &str = "gpt-4.1";
const CLAUDE: &str = "claude-sonnet-4-6";

/// A translated request and its warnings, or the path of what is refused.
fn write(from: &dyn Codec, to: &dyn Codec, model: &str, body: &Value) -> Result<(Value, String), String> {
    written(from, to, model, body).map_err(|rejected| rejected.path)
}

/// The same, with the reason.
fn written(from: &dyn Codec, to: &dyn Codec, model: &str, body: &Value) -> Result<(Value, String), Rejected> {
    let text = body.to_string();
    let request = from.decode_request(text.as_bytes(), UrlFacts::default()).unwrap();
    let options = RouteOptions::default();
    let target = Target { model, capabilities: Capabilities::of(model), options, states: &NoStates };
    let mut notes = Notes::new(false);
    let Encoded { body, .. } = to.encode_request(&request, &target, &mut notes)?;
    Ok((serde_json::from_slice(&body).unwrap(), notes.header().unwrap_or_default()))
}

/// A chat request for a Responses model.
fn responses(model: &str, body: Value) -> (Value, String) {
    write(&OpenAiChat, &OpenAiResponses, model, &body).unwrap()
}

/// A Responses request for a chat model.
fn chat(body: Value) -> Result<(Value, String), String> {
    write(&OpenAiResponses, &OpenAiChat, PLAIN, &body)
}

fn with(mut body: Value, more: Value) -> Value {
    let (Value::Object(body), Value::Object(more)) = (&mut body, more) else { panic!("not objects") };
    body.extend(more);
    Value::Object(std::mem::take(body))
}

/// A request that asks nothing special.
fn input(input: Value) -> Value {
    json!({"model": "m", "input": input})
}

fn reply(to: &dyn Codec) -> Reply {
    let mut reply = Reply::to(to, &Request::new(to.protocol(), Cow::Borrowed("m")), 1_700_000_000, 7);
    reply.include_usage = true;
    reply.show_reasoning = true;
    reply
}

/// A translated answer and its warnings.
fn answer(from: &dyn Codec, to: &dyn Codec, body: &Value) -> (Value, String) {
    let text = body.to_string();
    let response = from.decode_response(text.as_bytes(), &Exchange::default()).unwrap();
    let mut notes = Notes::new(false);
    let body = to.encode_response(&response, &mut reply(to), &mut notes);
    (serde_json::from_slice(&body).unwrap(), notes.header().unwrap_or_default())
}

/// A translated stream: the data of its events; data that is not JSON as a string.
fn replay(from: &dyn Codec, to: &dyn Codec, body: &str) -> Vec<Value> {
    replay_for(reply(to), from, to, body)
}

/// The same for a client that asked for something.
fn replay_for(reply: Reply, from: &dyn Codec, to: &dyn Codec, body: &str) -> Vec<Value> {
    let mut reader = StreamReader::new(Framing::Sse, from.stream_decoder(Exchange::default()));
    let mut encoder = to.stream_encoder(reply);
    let mut out = Vec::new();
    let mut sink = |event: crate::ir::Event<'_>| encoder.event(&event, &mut out);
    reader.push(body.as_bytes(), &mut sink);
    reader.finish(&mut sink);
    let text = String::from_utf8(out).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| json!(data))).collect()
}

/// A stream of events of Responses or Messages.
fn events(events: &[Value]) -> String {
    let event = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap());
    events.iter().map(event).collect()
}

/// A stream of chat chunks with those deltas, the last finish reason, usage, and the end.
fn chunks(deltas: &[Value], finish: &str) -> String {
    let chunk = |choices: Value| {
        format!("data: {}\n\n", json!({"id": "chatcmpl-1", "model": "gpt", "choices": choices}))
    };
    let mut text: String = deltas.iter().map(|delta| chunk(json!([{"index": 0, "delta": delta}]))).collect();
    text += &chunk(json!([{"index": 0, "delta": {}, "finish_reason": finish}]));
    let usage = json!({"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25});
    text + &format!("data: {}\n\ndata: [DONE]\n\n", json!({"choices": [], "usage": usage}))
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// The response of the last event.
fn last(events: &[Value]) -> &Value {
    &events.last().unwrap()["response"]
}
