//! Requests of Responses for models of other protocols.

use super::*;

#[test]
fn items_become_messages() {
    let body = with(
        input(json!([
            {"role": "developer", "content": [{"type": "input_text", "text": "d"}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": "https://x/y.png", "detail": "low"}]},
            {"type": "reasoning", "summary": []},
            {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed", "phase": "commentary", "content": [{"type": "output_text", "text": "t", "annotations": []}]},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
            {"type": "function_call", "call_id": "c2", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "one"},
            {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "two"}]},
        ])),
        json!({"instructions": "s"}),
    );
    let (body, warnings) = chat(body).unwrap();
    assert_eq!(warnings, "");
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let expected = json!([
        {"role": "system", "content": "s"},
        {"role": "system", "content": "d"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}}]},
        {"role": "assistant", "content": "t", "tool_calls": [call("c1"), call("c2")]},
        {"role": "tool", "tool_call_id": "c1", "content": "one"},
        {"role": "tool", "tool_call_id": "c2", "content": "two"},
    ]);
    assert_eq!(body["messages"], expected);
}

#[test]
fn settings_mean_the_same_elsewhere() {
    let body = with(
        input(json!("a")),
        json!({
            "max_output_tokens": 99, "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}},
            "tools": [{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}},
                {"type": "custom", "name": "g", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}}],
            "tool_choice": {"type": "function", "name": "f"}, "include": ["message.output_text.logprobs"], "top_logprobs": 3,
            "truncation": "auto", "max_tool_calls": 2, "prompt_cache_key": "k", "safety_identifier": "u",
        }),
    );
    let (body, warnings) = chat(body).unwrap();
    assert_eq!(warnings, "max_tool_calls_dropped, truncation_dropped");
    let expected = json!({
        "model": PLAIN, "messages": [{"role": "user", "content": "a"}], "max_completion_tokens": 99,
        "tools": [
            // Saying nothing means strict here.
            {"type": "function", "function": {"name": "f", "strict": true,
                "parameters": {"type": "object", "properties": {}, "required": [], "additionalProperties": false}}},
            {"type": "custom", "custom": {"name": "g", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        "logprobs": true, "top_logprobs": 3, "verbosity": "low", "safety_identifier": "u", "prompt_cache_key": "k",
    });
    assert_eq!(body, expected);
    // Which says nothing without log probabilities.
    let (body, _) = chat(with(input(json!("a")), json!({"top_logprobs": 3}))).unwrap();
    assert_eq!(body, json!({"model": PLAIN, "messages": [{"role": "user", "content": "a"}]}));
}

#[test]
fn a_summary_of_reasoning_that_never_comes_is_warned_about() {
    let asked = |summary: Value| with(input(json!("a")), json!({"reasoning": {"summary": summary}}));
    for (to, model, warning) in [
        (&OpenAiChat as &dyn Codec, REASONS, "reasoning_summary_dropped"),
        // A server that may show it without being asked.
        (&OpenAiChat, "deepseek-reasoner", ""),
        (&Anthropic, CLAUDE, ""),
        (&Gemini, "gemini-3-flash", ""),
    ] {
        let (_, warnings) = write(&OpenAiResponses, to, model, &asked(json!("auto"))).unwrap();
        assert_eq!(warnings, warning, "{model}");
        let (_, warnings) = write(&OpenAiResponses, to, model, &asked(Value::Null)).unwrap();
        assert_eq!(warnings, "", "{model}");
    }
    // Messages show it unless told otherwise: nobody asked.
    let body = json!({"model": "m", "max_tokens": 9, "thinking": {"type": "enabled", "budget_tokens": 8192}, "messages": [{"role": "user", "content": "a"}]});
    assert_eq!(write(&Anthropic, &OpenAiChat, REASONS, &body).unwrap().1, "");
}

#[test]
fn what_the_proxy_does_not_keep_or_others_cannot_do_is_refused() {
    let with = |more: Value| with(input(json!("a")), more);
    for (body, path) in [
        (with(json!({"previous_response_id": "resp_1"})), "previous_response_id"),
        (with(json!({"conversation": "c"})), "conversation"),
        (with(json!({"background": true})), "background"),
        (with(json!({"prompt": {"id": "p"}})), "prompt"),
        (with(json!({"tools": [{"type": "web_search"}]})), "tools[0]"),
        (input(json!([{"type": "item_reference", "id": "x"}])), "input[0].content"),
        (input(json!([{"type": "compaction", "encrypted_content": "x"}])), "input[0].content"),
        (
            input(json!([{"role": "user", "content": [{"type": "input_file", "file_id": "x"}]}])),
            "input[0].content[0]",
        ),
    ] {
        for (to, model) in
            [(&OpenAiChat as &dyn Codec, PLAIN), (&Anthropic, CLAUDE), (&Gemini, "gemini-2.5-flash")]
        {
            assert_eq!(
                write(&OpenAiResponses, to, model, &body).unwrap_err(),
                path,
                "{body} to {to:?}",
                to = to.protocol()
            );
        }
    }
    let nothing = with(json!({"background": false, "previous_response_id": null, "truncation": "disabled"}));
    assert_eq!(chat(nothing).unwrap().1, "");
}

#[test]
fn who_refers_to_an_answer_is_told_to_send_it() {
    let body = input(json!([{"role": "user", "content": "a"}, {"type": "item_reference", "id": "msg_1"}]));
    for (to, model) in
        [(&OpenAiChat as &dyn Codec, PLAIN), (&Anthropic, CLAUDE), (&Gemini, "gemini-2.5-flash")]
    {
        let reason = written(&OpenAiResponses, to, model, &body).unwrap_err().reason;
        assert!(reason.contains("send the item itself") && reason.contains("store: false"), "{reason}");
    }
}

#[test]
fn history_of_hosted_tools_is_left_out() {
    let body = input(
        json!([{"role": "user", "content": "a"}, {"type": "web_search_call", "id": "w", "status": "completed"}, {"role": "user", "content": "b"}]),
    );
    let (body, warnings) = chat(body).unwrap();
    assert_eq!((body["messages"].as_array().unwrap().len(), warnings.as_str()), (2, "history_item_dropped"));
}

#[test]
fn tagged_state_finds_its_family_again() {
    let items = json!([
        {"role": "user", "content": "q"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}], "encrypted_content": "xp1.anthropic.sig"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "r"},
    ]);
    let body = with(input(items), json!({"reasoning": {"effort": "low", "summary": "auto"}}));
    let (body, _) = write(&OpenAiResponses, &Anthropic, CLAUDE, &body).unwrap();
    let expected = json!([{"type": "thinking", "thinking": "t", "signature": "sig"}, {"type": "tool_use", "id": "c", "name": "f", "input": {}}]);
    assert_eq!(body["messages"][1]["content"], expected);
    assert_eq!(body["thinking"]["display"], "summarized");
}

#[test]
fn a_request_that_means_nothing_is_an_error() {
    for body in [
        json!({"input": "a"}),
        json!({"model": "m", "input": 1}),
        json!({"model": "m", "input": [{"role": "nobody"}]}),
        json!({"model": "m", "input": [{"type": "function_call", "arguments": {}}]}),
        json!({"model": "m", "input": "a", "tool_choice": "x"}),
        json!({"model": "m", "input": "a", "text": {"format": {"type": "x"}}}),
        json!({"model": "m", "input": "a", "instructions": ["x"]}),
    ] {
        let text = body.to_string();
        assert!(OpenAiResponses.decode_request(text.as_bytes(), UrlFacts::default()).is_err(), "{body}");
    }
}
