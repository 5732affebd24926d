//! Streams: Anthropic's for chat clients, and others' for clients of Anthropic.

use super::*;
use crate::codec::Exchange;
use crate::codec::ProviderCodec as _;
use crate::error::{ApiError, ErrorKind};
use crate::ir::{BlockKind, CallStyle, Delta, Event, Finish, State};

fn to_chat(events: &[Value], exchange: &Exchange) -> Vec<Value> {
    let body = message_stream(events);
    replay(&Anthropic, &OpenAiChat, &body, exchange).into_iter().map(|(_, data)| data).collect()
}

/// What a writer makes of events: kinds and data.
fn to_message(events: &[Event<'_>]) -> Vec<Value> {
    let mut encoder = Anthropic.stream_encoder(reply(&Anthropic));
    let mut out = Vec::new();
    events.iter().for_each(|event| encoder.event(event, &mut out));
    let text = String::from_utf8(out).unwrap();
    text.split_terminator("\n\n")
        .map(|event| {
            let (name, data) = event.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
            let data: Value = serde_json::from_str(data).unwrap();
            assert_eq!(data["type"], name);
            data
        })
        .collect()
}

fn start() -> Event<'static> {
    Event::Start {
        id: Cow::Borrowed("chatcmpl-1"),
        model: Cow::Borrowed("gpt"),
        created: None,
        service_tier: None,
    }
}

fn open(block: u32, kind: BlockKind<'static>) -> Event<'static> {
    Event::BlockStart { block, choice: 0, kind }
}

fn call(block: u32, style: CallStyle) -> Event<'static> {
    open(block, BlockKind::ToolCall { id: Cow::Borrowed("call_1"), name: Cow::Borrowed("f"), style })
}

fn sign(block: u32, family: &'static str, redacted: bool) -> Event<'static> {
    let state = State { redacted, ..State::new(family, "abc") };
    Event::Signature { block, state }
}

fn finish(finish: Finish) -> [Event<'static>; 2] {
    let native = Cow::Borrowed("");
    [Event::Finish { choice: 0, finish, native, stop_sequence: None, message: None }, Event::End]
}

#[test]
fn a_stream_of_messages_becomes_chunks() {
    let mut events = vec![message_start(), json!({"type": "ping"})];
    events.extend(block(
        0,
        json!({"type": "text", "text": ""}),
        &[json!({"type": "text_delta", "text": "a"})],
    ));
    let pieces = ["", "{\"x\"", ":1}"].map(|text| json!({"type": "input_json_delta", "partial_json": text}));
    let tool = json!({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}});
    events.extend(block(1, tool, &pieces));
    events.push(json!({"type": "new_event", "index": "odd"}));
    events.extend(message_end("tool_use"));
    let chunks = to_chat(&events, &Exchange::default());
    let deltas: Vec<_> = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]).collect();
    assert_eq!(deltas[1], &json!({"content": "a"}));
    assert_eq!(deltas[2]["tool_calls"][0]["id"], "toolu_1");
    assert_eq!(deltas[3]["tool_calls"][0]["function"]["arguments"], "{\"x\"");
    assert_eq!(deltas[4]["tool_calls"][0]["function"]["arguments"], ":1}");
    assert_eq!(chunks[5]["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(chunks[6]["usage"]["prompt_tokens"], 7);
    assert_eq!(chunks[6]["usage"]["completion_tokens"], 9);
    assert_eq!(chunks[7], "[DONE]");
}

#[test]
fn arguments_that_come_with_the_start_count_if_no_others_do() {
    let tool = || json!({"type": "tool_use", "id": "t", "name": "f", "input": {"x": 1}});
    let piece = json!({"type": "input_json_delta", "partial_json": "{\"y\":2}"});
    for (deltas, expected) in [(vec![], "{\"x\":1}"), (vec![piece], "{\"y\":2}")] {
        let mut events = vec![message_start()];
        events.extend(block(0, tool(), &deltas));
        events.extend(message_end("tool_use"));
        let chunks = to_chat(&events, &Exchange::default());
        let args: String = chunks
            .iter()
            .filter_map(|chunk| {
                chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str()
            })
            .collect();
        assert_eq!(args, expected);
    }
}

#[test]
fn what_writing_the_request_changed_is_undone() {
    let tool = |name: &str| json!({"type": "tool_use", "id": "t", "name": name, "input": {}});
    let pieces = ["{\"inp", "ut\":\"x", "\\n\"}"]
        .map(|text| json!({"type": "input_json_delta", "partial_json": text}));
    let events = |name: &str| {
        let mut events = vec![message_start()];
        events.extend(block(0, tool(name), &pieces));
        events.extend(message_end("tool_use"));
        events
    };
    let exchange = Exchange { json_tool: true, ..Exchange::default() };
    let chunks = to_chat(&events("json_output"), &exchange);
    let text: String =
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "{\"input\":\"x\\n\"}");
    assert!(chunks.iter().any(|chunk| chunk["choices"][0]["finish_reason"] == "stop"));
    let exchange = Exchange { custom: FromIterator::from_iter(["c".to_owned()]), ..Exchange::default() };
    let chunks = to_chat(&events("c"), &exchange);
    let text: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["custom"]["input"].as_str())
        .collect();
    assert_eq!(text, "x\n");
}

