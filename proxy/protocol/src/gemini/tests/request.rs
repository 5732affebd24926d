//! Requests of Chat Completions on their way to Gemini.

use super::*;
use crate::codec::ProviderCodec as _;

const MEMORY: &str = "memory";

struct Kept;

impl States for Kept {
    fn get(&self, call_id: &str, family: &str) -> Option<String> {
        (call_id == "c1" && family == "gemini").then(|| MEMORY.to_owned())
    }
}

#[test]
fn a_conversation_becomes_contents() {
    let body = chat(
        json!([
            {"role": "system", "content": "be brief"},
            {"role": "developer", "content": "be kind"},
            user("hi"),
            calls(&[("c1", "t", "{ \"a\": 1 }"), ("c2", "u", "")]),
            tool("c2", "{\"b\":2}"),
            tool("c1", "plain"),
            user("and now?"),
        ]),
        json!({"tools": [function("t"), function("u")], "max_tokens": 9, "stop": ["x"], "temperature": 1.5, "top_p": 0.1,
            "seed": 7, "n": 2, "frequency_penalty": 0.5, "presence_penalty": -0.5, "logprobs": true, "top_logprobs": 3}),
    );
    let sent = send(&body, GEMINI_25).unwrap();
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    assert_eq!(
        sent.body,
        json!({
            "systemInstruction": {"parts": [{"text": "be brief\n\nbe kind"}]},
            "contents": [
                {"role": "user", "parts": [{"text": "hi"}]},
                {"role": "model", "parts": [
                    {"functionCall": {"name": "t", "args": {"a": 1}}},
                    {"functionCall": {"name": "u", "args": {}}},
                ]},
                {"role": "user", "parts": [
                    {"functionResponse": {"name": "t", "response": {"output": "plain"}}},
                    {"functionResponse": {"name": "u", "response": {"b": 2}}},
                    {"text": "and now?"},
                ]},
            ],
            "tools": [{"functionDeclarations": [
                {"name": "t", "parametersJsonSchema": schema},
                {"name": "u", "parametersJsonSchema": schema},
            ]}],
            "generationConfig": {"temperature": 1.5, "topP": 0.1, "seed": 7, "candidateCount": 2, "frequencyPenalty": 0.5,
                "presencePenalty": -0.5, "responseLogprobs": true, "logprobs": 3, "maxOutputTokens": 9, "stopSequences": ["x"]},
        })
    );
    assert_eq!(sent.warnings, "");
}

#[test]
fn a_late_result_moves_to_its_call() {
    let messages = |last: &[Value]| {
        let mut all = vec![
            user("a"),
            calls(&[("c", "f", "{}")]),
            user("b"),
            json!({"role": "assistant", "content": "so"}),
        ];
        all.push(tool("c", "late"));
        all.extend_from_slice(last);
        chat(Value::Array(all), json!({}))
    };
    let response = json!({"functionResponse": {"name": "f", "response": {"output": "late"}}});
    let contents = |end: &str| {
        json!([
            {"role": "user", "parts": [{"text": "a"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "skip_thought_signature_validator"}]},
            {"role": "user", "parts": [response, {"text": "b"}]},
            {"role": "model", "parts": [{"text": "so"}]},
            {"role": "user", "parts": [{"text": end}]},
        ])
    };
    let sent = send(&messages(&[user("c")]), GEMINI_3).unwrap();
    assert_eq!((&sent.body["contents"], sent.warnings.as_str()), (&contents("c"), ""));
    let sent = send(&messages(&[tool("c", "twice")]), GEMINI_3).unwrap();
    assert_eq!(sent.body["contents"], contents(" "));
    assert_eq!(sent.warnings, "tool_result_dropped, user_turn_added");
}

