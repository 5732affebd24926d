//! Requests and answers of Gemini written back to Gemini.

use super::*;
use crate::codec::ProviderCodec as _;
use crate::error::{ApiError, ErrorHead, ErrorKind};

fn round(body: &str) -> Value {
    let request = from_gemini(body);
    encode(&request, "gemini-3-pro-preview", true, RouteOptions::default(), &NoStates).unwrap().body
}

#[test]
fn odd_shapes_are_written_back_as_they_were() {
    for body in [
        r#"{"contents":[]}"#,
        r#"{"contents":[{"parts":[{"text":"a"}]},{"role":"user"},{"role":"model","parts":[]},{"role":"alien","parts":[{}]}]}"#,
        r#"{"contents":[{"role":"function","parts":[{"function_response":{"name":"f","response":{"output":"x"}}}]}],"system_instruction":{"role":"system","parts":[{"text":"s"}]}}"#,
        r#"{"contents":[{"role":"user","parts":[{"inline_data":{"mime_type":"image/png","data":"aGk="}},{"fileData":{"file_uri":"gs://b/o","mimeType":"video/mp4","displayName":"n"},"videoMetadata":{"fps":2}},{"inlineData":{"data":"aGk="},"mediaResolution":{"level":"X"}},{"text":"t","thought":false},{"text":"t","thought":true,"thoughtSignature":"abc"},{"thoughtSignature":"abc","toolCall":{"id":"x"}},{"partMetadata":{"a":1}}]}]}"#,
        r#"{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f","args":{"b":1.0,"a":null},"id":"i"}},{"functionCall":{"name":"f"}},{"functionCall":{"name":"f","willContinue":true,"partialArgs":[]}},{"functionCall":{}}]},{"role":"user","parts":[{"functionResponse":{"id":"i","name":"f","response":{"error":"x"}}},{"functionResponse":{"name":"f","response":{"output":{"x":1}},"scheduling":"SILENT"}},{"functionResponse":{"name":"f","response":{"a":1},"parts":[{"inlineData":{"mimeType":"image/png","data":"aGk="}}]}},{"functionResponse":{"name":"f"}}]}]}"#,
        r#"{"contents":[],"tools":[],"toolConfig":{},"generationConfig":{},"safetySettings":[],"labels":{"a":"b"},"serviceTier":"flex"}"#,
        r#"{"contents":[],"tools":[{"googleSearch":{}},{"functionDeclarations":[{"name":"f","description":null,"parameters":{"type":"OBJECT"},"behavior":"BLOCKING"},{"name":"g","parameters_json_schema":{"type":"object"}},{"name":"h","parametersJsonSchema":{"a":1}},{}],"codeExecution":{}}]}"#,
        r#"{"contents":[],"tools":[{},{"function_declarations":[{"name":"f"}]},{"functionDeclarations":[]},{"urlContext":null}],"toolConfig":{"functionCallingConfig":{"mode":"VALIDATED","allowedFunctionNames":["f"]}}}"#,
        r#"{"contents":[],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["a","b"]},"retrievalConfig":{"languageCode":"en"}}}"#,
        r#"{"contents":[],"tool_config":{"function_calling_config":{"mode":"any","allowed_function_names":["a"]}}}"#,
        r#"{"contents":[],"toolConfig":{"functionCallingConfig":{"mode":"NONE"},"includeServerSideToolInvocations":true}}"#,
        r#"{"contents":[],"generationConfig":{"temperature":1.0,"topP":0.10,"topK":40,"candidateCount":1,"maxOutputTokens":50.0,"stopSequences":[],"seed":-1,"presencePenalty":0,"frequencyPenalty":0,"responseLogprobs":false,"logprobs":2,"responseModalities":["TEXT","IMAGE"],"speechConfig":{"a":1},"thinkingConfig":{}}}"#,
        r#"{"contents":[],"generationConfig":{"top_p":0.5,"max_output_tokens":5,"stop_sequences":["a"],"response_mime_type":"application/json","response_schema":{"type":"STRING"},"thinking_config":{"thinking_level":"LOW"}}}"#,
        r#"{"contents":[],"generationConfig":{"responseMimeType":"application/json","responseSchema":{"type":"OBJECT"},"responseJsonSchema":{"type":"object"},"thinkingConfig":{"thinkingBudget":-1,"includeThoughts":false}}}"#,
        r#"{"contents":[],"generationConfig":{"responseMimeType":"text/x.enum","responseSchema":{"type":"STRING","enum":["a"]},"thinkingConfig":{"thinkingLevel":"HIGH","other":1}}}"#,
        r#"{"contents":[],"tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":{"propertyOrdering":["b","a"],"properties":{"a":{},"b":{}}}}]}],"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":{"propertyOrdering":["b","a"],"properties":{"a":{},"b":{}}}}}"#,
        r#"{"contents":[],"generationConfig":{"responseMimeType":"text/plain","responseJsonSchema":{"a":1}}}"#,
        r#"{"contents":[],"generationConfig":{"responseJsonSchema":{"a":1},"thinkingConfig":{"thinkingBudget":128}}}"#,
    ] {
        let expected: Value = serde_json::from_str(body).unwrap();
        assert_eq!(round(body), expected);
    }
}