#[test]
fn a_refusal_says_why() {
    let mut events = vec![message_start()];
    let mut end = message_end("refusal");
    end[0]["delta"]["stop_details"] = json!({"type": "refusal", "explanation": "no"});
    events.extend(end);
    let chunks = to_chat(&events, &Exchange::default());
    assert_eq!(chunks[1]["choices"][0]["delta"], json!({"refusal": "no"}));
    assert_eq!(chunks[2]["choices"][0]["finish_reason"], "stop");
}

#[test]
fn a_message_that_begins_again_ends_what_was_already_sent() {
    let mut events = vec![message_start(), message_start()];
    events.extend(block(
        0,
        json!({"type": "text", "text": ""}),
        &[json!({"type": "text_delta", "text": "a"})],
    ));
    let before = to_chat(&events, &Exchange::default());
    assert_eq!(before[1]["choices"][0]["delta"]["content"], "a");
    events.push(message_start());
    events.extend(message_end("end_turn"));
    let chunks = to_chat(&events, &Exchange::default());
    assert_eq!(chunks[2]["error"]["code"], "upstream_incomplete");
    assert_eq!(chunks.len(), 3);
}

#[test]
fn chunks_become_a_stream_of_messages() {
    let body = chat_stream(
        &[
            json!({"role": "assistant", "content": ""}),
            json!({"reasoning_content": "hm"}),
            json!({"content": "a"}),
            json!({"content": "b"}),
            json!({"tool_calls": [{"index": 0, "id": "c0", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
            json!({"tool_calls": [{"index": 1, "id": "c1", "type": "function", "function": {"name": "g", "arguments": "{}"}}]}),
            json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"x\":1}"}}]}),
        ],
        "tool_calls",
    );
    let events = replay(&OpenAiChat, &Anthropic, &body, &Exchange::default());
    assert!(events.iter().all(|(name, data)| data["type"] == *name));
    let events: Vec<_> = events.into_iter().map(|(_, data)| data).collect();
    let mut expected = vec![json!({"type": "message_start", "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "gpt", "content": [],
        "stop_reason": null, "stop_sequence": null,
        "usage": {"input_tokens": 11, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 0},
    }})];
    let text = |text: &str| json!({"type": "text_delta", "text": text});
    let args = |text: &str| json!({"type": "input_json_delta", "partial_json": text});
    let tool = |id: &str, name: &str| json!({"type": "tool_use", "id": id, "name": name, "input": {}});
    let thinking = json!({"type": "thinking", "thinking": "", "signature": ""});
    let unsigned = json!({"type": "signature_delta", "signature": "xp1.none."});
    expected.extend(block(0, thinking, &[json!({"type": "thinking_delta", "thinking": "hm"}), unsigned]));
    expected.extend(block(1, json!({"type": "text", "text": ""}), &[text("a"), text("b")]));
    expected.extend(block(2, tool("c0", "f"), &[args("{\"x\":1}")]));
    expected.extend(block(3, tool("c1", "g"), &[args("{}")]));
    expected.push(json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null},
        "usage": {"input_tokens": 12, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 8, "output_tokens": 5}}));
    expected.push(json!({"type": "message_stop"}));
    assert_eq!(events, expected);
}