#[test]
fn what_is_missing_is_made_up_for_and_said() {
    let late = chat(
        json!([user("a"), {"role": "system", "content": "late"}, {"role": "assistant", "content": "so"}]),
        json!({}),
    );
    let sent = send(&late, GEMINI_25).unwrap();
    assert_eq!(sent.body["contents"][0]["parts"], json!([{"text": "a"}, {"text": "<system>late</system>"}]));
    assert_eq!(sent.warnings, "prefill_not_guaranteed, system_folded");

    let only_system = chat(json!([{"role": "system", "content": "s"}]), json!({}));
    let sent = send(&only_system, GEMINI_25).unwrap();
    assert_eq!(sent.body["contents"], json!([{"role": "user", "parts": [{"text": " "}]}]));
    assert_eq!(sent.warnings, "user_turn_added");

    let unanswered = chat(json!([calls(&[("c1", "t", "{\"a\":")])]), json!({}));
    let sent = send(&unanswered, GEMINI_25).unwrap();
    assert_eq!(
        sent.body["contents"],
        json!([
            {"role": "user", "parts": [{"text": " "}]},
            {"role": "model", "parts": [{"functionCall": {"name": "t", "args": {"_raw": "{\"a\":"}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "t", "response": {"error": "no result"}}}]},
        ])
    );
    assert_eq!(sent.warnings, "arguments_wrapped, tool_result_missing, user_turn_added");
}

#[test]
fn what_gemini_lacks_is_dropped_or_refused() {
    let hi = || json!([user("hi")]);
    for (more, warnings) in [
        (json!({"logit_bias": {"1": 2}}), "logit_bias_dropped"),
        (json!({"parallel_tool_calls": false}), "parallel_tool_calls_dropped"),
        (
            json!({"user": "u", "metadata": {"a": "b"}, "store": true}),
            "metadata_dropped, store_dropped, user_dropped",
        ),
        (json!({"verbosity": "low", "seed": 5_000_000_000_u64}), "seed_dropped, verbosity_dropped"),
        (json!({"service_tier": "scale"}), "service_tier_dropped"),
        (json!({"temperature": 2.5}), "temperature_clamped"),
        (json!({"temperature": 2, "service_tier": "auto", "n": 1}), ""),
    ] {
        let body = chat(hi(), more);
        assert_eq!(send(&body, GEMINI_25).unwrap().warnings, warnings, "{body}");
        let strict = send_with(&body, GEMINI_25, true, RouteOptions::default(), &NoStates);
        assert_eq!(strict.is_err(), !warnings.is_empty(), "{body}");
    }
    for (messages, more, path) in [
        (hi(), json!({"stop": ["1", "2", "3", "4", "5", "6"]}), "stop"),
        (hi(), json!({"tools": [{"type": "web_search", "x": 1}]}), "tools[0]"),
        (
            json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]}]),
            json!({}),
            "messages[0].content[0]",
        ),
        (
            json!([{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]),
            json!({}),
            "messages[0].content[0]",
        ),
        (json!([tool("nobody", "x")]), json!({}), "messages[0]"),
    ] {
        assert_eq!(send(&chat(messages, more), GEMINI_25).err().unwrap().path, path);
    }
}

#[test]
fn media_goes_inline_and_urls_only_where_the_route_says_so() {
    let body = chat(
        json!([{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "data:image/webp;base64,aGk=", "detail": "high"}},
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"}},
            {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        ]}]),
        json!({}),
    );
    let options = RouteOptions { url_fetch: true, ..RouteOptions::default() };
    let sent = send_with(&body, GEMINI_25, false, options, &NoStates).unwrap();
    let inline = |mime| json!({"inlineData": {"mimeType": mime, "data": "aGk="}});
    assert_eq!(
        sent.body["contents"][0]["parts"],
        json!([inline("image/webp"), inline("audio/mpeg"), inline("application/pdf"), {"fileData": {"mimeType": "image/png", "fileUri": "https://x/y.png"}}])
    );
    assert_eq!(sent.warnings, "detail_dropped, filename_dropped");
}

