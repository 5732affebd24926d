//! Messages as the source: read and written back, and read for others.

use super::*;
use crate::codec::ProviderCodec as _;
use crate::ir::Content;

fn same(body: &str) {
    let request = Anthropic.decode_request(body.as_bytes(), UrlFacts::default()).unwrap();
    let target = Target {
        model: &request.model,
        capabilities: Capabilities::of(BUDGET),
        options: RouteOptions::default(),
        states: &NoStates,
    };
    let written = Anthropic.encode_request(&request, &target, &mut Notes::new(true)).unwrap();
    let (left, right): (Value, Value) =
        (serde_json::from_str(body).unwrap(), serde_json::from_slice(&written.body).unwrap());
    assert_eq!(left, right);
}

#[test]
fn odd_shapes_are_written_back_as_they_were() {
    for body in [
        r#"{"model":"m","messages":[],"system":[],"tools":[],"stop_sequences":[],"max_tokens":5.0,"temperature":1.0,"top_k":3,"new":{"a":null}}"#,
        r#"{"model":"m","max_tokens":null,"system":"s","messages":[{"role":"user","content":[]},{"role":"system","content":"x","new":1}]}"#,
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"","citations":null,"id":7,"name":"n"},{"type":"text"},{"type":"new","text":"x","y":1},{"z":1}]}]}"#,
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image","source":{"type":"file","file_id":"f","x":1}},{"type":"image","source":{"type":"new","data":"x"}},{"type":"document","title":null,"context":"c","citations":{"enabled":true},"source":{"type":"content","content":"x"}},{"type":"document","title":"t","context":"c","source":{"type":"text","media_type":"text/plain","data":"x"}}]}]}"#,
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"},{"type":"tool_result","tool_use_id":"a","content":[],"is_error":null},{"type":"tool_result","tool_use_id":"a","content":"","is_error":false,"cache_control":{"type":"ephemeral"}},{"type":"tool_result","tool_use_id":"a","content":[{"type":"image","source":{"type":"url","url":"u"}},{"type":"tool_reference","tool_name":"t"}]},{"type":"tool_result","tool_use_id":"a","content":{"odd":1}}]}]}"#,
        r#"{"model":"m","messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":""},{"type":"thinking","thinking":"t"},{"type":"thinking","thinking":"","signature":"s"},{"type":"redacted_thinking","data":"d"},{"type":"tool_use","id":"a","name":"n","input":{"b":[1, 2]},"caller":{"type":"direct"}},{"type":"search_result","source":"s","title":"t","content":[{"type":"text","text":"x"}],"cache_control":{"type":"ephemeral"}}]}]}"#,
        r#"{"model":"m","messages":[],"thinking":{"type":"between_tools","x":1},"output_config":{"effort":"low","format":null,"task_budget":1},"metadata":{"user_id":null,"x":1},"service_tier":"new","tool_choice":{"type":"any","disable_parallel_tool_use":false,"x":1},"output_format":{"type":"json_schema","name":"n","schema":{}}}"#,
        r#"{"model":"m","messages":[],"tools":[{"name":"a","input_schema":{"type":"object"},"type":null},{"type":"custom","name":"b","input_schema":{},"strict":true,"defer_loading":true},{"type":"web_search_20250305","name":"web_search","max_uses":1}]}"#,
    ] {
        same(body);
    }
}

#[test]
fn what_has_no_meaning_is_refused() {
    for body in [
        r#"{"messages":[]}"#,
        r#"{"model":"m"}"#,
        r#"{"model":"m","messages":[{"role":"tool","content":"x"}]}"#,
        r#"{"model":"m","messages":[{"role":"user"}]}"#,
        r#"{"model":"m","messages":[],"tool_choice":{"type":"new"}}"#,
        r#"{"model":"m","messages":[],"tool_choice":"auto"}"#,
        r#"{"model":"m","messages":[],"output_config":{"format":{"type":"xml"}}}"#,
    ] {
        assert!(Anthropic.decode_request(body.as_bytes(), UrlFacts::default()).is_err(), "{body}");
    }
}

/// State that another vendor made, and that a client sends back to Anthropic, never reaches it.
#[test]
fn reasoning_of_others_is_left_out_of_the_way_back() {
    let body = json!({"model": "m", "max_tokens": 1, "messages": [{"role": "assistant", "content": [
        {"type": "thinking", "thinking": "a", "signature": "xp1.openai.abc"},
        {"type": "redacted_thinking", "data": "xp1.gemini.abc"},
        {"type": "thinking", "thinking": "a", "signature": "xp1.none."},
        {"type": "thinking", "thinking": "b", "signature": "own"},
        {"type": "text", "text": "c"},
    ]}]});
    let written = write(&Anthropic, &Anthropic, BUDGET, RouteOptions::default(), &body).unwrap();
    let kept =
        json!([{"type": "thinking", "thinking": "b", "signature": "own"}, {"type": "text", "text": "c"}]);
    assert_eq!(written.body["messages"][0]["content"], kept);
    assert_eq!(written.warnings, "reasoning_state_dropped");
}

