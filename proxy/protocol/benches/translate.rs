//! What translation costs: requests of 1 KiB and of a long conversation with tools, and single events of streams, with
//! their allocations.
//!
//! Targets: 1 KiB under 10 µs, 100 KiB under 400 µs, an event under 1.5 µs.

// Benchmarks may panic, as tests may.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use llm_protocol::capabilities::Capabilities;
use llm_protocol::codec::{NoStates, Reply, RouteOptions};
use llm_protocol::ir::{Event, Request};
use llm_protocol::{
    Exchange, Framing, Notes, Protocol, StreamEncoder, StreamReader, Target, UrlFacts, codec,
};
use serde_json::{Value, json};

const PROTOCOLS: [(Protocol, &str); 4] = [
    (Protocol::OpenAiChat, "gpt-4.1"),
    (Protocol::OpenAiResponses, "gpt-4.1"),
    (Protocol::Anthropic, "claude-sonnet-4-6"),
    (Protocol::Gemini, "gemini-3-flash"),
];

/// Translates a request from one protocol to another.
fn translate(from: Protocol, (to, model): (Protocol, &str), body: &[u8]) -> Vec<u8> {
    let url = UrlFacts { model: Some("m"), stream: Some(true) };
    let request = codec(from).unwrap().decode_request(body, url).unwrap();
    let options = RouteOptions::default();
    let target = Target { model, capabilities: Capabilities::of(model), options, states: &NoStates };
    codec(to).unwrap().encode_request(&request, &target, &mut Notes::new(false)).unwrap().body
}

/// A chat request of about `length` bytes: instructions, and turns of questions, calls and their results.
fn conversation(length: usize) -> Vec<u8> {
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

fn requests(criterion: &mut Criterion) {
    for (size, length) in [("1 KiB", 1024), ("100 KiB", 100 * 1024)] {
        let chat = conversation(length);
        let mut group = criterion.benchmark_group(format!("request of {size}"));
        for from in PROTOCOLS {
            let body = if from.0 == Protocol::OpenAiChat {
                chat.clone()
            } else {
                translate(Protocol::OpenAiChat, from, &chat)
            };
            group.throughput(Throughput::Bytes(body.len() as u64));
            for to in PROTOCOLS.into_iter().filter(|to| to.0 != from.0) {
                let run = || translate(from.0, to, black_box(&body));
                let counted = allocation_counter::measure(|| {
                    black_box(run());
                });
                let name = format!("{} to {}", from.0.name(), to.0.name());
                println!("{name}: {} allocations of {} bytes", counted.count_total, counted.bytes_total);
                group.bench_function(name, |bencher| bencher.iter(run));
            }
        }
        group.finish();
    }
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
struct Running {
    reader: StreamReader,
    encoder: Box<dyn StreamEncoder>,
    out: Vec<u8>,
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

    fn push(&mut self, chunk: &[u8]) {
        self.out.clear();
        let Running { reader, encoder, out } = self;
        reader.push(chunk, &mut |event: Event<'_>| encoder.event(&event, out));
    }
}

fn events(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stream event");
    for (from, _) in PROTOCOLS {
        let (start, event) = stream(from);
        for (to, _) in PROTOCOLS.into_iter().filter(|(to, _)| *to != from) {
            let name = format!("{} to {}", from.name(), to.name());
            let mut running = Running::new(from, to);
            running.push(start.as_bytes());
            let counted = allocation_counter::measure(|| running.push(event.as_bytes()));
            println!("{name}: {} allocations of {} bytes", counted.count_total, counted.bytes_total);
            assert!(!running.out.is_empty(), "{name}: nothing was written");
            group.bench_function(name, |bencher| bencher.iter(|| running.push(black_box(event.as_bytes()))));
        }
    }
    group.finish();
}

criterion_group!(benches, requests, events);
criterion_main!(benches);
