//! Chat requests for Anthropic's models.

use super::*;

#[test]
fn a_conversation_becomes_two_speakers_in_turn() {
    let call = |id: &str, args: &str| json!({"id": id, "type": "function", "function": {"name": "t", "arguments": args}});
    let written = claude(
        BUDGET,
        chat(json!([
            {"role": "system", "content": "be brief"},
            {"role": "developer", "content": [{"type": "text", "text": "be kind"}]},
            {"role": "user", "content": "hi"},
            {"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
                {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "auto"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERg==", "filename": "a.pdf"}},
            ]},
            {"role": "assistant", "content": "x", "tool_calls": [call("call_1", "{\"a\":1}"), call("call:2", "")]},
            {"role": "tool", "tool_call_id": "call:2", "content": "two"},
            {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "one"}]},
            {"role": "user", "content": "go on"},
        ])),
    );
    let odd = written.body["messages"][1]["content"][2]["id"].clone();
    assert!(odd.as_str().unwrap().starts_with("toolu_"));
    let expected = json!({
        "model": BUDGET,
        "max_tokens": 64000,
        "system": [{"type": "text", "text": "be brief"}, {"type": "text", "text": "be kind"}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "hi"},
                {"type": "text", "text": "look"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
                {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
                {"type": "document", "title": "a.pdf",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}},
            ]},
            {"role": "assistant", "content": [
                {"type": "text", "text": "x"},
                {"type": "tool_use", "id": "call_1", "name": "t", "input": {"a": 1}},
                {"type": "tool_use", "id": odd, "name": "t", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "one"},
                {"type": "tool_result", "tool_use_id": odd, "content": "two"},
                {"type": "text", "text": "go on"},
            ]},
        ],
    });
    assert_eq!(written.body, expected);
    assert_eq!(written.warnings, "");
}

#[test]
fn instructions_in_the_middle_stay_there() {
    let body = || {
        chat(json!([
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b"},
            {"role": "system", "content": "now in French"},
            {"role": "user", "content": "c"},
        ]))
    };
    let written = claude("claude-opus-4-8", body());
    assert_eq!(
        written.body["messages"][2],
        json!({"role": "system", "content": [{"type": "text", "text": "now in French"}]})
    );
    assert_eq!(written.body["messages"][3]["role"], "user");
    assert_eq!(written.warnings, "");
    let written = claude(BUDGET, body());
    let expected = json!({"role": "user", "content": [
        {"type": "text", "text": "<system>now in French</system>"},
        {"type": "text", "text": "c"},
    ]});
    assert_eq!(written.body["messages"][2], expected);
    assert_eq!(written.warnings, "system_folded");
}

#[test]
fn there_is_always_a_first_turn_of_the_user_and_no_blank_block() {
    for messages in [
        json!([{"role": "system", "content": "x"}]),
        json!([{"role": "assistant", "content": "x"}]),
        json!([{"role": "user", "content": " \n"}, {"role": "assistant", "content": ""}]),
        json!([]),
    ] {
        let written = claude(BUDGET, chat(messages));
        let first = json!({"role": "user", "content": [{"type": "text", "text": "(continued)"}]});
        assert_eq!(written.body["messages"][0], first);
        assert_eq!(written.warnings, "user_turn_added");
    }
}

#[test]
fn results_are_found_wherever_they_stand_and_made_up_where_they_are_missing() {
    let call =
        |id: &str| json!({"id": id, "type": "function", "function": {"name": "t", "arguments": "no json"}});
    let result = |id: &str, text: &str| json!({"role": "tool", "tool_call_id": id, "content": text});
    let written = claude(
        BUDGET,
        chat(json!([
            {"role": "user", "content": "a"},
            {"role": "assistant", "tool_calls": [call("1"), call("2")]},
            {"role": "user", "content": "wait"},
            result("1", "one"),
            result("1", "one again"),
            {"role": "assistant", "tool_calls": [call("1")]},
            result("1", "a call of the same id"),
        ])),
    );
    let messages = &written.body["messages"];
    let results = json!([
        {"type": "tool_result", "tool_use_id": "1", "content": "one"},
        {"type": "tool_result", "tool_use_id": "2", "content": "no result", "is_error": true},
        {"type": "text", "text": "wait"},
    ]);
    assert_eq!(messages[2]["content"], results);
    assert_eq!(messages[1]["content"][0]["input"], json!({"_raw": "no json"}));
    assert_eq!(messages[4]["content"][0]["content"], "a call of the same id");
    assert_eq!(written.warnings, "tool_arguments_wrapped, tool_result_dropped, tool_result_missing");
}