#[test]
fn a_url_has_the_media_type_that_it_ends_with() {
    let options = RouteOptions { url_fetch: true, ..RouteOptions::default() };
    let mime = |url: &str, kind: &str| {
        let source = json!({"type": "url", "url": url});
        let body = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [{"type": kind, "source": source}]}]});
        let text = body.to_string();
        let request =
            crate::anthropic::Anthropic.decode_request(text.as_bytes(), UrlFacts::default()).unwrap();
        let sent = encode(&request, GEMINI_25, true, options, &NoStates).unwrap();
        let file = sent.body["contents"][0]["parts"][0]["fileData"].clone();
        assert_eq!(file["fileUri"], url);
        file["mimeType"].as_str().unwrap().to_owned()
    };
    for (url, expected) in [
        ("https://x/a.JPG?size=1.png#b.gif", "image/jpeg"),
        ("https://x/a.b/c.webp", "image/webp"),
        ("https://x/photo.heic", "image/heic"),
        // Nothing that is known: what such media mostly are.
        ("https://x.gif", "image/png"),
        ("https://x/a.gif/b", "image/png"),
        ("https://x/a.exe", "image/png"),
    ] {
        assert_eq!(mime(url, "image"), expected, "{url}");
    }
    assert_eq!(mime("https://x/notes.txt", "document"), "text/plain");
    assert_eq!(mime("https://x/paper", "document"), "application/pdf");
}