#[test]
fn the_model_in_a_body_is_the_providers() {
    let body = r#"{"model":"models/alias","contents":[]}"#;
    assert_eq!(round(body), json!({"model": "models/gemini-3-pro-preview", "contents": []}));
}

#[test]
fn state_of_others_never_reaches_gemini() {
    let body = r#"{"contents":[{"role":"model","parts":[
        {"text":"hm","thought":true,"thoughtSignature":"eHAxLmFudGhyb3BpYy5z"},
        {"functionCall":{"name":"f"},"thoughtSignature":"xp1.openai.s"},
        {"functionCall":{"name":"g"},"thoughtSignature":"own"},
        {"functionCall":{"name":"h"},"thoughtSignature":"eHAxLm9wZW5haS5z"}]}]}"#;
    let expected = json!([
        {"text": "hm", "thought": true},
        {"functionCall": {"name": "f"}, "thoughtSignature": "skip_thought_signature_validator"},
        {"functionCall": {"name": "g"}, "thoughtSignature": "own"},
        {"functionCall": {"name": "h"}, "thoughtSignature": "skip_thought_signature_validator"},
    ]);
    let sent = encode(&from_gemini(body), "gemini-3-pro-preview", false, RouteOptions::default(), &NoStates)
        .unwrap();
    assert_eq!(sent.body["contents"][0]["parts"], expected);
    assert_eq!(sent.warnings, "reasoning_state_dropped");
}

#[test]
fn paths_hold_the_model_and_lead_nowhere_else() {
    for (model, path) in [
        ("gemini-x", "/v1beta/models/gemini-x:generateContent"),
        ("models/gemini-x", "/v1beta/models/gemini-x:generateContent"),
        ("vendor/model", "/v1beta/models/vendor/model:generateContent"),
        ("tunedModels/t", "/v1beta/tunedModels/t:generateContent"),
        ("../../x?y#z:w", "/v1beta/models/x%3Fy%23z%3Aw:generateContent"),
    ] {
        assert_eq!(Gemini.path(model, false), path);
    }
    assert_eq!(Gemini.path("m", true), "/v1beta/models/m:streamGenerateContent?alt=sse");
    assert_eq!(Gemini.client_counter().unwrap().path("m"), "/v1beta/models/m:countTokens");
}

#[test]
fn requests_to_count_keep_their_wrapper() {
    let counter = Gemini.client_counter().unwrap();
    let count = |request: &Request<'_>| -> Value {
        let target = Target {
            model: "m",
            capabilities: Capabilities::of("m"),
            options: RouteOptions::default(),
            states: &NoStates,
        };
        let encoded = counter.encode_request(request, &target, &mut Notes::new(true)).unwrap();
        serde_json::from_slice(&encoded.body).unwrap()
    };
    let wrapped = r#"{"generateContentRequest":{"model":"models/alias","contents":[{"role":"user","parts":[{"text":"a"}]}]}}"#;
    let request = counter.decode_request(wrapped.as_bytes(), UrlFacts::default()).unwrap();
    let contents = json!([{"role": "user", "parts": [{"text": "a"}]}]);
    let expected = json!({"generateContentRequest": {"model": "models/m", "contents": contents}});
    assert_eq!(count(&request), expected);
    let bare = r#"{"contents":[{"role":"user","parts":[{"text":"a"}]}]}"#;
    let request = counter.decode_request(bare.as_bytes(), UrlFacts::default()).unwrap();
    assert_eq!(count(&request), json!({"contents": contents}));
    let body = chat(json!([user("a")]), json!({})).to_string();
    let request = OpenAiChat.decode_request(body.as_bytes(), UrlFacts::default()).unwrap();
    assert_eq!(count(&request), expected);
}

