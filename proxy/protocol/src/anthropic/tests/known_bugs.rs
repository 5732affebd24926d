//! Bugs of other gateways that concern Anthropic, as client or as provider (TRANSLATION §13).

use super::*;
use crate::codec::ProviderCodec as _;
use crate::error::ErrorKind;
use crate::gemini::Gemini;
use crate::ir::{Event, Fold, Sink as _};

fn kinds(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(name, _)| name.as_str()).collect()
}

fn tool_deltas() -> Vec<Value> {
    vec![
        json!({"role": "assistant", "content": ""}),
        json!({"tool_calls": [{"index": 0, "id": "c0", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}}]}),
    ]
}

/// BerriAI/litellm#25561: a client of Anthropic got no `input_json_delta` for arguments that arrived complete.
#[test]
fn known_bug_02_complete_arguments_are_a_delta() {
    let text = tool_deltas();
    let events = replay(&OpenAiChat, &Anthropic, &chat_stream(&text, "stop"), &Exchange::default());
    assert_eq!(events[2].1["delta"], json!({"type": "input_json_delta", "partial_json": "{\"x\":1}"}));
    let none = json!({"tool_calls": [{"index": 0, "id": "c0", "function": {"name": "f", "arguments": ""}}]});
    let events = replay(&OpenAiChat, &Anthropic, &chat_stream(&[none], "stop"), &Exchange::default());
    assert_eq!(events[2].1["delta"], json!({"type": "input_json_delta", "partial_json": "{}"}));
}