#[test]
fn the_output_limit_is_the_clients_or_the_models() {
    let body = |asked: Value| with(chat(json!([{"role": "user", "content": "a"}])), asked);
    for (model, asked, given, warnings) in [
        (ADAPTIVE, json!({}), 128_000, ""),
        (OLD, json!({}), 4096, ""),
        ("glm-5", json!({}), 32_768, ""),
        (OLD, json!({"max_tokens": 9}), 9, ""),
        (OLD, json!({"max_completion_tokens": 9000}), 4096, "max_tokens_clamped"),
        (OLD, json!({"max_tokens": 0}), 1, "max_tokens_clamped"),
    ] {
        let written = claude(model, body(asked));
        assert_eq!((written.body["max_tokens"].as_u64(), written.warnings.as_str()), (Some(given), warnings));
    }
}

#[test]
fn sampling_is_what_the_model_takes() {
    let sampled = |model: &str, more: Value| {
        let body = with(chat(json!([{"role": "user", "content": "a"}])), more);
        let written = claude(model, body);
        (written.body["temperature"].clone(), written.body["top_p"].clone(), written.warnings)
    };
    let none = Value::Null;
    let both = || json!({"temperature": 1.5, "top_p": 0.5});
    assert_eq!(sampled(OLD, both()), (json!(1), json!(0.5), "temperature_clamped".to_owned()));
    let expected = (json!(1), none.clone(), "temperature_clamped, top_p_dropped".to_owned());
    assert_eq!(sampled(BUDGET, both()), expected);
    let expected = (none.clone(), none.clone(), "temperature_dropped, top_p_dropped".to_owned());
    assert_eq!(sampled(ADAPTIVE, both()), expected);
    // 1 is what leaving it out means.
    let ones = || json!({"temperature": 1.0, "top_p": 1});
    assert_eq!(sampled(ADAPTIVE, ones()), (none.clone(), none.clone(), String::new()));
    let thinking = json!({"temperature": 0.2, "reasoning_effort": "low"});
    assert_eq!(sampled(BUDGET, thinking), (none.clone(), none, "temperature_dropped".to_owned()));
}

#[test]
fn efforts_become_what_the_model_knows() {
    for (model, effort, thinking, config, warnings) in [
        (ADAPTIVE, "none", json!({"type": "disabled"}), Value::Null, ""),
        (ADAPTIVE, "minimal", json!({"type": "adaptive"}), json!({"effort": "low"}), ""),
        (ADAPTIVE, "xhigh", json!({"type": "adaptive"}), json!({"effort": "xhigh"}), ""),
        (BOTH, "xhigh", json!({"type": "adaptive"}), json!({"effort": "max"}), "reasoning_changed"),
        (BUDGET, "none", Value::Null, Value::Null, ""),
        (BUDGET, "minimal", json!({"type": "enabled", "budget_tokens": 1024}), Value::Null, ""),
        (BUDGET, "high", json!({"type": "enabled", "budget_tokens": 16384}), Value::Null, ""),
        (BUDGET, "max", json!({"type": "enabled", "budget_tokens": 32768}), Value::Null, ""),
        (OLD, "high", Value::Null, Value::Null, "reasoning_dropped"),
        (OLD, "none", Value::Null, Value::Null, ""),
    ] {
        let body = with(chat(json!([{"role": "user", "content": "a"}])), json!({"reasoning_effort": effort}));
        let written = claude(model, body);
        let seen = (&written.body["thinking"], &written.body["output_config"], written.warnings.as_str());
        assert_eq!(seen, (&thinking, &config, warnings), "{model} {effort}");
    }
}

#[test]
fn a_budget_stays_below_the_output_limit_or_is_left_out() {
    let body = |max: u64| {
        let more = json!({"reasoning_effort": "high", "max_tokens": max});
        with(chat(json!([{"role": "user", "content": "a"}])), more)
    };
    assert_eq!(claude(BUDGET, body(4000)).body["thinking"]["budget_tokens"], 3999);
    let written = claude(BUDGET, body(1024));
    assert_eq!(written.body["thinking"], Value::Null);
    assert_eq!(written.warnings, "reasoning_dropped");
}

