//! Whole answers: Anthropic's for chat clients, and chat's for clients of Anthropic.

use super::*;
use crate::codec::ProviderCodec as _;

fn message(more: Value) -> Value {
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": [],
        "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 5, "output_tokens": 6}});
    with(message, more)
}

fn completion(message: Value, finish: &str) -> Value {
    json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25,
            "prompt_tokens_details": {"cached_tokens": 8}, "completion_tokens_details": {"reasoning_tokens": 2}}})
}

fn to_chat(body: Value, exchange: &Exchange) -> (Value, String) {
    answer(&Anthropic, &OpenAiChat, &body, exchange)
}

fn to_message(body: Value) -> (Value, String) {
    answer(&OpenAiChat, &Anthropic, &body, &Exchange::default())
}

#[test]
fn a_message_becomes_a_completion() {
    let content = json!([
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"x": 1}},
        {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}},
    ]);
    let (body, warnings) =
        to_chat(message(json!({"content": content, "stop_reason": "tool_use"})), &Exchange::default());
    let choice = &body["choices"][0];
    assert_eq!(choice["message"]["content"], "ab");
    assert_eq!(choice["message"]["reasoning_content"], "hm");
    assert_eq!(
        choice["message"]["tool_calls"][0]["function"],
        json!({"name": "f", "arguments": "{\"x\":1}"})
    );
    assert_eq!(choice["message"]["tool_calls"][1]["id"], "toolu_2");
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(body["usage"]["prompt_tokens"], 12);
    assert_eq!(body["usage"]["prompt_tokens_details"]["cached_tokens"], 4);
    assert_eq!(warnings, "");
}

#[test]
fn reasons_to_end_find_their_words() {
    for (reason, content, finish, warning) in [
        ("end_turn", json!([]), "stop", ""),
        ("max_tokens", json!([]), "length", ""),
        ("model_context_window_exceeded", json!([]), "length", ""),
        ("stop_sequence", json!([]), "stop", ""),
        ("refusal", json!([]), "content_filter", ""),
        ("pause_turn", json!([]), "stop", "finish_pause_changed"),
        ("new_reason", json!([]), "stop", "finish_unknown_changed"),
        ("end_turn", json!([{"type": "tool_use", "id": "t", "name": "f", "input": {}}]), "tool_calls", ""),
    ] {
        let (body, warnings) =
            to_chat(message(json!({"content": content, "stop_reason": reason})), &Exchange::default());
        assert_eq!(body["choices"][0]["finish_reason"], finish, "{reason}");
        assert_eq!(warnings, warning);
    }
}

#[test]
fn the_explanation_of_a_refusal_is_its_text() {
    let details = json!({"type": "refusal", "category": "cyber", "explanation": "no"});
    let (body, _) =
        to_chat(message(json!({"stop_reason": "refusal", "stop_details": details})), &Exchange::default());
    assert_eq!(body["choices"][0]["message"]["refusal"], "no");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
}

#[test]
fn what_writing_the_request_changed_is_undone() {
    let tool =
        |name: &str, input: Value| json!([{"type": "tool_use", "id": "t", "name": name, "input": input}]);
    let exchange = Exchange { json_tool: true, ..Exchange::default() };
    let body = message(json!({"content": tool("json_output", json!({"a": [1]})), "stop_reason": "tool_use"}));
    let (body, _) = to_chat(body, &exchange);
    assert_eq!(body["choices"][0]["message"]["content"], "{\"a\":[1]}");
    assert_eq!(body["choices"][0]["message"]["tool_calls"], Value::Null);
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    let exchange = Exchange { custom: FromIterator::from_iter(["c".to_owned()]), ..Exchange::default() };
    let body = message(json!({"content": tool("c", json!({"input": "x \"y\""})), "stop_reason": "tool_use"}));
    let (body, _) = to_chat(body, &exchange);
    let call = &body["choices"][0]["message"]["tool_calls"][0];
    assert_eq!((&call["type"], &call["custom"]["input"]), (&json!("custom"), &json!("x \"y\"")));
}

#[test]
fn a_call_that_was_cut_before_its_arguments_is_none() {
    let content =
        json!([{"type": "text", "text": "a"}, {"type": "tool_use", "id": "t", "name": "f", "input": {}}]);
    for (end, calls, warned) in [("max_tokens", 0, "tool_call_dropped"), ("tool_use", 1, "")] {
        let body = message(json!({"content": content, "stop_reason": end}));
        let (body, warnings) = to_chat(body, &Exchange::default());
        let message = &body["choices"][0]["message"];
        assert_eq!(message["tool_calls"].as_array().map_or(0, Vec::len), calls, "{end}");
        assert_eq!((&message["content"], warnings.as_str()), (&json!("a"), warned));
    }
}

