//! What the benchmarks translate.

// Benchmarks may panic, as tests may.
#![allow(clippy::unwrap_used)]

use llm_protocol::capabilities::Capabilities;
use llm_protocol::codec::{NoStates, Reply, RouteOptions};
use llm_protocol::ir::{Event, Request};
use llm_protocol::{
    Exchange, Framing, Notes, Protocol, StreamEncoder, StreamReader, Target, UrlFacts, codec,
};
use serde_json::{Value, json};

/// The protocols, each with a model that its provider has.
pub(crate) const PROTOCOLS: [(Protocol, &str); 4] = [
    (Protocol::OpenAiChat, "gpt-4.1"),
    (Protocol::OpenAiResponses, "gpt-4.1"),
    (Protocol::Anthropic, "claude-sonnet-4-6"),
    (Protocol::Gemini, "gemini-3-flash"),
];

/// Sizes of requests, in bytes.
pub(crate) const SIZES: [(&str, usize); 2] = [("1 KiB", 1024), ("100 KiB", 100 * 1024)];

/// Translates a request from one protocol to another. What the model can do is known before, as in a snapshot.
pub(crate) fn translate(
    from: Protocol,
    (to, model): (Protocol, &str),
    capabilities: &Capabilities,
    body: &[u8],
) -> Vec<u8> {
    let url = UrlFacts { model: Some("m"), stream: Some(true) };
    let request = codec(from).unwrap().decode_request(body, url).unwrap();
    let options = RouteOptions::default();
    let target = Target { model, capabilities, options, states: &NoStates };
    codec(to).unwrap().encode_request(&request, &target, &mut Notes::new(false)).unwrap().body
}

/// A chat request of about `length` bytes: instructions, and turns of questions, calls and their results.
pub(crate) fn conversation(length: usize) -> Vec<u8> {
    let text = "The quick brown fox jumps over the lazy dog, \"twice\".\n".repeat(4);
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let tool = json!({"type": "function", "function": {"name": "weather", "description": "Tells it.", "parameters": schema}});
    let mut messages =
        vec![json!({"role": "system", "content": "Be brief."}), json!({"role": "user", "content": text})];
    let body = |messages: &[Value]| {
        json!({"model": "m", "stream": true, "temperature": 0.5, "max_completion_tokens": 500, "messages": messages, "tools": [tool]})
            .to_string()
            .into_bytes()
    };
    for turn in 0.. {
        let written = body(&messages);
        if written.len() + 300 > length {
            return written;
        }
        let id = format!("call_{turn}");
        messages.extend([
            json!({"role": "assistant", "content": text, "tool_calls": [{"id": id, "type": "function",
                "function": {"name": "weather", "arguments": "{\"city\": \"Paris\"}"}}]}),
            json!({"role": "tool", "tool_call_id": id, "content": text}),
            json!({"role": "user", "content": text}),
        ]);
    }
    unreachable!()
}

/// A stream of a protocol: its beginning, and one event with a piece of text.
fn stream(protocol: Protocol) -> (String, String) {
    let event = |data: Value| {
        let name = data["type"].as_str().map_or(String::new(), |name| format!("event: {name}\n"));
        format!("{name}data: {data}\n\n")
    };
    match protocol {
        Protocol::OpenAiChat => {
            let chunk = |delta: Value| {
                event(
                    json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
                    "choices": [{"index": 0, "delta": delta, "finish_reason": null}]}),
                )
            };
            (chunk(json!({"role": "assistant", "content": "a"})), chunk(json!({"content": " brown fox"})))
        }
        Protocol::OpenAiResponses => {
            let delta = |text: &str| {
                event(
                    json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0,
                    "delta": text, "logprobs": [], "sequence_number": 5}),
                )
            };
            let created = json!({"type": "response.created", "response": {"id": "resp_1", "model": "m"}});
            let added =
                json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "message"}});
            (event(created) + &event(added) + &delta("a"), delta(" brown fox"))
        }
        Protocol::Anthropic => {
            let delta = |text: &str| {
                event(
                    json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}),
                )
            };
            let start = json!({"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": {"input_tokens": 1}}});
            let block = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
            (event(start) + &event(block) + &delta("a"), delta(" brown fox"))
        }
        _ => {
            let part = |text: &str| {
                event(
                    json!({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}}], "responseId": "r",
                    "modelVersion": "m"}),
                )
            };
            (part("a"), part(" brown fox"))
        }
    }
}

/// A stream that has begun.
pub(crate) struct Running {
    reader: StreamReader,
    encoder: Box<dyn StreamEncoder>,
    /// What the last event became.
    pub(crate) out: Vec<u8>,
}

impl Running {
    fn new(from: Protocol, to: Protocol) -> Running {
        let request = Request::new(to, "m".into());
        let reply = Reply::to(codec(to).unwrap(), &request, 1, 1);
        Running {
            reader: StreamReader::new(Framing::Sse, codec(from).unwrap().stream_decoder(Exchange::default())),
            encoder: codec(to).unwrap().stream_encoder(reply),
            out: Vec::with_capacity(4096),
        }
    }

    /// Translates an event.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.out.clear();
        let Running { reader, encoder, out } = self;
        reader.push(chunk, &mut |event: Event<'_>| encoder.event(&event, out));
    }
}

/// Calls `each` with the name of every pair of protocols, a request of that size, and what the target's model can do.
pub(crate) fn requests(
    length: usize,
    mut each: impl FnMut(&str, Protocol, (Protocol, &str), &Capabilities, &[u8]),
) {
    let chat = conversation(length);
    for from in PROTOCOLS {
        let body = match from.0 {
            Protocol::OpenAiChat => chat.clone(),
            _ => translate(Protocol::OpenAiChat, from, Capabilities::of(from.1), &chat),
        };
        for to in others(from.0) {
            each(&pair(from.0, to.0), from.0, to, Capabilities::of(to.1), &body);
        }
    }
}

/// Calls `each` with the name of every pair of protocols, a stream that has begun, and its next event.
pub(crate) fn events(mut each: impl FnMut(&str, &mut Running, &[u8])) {
    for (from, _) in PROTOCOLS {
        let (start, event) = stream(from);
        for (to, _) in others(from) {
            let mut running = Running::new(from, to);
            running.push(start.as_bytes());
            running.push(event.as_bytes());
            assert!(!running.out.is_empty(), "{}: nothing was written", pair(from, to));
            each(&pair(from, to), &mut running, event.as_bytes());
        }
    }
}

fn others(from: Protocol) -> impl Iterator<Item = (Protocol, &'static str)> {
    PROTOCOLS.into_iter().filter(move |to| to.0 != from)
}

fn pair(from: Protocol, to: Protocol) -> String {
    format!("{} to {}", from.name(), to.name())
}
