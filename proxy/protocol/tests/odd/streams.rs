//! Streams.

use llm_protocol::ir::Finish;

use super::*;

/// A chunk of Chat Completions with that delta.
fn delta(delta: Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

fn end(word: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": word}]})
}

fn chat(chunks: &[Value]) -> Response<'static> {
    let (response, error) = stream(CHAT, &format!("{}data: [DONE]\n\n", sse(chunks)));
    assert_eq!(error, None);
    response
}

#[test]
fn a_member_of_a_wrong_type_does_not_cost_the_chunk() {
    for (protocol, events) in [
        (
            CHAT,
            vec![
                json!({"id": 7, "created": 1.5, "usage": "none", "choices": [{"index": "0", "delta": {"content": "Hi", "reasoning": {"x": 1}, "role": 5}, "finish_reason": "stop"}]}),
            ],
        ),
        (
            COMPLETIONS,
            vec![json!({"created": 1.5, "usage": [], "choices": [{"text": "Hi", "finish_reason": "stop"}]})],
        ),
        (
            MESSAGES,
            vec![
                json!({"type": "message_start", "message": {"id": 7, "usage": "none"}}),
                json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "Hi", "signature": 5}}),
                json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_details": "none"}, "usage": "none"}),
                json!({"type": "message_stop"}),
            ],
        ),
        (
            RESPONSES,
            vec![
                json!({"type": "response.output_text.delta", "output_index": 0, "delta": "Hi", "text": 7}),
                json!({"type": "response.completed", "response": {"status": "completed", "id": 7, "usage": "none"}}),
            ],
        ),
        (
            GEMINI,
            vec![
                json!({"candidates": [{"index": "0", "content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP", "finishMessage": 5}], "responseId": 7}),
            ],
        ),
    ] {
        let (response, error) = stream(protocol, &sse(&events));
        assert_eq!((text(&response).as_str(), error), ("Hi", None), "{}", protocol.name());
    }
}

#[test]
fn an_empty_reason_is_no_end() {
    let empty =
        json!({"choices": [{"index": 0, "delta": {"content": "a"}, "text": "a", "finish_reason": ""}]});
    for protocol in [CHAT, COMPLETIONS] {
        let (_, error) = stream(protocol, &sse(std::slice::from_ref(&empty)));
        assert!(error.is_some(), "the stream was cut");
        let (response, error) = stream(protocol, &sse(&[empty.clone(), end("stop")]));
        assert_eq!((response.choices[0].finish, error), (Some(Finish::Stop), None));
    }
}

#[test]
fn content_may_be_a_list_of_texts_and_thoughts() {
    let response = chat(&[
        delta(json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]})),
        delta(
            json!({"content": [{"type": "text", "text": "Hello"}, {"type": "reference", "reference_ids": [1]}]}),
        ),
        delta(json!({"content": " world"})),
        end("stop"),
    ]);
    assert_eq!((text(&response).as_str(), reasoning(&response).as_str()), ("Hello world", "hm"));
}

#[test]
fn calls_that_share_an_index_or_have_none_are_told_apart() {
    let call = |index: Value, id: &str, name: &str, arguments: &str| {
        let function = if name.is_empty() {
            json!({"arguments": arguments})
        } else {
            json!({"name": name, "arguments": arguments})
        };
        let mut call = json!({"index": index, "type": "function", "function": function});
        if !id.is_empty() {
            call["id"] = json!(id);
        }
        delta(json!({"tool_calls": [call]}))
    };
    let expected = json!([["a", "f", "{\"x\":1}"], ["b", "g", "{}"]]);
    for index in [json!(0), json!(null)] {
        let chunks = [
            call(index.clone(), "a", "f", "{\"x\""),
            call(index.clone(), "", "", ":1}"),
            call(index, "b", "g", "{}"),
            end("tool_calls"),
        ];
        assert_eq!(calls(&chat(&chunks)), expected);
    }
    // An id or a name that comes again, or an id that changes on the way, begins no call.
    for (id, name) in [("a", "f"), ("a", ""), ("z", ""), ("", "f")] {
        let chunks = [
            call(json!(0), "a", "f", "{\"x\""),
            call(json!(0), id, name, ":1}"),
            call(json!(1), "b", "g", "{}"),
            end("tool_calls"),
        ];
        assert_eq!(calls(&chat(&chunks)), expected, "{id} {name}");
    }
}

/// Chunks with those pieces of one call: index, id, name and arguments.
fn pieces(pieces: &[(u32, &str, &str, &str)]) -> Vec<Value> {
    let piece = |(index, id, name, arguments): &(u32, &str, &str, &str)| {
        let mut call = json!({"index": index, "function": {}});
        for (key, value) in [("name", name), ("arguments", arguments)] {
            if !value.is_empty() {
                call["function"][key] = json!(value);
            }
        }
        if !id.is_empty() {
            call["id"] = json!(id);
        }
        delta(json!({"tool_calls": [call]}))
    };
    pieces.iter().map(piece).chain([end("tool_calls")]).collect()
}

