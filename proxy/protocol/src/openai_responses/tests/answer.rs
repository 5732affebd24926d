//! Answers.

use super::*;
use crate::codec::ProviderCodec as _;
use crate::error::{ApiError, ErrorHead, ErrorKind};

fn message(content: Value) -> Value {
    json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content})
}

fn response(output: Value) -> Value {
    json!({"id": "resp_1", "object": "response", "created_at": 5, "model": "gpt", "status": "completed", "output": output,
        "usage": {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 6, "output_tokens_details": {"reasoning_tokens": 2}}})
}

fn text(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": []})
}

#[test]
fn an_answer_for_a_chat_client() {
    let output = json!([
        {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "x"}, {"type": "summary_text", "text": "y"}]},
        message(json!([text("a"), text("b")])),
        message(json!([text("c")])),
        {"type": "function_call", "id": "fc", "call_id": "c1", "name": "f", "arguments": "{ }"},
    ]);
    let (body, warnings) = answer(&OpenAiResponses, &OpenAiChat, &response(output));
    assert_eq!(warnings, "");
    let choice = &body["choices"][0];
    assert_eq!((&body["id"], &body["created"]), (&json!("chatcmpl-1"), &json!(5)));
    assert_eq!(choice["message"]["content"], "ab\n\nc");
    assert_eq!(choice["message"]["reasoning_content"], "x\n\ny");
    assert_eq!(choice["message"]["tool_calls"][0]["function"], json!({"name": "f", "arguments": "{ }"}));
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(body["usage"]["prompt_tokens_details"]["cached_tokens"], 4);
}

#[test]
fn an_answer_for_a_client_of_responses() {
    let body = json!({"id": "msg_9", "model": "claude", "stop_reason": "tool_use", "usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 5},
        "content": [{"type": "thinking", "thinking": "t", "signature": "s"}, {"type": "redacted_thinking", "data": "r"},
            {"type": "text", "text": "a"}, {"type": "text", "text": "b"}, {"type": "tool_use", "id": "c", "name": "f", "input": {"x": 1}}]});
    let (body, _) = answer(&Anthropic, &OpenAiResponses, &body);
    let output = body["output"].as_array().unwrap();
    let kinds: Vec<_> = output.iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["reasoning", "reasoning", "message", "function_call"]);
    assert_eq!(output[0]["summary"], json!([{"type": "summary_text", "text": "t"}]));
    assert_eq!(output[0]["encrypted_content"], "xp1.anthropic.s");
    assert_eq!(
        (&output[1]["summary"], &output[1]["encrypted_content"]),
        (&json!([]), &json!("xp1.anthropic!.r"))
    );
    assert_eq!(output[2]["content"].as_array().unwrap().len(), 2);
    assert_eq!((&output[3]["call_id"], &output[3]["arguments"]), (&json!("c"), &json!("{\"x\":1}")));
    assert_eq!(
        (&body["id"], &body["status"], &body["store"]),
        (&json!("resp_9"), &json!("completed"), &json!(false))
    );
    assert_eq!(body["usage"]["input_tokens"], 7);
}

