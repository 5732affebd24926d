//! Requests of other protocols for models of Responses.

use super::*;

fn messages(messages: Value) -> Value {
    json!({"model": "m", "messages": messages})
}

fn user() -> Value {
    messages(json!([{"role": "user", "content": "a"}]))
}

#[test]
fn a_conversation_becomes_items() {
    let body = messages(json!([
        {"role": "system", "content": "s"},
        {"role": "developer", "content": "d"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,BB==", "filename": "b.pdf"}}]},
        {"role": "assistant", "content": "t", "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}},
            {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "raw"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "one"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "two"}]},
        {"role": "user", "content": "b"},
    ]));
    let (body, warnings) = responses(PLAIN, body);
    assert_eq!(warnings, "");
    let expected = json!({
        "model": PLAIN,
        "instructions": "s",
        "input": [
            {"type": "message", "role": "developer", "content": "d"},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "a"},
                {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,AA=="},
                {"type": "input_file", "filename": "b.pdf", "file_data": "data:application/pdf;base64,BB=="}]},
            {"type": "message", "role": "assistant", "content": "t"},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{\"x\": 1}"},
            {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "raw"},
            {"type": "function_call_output", "call_id": "c1", "output": "one"},
            {"type": "custom_tool_call_output", "call_id": "c2", "output": "two"},
            {"type": "message", "role": "user", "content": "b"},
        ],
        "store": false,
    });
    assert_eq!(body, expected);
}

#[test]
fn strict_is_said_always_and_schemas_are_brought_into_its_form() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let held = json!({"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"], "additionalProperties": false});
    let map = json!({"type": "object", "additionalProperties": {"type": "string"}});
    let tool = |parameters: &Value, strict: Value| {
        let body = with(
            user(),
            json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": parameters, "strict": strict}}]}),
        );
        let (body, warnings) = responses(PLAIN, body);
        (body["tools"][0]["parameters"].clone(), body["tools"][0]["strict"].clone(), warnings)
    };
    assert_eq!(tool(&schema, Value::Null), (schema.clone(), json!(false), String::new()));
    assert_eq!(tool(&schema, json!(true)), (held.clone(), json!(true), String::new()));
    assert_eq!(tool(&map, json!(true)), (map.clone(), json!(false), "strict_dropped".to_owned()));
    assert_eq!(tool(&Value::Null, json!(true)).0["required"], json!([]));
    let format = json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": true}}});
    let (body, _) = responses(PLAIN, with(user(), format));
    assert_eq!(
        body["text"]["format"],
        json!({"type": "json_schema", "name": "n", "schema": held, "strict": true})
    );
    // The chat encoder does the same with what a client of Messages wrote.
    let body = with(
        user(),
        json!({"max_tokens": 9, "tools": [{"name": "f", "input_schema": schema, "strict": true}]}),
    );
    let (body, _) = write(&Anthropic, &OpenAiChat, PLAIN, &body).unwrap();
    assert_eq!(body["tools"][0]["function"]["parameters"], held);
}

#[test]
fn settings_have_their_names() {
    let more = json!({
        "max_tokens": 5, "temperature": 0.5, "top_p": 0.9, "logprobs": true, "top_logprobs": 2, "verbosity": "low",
        "user": "u", "metadata": {"a": "b"}, "service_tier": "flex", "stream": true, "parallel_tool_calls": false,
        "prompt_cache_key": "k", "response_format": {"type": "json_object"}, "store": true,
        "seed": 1, "logit_bias": {"1": 1}, "presence_penalty": 1,
    });
    let (body, warnings) = responses(PLAIN, with(user(), more));
    assert_eq!(warnings, "logit_bias_dropped, max_tokens_raised, presence_penalty_dropped, seed_dropped");
    let expected = json!({
        "model": PLAIN, "input": [{"type": "message", "role": "user", "content": "a"}], "parallel_tool_calls": false,
        "text": {"verbosity": "low", "format": {"type": "json_object"}}, "stream": true, "store": true,
        "include": ["message.output_text.logprobs"], "max_output_tokens": 16, "temperature": 0.5, "top_p": 0.9,
        "top_logprobs": 2, "metadata": {"a": "b"}, "service_tier": "flex", "safety_identifier": "u", "prompt_cache_key": "k",
    });
    assert_eq!(body, expected);
}