#[test]
fn choices_of_tools_find_their_modes() {
    let one = json!({"type": "function", "function": {"name": "t"}});
    let subset =
        |mode: &str| json!({"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [one]}});
    for (choice, mode, names, tools) in [
        (json!("auto"), json!("AUTO"), Value::Null, 2),
        (json!("none"), json!("NONE"), Value::Null, 2),
        (json!("required"), json!("ANY"), Value::Null, 2),
        (one.clone(), json!("ANY"), json!(["t"]), 2),
        (subset("required"), json!("ANY"), json!(["t"]), 2),
        (subset("auto"), json!("AUTO"), Value::Null, 1),
        (Value::Null, Value::Null, Value::Null, 2),
    ] {
        let body = chat(
            json!([user("hi")]),
            json!({"tools": [function("t"), function("u")], "tool_choice": choice}),
        );
        let sent = send(&body, GEMINI_25).unwrap();
        let config = &sent.body["toolConfig"]["functionCallingConfig"];
        assert_eq!((&config["mode"], &config["allowedFunctionNames"]), (&mode, &names), "{choice}");
        assert_eq!(
            sent.body["tools"][0]["functionDeclarations"].as_array().unwrap().len(),
            tools,
            "{choice}"
        );
    }
    let mut strict = function("t");
    strict["function"]["strict"] = json!(true);
    let sent = send(&chat(json!([user("hi")]), json!({"tools": [strict]})), GEMINI_25).unwrap();
    assert_eq!(sent.body["toolConfig"]["functionCallingConfig"]["mode"], "VALIDATED");
}

#[test]
fn web_search_is_mapped_where_the_route_says_so() {
    let search = json!({"type": "web_search", "x": 1});
    let body = chat(json!([user("hi")]), json!({"tools": [search, function("t")]}));
    let options = RouteOptions { web_search: true, ..RouteOptions::default() };
    let sent = send_with(&body, GEMINI_3, false, options, &NoStates).unwrap();
    assert_eq!(sent.body["tools"][0]["functionDeclarations"][0]["name"], "t");
    assert_eq!(sent.body["tools"][1], json!({"googleSearch": {}}));
    assert!(send(&body, GEMINI_3).is_err());
}

#[test]
fn odd_names_are_replaced_and_custom_tools_wrapped() {
    let body = chat(
        json!([user("hi"), calls(&[("c1", "a b", "{}")]), tool("c1", "r")]),
        json!({"tools": [function("a b"), {"type": "custom", "custom": {"name": "free", "description": "d"}}]}),
    );
    let sent = send(&body, GEMINI_25).unwrap();
    let name = sent.body["tools"][0]["functionDeclarations"][0]["name"].as_str().unwrap().to_owned();
    assert!(name.starts_with("a_b_"), "{name}");
    assert_eq!(sent.body["contents"][1]["parts"][0]["functionCall"]["name"], name);
    assert_eq!(sent.body["contents"][2]["parts"][0]["functionResponse"]["name"], name);
    assert_eq!(
        sent.body["tools"][0]["functionDeclarations"][1]["parametersJsonSchema"]["required"],
        json!(["input"])
    );
    assert_eq!(sent.warnings, "custom_tool_wrapped");
    let answer = chunk(
        json!([{"functionCall": {"name": name}}, {"functionCall": {"name": "free", "args": {"input": "raw"}}}]),
        Some("STOP"),
    );
    let text = answer.to_string();
    let response = Gemini.decode_response(text.as_bytes(), &sent.exchange).unwrap();
    let written = OpenAiChat.encode_response(&response, &mut reply(&OpenAiChat), &mut Notes::default());
    let written: Value = serde_json::from_slice(&written).unwrap();
    let calls = &written["choices"][0]["message"]["tool_calls"];
    assert_eq!(calls[0]["function"]["name"], "a b");
    assert_eq!(calls[1]["custom"], json!({"name": "free", "input": "raw"}));
    let stream =
        translate(&Gemini, &sse(&[answer]), Framing::Sse, sent.exchange, &OpenAiChat, reply(&OpenAiChat));
    assert!(stream.contains(r#""name":"a b""#) && stream.contains(r#""custom":{"input":"raw"}"#), "{stream}");
}

#[test]
fn the_form_of_the_answer_fits_the_model() {
    let schema = json!({"type": "object", "properties": {"x": {"type": ["string", "null"]}}, "required": ["x"], "additionalProperties": false});
    let format =
        json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": true}});
    let ask = |model: &str, more: Value| {
        let mut more = more;
        more["response_format"] = more.get("response_format").cloned().unwrap_or(format.clone());
        send(&chat(json!([user("hi")]), more), model)
    };
    let config = ask(GEMINI_25, json!({})).unwrap().body["generationConfig"].clone();
    assert_eq!(config, json!({"responseMimeType": "application/json", "responseJsonSchema": schema}));
    let config = ask(GEMINI_3, json!({"tools": [function("t")]})).unwrap().body["generationConfig"].clone();
    assert_eq!(config["responseJsonSchema"], schema);
    let old = ask("gemini-2.0-flash", json!({})).unwrap();
    assert_eq!(
        old.body["generationConfig"]["responseSchema"],
        json!({"type": "OBJECT", "properties": {"x": {"type": "STRING", "nullable": true}}, "required": ["x"]})
    );
    let json = json!({"type": "json_object"});
    let plain = ask(GEMINI_25, json!({"response_format": json})).unwrap();
    assert_eq!(plain.body["generationConfig"], json!({"responseMimeType": "application/json"}));
    let with_tools = ask(GEMINI_25, json!({"response_format": json, "tools": [function("t")]})).unwrap();
    assert_eq!(with_tools.body["systemInstruction"]["parts"][0]["text"], "Reply with one JSON object only.");
    assert_eq!(with_tools.warnings, "response_format_changed");
    let forced = ask(GEMINI_25, json!({"tools": [function("t")], "tool_choice": "required"})).unwrap();
    assert_eq!(
        (forced.warnings.as_str(), forced.body.get("generationConfig")),
        ("response_format_dropped", None)
    );
    let never = ask(GEMINI_25, json!({"tools": [function("t")], "tool_choice": "none"})).unwrap();
    assert_eq!((never.warnings.as_str(), never.body.get("tools")), ("tools_dropped", None));
}

#[test]
fn a_model_without_schemas_beside_functions_answers_by_a_call() {
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "properties": {"x": {"type": "integer"}}}}});
    let body = chat(json!([user("hi")]), json!({"response_format": format, "tools": [function("t")]}));
    let sent = send(&body, GEMINI_25).unwrap();
    assert!(sent.exchange.json_tool);
    assert_eq!(sent.body["tools"][0]["functionDeclarations"][1]["name"], "json_output");
    assert_eq!(sent.body["toolConfig"]["functionCallingConfig"], json!({"mode": "ANY"}));
    assert_eq!(sent.body.get("generationConfig"), None);
    let answer = chunk(json!([{"functionCall": {"name": "json_output", "args": {"x": 1}}}]), Some("STOP"));
    let text = answer.to_string();
    let response = Gemini.decode_response(text.as_bytes(), &sent.exchange).unwrap();
    let written = OpenAiChat.encode_response(&response, &mut reply(&OpenAiChat), &mut Notes::default());
    let written: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(written["choices"][0]["message"]["content"], "{\"x\":1}");
    assert_eq!(written["choices"][0]["finish_reason"], "stop");
    let stream =
        translate(&Gemini, &sse(&[answer]), Framing::Sse, sent.exchange, &OpenAiChat, reply(&OpenAiChat));
    let chunks = events(&stream);
    assert_eq!(chunks[1]["choices"][0]["delta"]["content"], "{\"x\":1}");
    assert_eq!(chunks[2]["choices"][0]["finish_reason"], "stop");
    let list = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "array"}}});
    let body = chat(json!([user("hi")]), json!({"response_format": list, "tools": [function("t")]}));
    assert_eq!(send(&body, GEMINI_25).err().unwrap().path, "response_format");
}