/// BerriAI/litellm#34692: a streamed call ended with `end_turn` after an empty block of text; the whole answer did not.
#[test]
fn known_bug_03_a_streamed_call_is_the_same_as_a_whole_one() {
    let events = replay(&OpenAiChat, &Anthropic, &chat_stream(&tool_deltas(), "stop"), &Exchange::default());
    let block = "content_block_start";
    let expected = [
        "message_start",
        block,
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(kinds(&events), expected);
    assert_eq!(events[1].1["content_block"]["type"], "tool_use");
    let body = json!({"id": "chatcmpl-1", "model": "gpt", "choices": [{"finish_reason": "stop", "message": {
        "content": "", "tool_calls": [{"id": "c0", "function": {"name": "f", "arguments": "{\"x\":1}"}}]}}]});
    let (whole, _) = answer(&OpenAiChat, &Anthropic, &body, &Exchange::default());
    assert_eq!(whole["content"], json!([{"type": "tool_use", "id": "c0", "name": "f", "input": {"x": 1}}]));
    assert_eq!(whole["stop_reason"], "tool_use");
    assert_eq!(events[4].1["delta"]["stop_reason"], "tool_use");
}

/// BerriAI/litellm#32357: reasoning arrived inside a block of text, and the message began twice.
#[test]
fn known_bug_04_reasoning_is_a_block_of_its_own_and_a_message_begins_once() {
    let deltas = [
        json!({"role": "assistant", "content": "", "reasoning_content": ""}),
        json!({"role": "assistant", "reasoning_content": "hm"}),
        json!({"content": "a"}),
    ];
    let events = replay(&OpenAiChat, &Anthropic, &chat_stream(&deltas, "stop"), &Exchange::default());
    assert_eq!(kinds(&events).iter().filter(|kind| **kind == "message_start").count(), 1);
    let mut open = Value::Null;
    for (_, data) in &events {
        match data["type"].as_str().unwrap() {
            "content_block_start" => open = data["content_block"]["type"].clone(),
            "content_block_delta" => {
                let kind = data["delta"]["type"].as_str().unwrap();
                let of = if kind == "signature_delta" { "thinking" } else { kind.trim_end_matches("_delta") };
                assert_eq!(open, of);
            }
            _ => {}
        }
    }
}

/// BerriAI/litellm#30761: a chunk without choices crashed the stream.
#[test]
fn known_bug_05_a_chunk_without_choices_is_nothing() {
    let first = format!("data: {}\n\n", json!({"id": "", "choices": [], "prompt_filter_results": []}));
    let body = first + &chat_stream(&[json!({"content": "a"})], "stop");
    let events = replay(&OpenAiChat, &Anthropic, &body, &Exchange::default());
    assert_eq!(kinds(&events).last(), Some(&"message_stop"));
    assert_eq!(events[2].1["delta"]["text"], "a");
}

/// BerriAI/litellm#5231: the index of a block was used as the index of a tool call.
#[test]
fn known_bug_06_tool_calls_are_counted_apart_from_blocks() {
    let chunks = parallel_chunks();
    let indexes: Vec<_> = chunks
        .iter()
        .filter_map(|(_, chunk)| chunk["choices"][0]["delta"]["tool_calls"][0]["index"].as_u64())
        .collect();
    assert_eq!(indexes, [0, 0, 1, 1]);
}

/// BerriAI/litellm PR#12666: the index of a block was used as the index of a choice.
#[test]
fn known_bug_07_there_is_one_choice_however_many_blocks() {
    let chunks = parallel_chunks();
    let choices: Vec<_> = chunks.iter().filter_map(|(_, chunk)| chunk["choices"].get(0)).collect();
    assert!(choices.len() > 6 && choices.iter().all(|choice| choice["index"] == 0));
    assert_eq!(choices.iter().filter(|choice| !choice["finish_reason"].is_null()).count(), 1);
}

/// A streamed message of text and two calls, for a chat client.
fn parallel_chunks() -> Vec<(String, Value)> {
    let mut events = vec![message_start()];
    events.extend(block(
        0,
        json!({"type": "text", "text": ""}),
        &[json!({"type": "text_delta", "text": "a"})],
    ));
    for index in [1, 2] {
        let tool = json!({"type": "tool_use", "id": format!("toolu_{index}"), "name": "f", "input": {}});
        let args = json!({"type": "input_json_delta", "partial_json": "{}"});
        events.extend(block(index, tool, &[args]));
    }
    events.extend(message_end("tool_use"));
    replay(&Anthropic, &OpenAiChat, &message_stream(&events), &Exchange::default())
}

/// BerriAI/litellm#16893, #25322, envoyproxy/ai-gateway#2365: the signature of a call of Gemini's was lost, and the
/// next request of the conversation refused.
#[test]
fn known_bug_08_the_signature_of_a_call_comes_back() {
    let parts = || {
        json!([
            {"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "g", "args": {}}},
        ])
    };
    let content = json!({"role": "model", "parts": parts()});
    let body = json!({"candidates": [{"content": content, "finishReason": "STOP"}]});
    let (written, _) = answer(&Gemini, &Anthropic, &body, &Exchange::default());
    let streamed = replay(&Gemini, &Anthropic, &format!("data: {body}\n\n"), &Exchange::default());
    let starts: Vec<_> = streamed.iter().filter_map(|(_, data)| data.get("content_block")).collect();
    assert_eq!((&starts[0]["type"], starts.len()), (&json!("redacted_thinking"), 3));
    assert_eq!(starts[0], &written["content"][0]);
    let result = |at: usize| json!({"type": "tool_result", "tool_use_id": written["content"][at]["id"], "content": "r"});
    let next = json!({"model": "c", "max_tokens": 9, "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": written["content"]},
        {"role": "user", "content": [result(1), result(2)]},
    ]});
    let written = write(&Anthropic, &Gemini, "gemini-3-pro", RouteOptions::default(), &next).unwrap();
    assert_eq!(written.body["contents"][1]["parts"], parts());
}