#[test]
fn the_name_of_a_call_may_come_late_or_in_pieces_or_again_and_again() {
    for (said, expected) in [
        (
            vec![(0, "a", "", "{\"ci"), (0, "", "get_weather", ""), (0, "", "", "ty\":1}")],
            json!([["a", "get_weather", "{\"city\":1}"]]),
        ),
        (
            vec![(0, "a", "get_", ""), (0, "", "weather", ""), (0, "", "", "{}")],
            json!([["a", "get_weather", "{}"]]),
        ),
        (vec![(0, "a", "get_", ""), (0, "", "weather", "{}")], json!([["a", "get_weather", "{}"]])),
        (
            vec![(0, "a", "f", ""), (0, "a", "f", ""), (0, "a", "f", "{"), (0, "a", "f", "}")],
            json!([["a", "f", "{}"]]),
        ),
        (vec![(0, "", "f", ""), (0, "a", "", "{}")], json!([["a", "f", "{}"]])),
        // Nothing follows, or another call: there are no arguments.
        (vec![(0, "a", "f", "")], json!([["a", "f", "{}"]])),
        (
            vec![(0, "a", "f", ""), (1, "b", "g", "{}"), (0, "", "", "{}")],
            json!([["a", "f", "{}"], ["b", "g", "{}"]]),
        ),
        (
            vec![(0, "a", "", "{"), (1, "b", "g", "{}"), (0, "", "f", "}")],
            json!([["b", "g", "{}"], ["a", "f", "{}"]]),
        ),
        // A name that never comes is not waited for beyond the end.
        (vec![(0, "a", "", "{}")], json!([["a", "", "{}"]])),
    ] {
        assert_eq!(calls(&chat(&pieces(&said))), expected, "{said:?}");
    }
}

#[test]
fn a_call_that_waits_for_its_arguments_stays_before_the_text_that_follows() {
    let mut chunks = pieces(&[(0, "a", "f", "")]);
    chunks.insert(1, delta(json!({"content": "Hi"})));
    let response = chat(&chunks);
    let kinds: Vec<bool> =
        response.choices[0].blocks().map(|block| matches!(block.content, Content::ToolCall(_))).collect();
    assert_eq!(kinds, [true, false]);
}

#[test]
fn arguments_may_come_as_an_object() {
    let call = json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": [1, 2]}}});
    let response = chat(&[delta(json!({"tool_calls": [call]})), end("tool_calls")]);
    assert_eq!(calls(&response), json!([["a", "f", "{\"x\":[1,2]}"]]));
}

#[test]
fn what_is_said_after_the_reason_counts_for_it() {
    let response = chat(&[end("stop"), delta(json!({"refusal": "no"}))]);
    assert_eq!(response.choices[0].finish, Some(Finish::Refusal));
}

#[test]
fn the_end_of_a_full_window_keeps_its_word() {
    let body = sse(&[
        json!({"type": "message_start", "message": {"id": "m"}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "model_context_window_exceeded"}}),
        json!({"type": "message_stop"}),
    ]);
    assert!(stream_again(MESSAGES, &body).contains("\"model_context_window_exceeded\""));
}

#[test]
fn blocks_of_messages_need_not_be_said_to_start() {
    let piece =
        |index: u32, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let thought = json!({"type": "thinking_delta", "thinking": "hm"});
    let text_of = |text: &str| json!({"type": "text_delta", "text": text});
    let end = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}});
    for index in [0, 1] {
        let stop = json!({"type": "content_block_stop", "index": index});
        let events = [
            json!({"type": "message_start", "message": {"id": "m"}}),
            piece(0, thought.clone()),
            piece(0, json!({"type": "signature_delta", "signature": "s"})),
            piece(index, text_of("H")),
            piece(index, text_of("i")),
            stop,
            end.clone(),
        ];
        let (response, error) = stream(MESSAGES, &sse(&events));
        assert_eq!((text(&response).as_str(), reasoning(&response).as_str(), error), ("Hi", "hm", None));
        assert_eq!(response.choices[0].blocks().count(), 2);
    }
    let (response, error) = stream(MESSAGES, &sse(&[piece(0, text_of("Hi")), end]));
    assert_eq!((text(&response).as_str(), error), ("Hi", None), "nor the message");
}