#[test]
fn a_request_becomes_a_chat() {
    let written = gpt(
        "gpt-4o",
        json!({
            "model": "c", "max_tokens": 9, "temperature": 0.5, "stop_sequences": ["x"], "stream": true,
            "system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "b"}],
            "metadata": {"user_id": "u"}, "service_tier": "standard_only",
            "tools": [{"name": "f", "input_schema": {"type": "object"}, "type": "custom"}],
            "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
            "messages": [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "t", "signature": "s"},
                    {"type": "text", "text": "x"},
                    {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
                ]},
                {"role": "user", "content": [
                    {"type": "text", "text": "and"},
                    {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": true, "content": [
                        {"type": "text", "text": "bad"},
                        {"type": "image", "source": {"type": "url", "url": "https://x/y"}},
                    ]},
                    {"type": "search_result", "source": "https://s", "title": "S", "content": [{"type": "text", "text": "found"}]},
                ]},
            ],
        }),
    );
    let expected = json!({
        "model": "gpt-4o", "max_completion_tokens": 9, "temperature": 0.5, "stop": ["x"],
        "stream": true, "stream_options": {"include_usage": true},
        "safety_identifier": "u", "service_tier": "default", "parallel_tool_calls": false, "tool_choice": "required",
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "messages": [
            {"role": "system", "content": "a\n\nb"},
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "x", "tool_calls": [
                {"id": "toolu_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
            ]},
            {"role": "tool", "tool_call_id": "toolu_1", "content": "Error: bad"},
            {"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "https://x/y"}},
                {"type": "text", "text": "and"},
                {"type": "text", "text": "S\nhttps://s\nfound"},
            ]},
        ],
    });
    assert_eq!(written.body, expected);
    let warnings =
        "cache_control_dropped, reasoning_state_dropped, search_result_dropped, tool_result_image_moved";
    assert_eq!(written.warnings, warnings);
}

#[test]
fn reasoning_becomes_an_effort() {
    for (more, effort) in [
        (json!({"thinking": {"type": "enabled", "budget_tokens": 9000}}), json!("medium")),
        (json!({"thinking": {"type": "disabled"}, "output_config": {"effort": "max"}}), json!("none")),
        (json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}), json!("high")),
        (json!({"thinking": {"type": "adaptive"}}), Value::Null),
        (json!({"output_config": {"effort": "low"}}), json!("low")),
    ] {
        let body = with(json!({"model": "c", "max_tokens": 9, "messages": []}), more.clone());
        assert_eq!(gpt("gpt-5.2", body).body["reasoning_effort"], effort, "{more}");
    }
}

#[test]
fn what_no_other_provider_has_is_refused_or_warned_about() {
    let body = |more: Value| with(json!({"model": "c", "max_tokens": 9, "messages": []}), more);
    let content = |block: Value| json!({"messages": [{"role": "user", "content": [block]}]});
    let source = json!({"type": "base64", "media_type": "application/pdf", "data": "QQ=="});
    for (more, path) in [
        (json!({"container": "c"}), "container"),
        (json!({"mcp_servers": [{}]}), "mcp_servers"),
        (json!({"inference_geo": "eu"}), "inference_geo"),
        (json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}), "tools[0]"),
        (
            content(json!({"type": "document", "source": source, "citations": {"enabled": true}})),
            "messages[0].content[0].document.citations",
        ),
        (content(json!({"type": "container_upload", "file_id": "f"})), "messages[0].content[0]"),
        (json!({"stop_sequences": ["1", "2", "3", "4", "5"]}), "stop_sequences"),
    ] {
        assert_eq!(try_gpt("gpt-4o", body(more)).unwrap_err().path, path);
    }
    for (more, warning) in [
        (json!({"top_k": 5}), "top_k_dropped"),
        (json!({"context_management": {"edits": []}}), "context_management_dropped"),
        (json!({"cache_control": {"type": "ephemeral"}}), "cache_control_dropped"),
        (json!({"speed": "fast"}), "speed_dropped"),
        (json!({"new": 1}), "new_dropped"),
        (json!({"output_config": {"task_budget": 1}}), "task_budget_dropped"),
        (json!({"metadata": {"user_id": "u", "x": 1}}), "x_dropped"),
        (json!({"speed": "standard", "container": null}), ""),
    ] {
        assert_eq!(gpt("gpt-4o", body(more)).warnings, warning);
    }
}

#[test]
fn hosted_blocks_of_the_history_are_opaque() {
    let body = json!({"model": "c", "max_tokens": 9, "messages": [{"role": "assistant", "content": [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "text", "text": "x"},
    ]}]});
    let text = body.to_string();
    let request = Anthropic.decode_request(text.as_bytes(), UrlFacts::default()).unwrap();
    assert!(
        matches!(&request.turns[0].blocks[0].content, Content::Opaque(kind, _) if kind == "server_tool_use")
    );
    let written = gpt("gpt-4o", body);
    assert_eq!(written.body["messages"], json!([{"role": "assistant", "content": "x"}]));
    assert_eq!(written.warnings, "history_item_dropped, prefill_not_guaranteed");
}