/// BerriAI/litellm#26334: output by schema, asked for by a forced call, while reasoning: 400.
#[test]
fn known_bug_10_a_schema_never_meets_reasoning_as_a_forced_call() {
    let body = || {
        let format =
            json!({"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}});
        let more = json!({"response_format": format, "reasoning_effort": "high"});
        with(chat(json!([{"role": "user", "content": "a"}])), more)
    };
    // Models with output by schema need no call.
    for model in [ADAPTIVE, BOTH, BUDGET] {
        let written = claude(model, body());
        assert!(written.body["thinking"].is_object() && written.body["tool_choice"].is_null());
        assert_eq!(written.body["output_config"]["format"]["type"], "json_schema");
    }
    // One that reasons but has none is not asked for both.
    let refused = try_claude("claude-opus-4-20250514", body()).unwrap_err();
    assert_eq!(refused.path, "response_format");
}

/// envoyproxy/ai-gateway#2352, vercel/ai#17326: a stream said that no tokens were read.
#[test]
fn known_bug_18_a_stream_never_says_that_nothing_was_read() {
    let events = replay(
        &OpenAiChat,
        &Anthropic,
        &chat_stream(&[json!({"content": "a"})], "stop"),
        &Exchange::default(),
    );
    assert_eq!(events[0].1["message"]["usage"]["input_tokens"], 11);
    let (name, end) = &events[events.len() - 2];
    assert_eq!((name.as_str(), &end["usage"]["input_tokens"]), ("message_delta", &json!(12)));
    // A provider that tells no counts at all.
    let body =
        format!("data: {}\n\n", json!({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}));
    let events = replay(&OpenAiChat, &Anthropic, &body, &Exchange::default());
    assert_eq!(events[events.len() - 2].1["usage"]["input_tokens"], 11);
}

/// envoyproxy/ai-gateway PR#2698, mlflow/mlflow#25897: overload inside a stream became a 500 or a silent end, or an
/// error without its `event` field.
#[test]
fn known_bug_19_overload_in_a_stream_stays_overload() {
    let mut events = vec![message_start()];
    events.push(json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}));
    let body = message_stream(&events);
    let mut fold = Fold::new(crate::Protocol::Anthropic);
    let mut reader = StreamReader::new(Framing::Sse, Anthropic.stream_decoder(Exchange::default()));
    let mut sink = |event: Event<'_>| fold.event(event);
    reader.push(body.as_bytes(), &mut sink);
    reader.finish(&mut sink);
    let (_, error) = fold.into_parts();
    let error = error.unwrap();
    assert!(error.kind == ErrorKind::Overloaded && error.is_retryable());
    let chunks = replay(&Anthropic, &OpenAiChat, &body, &Exchange::default());
    assert_eq!(chunks.last().unwrap().1["error"]["code"], "overloaded");
    let busy = "data: {\"error\":{\"message\":\"busy\",\"code\":\"overloaded\"}}\n\n";
    let events = replay(&OpenAiChat, &Anthropic, busy, &Exchange::default());
    let expected = json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}});
    assert_eq!(events, [("error".to_owned(), expected)]);
}

/// agentgateway/agentgateway#907: the answer of a tool became text of the user, and the model called it forever.
#[test]
fn known_bug_20_the_answer_of_a_tool_is_one() {
    let call = json!([{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]);
    let written = claude(
        BUDGET,
        chat(json!([
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": null, "tool_calls": call},
            {"role": "tool", "tool_call_id": "c", "content": "done"},
        ])),
    );
    let expected = json!([{"type": "tool_result", "tool_use_id": "c", "content": "done"}]);
    assert_eq!(written.body["messages"][2], json!({"role": "user", "content": expected}));
    assert_eq!(written.body["messages"][1]["content"].as_array().unwrap().len(), 1);
}

/// jundot/omlx#1487, ogx-ai/ogx#6415: cached tokens were counted twice for clients of Anthropic.
#[test]
fn known_bug_21_cached_tokens_are_counted_once() {
    let body = |cached: u64| {
        json!({"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 20,
            "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": cached}}})
    };
    let (written, _) = answer(&OpenAiChat, &Anthropic, &body(8), &Exchange::default());
    let usage = &written["usage"];
    assert_eq!((&usage["input_tokens"], &usage["cache_read_input_tokens"]), (&json!(12), &json!(8)));
    // A server that counts cached tokens apart from the prompt.
    let (written, _) = answer(&OpenAiChat, &Anthropic, &body(30), &Exchange::default());
    assert_eq!(written["usage"]["input_tokens"], 0);
    // And back.
    let (back, _) = answer(&Anthropic, &OpenAiChat, &written, &Exchange::default());
    assert_eq!(back["usage"]["prompt_tokens"], 30);
}