#[test]
fn state_goes_where_the_client_keeps_it() {
    let delta = |block| Event::Delta { block, delta: Delta::Reasoning(Cow::Borrowed("hm")) };
    let mut events = vec![
        start(),
        // Signed text of another vendor.
        open(0, BlockKind::Reasoning),
        delta(0),
        sign(0, "openai", false),
        Event::BlockEnd { block: 0 },
        // State alone, and what its own vendor withheld or omitted.
        open(1, BlockKind::Reasoning),
        sign(1, "openai", false),
        Event::BlockEnd { block: 1 },
        open(2, BlockKind::Reasoning),
        sign(2, "anthropic", true),
        Event::BlockEnd { block: 2 },
        open(3, BlockKind::Reasoning),
        sign(3, "anthropic", false),
        Event::BlockEnd { block: 3 },
        // A signed call.
        call(4, CallStyle::Function),
        sign(4, "gemini", false),
        Event::BlockEnd { block: 4 },
        // Nothing at all.
        open(5, BlockKind::Reasoning),
        Event::BlockEnd { block: 5 },
    ];
    events.extend(finish(Finish::ToolUse));
    let seen = to_message(&events);
    let signature = |data: &str| json!({"type": "signature_delta", "signature": data});
    let thinking = || json!({"type": "thinking", "thinking": "", "signature": ""});
    let redacted = |data: &str| json!({"type": "redacted_thinking", "data": data});
    let mut expected = Vec::new();
    let hm = json!({"type": "thinking_delta", "thinking": "hm"});
    expected.extend(block(0, thinking(), &[hm, signature("xp1.openai.abc")]));
    expected.extend(block(1, redacted("xp1.openai.abc"), &[]));
    expected.extend(block(2, redacted("abc"), &[]));
    expected.extend(block(3, thinking(), &[signature("abc")]));
    expected.extend(block(4, redacted("xp1.gemini.abc"), &[]));
    let tool = json!({"type": "tool_use", "id": "call_1", "name": "f", "input": {}});
    expected.extend(block(5, tool, &[json!({"type": "input_json_delta", "partial_json": "{}"})]));
    assert_eq!(seen[1..seen.len() - 2], expected);
}

#[test]
fn text_after_state_is_a_block_of_its_own() {
    let mut events = vec![start(), open(0, BlockKind::Reasoning), sign(0, "openai", false)];
    events.push(Event::Delta { block: 0, delta: Delta::Reasoning(Cow::Borrowed("hm")) });
    events.push(Event::BlockEnd { block: 0 });
    events.extend(finish(Finish::Stop));
    let seen = to_message(&events);
    assert_eq!(seen[1]["content_block"]["type"], "redacted_thinking");
    assert_eq!(seen[3]["content_block"]["type"], "thinking");
    assert_eq!(seen[4]["delta"]["thinking"], "hm");
}

#[test]
fn a_custom_call_is_wrapped() {
    let args = |text| Event::Delta { block: 0, delta: Delta::Args(Cow::Borrowed(text)) };
    let mut events =
        vec![start(), call(0, CallStyle::Custom), args("a\""), args("b"), Event::BlockEnd { block: 0 }];
    events.extend(finish(Finish::ToolUse));
    assert_eq!(to_message(&events)[2]["delta"]["partial_json"], "{\"input\":\"a\\\"b\"}");
}

#[test]
fn nothing_follows_an_error_and_other_choices_are_left_out() {
    let text = |choice| Event::BlockStart { block: choice, choice, kind: BlockKind::Text };
    let delta = |block| Event::Delta { block, delta: Delta::Text(Cow::Borrowed("x")) };
    let seen = to_message(&[
        start(),
        text(0),
        text(1),
        delta(0),
        delta(1),
        Event::BlockEnd { block: 0 },
        Event::BlockEnd { block: 1 },
        Event::Error(Box::new(ApiError::new(ErrorKind::RateLimit, "slow down"))),
        Event::End,
    ]);
    let kinds: Vec<_> = seen.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let expected =
        ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "error"];
    assert_eq!(kinds, expected);
    assert_eq!(seen[4]["error"], json!({"type": "rate_limit_error", "message": "slow down"}));
}

#[test]
fn an_answer_of_nothing_is_still_a_message() {
    let mut events = vec![start()];
    events.extend(finish(Finish::Length));
    let seen = to_message(&events);
    let kinds: Vec<_> = seen.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["message_start", "message_delta", "message_stop"]);
    assert_eq!(seen[1]["delta"]["stop_reason"], "max_tokens");
    assert!(Anthropic.stream_encoder(reply(&Anthropic)).keep_alive().starts_with(b"event: ping\n"));
}

/// The rules of [`Event`]: a start before anything else, blocks counted from 0, pieces of open blocks only, nothing
/// after the end.
fn check_rules(events: &[String]) {
    let mut open: Vec<bool> = Vec::new();
    let mut started = false;
    for (at, event) in events.iter().enumerate() {
        let (kind, block) = event.split_once(' ').unwrap();
        let block: usize = block.parse().unwrap();
        match kind {
            "start" => {
                assert!(!open.contains(&true), "{events:?}");
                started = true;
            }
            "open" => {
                assert!(started && block == open.len(), "{events:?}");
                open.push(true);
            }
            "piece" => assert!(open[block], "{events:?}"),
            "close" => assert!(std::mem::replace(&mut open[block], false), "{events:?}"),
            "over" => assert_eq!(at + 1, events.len(), "{events:?}"),
            _ => {}
        }
    }
    assert!(events.last().is_some_and(|last| last.starts_with("over")), "{events:?}");
}