#[test]
fn a_completion_becomes_a_message() {
    let call = |id: &str, args: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": args}});
    let (body, warnings) = to_message(completion(
        json!({"role": "assistant", "content": "a", "reasoning_content": "hm", "tool_calls": [call("call_1", "{\"x\": 1}"), call("", "")]}),
        "tool_calls",
    ));
    let minted = body["content"][3]["id"].clone();
    assert!(minted.as_str().unwrap().starts_with("toolu_"));
    let expected = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "gpt",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "xp1.none."},
            {"type": "text", "text": "a"},
            {"type": "tool_use", "id": "call_1", "name": "f", "input": {"x": 1}},
            {"type": "tool_use", "id": minted, "name": "f", "input": {}},
        ],
        "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {"input_tokens": 12, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 8,
            "output_tokens": 5, "output_tokens_details": {"thinking_tokens": 2}},
    });
    assert_eq!(body, expected);
    assert_eq!(warnings, "");
}

#[test]
fn arguments_that_are_no_object_are_kept_unless_they_were_cut() {
    let call = json!([{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"x\":"}}]);
    let none = json!([{"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]);
    for cut in [&call, &none] {
        let (body, warnings) = to_message(completion(json!({"tool_calls": cut}), "length"));
        assert_eq!((&body["content"], &body["stop_reason"]), (&json!([]), &json!("max_tokens")));
        assert_eq!(warnings, "tool_call_dropped");
    }
    let (body, warnings) = to_message(completion(json!({"tool_calls": call}), "stop"));
    assert_eq!(body["content"][0]["input"], json!({"_raw": "{\"x\":"}));
    assert_eq!(warnings, "tool_arguments_wrapped");
}

#[test]
fn refusals_and_filters_are_refusals() {
    let (body, _) = to_message(completion(json!({"content": null, "refusal": "no"}), "stop"));
    assert_eq!((&body["content"][0]["text"], &body["stop_reason"]), (&json!("no"), &json!("refusal")));
    let (body, _) = to_message(completion(json!({"content": "a"}), "content_filter"));
    assert_eq!(body["stop_reason"], "refusal");
}

#[test]
fn an_answer_without_counts_has_the_estimate() {
    let body = json!({"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]});
    let (body, _) = to_message(body);
    assert_eq!((&body["usage"]["input_tokens"], &body["usage"]["output_tokens"]), (&json!(11), &json!(0)));
}

#[test]
fn errors_are_judged_by_type_before_status() {
    use crate::error::{ApiError, ErrorHead, ErrorKind};
    for (status, body, kind) in [
        (400, r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#, ErrorKind::Overloaded),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 > 8"}}"#,
            ErrorKind::ContextLength,
        ),
        (400, r#"{"type":"error","error":{"type":"billing_error","message":"m"}}"#, ErrorKind::Quota),
        (529, "no json", ErrorKind::Overloaded),
        (404, r#"{"message":"nothing here"}"#, ErrorKind::NotFound),
        (413, r#"{"error":"too large"}"#, ErrorKind::TooLarge),
    ] {
        let head = ErrorHead { status, ..ErrorHead::default() };
        let error = Anthropic.decode_error(head, body.as_bytes());
        assert_eq!(error.kind, kind, "{body}");
        assert!(!error.message.is_empty());
    }
    let (status, body) = Anthropic.encode_error(&ApiError::new(ErrorKind::Overloaded, "busy"));
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, 529);
    let expected = json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}, "request_id": null});
    assert_eq!(body, expected);
    let (_, body) = Anthropic.encode_error(&Rejected::new("n", "no").into());
    assert!(String::from_utf8(body).unwrap().contains("\"unsupported_by_provider: n: no\""));
}

#[test]
fn calls_decide_over_an_end_that_is_not_known() {
    use crate::gemini::Gemini;
    use crate::openai_responses::OpenAiResponses;
    let content = json!([{"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}]);
    for end in [Value::Null, json!("something_new")] {
        let body = message(json!({"content": content, "stop_reason": end}));
        let to = |codec: &dyn Codec| answer(&Anthropic, codec, &body, &Exchange::default());
        let ((chat, one), (response, two), (candidates, three)) =
            (to(&OpenAiChat), to(&OpenAiResponses), to(&Gemini));
        assert_eq!(chat["choices"][0]["finish_reason"], "tool_calls");
        assert_eq!(response["status"], "completed");
        assert_eq!(candidates["candidates"][0]["finishReason"], "STOP");
        assert_eq!([one, two, three].concat(), "");
    }
}