#[test]
fn settings_are_repeated() {
    let request = json!({
        "model": "m", "input": "a", "instructions": "s", "temperature": 0.30, "text": {"verbosity": "low"}, "reasoning": {"effort": "low"},
        "tools": [{"type": "function", "name": "f", "parameters": {}, "defer_loading": true}, {"type": "custom", "name": "g"}],
        "tool_choice": "required", "parallel_tool_calls": false, "metadata": {"a": "b"}, "max_output_tokens": 50, "truncation": "auto",
    })
    .to_string();
    let request = OpenAiResponses.decode_request(request.as_bytes(), UrlFacts::default()).unwrap();
    let mut reply = Reply::to(&OpenAiResponses, &request, 1, 1);
    let body =
        json!({"id": "x", "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}).to_string();
    let response = OpenAiChat.decode_response(body.as_bytes(), &Exchange::default()).unwrap();
    let body = OpenAiResponses.encode_response(&response, &mut reply, &mut Notes::new(false));
    let body: Value = serde_json::from_slice(&body).unwrap();
    for (key, value) in [
        ("instructions", json!("s")),
        ("temperature", json!(0.3)),
        ("top_p", json!(1.0)),
        ("text", json!({"format": {"type": "text"}, "verbosity": "low"})),
        ("reasoning", json!({"effort": "low"})),
        ("tool_choice", json!("required")),
        ("parallel_tool_calls", json!(false)),
        ("metadata", json!({"a": "b"})),
        ("max_output_tokens", json!(50)),
        ("truncation", json!("auto")),
        (
            "tools",
            json!([{"type": "function", "name": "f", "description": null, "parameters": {}, "strict": true, "defer_loading": true},
            {"type": "custom", "name": "g", "description": null}]),
        ),
    ] {
        assert_eq!(body[key], value, "{key}");
    }
}

#[test]
fn the_class_of_service_is_the_one_that_answered() {
    let request = json!({"model": "m", "input": "a", "service_tier": "priority"}).to_string();
    let request = OpenAiResponses.decode_request(request.as_bytes(), UrlFacts::default()).unwrap();
    let asked = || Reply::to(&OpenAiResponses, &request, 1, 1);
    let chat = |tier: Value| {
        json!({"id": "x", "service_tier": tier, "choices": [{"index": 0, "delta": {"content": "hi"},
            "message": {"content": "hi"}, "finish_reason": "stop"}]})
        .to_string()
    };
    for (told, said) in [
        (json!("default"), json!("default")),
        (json!("priority"), json!("priority")),
        (json!("on_demand"), Value::Null),
        (json!(3), Value::Null),
        (Value::Null, Value::Null),
    ] {
        let body = chat(told);
        let response = OpenAiChat.decode_response(body.as_bytes(), &Exchange::default()).unwrap();
        let whole = OpenAiResponses.encode_response(&response, &mut asked(), &mut Notes::new(false));
        let whole: Value = serde_json::from_slice(&whole).unwrap();
        assert_eq!(whole["service_tier"], said, "{body}");
        let stream = replay_for(asked(), &OpenAiChat, &OpenAiResponses, &format!("data: {body}\n\n"));
        for event in [&stream[0], stream.last().unwrap()] {
            assert_eq!(event["response"]["service_tier"], said, "{body}");
        }
    }
    let body =
        json!({"id": "m", "content": [], "stop_reason": "end_turn", "usage": {"service_tier": "standard"}})
            .to_string();
    let response = Anthropic.decode_response(body.as_bytes(), &Exchange::default()).unwrap();
    let whole = OpenAiResponses.encode_response(&response, &mut asked(), &mut Notes::new(false));
    assert!(String::from_utf8(whole).unwrap().contains("\"service_tier\":null"));
}

#[test]
fn ends_have_their_words() {
    let chat = |finish: &str, message: Value| {
        let body = json!({"id": "x", "choices": [{"message": message, "finish_reason": finish}]});
        let (body, warnings) = answer(&OpenAiChat, &OpenAiResponses, &body);
        (
            body["status"].clone(),
            body["incomplete_details"]["reason"].clone(),
            body["output"][0]["status"].clone(),
            warnings,
        )
    };
    let said = json!({"content": "a"});
    let none = String::new();
    assert_eq!(
        chat("stop", said.clone()),
        (json!("completed"), Value::Null, json!("completed"), none.clone())
    );
    assert_eq!(
        chat("length", said.clone()),
        (json!("incomplete"), json!("max_output_tokens"), json!("incomplete"), none.clone())
    );
    assert_eq!(chat("content_filter", said.clone()).1, "content_filter");
    assert_eq!(
        chat("stop", json!({"refusal": "no"})),
        (json!("completed"), Value::Null, json!("completed"), none)
    );
    assert_eq!(chat("new", said).3, "finish_unknown_changed");
    let refusal = json!({"id": "m", "content": [], "stop_reason": "refusal", "stop_details": {"type": "refusal", "explanation": "why"}});
    let (body, _) = answer(&Anthropic, &OpenAiResponses, &refusal);
    assert_eq!(body["output"][0]["content"], json!([{"type": "refusal", "refusal": "why"}]));
    let pause = json!({"id": "m", "content": [], "stop_reason": "pause_turn"});
    let (body, warnings) = answer(&Anthropic, &OpenAiResponses, &pause);
    assert_eq!((&body["status"], warnings.as_str()), (&json!("completed"), "finish_pause_changed"));
}

#[test]
fn a_failed_answer_is_an_error() {
    let body = json!({"id": "r", "status": "failed", "output": [], "error": {"code": "rate_limit_exceeded", "message": "slow"}}).to_string();
    let response = OpenAiResponses.decode_response(body.as_bytes(), &Exchange::default()).unwrap();
    let error = response.error.unwrap();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::RateLimit, "slow"));
    let body = br#"{"id":"r","status":"failed","output":[]}"#;
    assert!(OpenAiResponses.decode_response(body, &Exchange::default()).unwrap().error.is_some());
    assert!(OpenAiResponses.decode_response(b"{}", &Exchange::default()).is_err());
}