#[test]
fn tools_and_choices_find_their_words() {
    let body = |more: Value| {
        let tools = json!({"tools": [function("f", true), function("g.h", false)]});
        with(with(chat(json!([{"role": "user", "content": "a"}])), tools), more)
    };
    let written = claude(BUDGET, body(json!({})));
    let strict = json!({"name": "f", "strict": true, "input_schema": {
        "type": "object", "additionalProperties": false,
        "properties": {"a": {"type": "integer", "description": "{minimum: 1}"}}
    }});
    assert_eq!(written.body["tools"][0], strict);
    assert!(written.body["tools"][1]["name"].as_str().unwrap().starts_with("g_h_"));
    assert_eq!(written.body["tools"][1]["input_schema"]["properties"]["a"]["minimum"], 1);
    assert_eq!(written.body["tool_choice"], Value::Null);
    assert_eq!(written.warnings, "schema_constraints_moved");
    let named = json!({"type": "function", "function": {"name": "g.h"}});
    let allowed = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [named]}});
    for (more, choice, tools) in [
        (json!({"tool_choice": "auto"}), json!({"type": "auto"}), 2),
        (json!({"tool_choice": "none"}), json!({"type": "none"}), 2),
        (json!({"tool_choice": "required"}), json!({"type": "any"}), 2),
        (json!({"tool_choice": named}), json!({"type": "tool", "name": written.body["tools"][1]["name"]}), 2),
        (json!({"tool_choice": allowed}), json!({"type": "any"}), 1),
        (
            json!({"parallel_tool_calls": false}),
            json!({"type": "auto", "disable_parallel_tool_use": true}),
            2,
        ),
    ] {
        let written = claude(BUDGET, body(more.clone()));
        assert_eq!(written.body["tool_choice"], choice, "{more}");
        assert_eq!(written.body["tools"].as_array().unwrap().len(), tools, "{more}");
    }
}

#[test]
fn a_tool_without_a_proper_schema_gets_one() {
    for (parameters, schema) in [
        (Value::Null, json!({"type": "object", "properties": {}})),
        (json!({}), json!({"type": "object", "properties": {}})),
        (json!({"anyOf": [{}]}), json!({"type": "object", "anyOf": [{}]})),
        (json!({"type": "object"}), json!({"type": "object"})),
    ] {
        let tool = json!({"type": "function", "function": {"name": "f", "parameters": parameters}});
        let body = with(chat(json!([{"role": "user", "content": "a"}])), json!({"tools": [tool]}));
        assert_eq!(claude(BUDGET, body).body["tools"][0]["input_schema"], schema);
    }
}

#[test]
fn a_forced_call_and_reasoning_make_way_for_each_other() {
    let body = |effort: &str| {
        let more = json!({"tools": [function("f", false), function("g", false)], "reasoning_effort": effort,
            "tool_choice": {"type": "function", "function": {"name": "f"}}});
        with(chat(json!([{"role": "user", "content": "a"}])), more)
    };
    // An effort gives way to a forced call.
    for (model, thinking) in [(BUDGET, Value::Null), ("claude-opus-4-7", json!({"type": "disabled"}))] {
        let written = claude(model, body("high"));
        assert_eq!(written.body["tool_choice"], json!({"type": "tool", "name": "f"}));
        assert_eq!((&written.body["thinking"], &written.body["output_config"]), (&thinking, &Value::Null));
        assert_eq!(written.warnings, "reasoning_dropped");
    }
    // Together where the model allows it.
    let written = claude(ADAPTIVE, body("high"));
    assert_eq!(written.body["tool_choice"]["type"], "tool");
    assert_eq!(written.body["thinking"]["type"], "adaptive");
    // A model that refuses forced calls has no other tool to call.
    let written = claude("claude-fable-5", body("none"));
    assert_eq!(written.body["tool_choice"], json!({"type": "auto"}));
    assert_eq!(written.body["tools"].as_array().unwrap().len(), 1);
    assert_eq!(written.warnings, "tool_choice_changed");
}

#[test]
fn json_is_asked_for_in_the_best_way_there_is() {
    let body = |format: Value| {
        with(chat(json!([{"role": "user", "content": "a"}])), json!({"response_format": format}))
    };
    let written = claude(BUDGET, body(json!({"type": "json_object"})));
    assert_eq!(written.body["system"][0]["text"], "Reply with one JSON object only.");
    assert_eq!(written.warnings, "json_object_instructed");
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let format =
        json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": true}});
    let written = claude(BUDGET, body(format.clone()));
    let closed = with(schema.clone(), json!({"additionalProperties": false}));
    assert_eq!(written.body["output_config"]["format"], json!({"type": "json_schema", "schema": closed}));
    assert!(!written.exchange.json_tool);
    let written = claude(OLD, body(format));
    assert!(written.exchange.json_tool);
    assert_eq!(written.body["tools"][0]["name"], "json_output");
    assert_eq!(written.body["tools"][0]["input_schema"], schema);
    let choice = json!({"type": "tool", "name": "json_output", "disable_parallel_tool_use": true});
    assert_eq!(written.body["tool_choice"], choice);
}

