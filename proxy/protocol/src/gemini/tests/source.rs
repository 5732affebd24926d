//! Requests of Gemini on their way to Chat Completions.

use super::*;

fn to_chat(body: &str, strict: bool) -> Result<(Value, String), Rejected> {
    let request = from_gemini(body);
    let target = Target {
        model: "gpt-4o",
        capabilities: Capabilities::of("gpt-4o"),
        options: RouteOptions::default(),
        states: &NoStates,
    };
    let mut notes = Notes::new(strict);
    let encoded = OpenAiChat.encode_request(&request, &target, &mut notes)?;
    Ok((serde_json::from_slice(&encoded.body).unwrap(), notes.header().unwrap_or_default()))
}

#[test]
fn a_conversation_becomes_messages_with_ids_that_stay_the_same() {
    let body = r#"{
        "system_instruction": {"parts": [{"text": "s"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}, {"inline_data": {"mime_type": "image/png", "data": "aGk="}}]},
            {"role": "model", "parts": [
                {"text": "hm", "thought": true},
                {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "sig"},
                {"functionCall": {"name": "f"}},
                {"function_call": {"name": "g", "id": "given"}}
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "g", "response": {"error": "broken"}}},
                {"functionResponse": {"name": "f", "response": {"output": "one"}}},
                {"functionResponse": {"name": "f", "response": {"x": [1, 2]}}}
            ]}
        ],
        "generationConfig": {"temperature": 1.5, "topP": 0.5, "maxOutputTokens": 9, "stopSequences": ["x"], "candidateCount": 2,
            "seed": 3, "responseLogprobs": true, "logprobs": 2}
    }"#;
    let (sent, warnings) = to_chat(body, false).unwrap();
    let call = |id: &str, name: &str, args: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": args}});
    let first = call("call_2_1", "f", "{\"a\":1}");
    assert_eq!(
        sent,
        json!({
            "model": "gpt-4o", "stream": false,
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}]},
                {"role": "assistant", "content": null, "tool_calls": [first, call("call_2_2", "f", "{}"), call("given", "g", "{}")]},
                {"role": "tool", "tool_call_id": "call_2_1", "content": "one"},
                {"role": "tool", "tool_call_id": "call_2_2", "content": "{\"x\":[1,2]}"},
                {"role": "tool", "tool_call_id": "given", "content": "Error: broken"},
            ],
            "temperature": 1.5, "top_p": 0.5, "max_completion_tokens": 9, "stop": ["x"], "n": 2, "seed": 3,
            "logprobs": true, "top_logprobs": 2,
        })
    );
    assert_eq!(warnings, "reasoning_state_dropped");
    assert_eq!(to_chat(body, true).unwrap_err().path, "contents[1].parts[1]");
    let unsigned = body.replace(", \"thoughtSignature\": \"sig\"", "");
    assert_eq!(to_chat(&unsigned, true).unwrap().0, sent);
}

#[test]
fn tools_and_schemas_become_json_schema() {
    let body = r#"{
        "contents": [{"parts": [{"text": "hi"}]}],
        "tools": [{"functionDeclarations": [
            {"name": "f", "description": "d", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": true}}}},
            {"name": "g", "parameters_json_schema": {"type": "object", "properties": {}}}
        ]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "generationConfig": {"response_mime_type": "application/json", "response_schema": {"type": "OBJECT", "properties": {"n": {"type": "INTEGER"}}, "required": ["n"]}}
    }"#;
    let (sent, warnings) = to_chat(body, true).unwrap();
    assert_eq!(
        sent["tools"][0]["function"]["parameters"],
        json!({"type": "object", "properties": {"a": {"type": ["string", "null"]}}})
    );
    assert_eq!(sent["tools"][1]["function"]["parameters"], json!({"type": "object", "properties": {}}));
    assert_eq!(sent["tool_choice"], json!({"type": "function", "function": {"name": "f"}}));
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false});
    assert_eq!(
        sent["response_format"]["json_schema"],
        json!({"name": "response", "schema": schema, "strict": true})
    );
    assert_eq!(warnings, "");
}