#[test]
fn vertex_counts_without_a_wrapper_what_it_knows() {
    let counter = Gemini.client_counter().unwrap();
    let count = |request: &Request<'_>| -> Value {
        let options = RouteOptions { vertex: true, ..RouteOptions::default() };
        let target = Target { model: "m", capabilities: Capabilities::of("m"), options, states: &NoStates };
        let encoded = counter.encode_request(request, &target, &mut Notes::new(true)).unwrap();
        serde_json::from_slice(&encoded.body).unwrap()
    };
    let contents = json!([{"role": "user", "parts": [{"text": "a"}]}]);
    let wrapped = json!({"generateContentRequest": {"model": "models/alias", "contents": contents,
        "system_instruction": {"parts": [{"text": "s"}]}, "tools": [{"googleSearch": {}}],
        "toolConfig": {"functionCallingConfig": {"mode": "NONE"}}, "safetySettings": [], "cachedContent": "c",
        "generationConfig": {"temperature": 0}}});
    let text = wrapped.to_string();
    let request = counter.decode_request(text.as_bytes(), UrlFacts::default()).unwrap();
    let system = json!({"parts": [{"text": "s"}]});
    let known = json!({"systemInstruction": system, "contents": contents, "tools": [{"googleSearch": {}}],
        "generationConfig": {"temperature": 0}});
    assert_eq!(count(&request), known);
    let bare = json!({"contents": contents, "labels": {"a": "b"}}).to_string();
    let request = counter.decode_request(bare.as_bytes(), UrlFacts::default()).unwrap();
    assert_eq!(count(&request), json!({"contents": contents}));
    let body = chat(json!([user("a")]), json!({})).to_string();
    let request = OpenAiChat.decode_request(body.as_bytes(), UrlFacts::default()).unwrap();
    assert_eq!(count(&request), json!({"contents": contents}));
}

#[test]
fn errors_are_judged_by_reason_word_and_status() {
    let decode = |status, body: &str| {
        Gemini.decode_error(ErrorHead { status, ..ErrorHead::default() }, body.as_bytes())
    };
    let info = |reason: &str| {
        format!(
            r#"{{"error":{{"code":400,"message":"m","status":"INVALID_ARGUMENT","details":[{{"@type":"x","reason":"{reason}"}}]}}}}"#
        )
    };
    let too_long = r#"{"error":{"code":400,"message":"The input token count (9) exceeds the maximum number of tokens allowed (8).","status":"INVALID_ARGUMENT"}}"#;
    for (status, body, kind) in [
        (400, info("API_KEY_INVALID").as_str(), ErrorKind::Auth),
        (400, info("OTHER").as_str(), ErrorKind::Invalid),
        (400, too_long, ErrorKind::ContextLength),
        (403, "{}", ErrorKind::Permission),
        (429, "[{\"error\":{\"message\":\"slow\"}}]", ErrorKind::RateLimit),
        (503, "<html>", ErrorKind::Overloaded),
        (504, "", ErrorKind::Timeout),
        (500, "[]", ErrorKind::Server),
    ] {
        let error = decode(status, body);
        assert_eq!(error.kind, kind, "{body}");
        assert!(!error.message.is_empty());
    }
    let violation = r#"{"error":{"message":"m","details":[{"fieldViolations":[{"field":"contents[0]"}]},{"retryDelay":"34.4s"}]}}"#;
    let error = decode(429, violation);
    assert_eq!((error.param.as_deref(), error.retry_after_ms), (Some("contents[0]"), Some(35_000)));
}

#[test]
fn our_errors_are_google_shaped_and_read_back_as_what_they_were() {
    for kind in [
        ErrorKind::Invalid,
        ErrorKind::Auth,
        ErrorKind::Permission,
        ErrorKind::NotFound,
        ErrorKind::ContextLength,
        ErrorKind::RateLimit,
        ErrorKind::Quota,
        ErrorKind::Overloaded,
        ErrorKind::Timeout,
        ErrorKind::UpstreamAuth,
        ErrorKind::Incomplete,
    ] {
        let (status, body) = Gemini.encode_error(&ApiError::new(kind, "m"));
        let value: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(value["error"]["code"], status);
        assert_eq!(value["error"]["status"], kind.dialects().gemini_status);
        let again = Gemini.decode_error(ErrorHead { status, ..ErrorHead::default() }, &body);
        assert_eq!(again.kind, kind);
    }
    let (status, body) = Gemini.encode_error(&ApiError::new(ErrorKind::TooLarge, "m"));
    assert_eq!((status, String::from_utf8(body).unwrap().contains("INVALID_ARGUMENT")), (400, true));
    let (_, body) = Gemini.encode_error(&ApiError::from(Rejected::new("n", "no")));
    let value: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(value["error"]["details"][0]["reason"], "UNSUPPORTED_BY_PROVIDER");
    assert_eq!(value["error"]["details"][1]["fieldViolations"][0]["field"], "n");
}