/// MoonshotAI/kosong#45, pydantic/pydantic-ai#653, crmne/ruby_llm PR#853: results of parallel calls were spread over
/// several messages of the user.
#[test]
fn known_bug_22_results_of_parallel_calls_are_in_one_message() {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": id});
    let written = claude(
        BUDGET,
        chat(json!([
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b", "tool_calls": [call("1"), call("2"), call("3")]},
            result("3"), result("1"), result("2"),
            {"role": "user", "content": "c"},
        ])),
    );
    let messages = written.body["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 3);
    let kinds: Vec<_> =
        messages[2]["content"].as_array().unwrap().iter().map(|block| &block["type"]).collect();
    assert_eq!(kinds, ["tool_result", "tool_result", "tool_result", "text"]);
}

/// microsoft/autogen#6377, agno-agi/agno#5382: OpenAI refuses tool-call ids of more than 40 characters.
#[test]
fn known_bug_23_ids_fit_the_provider() {
    let id = format!("toolu_{}", "x".repeat(60));
    let written = gpt(
        "gpt-4o",
        json!({"model": "c", "max_tokens": 9, "messages": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": id, "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "r"}]},
        ]}),
    );
    let call = written.body["messages"][1]["tool_calls"][0]["id"].as_str().unwrap();
    assert!(call.len() <= 40);
    assert_eq!(written.body["messages"][2]["tool_call_id"], call);
}

/// vercel/ai#12218: an answer ended with `stop` although it called tools.
#[test]
fn known_bug_24_an_answer_that_calls_tools_ends_with_them() {
    let body = json!({"choices": [{"finish_reason": "stop", "message": {
        "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}}]});
    let (written, _) = answer(&OpenAiChat, &Anthropic, &body, &Exchange::default());
    assert_eq!(written["stop_reason"], "tool_use");
    let body = json!({"id": "msg_1", "stop_reason": "end_turn", "content": [
        {"type": "tool_use", "id": "t", "name": "f", "input": {}}]});
    let (written, _) = answer(&Anthropic, &OpenAiChat, &body, &Exchange::default());
    assert_eq!(written["choices"][0]["finish_reason"], "tool_calls");
}

/// anomalyco/opencode#3077, tailcallhq/forgecode#1853: reasoning was missing from a history that needed it, or present
/// in one that must not have it.
#[test]
fn known_bug_26_reasoning_in_the_history_is_there_exactly_when_it_must_be() {
    let history = |effort: &str| {
        let call = json!([{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]);
        let messages = json!([
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": null, "tool_calls": call},
            {"role": "tool", "tool_call_id": "c", "content": "r"},
        ]);
        with(chat(messages), json!({"reasoning_effort": effort, "tools": [function("f", false)]}))
    };
    // A chat client cannot carry it: with a budget, the model must not reason on.
    let written = claude(BUDGET, history("high"));
    assert_eq!(written.body["thinking"], Value::Null);
    assert_eq!(written.warnings, "reasoning_dropped");
    // A model that reasons as it sees fit does not need it.
    assert_eq!(claude(ADAPTIVE, history("high")).body["thinking"]["type"], "adaptive");
    // Nor does a turn that called nothing.
    let plain = chat(json!([{"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]));
    let written = claude(BUDGET, with(plain, json!({"reasoning_effort": "low"})));
    assert_eq!(written.body["thinking"]["type"], "enabled");
}

/// andrewyng/aisuite PR#386: of several calls only the first was kept.
#[test]
fn known_bug_28_every_call_is_kept() {
    let tool = |id: &str| json!({"type": "tool_use", "id": id, "name": "f", "input": {"id": id}});
    let body =
        json!({"id": "msg_1", "stop_reason": "tool_use", "content": [tool("1"), tool("2"), tool("3")]});
    let (written, _) = answer(&Anthropic, &OpenAiChat, &body, &Exchange::default());
    let calls = written["choices"][0]["message"]["tool_calls"].as_array().unwrap();
    assert_eq!(calls.iter().map(|call| &call["id"]).collect::<Vec<_>>(), ["1", "2", "3"]);
    let (back, _) = answer(&OpenAiChat, &Anthropic, &written, &Exchange::default());
    assert_eq!(back["content"], body["content"]);
}