#[test]
fn the_words_of_one_dialect_of_openai_are_kept_in_the_other() {
    let invalid = ("invalid_request_error", "invalid_value");
    for (status, told, said) in [
        (429, ("tokens", "rate_limit_exceeded"), ("tokens", json!("rate_limit_exceeded"))),
        (429, ("requests", "rate_limit_exceeded"), ("requests", json!("rate_limit_exceeded"))),
        (429, ("rate_limit_error", "slow_down"), ("requests", json!("rate_limit_exceeded"))),
        (400, invalid, (invalid.0, json!(invalid.1))),
        (400, ("invalid_request_error", "invalid_base64_image"), (invalid.0, json!("invalid_base64_image"))),
        // Words of compatible servers.
        (400, ("BadRequest", "InvalidParameter"), (invalid.0, Value::Null)),
        (400, ("tokens", "1210"), (invalid.0, Value::Null)),
        (500, ("server_error", "server_error"), ("server_error", Value::Null)),
    ] {
        let body = json!({"error": {"message": "m", "type": told.0, "param": "a.b", "code": told.1}});
        let expected = json!({"error": {"message": "m", "type": said.0, "param": "a.b", "code": said.1}});
        for (from, to) in
            [(&OpenAiChat as &dyn Codec, &OpenAiResponses as &dyn Codec), (&OpenAiResponses, &OpenAiChat)]
        {
            let error =
                from.decode_error(ErrorHead { status, ..ErrorHead::default() }, body.to_string().as_bytes());
            let written: Value = serde_json::from_slice(&to.encode_error(&error).1).unwrap();
            assert_eq!(written, expected, "{body}");
        }
    }
    let stream =
        json!({"error": {"message": "m", "type": "invalid_request_error", "code": "invalid_prompt"}});
    let events = replay(&OpenAiChat, &OpenAiResponses, &format!("data: {stream}\n\n"));
    assert_eq!(events[events.len() - 2]["code"], "invalid_prompt");
}

#[test]
fn errors_are_said_as_in_chat() {
    let body = br#"{"error":{"message":"m","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#;
    let error = OpenAiResponses.decode_error(ErrorHead { status: 400, ..ErrorHead::default() }, body);
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(OpenAiResponses.encode_error(&error), (400, body.to_vec()));
    assert_eq!(OpenAiChat.encode_error(&error).0, 404);
    let (status, body) = OpenAiResponses.encode_error(&ApiError::new(ErrorKind::Overloaded, "busy"));
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &body["error"]["code"]), (503, &json!("overloaded")));
}