#[test]
fn efforts_become_levels_or_budgets() {
    let config = |model: &str, effort: &str, more: Value| {
        let mut body = chat(json!([user("hi")]), more);
        body["reasoning_effort"] = json!(effort);
        let sent = send(&body, model).unwrap();
        (sent.body["generationConfig"]["thinkingConfig"].clone(), sent.warnings)
    };
    let shown = |key: &str, value: Value| json!({"includeThoughts": true, key: value});
    for (model, effort, expected, warnings) in [
        (GEMINI_3, "minimal", shown("thinkingLevel", json!("MINIMAL")), ""),
        (GEMINI_3, "medium", shown("thinkingLevel", json!("MEDIUM")), ""),
        (GEMINI_3, "max", shown("thinkingLevel", json!("HIGH")), ""),
        (GEMINI_3, "none", json!({"thinkingLevel": "MINIMAL"}), "reasoning_changed"),
        ("gemini-3-pro-preview", "minimal", shown("thinkingLevel", json!("LOW")), ""),
        ("gemini-3-pro-preview", "medium", shown("thinkingLevel", json!("HIGH")), ""),
        ("gemini-3-pro-preview", "none", json!({"thinkingLevel": "LOW"}), "reasoning_changed"),
        (GEMINI_25, "none", json!({"thinkingBudget": 0}), ""),
        (GEMINI_25, "low", shown("thinkingBudget", json!(2048)), ""),
        (GEMINI_25, "xhigh", shown("thinkingBudget", json!(24576)), ""),
        (GEMINI_25, "max", shown("thinkingBudget", json!(24576)), ""),
        ("gemini-2.5-pro", "none", json!({"thinkingBudget": 128}), "reasoning_changed"),
        ("gemini-2.5-pro", "max", shown("thinkingBudget", json!(32768)), ""),
        ("gemini-2.0-flash", "none", Value::Null, ""),
        ("gemini-2.0-flash", "low", Value::Null, "reasoning_dropped"),
    ] {
        assert_eq!(config(model, effort, json!({})), (expected, warnings.to_owned()), "{model} {effort}");
    }
    let (capped, _) = config(GEMINI_25, "high", json!({"max_completion_tokens": 1000}));
    assert_eq!(capped["thinkingBudget"], 999);
}

#[test]
fn signatures_come_from_the_client_the_cache_or_the_constant() {
    let signed = json!({"role": "assistant", "tool_calls": [
        {"id": "c9", "type": "function", "function": {"name": "t", "arguments": "{}"}, "extra_content": {"google": {"thought_signature": "own"}}},
        {"id": "c8", "type": "function", "function": {"name": "t", "arguments": "{}"}},
    ]});
    let messages = |calls: Value, ids: &[&str]| {
        let mut list = vec![user("hi"), calls];
        list.extend(ids.iter().map(|id| tool(id, "r")));
        json!(list)
    };
    let signatures = |messages: Value, model: &str, states: &dyn States| -> Vec<Value> {
        let sent =
            send_with(&chat(messages, json!({})), model, false, RouteOptions::default(), states).unwrap();
        sent.body["contents"][1]["parts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| part["thoughtSignature"].clone())
            .collect()
    };
    assert_eq!(signatures(messages(signed, &["c9", "c8"]), GEMINI_3, &Kept), [json!("own"), Value::Null]);
    let two = || messages(calls(&[("c1", "t", "{}"), ("c2", "t", "{}")]), &["c1", "c2"]);
    assert_eq!(signatures(two(), GEMINI_3, &Kept), [json!(MEMORY), Value::Null]);
    assert_eq!(
        signatures(two(), GEMINI_3, &NoStates),
        [json!("skip_thought_signature_validator"), Value::Null]
    );
    assert_eq!(signatures(two(), GEMINI_25, &NoStates), [Value::Null, Value::Null]);
}