fn shape(event: &Event<'_>) -> String {
    match event {
        Event::Start { .. } => "start 0".to_owned(),
        Event::BlockStart { block, .. } => format!("open {block}"),
        Event::Delta { block, .. }
        | Event::Logprobs { block, .. }
        | Event::Citation { block, .. }
        | Event::Signature { block, .. } => format!("piece {block}"),
        Event::BlockEnd { block } => format!("close {block}"),
        Event::Error(_) | Event::End => "over 0".to_owned(),
        Event::Message { .. } | Event::Finish { .. } | Event::Usage(_) | Event::Extension(_) => {
            "other 0".to_owned()
        }
    }
}

fn shapes(body: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let mut reader = StreamReader::new(Framing::Sse, Anthropic.stream_decoder(Exchange::default()));
    let mut sink = |event: Event<'_>| seen.push(shape(&event));
    reader.push(body.as_bytes(), &mut sink);
    reader.finish(&mut sink);
    seen
}

/// Every kind of event a provider sends, for blocks 0 to 2.
fn any_event(pick: u8) -> Value {
    let index = pick % 3;
    let start = |block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let delta = |delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    match pick / 3 % 15 {
        0 => message_start(),
        1 => start(json!({"type": "text", "text": "t"})),
        2 => start(json!({"type": "thinking", "thinking": "", "signature": "s"})),
        3 => start(json!({"type": "redacted_thinking", "data": "d"})),
        4 => start(json!({"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}})),
        5 => start(json!({"type": "server_tool_use", "id": "t", "name": "web_search", "input": {}})),
        6 => delta(json!({"type": "text_delta", "text": "x"})),
        7 => delta(json!({"type": "thinking_delta", "thinking": "x"})),
        8 => delta(json!({"type": "signature_delta", "signature": "x"})),
        9 => delta(json!({"type": "input_json_delta", "partial_json": "{}"})),
        10 => json!({"type": "content_block_stop", "index": index}),
        11 => {
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}})
        }
        12 => json!({"type": "ping"}),
        13 => json!({"type": "error", "error": "odd"}),
        _ => json!({"type": "message_stop"}),
    }
}

proptest::proptest! {
    /// Whatever a provider sends, in whatever order, the events follow their rules and every writer copes.
    #[test]
    fn events_in_any_order_are_no_harm(picks in proptest::collection::vec(0u8..45, 0..40)) {
        let events: Vec<_> = picks.into_iter().map(any_event).collect();
        let body = message_stream(&events);
        check_rules(&shapes(&body));
        replay(&Anthropic, &OpenAiChat, &body, &Exchange::default());
        let written = replay(&Anthropic, &Anthropic, &body, &Exchange::default());
        let again: String = written.iter().map(|(name, data)| format!("event: {name}\ndata: {data}\n\n")).collect();
        let mut index = 0;
        for (_, data) in &written {
            match data["type"].as_str().unwrap() {
                "message_start" => index = 0,
                "content_block_stop" => index += 1,
                "content_block_start" | "content_block_delta" => assert_eq!(data["index"], index),
                _ => {}
            }
        }
        check_rules(&shapes(&again));
    }
}

#[test]
fn a_call_without_arguments_is_one_unless_it_was_cut() {
    for (end, left) in [(Finish::ToolUse, 2), (Finish::Length, 1)] {
        let mut events = vec![start()];
        for number in [0, 1] {
            events.extend([call(number, CallStyle::Function), Event::BlockEnd { block: number }]);
        }
        events.extend(finish(end));
        let written = to_message(&events);
        let starts = written.iter().filter(|event| event["content_block"]["type"] == "tool_use").count();
        let pieces = written.iter().filter(|event| event["delta"]["partial_json"] == "{}").count();
        assert_eq!((starts, pieces), (left, left), "{end:?}");
        let mut encoder = OpenAiChat.stream_encoder(reply(&OpenAiChat));
        let mut out = Vec::new();
        events.iter().for_each(|event| encoder.event(event, &mut out));
        let chunks = String::from_utf8(out).unwrap();
        assert_eq!(chunks.matches("\"arguments\":\"{}\"").count(), left, "{end:?} {chunks}");
        assert_eq!(chunks.matches("\"id\":\"call_1\"").count(), left, "{end:?}");
    }
}

#[test]
fn an_answer_that_is_a_call_without_arguments_is_an_empty_object() {
    let exchange = Exchange { json_tool: true, ..Exchange::default() };
    let tool = json!({"type": "tool_use", "id": "t", "name": "json_output", "input": {}});
    for pieces in [vec![], vec![json!({"type": "input_json_delta", "partial_json": ""})]] {
        let mut events = vec![message_start()];
        events.extend(block(0, tool.clone(), &pieces));
        events.extend(message_end("tool_use"));
        let chunks = to_chat(&events, &exchange);
        let text: String =
            chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(text, "{}");
    }
}
