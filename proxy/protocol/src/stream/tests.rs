//! Streams of every provider for clients of every protocol.

use std::borrow::Cow;

use serde_json::Value;

use crate::codec::{Codec, Exchange, Reply};
use crate::ir::{Event, Request};
use crate::protocol::{CODECS, PROVIDER_CODECS, Protocol, codec, provider_codec};
use crate::sse::Frame;

/// The frames of a stream: the event's name, and its data.
type Frames = &'static [(&'static str, &'static str)];

/// How each protocol begins a call of a tool and says the first half of its arguments.
const CUT_CALLS: [(Protocol, Frames); 5] = [
    (
        Protocol::OpenAiChat,
        &[
            (
                "",
                r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
            ),
            (
                "",
                r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"pay","arguments":""}}]}}]}"#,
            ),
            (
                "",
                r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"sum\":1"}}]}}]}"#,
            ),
        ],
    ),
    (
        Protocol::OpenAiResponses,
        &[
            ("", r#"{"type":"response.created","response":{"id":"r","model":"m"}}"#),
            (
                "",
                r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","id":"f","call_id":"c1","name":"pay","arguments":""}}"#,
            ),
            (
                "",
                r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{\"sum\":1"}"#,
            ),
            (
                "",
                r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","status":"incomplete","arguments":"{\"sum\":1"}}"#,
            ),
        ],
    ),
    (
        Protocol::Anthropic,
        &[
            ("", r#"{"type":"message_start","message":{"id":"m","model":"m","usage":{"input_tokens":1}}}"#),
            (
                "",
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"c1","name":"pay","input":{}}}"#,
            ),
            (
                "",
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"sum\":1"}}"#,
            ),
        ],
    ),
    (
        Protocol::Gemini,
        &[
            (
                "",
                r#"{"responseId":"r","candidates":[{"content":{"parts":[{"functionCall":{"name":"pay","willContinue":true}}]}}]}"#,
            ),
            (
                "",
                r#"{"responseId":"r","candidates":[{"content":{"parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.sum","numberValue":1}],"willContinue":true}}]}}]}"#,
            ),
        ],
    ),
    (
        Protocol::BedrockConverse,
        &[
            ("messageStart", r#"{"role":"assistant"}"#),
            (
                "contentBlockStart",
                r#"{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"c1","name":"pay"}}}"#,
            ),
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\"sum\":1"}}}"#),
        ],
    ),
];

/// What a client gets of a stream that ends after those frames, whoever sent them: the data of the events.
fn written(provider: Protocol, frames: &[(&str, &str)], client: &dyn Codec) -> String {
    let mut decoder = provider_codec(provider).unwrap().stream_decoder(Exchange::default());
    let reply = Reply::to(client, &Request::new(client.protocol(), Cow::Borrowed("m")), 1, 7);
    let mut encoder = client.stream_encoder(reply);
    let mut out = Vec::new();
    let mut sink = |event: Event<'_>| encoder.event(&event, &mut out);
    for (event, data) in frames {
        decoder.frame(Frame { event: event.as_bytes(), data: data.as_bytes() }, &mut sink);
    }
    decoder.finish(&mut sink);
    String::from_utf8(out).unwrap()
}

/// Whether an event says, in any client's protocol, that a call or the whole answer is complete.
fn says_complete(event: &Value) -> bool {
    let kind = event["type"].as_str().unwrap_or("");
    let choice = |key: &str, end: &str| event[key][0].get(end).is_some_and(|word| !word.is_null());
    let ends = ["arguments.done", "input.done", "response.completed", "block_stop", "message_stop"];
    ends.iter().any(|end| kind.ends_with(end))
        || choice("choices", "finish_reason")
        || choice("candidates", "finishReason")
        || has_complete_call(event)
}

/// A call of Responses that is completed, or any of Gemini, which has no incomplete ones.
fn has_complete_call(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_complete_call),
        Value::Object(members) => {
            let completed = value["type"] == "function_call" && value["status"] == "completed";
            completed || members.contains_key("functionCall") || members.values().any(has_complete_call)
        }
        _ => false,
    }
}

#[test]
fn no_client_sees_a_completed_call_of_a_stream_that_was_cut() {
    let providers = PROVIDER_CODECS.iter().map(|codec| codec.protocol()).chain(Protocol::ALL);
    // Legacy completions have no calls.
    for provider in providers.filter(|provider| *provider != Protocol::OpenAiCompletions) {
        let frames = CUT_CALLS.iter().find(|(known, _)| *known == provider).unwrap().1;
        for client in CODECS {
            for cut in 1..=frames.len() {
                let text = written(provider, &frames[..cut], *client);
                let name = format!("{} to {} after {cut}", provider.name(), client.protocol().name());
                assert!(!text.contains("[DONE]"), "{name}: {text}");
                let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
                let events: Vec<Value> = data.map(|data| serde_json::from_str(data).unwrap()).collect();
                let complete = events.iter().find(|event| says_complete(event));
                assert!(complete.is_none(), "{name}: {complete:?}");
                let last = events.last().unwrap();
                assert!(last.get("error").is_some() || last["type"] == "response.failed", "{name}: {text}");
            }
        }
    }
}

/// The beginnings of streams, and when their providers say they were made; 1 is the proxy's own time.
const DATED: [(Protocol, Frames, u64); 4] = [
    (
        Protocol::OpenAiChat,
        &[("", r#"{"id":"c","created":5,"choices":[{"index":0,"delta":{"content":"a"}}]}"#)],
        5,
    ),
    (
        Protocol::OpenAiResponses,
        &[
            ("", r#"{"type":"response.created","response":{"id":"r","created_at":5.0}}"#),
            ("", r#"{"type":"response.output_text.delta","output_index":0,"delta":"a"}"#),
        ],
        5,
    ),
    (Protocol::OpenAiCompletions, &[("", r#"{"id":"c","created":5,"choices":[{"index":0,"text":"a"}]}"#)], 5),
    (
        Protocol::Anthropic,
        &[
            ("", r#"{"type":"message_start","message":{"id":"m"}}"#),
            ("", r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"a"}}"#),
        ],
        1,
    ),
];

#[test]
fn the_time_of_a_stream_is_the_providers_where_it_says() {
    for (provider, frames, created) in DATED {
        for (client, key) in [
            (Protocol::OpenAiChat, "created"),
            (Protocol::OpenAiCompletions, "created"),
            (Protocol::OpenAiResponses, "created_at"),
        ] {
            let text = written(provider, frames, codec(client).unwrap());
            let said = text.matches(&format!("\"{key}\":")).count();
            let right = text.matches(&format!("\"{key}\":{created},")).count();
            assert!(said > 0 && said == right, "{} to {}: {text}", provider.name(), client.name());
        }
    }
}