#[test]
fn a_message_may_begin_with_blocks_and_be_over() {
    let call = json!({"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}, "caller": {"type": "code_execution_20250825"}});
    let result = json!({"type": "code_execution_tool_result", "tool_use_id": "s", "content": {}});
    let start = |content: &Value, reason: Value| json!({"type": "message_start", "message": {"id": "m", "content": content, "stop_reason": reason}});
    let stop = json!({"type": "message_stop"});
    let (response, error) =
        stream(MESSAGES, &sse(&[start(&json!([result, call]), json!("tool_use")), stop.clone()]));
    assert_eq!((calls(&response), error), (json!([["t", "f", "{\"a\":1}"]]), None));
    assert_eq!(response.choices[0].finish, Some(Finish::ToolUse));
    // Blocks that follow go on after them, or are the same ones again.
    let text_block = |index: u32, said: &str| json!({"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": said}});
    let end = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}});
    let begun = json!([{"type": "text", "text": "a"}]);
    for (index, expected) in [(1, "ab"), (0, "b")] {
        let events = [start(&begun, Value::Null), text_block(index, "b"), end.clone(), stop.clone()];
        assert_eq!(text(&stream(MESSAGES, &sse(&events)).0), expected);
    }
}

#[test]
fn an_item_that_comes_only_with_the_end_is_not_lost_nor_any_other_repeated() {
    let message = json!({"id": "m1", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]});
    let call = json!({"id": "f1", "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"});
    let said =
        |index: u32| json!({"type": "response.output_item.done", "output_index": index, "item": message});
    let completed = |output: Value| json!({"type": "response.completed", "response": {"status": "completed", "output": output}});
    let (response, _) = stream(RESPONSES, &sse(&[said(0), completed(json!([message, call]))]));
    assert_eq!((text(&response).as_str(), calls(&response)), ("Hi", json!([["c", "f", "{}"]])));
    // Places are left out, and ids change.
    let mut renamed = message.clone();
    renamed["id"] = json!("m9");
    for (index, output) in [(2, json!([message])), (0, json!([renamed])), (3, json!([renamed]))] {
        let (response, _) = stream(RESPONSES, &sse(&[said(index), completed(output)]));
        assert_eq!(text(&response), "Hi");
    }
}

#[test]
fn events_that_only_name_their_item_find_it() {
    let added = |index: u32, item: Value| json!({"type": "response.output_item.added", "output_index": index, "item": item});
    let events = [
        added(0, json!({"id": "r", "type": "reasoning"})),
        json!({"type": "response.reasoning_summary_text.delta", "item_id": "r", "summary_index": 0, "delta": "hm"}),
        added(1, json!({"id": "f", "type": "function_call", "call_id": "c", "name": "g", "arguments": ""})),
        json!({"type": "response.function_call_arguments.delta", "item_id": "f", "delta": "{}"}),
        added(2, json!({"id": "m", "type": "message"})),
        json!({"type": "response.output_text.delta", "item_id": "m", "delta": "Hi"}),
        json!({"type": "response.output_item.done", "output_index": 2, "item": {"id": "m", "type": "message"}}),
        json!({"type": "response.completed", "response": {"usage": {"input_tokens": 1, "output_tokens": 2}}}),
    ];
    let (response, error) = stream(RESPONSES, &sse(&events));
    assert_eq!((text(&response).as_str(), reasoning(&response).as_str(), error), ("Hi", "hm", None));
    assert_eq!(calls(&response), json!([["c", "g", "{}"]]));
    assert_eq!(response.choices[0].blocks().count(), 3);
}

#[test]
fn items_of_a_kind_not_known_keep_it_though_their_members_are_of_any_type() {
    let item =
        json!({"id": "t", "type": "tool_search_call", "arguments": {"q": "x"}, "call_id": null, "name": 5});
    let events = [
        json!({"type": "response.output_item.added", "output_index": 0, "item": item}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
        json!({"type": "response.completed", "response": {"status": "completed", "output": [item]}}),
    ];
    let (response, error) = stream(RESPONSES, &sse(&events));
    let kinds: Vec<String> = response.choices[0]
        .blocks()
        .filter_map(|block| match &block.content {
            Content::Opaque(kind, _) => Some(kind.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!((kinds, error), (vec!["tool_search_call".to_owned()], None));
}

#[test]
fn reasoning_that_ends_after_the_answer_stays_one_block() {
    let events = [
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"id": "r", "type": "reasoning", "summary": []}}),
        json!({"type": "response.reasoning_text.delta", "output_index": 0, "content_index": 0, "delta": "hm"}),
        json!({"type": "response.output_item.added", "output_index": 1, "item": {"id": "m", "type": "message", "role": "assistant", "content": []}}),
        json!({"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "Hi"}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": {"id": "m", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": {"id": "r", "type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}}),
        json!({"type": "response.completed", "response": {"status": "completed", "output": []}}),
    ];
    let body = format!(": OPENROUTER PROCESSING\n\n{}data: [DONE]\n\n", sse(&events));
    for body in [body.clone(), stream_again(RESPONSES, &body)] {
        let (response, error) = stream(RESPONSES, &body);
        assert_eq!((text(&response).as_str(), reasoning(&response).as_str(), error), ("Hi", "hm", None));
    }
}
