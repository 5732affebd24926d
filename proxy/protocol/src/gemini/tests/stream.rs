//! Streams, both ways.

use super::*;
use crate::anthropic::Anthropic;
use crate::ir::{BlockKind, CallStyle, Delta, Finish, State, Usage};

fn encode_events(list: &[Event<'_>], framing: Framing, show: bool) -> String {
    let mut reply = reply(&Gemini);
    (reply.framing, reply.show_reasoning) = (framing, show);
    let mut encoder = Gemini.stream_encoder(reply);
    let mut out = Vec::new();
    list.iter().for_each(|event| encoder.event(event, &mut out));
    String::from_utf8(out).unwrap()
}

fn start<'a>() -> Event<'a> {
    Event::Start { id: "msg_1".into(), model: "claude".into(), created: None, service_tier: None }
}

fn block(block: u32, kind: BlockKind<'_>) -> Event<'_> {
    Event::BlockStart { block, choice: 0, kind }
}

fn call<'a>(number: u32, id: &'a str) -> Event<'a> {
    block(number, BlockKind::ToolCall { id: id.into(), name: "f".into(), style: CallStyle::Function })
}

fn text(block: u32, text: &str) -> Event<'_> {
    Event::Delta { block, delta: Delta::Text(text.into()) }
}

fn args(block: u32, text: &str) -> Event<'_> {
    Event::Delta { block, delta: Delta::Args(text.into()) }
}

fn thought(block: u32, text: &str) -> Event<'_> {
    Event::Delta { block, delta: Delta::Reasoning(text.into()) }
}

fn finish<'a>(finish: Finish) -> Event<'a> {
    Event::Finish { choice: 0, finish, native: "".into(), stop_sequence: None, message: None }
}

/// A thought with state, text, and two calls that overlap.
fn conversation<'a>() -> Vec<Event<'a>> {
    let state = State::new("anthropic", "s");
    vec![
        start(),
        block(0, BlockKind::Reasoning),
        thought(0, "hm"),
        Event::Signature { block: 0, state },
        Event::BlockEnd { block: 0 },
        block(1, BlockKind::Text),
        text(1, "a"),
        text(1, "b"),
        Event::BlockEnd { block: 1 },
        call(2, "c1"),
        call(3, ""),
        args(3, "{}"),
        args(2, "{\"a\""),
        args(2, ":\n 1}"),
        Event::BlockEnd { block: 3 },
        Event::BlockEnd { block: 2 },
        finish(Finish::ToolUse),
        Event::Usage(Usage { input_total: 3, output_total: 4, ..Usage::default() }),
        Event::End,
    ]
}