#[test]
fn a_model_that_reasons_is_asked_for_its_state() {
    let (body, warnings) =
        responses(REASONS, with(user(), json!({"reasoning_effort": "minimal", "temperature": 0})));
    assert_eq!(
        (&body["reasoning"], warnings.as_str()),
        (&json!({"effort": "low"}), "reasoning_changed, temperature_dropped")
    );
    assert_eq!(body["include"], json!(["reasoning.encrypted_content"]));
    let body =
        with(user(), json!({"max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 5000}}));
    let (body, _) = write(&Anthropic, &OpenAiResponses, REASONS, &body).unwrap();
    assert_eq!(body["reasoning"], json!({"effort": "medium", "summary": "auto"}));
}

#[test]
fn what_cannot_be_carried_is_refused() {
    let part = |part: Value| messages(json!([{"role": "user", "content": [part]}]));
    for (body, path) in [
        (with(user(), json!({"stop": "x"})), "stop"),
        (with(user(), json!({"n": 2})), "n"),
        (with(user(), json!({"tools": [{"type": "other"}]})), "tools[0]"),
        (
            part(json!({"type": "input_audio", "input_audio": {"data": "A", "format": "wav"}})),
            "messages[0].content[0]",
        ),
        (part(json!({"type": "file", "file": {"file_id": "f"}})), "messages[0].content[0]"),
    ] {
        assert_eq!(write(&OpenAiChat, &OpenAiResponses, PLAIN, &body).unwrap_err(), path);
    }
}

#[test]
fn choices_of_tools() {
    let tools = json!([{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "g",
        "format": {"type": "grammar", "grammar": {"syntax": "regex", "definition": ".+"}}}}]);
    let with_choice =
        |choice: Value| responses(PLAIN, with(user(), json!({"tools": tools, "tool_choice": choice}))).0;
    for word in ["auto", "none", "required"] {
        assert_eq!(with_choice(json!(word))["tool_choice"], word);
    }
    let body = with_choice(json!({"type": "function", "function": {"name": "f"}}));
    assert_eq!(body["tool_choice"], json!({"type": "function", "name": "f"}));
    assert_eq!(
        body["tools"][1],
        json!({"type": "custom", "name": "g", "format": {"type": "grammar", "syntax": "regex", "definition": ".+"}})
    );
    let body = with_choice(json!({"type": "custom", "custom": {"name": "g"}}));
    assert_eq!(body["tool_choice"], json!({"type": "custom", "name": "g"}));
    let subset = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]}});
    let expected =
        json!({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]});
    assert_eq!(with_choice(subset)["tool_choice"], expected);
}

#[test]
fn results_of_tools_keep_their_images_and_their_errors() {
    let call =
        json!({"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]});
    let result = |content: Value| {
        let body = messages(json!([call, {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "c", "is_error": true, "content": content}, {"type": "text", "text": "b"}]}]));
        let (body, _) =
            write(&Anthropic, &OpenAiResponses, PLAIN, &with(body, json!({"max_tokens": 99}))).unwrap();
        assert_eq!(body["input"][2]["content"], "b");
        body["input"][1]["output"].clone()
    };
    assert_eq!(result(json!("no")), "Error: no");
    let image =
        json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}});
    let expected = json!([{"type": "input_text", "text": "Error:"}, {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,AA=="}]);
    assert_eq!(result(json!([image])), expected);
}

#[test]
fn only_reasoning_of_the_same_family_that_led_to_something_is_sent() {
    let thought = |signature: &str| json!({"type": "thinking", "thinking": "t", "signature": signature});
    let body = with(
        messages(json!([
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": [thought("xp1.openai#rs_1.AAA"), thought("xp1.openai.OLD"), {"type": "tool_use", "id": "c", "name": "f", "input": {}}, thought("claude's")]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "r"}]},
            {"role": "assistant", "content": [{"type": "redacted_thinking", "data": "xp1.openai.BBB"}]},
            {"role": "user", "content": "q"},
        ])),
        json!({"max_tokens": 99}),
    );
    let (body, warnings) = write(&Anthropic, &OpenAiResponses, REASONS, &body).unwrap();
    assert_eq!(warnings, "reasoning_state_dropped");
    let items = body["input"].as_array().unwrap();
    let kinds: Vec<_> = items.iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["message", "reasoning", "reasoning", "function_call", "function_call_output", "message"]
    );
    // The vendor refuses an id that is not the one its state was made with.
    let sent = |at: usize| (&items[at]["id"], &items[at]["encrypted_content"]);
    assert_eq!((sent(1), sent(2)), ((&json!("rs_1"), &json!("AAA")), (&Value::Null, &json!("OLD"))));
    assert_eq!(items[1]["summary"], json!([{"type": "summary_text", "text": "t"}]));
}