#[test]
fn the_answer_is_held_to_a_schema_as_gemini_holds_it() {
    let with = |schema: &str| {
        format!(
            r#"{{"contents":[{{"parts":[{{"text":"hi"}}]}}],"generationConfig":{{"responseMimeType":"application/json",{schema}}}}}"#
        )
    };
    let closed = json!({"type": "object", "properties": {"a": {"type": ["string", "null"], "enum": ["x", null]}, "b": {"type": "integer"}},
        "required": ["a", "b"], "additionalProperties": false});
    for schema in [
        r#""responseSchema":{"type":"OBJECT","properties":{"a":{"type":"STRING","format":"enum","enum":["x"]},"b":{"type":"INTEGER","format":"int32"}},"required":["b"]}"#,
        r#""responseJsonSchema":{"type":"object","properties":{"a":{"type":"string","enum":["x"]},"b":{"type":"integer"}},"required":["b"]}"#,
    ] {
        let body = with(schema);
        let (chat, warnings) = to_chat(&body, true).unwrap();
        let written = &chat["response_format"]["json_schema"];
        assert_eq!((&written["schema"], &written["strict"]), (&closed, &json!(true)), "{schema}");
        assert_eq!(warnings, "");
        let written = to_responses(&body)["text"]["format"].clone();
        assert_eq!((&written["schema"], &written["strict"]), (&closed, &json!(true)), "{schema}");
    }
    let list = with(r#""responseSchema":{"type":"ARRAY","items":{"type":"INTEGER"}}"#);
    let (chat, warnings) = to_chat(&list, false).unwrap();
    let written = &chat["response_format"]["json_schema"];
    assert_eq!(written["schema"], json!({"type": "array", "items": {"type": "integer"}}));
    assert_eq!((&written["strict"], warnings.as_str()), (&json!(false), "strict_dropped"));
    assert_eq!(to_responses(&list)["text"]["format"]["strict"], false);
}

fn to_responses(body: &str) -> Value {
    let request = from_gemini(body);
    let target = Target {
        model: "gpt-4o",
        capabilities: Capabilities::of("gpt-4o"),
        options: RouteOptions::default(),
        states: &NoStates,
    };
    let encoded = OpenAiResponses.encode_request(&request, &target, &mut Notes::new(false)).unwrap();
    serde_json::from_slice(&encoded.body).unwrap()
}

#[test]
fn what_only_gemini_has_is_dropped_or_refused() {
    let with =
        |member: &str| format!(r#"{{"contents":[{{"role":"user","parts":[{{"text":"hi"}}]}}],{member}}}"#);
    for (member, warnings) in [
        (r#""safetySettings":[{"category":"X"}]"#, "safety_settings_dropped"),
        (r#""generationConfig":{"topK":5}"#, "top_k_dropped"),
        (
            r#""generationConfig":{"top_k":5,"mediaResolution":"LOW"}"#,
            "media_resolution_dropped, top_k_dropped",
        ),
        (r#""toolConfig":{"functionCallingConfig":{"mode":"VALIDATED"}}"#, "mode_dropped"),
        (
            r#""generationConfig":{"response_modalities":["TEXT"],"thinkingConfig":{"includeThoughts":true}}"#,
            "",
        ),
    ] {
        assert_eq!(to_chat(&with(member), false).unwrap().1, warnings, "{member}");
        assert_eq!(to_chat(&with(member), true).is_err(), !warnings.is_empty(), "{member}");
    }
    for (member, path) in [
        (r#""cachedContent":"cachedContents/x""#, "cachedContent"),
        (r#""cached_content":"cachedContents/x""#, "cached_content"),
        (r#""generationConfig":{"responseModalities":["IMAGE"]}"#, "generationConfig.responseModalities"),
        (r#""generationConfig":{"response_mime_type":"text/x.enum"}"#, "generationConfig.response_mime_type"),
        (r#""generationConfig":{"speechConfig":{}}"#, "generationConfig.speechConfig"),
        (r#""tools":[{"google_search":{}}]"#, "tools[0]"),
        (r#""generationConfig":{"stopSequences":["1","2","3","4","5"]}"#, "generationConfig.stopSequences"),
    ] {
        assert_eq!(to_chat(&with(member), false).unwrap_err().path, path, "{member}");
    }
    for (part, path) in [
        (r#"{"fileData":{"fileUri":"gs://b/o","mimeType":"image/png"}}"#, "contents[0].parts[0]"),
        (
            r#"{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/x"}}"#,
            "contents[0].parts[0]",
        ),
        (r#"{"inlineData":{"mimeType":"video/mp4","data":"aGk="}}"#, "contents[0].parts[0]"),
        (r#"{"fileData":{"fileUri":"https://youtu.be/x"}}"#, "contents[0].parts[0]"),
        (r#"{"executableCode":{}}"#, "contents[0].parts[0]"),
    ] {
        let body = format!(r#"{{"contents":[{{"role":"user","parts":[{part}]}}]}}"#);
        assert_eq!(to_chat(&body, false).unwrap_err().path, path, "{part}");
    }
    for (part, path) in [
        (
            r#"{"functionCall":{"name":"f","partialArgs":[{"jsonPath":"$.a","stringValue":"x"}]}}"#,
            "contents[0].parts[0].functionCall.partialArgs",
        ),
        (r#"{"functionResponse":{"name":"f","response":{"output":"x"}}}"#, "contents[0].parts[0]"),
    ] {
        let body = format!(r#"{{"contents":[{{"role":"model","parts":[{part}]}}]}}"#);
        assert_eq!(to_chat(&body, false).unwrap_err().path, path, "{part}");
    }
    let role = r#"{"contents":[{"role":"alien","parts":[{"text":"hi"}]}]}"#;
    assert_eq!(to_chat(role, false).unwrap_err().path, "contents[0].role");
}

#[test]
fn what_is_no_request_is_an_error_and_no_panic() {
    for body in [
        "",
        "{}",
        "[]",
        r#"{"contents":{}}"#,
        r#"{"contents":[],"tools":{}}"#,
        r#"{"contents":[],"generationConfig":[]}"#,
        r#"{"contents":[{"parts":[{"functionCall":1}]}]}"#,
    ] {
        assert!(Gemini.decode_request(body.as_bytes(), UrlFacts::default()).is_err(), "{body}");
    }
}

#[test]
fn classes_of_service_are_read_in_both_spellings() {
    for (word, neutral) in [
        ("flex", "flex"),
        ("SERVICE_TIER_PRIORITY", "priority"),
        ("standard", "default"),
        ("SERVICE_TIER_UNSPECIFIED", "auto"),
    ] {
        let body = format!(r#"{{"contents":[],"service_tier":"{word}"}}"#);
        assert_eq!(from_gemini(&body).service_tier.as_deref(), Some(neutral));
    }
}

#[test]
fn thinking_is_read_as_asked() {
    for (config, effort, adaptive, visible) in [
        (r#"{"thinkingBudget":0}"#, Some("none"), false, None),
        (r#"{"thinkingBudget":-1,"includeThoughts":true}"#, None, true, Some(true)),
        (r#"{"thinking_budget":8192}"#, Some("medium"), false, None),
        (r#"{"thinkingLevel":"HIGH"}"#, Some("high"), false, None),
        (r#"{"thinkingLevel":"THINKING_LEVEL_UNSPECIFIED"}"#, None, false, None),
    ] {
        let body = format!(r#"{{"contents":[],"generationConfig":{{"thinkingConfig":{config}}}}}"#);
        let thinking = from_gemini(&body).thinking.unwrap();
        let seen = thinking.nearest_effort().map(|effort| effort.word().to_owned());
        assert_eq!(
            (seen.as_deref(), thinking.adaptive, thinking.visible),
            (effort, adaptive, visible),
            "{config}"
        );
    }
}

/// The names of the properties of a schema as they are written; `serde_json::Value` sorts them.
fn order(body: &str, to: &dyn Codec) -> Vec<String> {
    let request = from_gemini(body);
    let capabilities = Capabilities::of("gpt-4o");
    let target =
        Target { model: "gpt-4o", capabilities, options: RouteOptions::default(), states: &NoStates };
    let encoded = to.encode_request(&request, &target, &mut Notes::new(false)).unwrap();
    let text = String::from_utf8(encoded.body).unwrap();
    assert!(!text.contains("propertyOrdering"), "{text}");
    let properties = text.split("\"properties\":{").nth(1).unwrap();
    let keys = properties.split(":{").map(|before| before.rsplit('"').nth(1).unwrap_or("").to_owned());
    keys.take(3).collect()
}

#[test]
fn properties_are_written_in_the_order_asked_for() {
    let openapi = r#"{"propertyOrdering":["c","a"],"type":"OBJECT","properties":{"a":{"type":"STRING"},"b":{"type":"STRING"},"c":{"type":"STRING"}}}"#;
    let standard = openapi.replace("OBJECT", "object").replace("STRING", "string");
    for (tool, config) in [
        (String::new(), format!(r#""responseSchema":{openapi}"#)),
        (String::new(), format!(r#""responseJsonSchema":{standard}"#)),
        (format!(r#"{{"name":"f","parameters":{openapi}}}"#), String::new()),
        (format!(r#"{{"name":"f","parametersJsonSchema":{standard}}}"#), String::new()),
    ] {
        let body = format!(
            r#"{{"contents":[{{"parts":[{{"text":"hi"}}]}}],"tools":[{{"functionDeclarations":[{tool}]}}],"generationConfig":{{{config}}}}}"#
        );
        assert_eq!(order(&body, &OpenAiChat), ["c", "a", "b"], "{body}");
        assert_eq!(order(&body, &OpenAiResponses), ["c", "a", "b"], "{body}");
    }
}