#[test]
fn events_become_chunks_and_calls_are_whole() {
    let written = events(&encode_events(&conversation(), Framing::Sse, true));
    let parts: Vec<&Value> =
        written.iter().map(|chunk| &chunk["candidates"][0]["content"]["parts"][0]).collect();
    assert_eq!(
        parts,
        [
            &json!({"text": "hm", "thought": true}),
            &json!({"text": "", "thought": true, "thoughtSignature": "eHAxLmFudGhyb3BpYy5z"}),
            &json!({"text": "a"}),
            &json!({"text": "b"}),
            &json!({"functionCall": {"name": "f", "args": {}}}),
            &json!({"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}}),
            &json!({"text": ""}),
        ]
    );
    let (last, before) = written.split_last().unwrap();
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    assert_eq!(last["usageMetadata"]["totalTokenCount"], 7);
    assert!(before.iter().all(|chunk| chunk["candidates"][0].get("finishReason").is_none()));
    assert!(written.iter().all(|chunk| chunk["responseId"] == "msg_1" && chunk["modelVersion"] == "claude"));
    let hidden = events(&encode_events(&conversation(), Framing::Sse, false));
    assert_eq!(
        hidden[0]["candidates"][0]["content"]["parts"],
        json!([{"text": "a", "thoughtSignature": "eHAxLmFudGhyb3BpYy5z"}])
    );
}

#[test]
fn without_sse_the_stream_is_one_array() {
    let written = encode_events(&conversation(), Framing::JsonArray, true);
    let array: Vec<Value> = serde_json::from_str(&written).unwrap();
    assert_eq!(array, events(&encode_events(&conversation(), Framing::Sse, true)));
    let failed = [
        start(),
        block(0, BlockKind::Text),
        text(0, "a"),
        Event::Error(Box::new(crate::ApiError::incomplete())),
    ];
    let array: Vec<Value> = serde_json::from_str(&encode_events(&failed, Framing::JsonArray, true)).unwrap();
    assert_eq!(array[1]["error"]["details"][0]["reason"], "UPSTREAM_INCOMPLETE");
    let array: Vec<Value> =
        serde_json::from_str(&encode_events(&failed[3..], Framing::JsonArray, true)).unwrap();
    assert_eq!(array.len(), 1);
}

#[test]
fn arguments_that_are_no_object_are_an_error_unless_they_were_cut() {
    let with = |end| {
        [start(), call(0, "c"), args(0, "{\"a\":"), Event::BlockEnd { block: 0 }, finish(end), Event::End]
    };
    let broken = events(&encode_events(&with(Finish::ToolUse), Framing::Sse, true));
    assert_eq!((broken.len(), &broken[0]["error"]["code"]), (1, &json!(502)));
    let cut = events(&encode_events(&with(Finish::Length), Framing::Sse, true));
    assert_eq!((cut.len(), &cut[0]["candidates"][0]["finishReason"]), (1, &json!("MAX_TOKENS")));
}

#[test]
fn a_call_without_arguments_is_one_unless_it_was_cut() {
    let ended = |number| [call(number, "c"), Event::BlockEnd { block: number }];
    for (end, left) in [(Finish::ToolUse, 2), (Finish::Length, 1)] {
        let list: Vec<Event<'_>> =
            [start()].into_iter().chain(ended(0)).chain(ended(1)).chain([finish(end), Event::End]).collect();
        let mut encoder = Gemini.stream_encoder(reply(&Gemini));
        let mut out = Vec::new();
        list.iter().for_each(|event| encoder.event(event, &mut out));
        let written = String::from_utf8(out).unwrap();
        assert_eq!(written.matches("\"args\":{}").count(), left, "{end:?}");
        let warned = if end == Finish::Length { Some("tool_call_dropped".to_owned()) } else { None };
        assert_eq!(encoder.notes().header(), warned);
    }
}

#[test]
fn a_provider_that_begins_again_after_something_was_written_is_an_error() {
    let again =
        [start(), block(0, BlockKind::Text), text(0, "a"), Event::BlockEnd { block: 0 }, start(), Event::End];
    let written = events(&encode_events(&again, Framing::Sse, true));
    assert_eq!(written.len(), 2);
    assert!(written[1]["error"]["message"].is_string());
    let before = [
        start(),
        call(0, "void"),
        args(0, "{"),
        Event::BlockEnd { block: 0 },
        start(),
        call(1, "c1"),
        args(1, "{}"),
        Event::BlockEnd { block: 1 },
        finish(Finish::ToolUse),
        Event::End,
    ];
    let written = events(&encode_events(&before, Framing::Sse, true));
    assert_eq!(written.len(), 2);
    assert_eq!(written[0]["candidates"][0]["content"]["parts"][0]["functionCall"]["id"], "c1");
    assert_eq!(written[1]["candidates"][0]["finishReason"], "STOP");
}

#[test]
fn a_refusal_without_text_is_explained() {
    let refusal = Event::Finish {
        choice: 0,
        finish: Finish::Refusal,
        native: "refusal".into(),
        stop_sequence: None,
        message: Some("why".into()),
    };
    let written = events(&encode_events(&[start(), refusal, Event::End], Framing::Sse, true));
    let candidate = &written[0]["candidates"][0];
    assert_eq!(
        (&candidate["content"]["parts"][0]["text"], &candidate["finishReason"]),
        (&json!("why"), &json!("SAFETY"))
    );
}

fn to_chat(chunks: &[Value]) -> Vec<Value> {
    let mut reply = reply(&OpenAiChat);
    (reply.show_reasoning, reply.include_usage) = (true, true);
    events(&translate(&Gemini, &sse(chunks), Framing::Sse, Exchange::default(), &OpenAiChat, reply))
}

#[test]
fn a_stream_becomes_chunks_of_chat() {
    let mut last = chunk(json!([{"functionCall": {"name": "f", "args": {"a": [1, 2]}}}]), Some("STOP"));
    last["usageMetadata"] = json!({"candidatesTokenCount": 2, "thoughtsTokenCount": 1});
    let mut first = chunk(json!([{"text": "hm", "thought": true}]), None);
    first["usageMetadata"] = json!({"promptTokenCount": 5});
    let written =
        to_chat(&[first, chunk(json!([{"text": "a"}]), None), chunk(json!([{"text": "b"}]), None), last]);
    let deltas: Vec<&Value> =
        written.iter().filter_map(|chunk| chunk["choices"].get(0)).map(|c| &c["delta"]).collect();
    assert_eq!(deltas[1], &json!({"reasoning_content": "hm"}));
    assert_eq!((deltas[2], deltas[3]), (&json!({"content": "a"}), &json!({"content": "b"})));
    assert_eq!(deltas[4]["tool_calls"][0]["function"]["name"], "f");
    assert_eq!(deltas[5]["tool_calls"][0]["function"]["arguments"], "{\"a\":[1,2]}");
    assert_eq!(written[6]["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(
        (&written[7]["usage"]["prompt_tokens"], &written[7]["usage"]["completion_tokens"]),
        (&json!(5), &json!(3))
    );
    assert_eq!(written[8], "[DONE]");
}

#[test]
fn several_candidates_stay_apart() {
    let two = |first: &str, second: &str, finish: Option<&str>| {
        let mut chunk = chunk(json!([{"text": first}]), finish);
        let mut other = chunk["candidates"][0].clone();
        other["index"] = json!(1);
        other["content"]["parts"][0]["text"] = json!(second);
        chunk["candidates"].as_array_mut().unwrap().push(other);
        chunk
    };
    let written = to_chat(&[two("a", "x", None), two("b", "y", Some("STOP"))]);
    let said = |index: u64| -> String {
        let choices = written.iter().filter_map(|chunk| chunk["choices"].get(0));
        choices.filter(|c| c["index"] == index).filter_map(|c| c["delta"]["content"].as_str()).collect()
    };
    assert_eq!((said(0), said(1)), ("ab".to_owned(), "xy".to_owned()));
}

#[test]
fn errors_in_streams_are_errors() {
    let error = json!({"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}});
    let written =
        to_chat(&[chunk(json!([{"text": "a"}]), None), error.clone(), chunk(json!([{"text": "b"}]), None)]);
    assert_eq!(written.last().unwrap()["error"]["code"], "overloaded");
    // Gemini labels a plain JSON error as an event stream.
    let plain =
        translate(&Gemini, &error.to_string(), Framing::Sse, Exchange::default(), &Gemini, reply(&Gemini));
    assert_eq!(events(&plain), [error]);
    for cut in [
        vec![chunk(json!([{"text": "a"}]), None)],
        vec![json!({"usageMetadata": {}})],
        vec![],
        vec![json!("x")],
    ] {
        assert!(to_chat(&cut).last().unwrap()["error"]["code"] == "upstream_incomplete", "{cut:?}");
    }
}

#[test]
fn the_counts_of_a_chunk_come_before_what_it_says() {
    let counted = |text: &str, counts: Value, finish: Option<&str>| {
        let mut chunk = chunk(json!([{"text": text}]), finish);
        chunk["usageMetadata"] = counts;
        chunk
    };
    let first = json!({"promptTokenCount": 12, "cachedContentTokenCount": 5, "candidatesTokenCount": 3, "thoughtsTokenCount": 2});
    let last = json!({"promptTokenCount": 12, "cachedContentTokenCount": 5, "candidatesTokenCount": 8, "thoughtsTokenCount": 2});
    let chunks = [counted("a", first.clone(), None), counted("b", last, Some("STOP"))];
    let started = |chunks: &[Value]| -> (Value, Value) {
        let to = Reply { input_estimate: 999, ..reply(&Anthropic) };
        let written = translate(&Gemini, &sse(chunks), Framing::Sse, Exchange::default(), &Anthropic, to);
        let data = written.lines().filter_map(|line| line.strip_prefix("data: "));
        let events: Vec<Value> = data.map(|data| serde_json::from_str(data).unwrap()).collect();
        let end = events.iter().find(|event| event["type"] == "message_delta").unwrap();
        (events[0]["message"]["usage"].clone(), end["usage"].clone())
    };
    let (start, end) = started(&chunks);
    // What has been written until then is no figure.
    assert_eq!((&start["input_tokens"], &start["output_tokens"]), (&json!(7), &json!(0)));
    assert_eq!(start["cache_read_input_tokens"], 5);
    assert_eq!((&end["input_tokens"], &end["output_tokens"]), (&json!(7), &json!(10)));
    // Counts in a chunk before the answer begins are not lost.
    let mut early = vec![json!({"usageMetadata": first})];
    early.extend([chunk(json!([{"text": "a"}]), Some("STOP"))]);
    let (start, end) = started(&early);
    assert_eq!((&start["input_tokens"], &end["output_tokens"]), (&json!(7), &json!(5)));
}

#[test]
fn a_text_is_cited_though_its_last_part_is_signed() {
    let exchange = || Exchange { searches: true, ..Exchange::default() };
    for (last, text) in [("", "Hello"), (" there", "Hello there")] {
        let mut end = chunk(json!([{"text": last, "thoughtSignature": "c2ln"}]), Some("STOP"));
        end["candidates"][0]["groundingMetadata"] = json!({
            "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}],
            "groundingSupports": [{"segment": {"endIndex": text.len(), "text": text}, "groundingChunkIndices": [0]}],
        });
        let stream = sse(&[chunk(json!([{"text": "Hello"}]), None), end]);
        for to in [&OpenAiChat as &dyn Codec, &OpenAiResponses] {
            let written = translate(&Gemini, &stream, Framing::Sse, exchange(), to, reply(to));
            assert!(written.contains("\"url\":\"https://a\""), "{} {written}", to.protocol().name());
        }
    }
}

#[test]
fn citations_without_a_text_to_cite_in_are_warned_of() {
    let mut end = chunk(json!([{"functionCall": {"name": "f"}}]), Some("STOP"));
    end["candidates"][0]["groundingMetadata"] = json!({"groundingChunks": [], "groundingSupports": []});
    for chunks in [vec![chunk(json!([{"text": "Hello"}]), None), end.clone()], vec![end]] {
        let mut encoder = OpenAiChat.stream_encoder(reply(&OpenAiChat));
        let mut reader = StreamReader::new(Framing::Sse, Gemini.stream_decoder(Exchange::default()));
        let mut out = Vec::new();
        let mut sink = |event: Event<'_>| encoder.event(&event, &mut out);
        reader.push(sse(&chunks).as_bytes(), &mut sink);
        reader.finish(&mut sink);
        assert_eq!(encoder.notes().header().as_deref(), Some("annotations_dropped"));
    }
}

#[test]
fn calls_decide_over_an_end_that_is_not_known() {
    let chunk = chunk(json!([{"functionCall": {"name": "f", "args": {}}}]), Some("OTHER"));
    let body = sse(&[chunk]);
    for (to, end) in [
        (&OpenAiChat as &dyn Codec, "\"finish_reason\":\"tool_calls\""),
        (&OpenAiResponses, "\"status\":\"completed\""),
        (&Anthropic, "\"stop_reason\":\"tool_use\""),
    ] {
        let written = translate(&Gemini, &body, Framing::Sse, Exchange::default(), to, reply(to));
        assert!(written.contains(end), "{written}");
    }
    let odd = [
        start(),
        call(0, "c"),
        args(0, "{}"),
        Event::BlockEnd { block: 0 },
        finish(Finish::Unknown),
        Event::End,
    ];
    assert!(encode_events(&odd, Framing::Sse, true).contains("\"finishReason\":\"STOP\""));
}
