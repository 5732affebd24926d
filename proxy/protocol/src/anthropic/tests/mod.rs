//! Translations between Messages and Chat Completions, as JSON in and JSON out.

mod answer;
mod cache;
mod known_bugs;
mod own;
mod request;
mod stream;

use std::borrow::Cow;

use serde_json::{Value, json};

use super::Anthropic;
use crate::capabilities::Capabilities;
use crate::codec::{Codec, Encoded, Exchange, NoStates, Reply, RouteOptions, Target, UrlFacts};
use crate::ir::Request;
use crate::notes::{Notes, Rejected};
use crate::openai_chat::OpenAiChat;
use crate::stream::{Framing, StreamReader};

/// Models of every kind there is.
const ADAPTIVE: &str = "claude-opus-5";
const BOTH: &str = "claude-sonnet-4-6";
const BUDGET: &str = "claude-sonnet-4-5";
const OLD: &str = "claude-3-5-haiku-latest";

/// A translated request: its body, what reading the answer needs, and the warnings.
#[derive(Debug)]
struct Written {
    body: Value,
    exchange: Exchange,
    warnings: String,
}

fn write(
    from: &dyn Codec,
    to: &dyn Codec,
    model: &str,
    options: RouteOptions<'_>,
    body: &Value,
) -> Result<Written, Rejected> {
    let text = body.to_string();
    let request = from.decode_request(text.as_bytes(), UrlFacts::default()).unwrap();
    let target = Target { model, capabilities: Capabilities::of(model), options, states: &NoStates };
    let mut notes = Notes::new(false);
    let Encoded { body, exchange } = to.encode_request(&request, &target, &mut notes)?;
    let body = serde_json::from_slice(&body).unwrap();
    Ok(Written { body, exchange, warnings: notes.header().unwrap_or_default() })
}

/// A chat request for that model of Anthropic's.
fn try_claude(model: &str, body: Value) -> Result<Written, Rejected> {
    write(&OpenAiChat, &Anthropic, model, RouteOptions::default(), &body)
}

fn claude(model: &str, body: Value) -> Written {
    try_claude(model, body).unwrap()
}

/// A Messages request for a chat model.
fn try_gpt(model: &str, body: Value) -> Result<Written, Rejected> {
    write(&Anthropic, &OpenAiChat, model, RouteOptions::default(), &body)
}

fn gpt(model: &str, body: Value) -> Written {
    try_gpt(model, body).unwrap()
}

/// A chat request with those messages and nothing else.
fn chat(messages: Value) -> Value {
    json!({"model": "m", "messages": messages})
}

/// The same with more members.
fn with(mut body: Value, more: Value) -> Value {
    let (Value::Object(body), Value::Object(more)) = (&mut body, more) else { panic!("not objects") };
    body.extend(more);
    Value::Object(std::mem::take(body))
}

fn function(name: &str, strict: bool) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": {
        "type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}
    }, "strict": strict}})
}

fn reply(to: &dyn Codec) -> Reply {
    let mut reply = Reply::to(to, &Request::new(to.protocol(), Cow::Borrowed("m")), 1_700_000_000, 7);
    reply.include_usage = true;
    reply.show_reasoning = true;
    reply.input_estimate = 11;
    reply
}

/// A translated answer and its warnings.
fn answer(from: &dyn Codec, to: &dyn Codec, body: &Value, exchange: &Exchange) -> (Value, String) {
    let text = body.to_string();
    let response = from.decode_response(text.as_bytes(), exchange).unwrap();
    let mut notes = Notes::new(false);
    let body = to.encode_response(&response, &mut reply(to), &mut notes);
    (serde_json::from_slice(&body).unwrap(), notes.header().unwrap_or_default())
}

/// A translated stream: the `event` fields and data of its events; data that is not JSON as a string.
fn replay(from: &dyn Codec, to: &dyn Codec, body: &str, exchange: &Exchange) -> Vec<(String, Value)> {
    let mut reader = StreamReader::new(Framing::Sse, from.stream_decoder(exchange.clone()));
    let mut encoder = to.stream_encoder(reply(to));
    let mut out = Vec::new();
    let mut sink = |event: crate::ir::Event<'_>| encoder.event(&event, &mut out);
    reader.push(body.as_bytes(), &mut sink);
    reader.finish(&mut sink);
    let text = String::from_utf8(out).unwrap();
    text.split_terminator("\n\n")
        .map(|event| {
            let (name, data) = match event.strip_prefix("event: ") {
                Some(rest) => rest.split_once('\n').unwrap(),
                None => ("", event),
            };
            let data = data.strip_prefix("data: ").unwrap();
            (name.to_owned(), serde_json::from_str(data).unwrap_or_else(|_| json!(data)))
        })
        .collect()
}

/// A stream of chat chunks with those deltas, the last finish reason, usage, and the end.
fn chat_stream(deltas: &[Value], finish: &str) -> String {
    let chunk = |choices: Value| {
        format!("data: {}\n\n", json!({"id": "chatcmpl-1", "model": "gpt", "choices": choices}))
    };
    let mut text: String = deltas.iter().map(|delta| chunk(json!([{"index": 0, "delta": delta}]))).collect();
    text += &chunk(json!([{"index": 0, "delta": {}, "finish_reason": finish}]));
    let usage = json!({"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25,
        "prompt_tokens_details": {"cached_tokens": 8}});
    text += &format!("data: {}\n\ndata: [DONE]\n\n", json!({"choices": [], "usage": usage}));
    text
}

/// A stream of Messages events.
fn message_stream(events: &[Value]) -> String {
    let event = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap());
    events.iter().map(event).collect()
}

/// The first event of a message.
fn message_start() -> Value {
    json!({"type": "message_start", "message": {"id": "msg_1", "model": "claude", "role": "assistant",
        "content": [], "usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 1}}})
}

/// A block: its start, its deltas, its end.
fn block(index: u32, start: Value, deltas: &[Value]) -> Vec<Value> {
    let mut events = vec![json!({"type": "content_block_start", "index": index, "content_block": start})];
    events.extend(
        deltas.iter().map(|delta| json!({"type": "content_block_delta", "index": index, "delta": delta})),
    );
    events.push(json!({"type": "content_block_stop", "index": index}));
    events
}

/// The last events of a message.
fn message_end(reason: &str) -> [Value; 2] {
    [
        json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 9}}),
        json!({"type": "message_stop"}),
    ]
}