#[test]
fn json_by_a_forced_tool_leaves_room_for_the_clients_own_tools() {
    let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}});
    let body = |more: Value| {
        let own = json!({"response_format": format, "tools": [function("f", false)]});
        with(with(chat(json!([{"role": "user", "content": "a"}])), own), more)
    };
    let written = claude(OLD, body(json!({})));
    assert_eq!(written.body["tools"].as_array().unwrap().len(), 2);
    assert_eq!(written.body["tool_choice"], json!({"type": "any", "disable_parallel_tool_use": true}));
    let written = claude(OLD, body(json!({"tool_choice": "none"})));
    assert_eq!(written.body["tool_choice"]["name"], "json_output");
    let refused = try_claude(OLD, body(json!({"tool_choice": "required"}))).unwrap_err();
    assert_eq!(refused.path, "response_format");
    let refused = try_claude(OLD, body(json!({"tools": [function("json_output", false)]}))).unwrap_err();
    assert_eq!(refused.path, "response_format");
}

#[test]
fn other_settings_are_mapped_warned_about_or_refused() {
    let body = |more: Value| with(chat(json!([{"role": "user", "content": "a"}])), more);
    let written = claude(
        BUDGET,
        body(json!({"stop": ["x"], "user": "u", "service_tier": "default", "stream": true, "store": true,
            "seed": 1, "logit_bias": {"1": 2}, "frequency_penalty": 1, "presence_penalty": 1, "logprobs": true,
            "metadata": {"a": "b"}, "verbosity": "low"})),
    );
    assert_eq!(written.body["stop_sequences"], json!(["x"]));
    assert_eq!(written.body["metadata"], json!({"user_id": "u"}));
    assert_eq!(written.body["service_tier"], "standard_only");
    assert_eq!(written.body["stream"], true);
    let dropped = "frequency_penalty_dropped, logit_bias_dropped, logprobs_dropped, metadata_dropped, \
        presence_penalty_dropped, seed_dropped, store_dropped, verbosity_dropped";
    assert_eq!(written.warnings, dropped);
    assert_eq!(claude(BUDGET, body(json!({"service_tier": "flex"}))).warnings, "service_tier_dropped");
    for (more, path) in [
        (json!({"n": 2}), "n"),
        (json!({"modalities": ["audio"]}), "modalities"),
        (json!({"tools": [{"type": "web_search"}]}), "tools[0]"),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]}]}),
            "messages[0].content[0]",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]}),
            "messages[0].content[0]",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "new", "new": 1}]}]}),
            "messages[0].content[0]",
        ),
    ] {
        assert_eq!(try_claude(BUDGET, body(more)).unwrap_err().path, path);
    }
}

#[test]
fn custom_tools_are_functions_of_one_text() {
    let body = with(
        chat(json!([
            {"role": "user", "content": "a"},
            {"role": "assistant", "tool_calls": [{"id": "1", "type": "custom", "custom": {"name": "c", "input": "x \"y\""}}]},
            {"role": "tool", "tool_call_id": "1", "content": "r"},
        ])),
        json!({"tools": [{"type": "custom", "custom": {"name": "c"}}]}),
    );
    let written = claude(BUDGET, body);
    assert_eq!(written.body["tools"][0]["input_schema"]["required"], json!(["input"]));
    assert_eq!(written.body["messages"][1]["content"][0]["input"], json!({"input": "x \"y\""}));
    assert!(written.exchange.custom.contains("c"));
    assert_eq!(written.warnings, "custom_tool_wrapped");
}

#[test]
fn a_count_leaves_out_how_to_answer() {
    let body = json!({"model": "m", "temperature": 0.5, "stop": "x", "user": "u", "stream": true,
        "tools": [function("f", false)], "messages": [{"role": "user", "content": "a"}]});
    let text = body.to_string();
    let request = OpenAiChat.decode_request(text.as_bytes(), UrlFacts::default()).unwrap();
    let target = Target {
        model: BUDGET,
        capabilities: Capabilities::of(BUDGET),
        options: RouteOptions::default(),
        states: &NoStates,
    };
    let counter = Anthropic.client_counter().unwrap();
    let written = counter.encode_request(&request, &target, &mut Notes::new(true)).unwrap();
    let body: Value = serde_json::from_slice(&written.body).unwrap();
    let keys: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["messages", "model", "tools"]);
    assert_eq!(counter.decode_response(&counter.encode_response(7)).unwrap(), 7);
    assert!(counter.decode_response(b"{}").is_err());
}
