//! What models refuse is not sent to them (TRANSLATION §2, §4, §5, §12).

use super::*;

fn to(from: Protocol, to: Protocol, model: &str, body: &Value) -> Result<(Value, String), String> {
    request_for(from, to, model, Capabilities::of(model), &body.to_string())
}

fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn chat(more: Value) -> Value {
    with(json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]}), more)
}

fn responses(more: Value) -> Value {
    with(json!({"model": "m", "input": "hi"}), more)
}

fn gemini(settings: Value) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "generationConfig": settings})
}

#[test]
fn models_that_reason_are_not_asked_for_what_sampling_alone_has() {
    let settings = json!({"frequencyPenalty": 0.5, "presencePenalty": 0.5, "responseLogprobs": true, "logprobs": 2, "topP": 0.5});
    let keys = ["frequency_penalty", "presence_penalty", "logprobs", "top_logprobs", "top_p"];
    for (model, taken) in
        [("gpt-4o", true), ("gpt-5", false), ("o3", false), ("gpt-5.5", false), ("gpt-5.1", true)]
    {
        let (body, warnings) = to(GEMINI, CHAT, model, &gemini(settings.clone())).unwrap();
        assert!(keys.iter().all(|key| body.get(key).is_some() == taken), "{model} {body}");
        let told = "frequency_penalty_dropped, logprobs_dropped, presence_penalty_dropped, top_p_dropped";
        assert_eq!(warnings, if taken { "" } else { told }, "{model}");
    }
    let efforts = [("gpt-5.1", "low", false), ("gpt-5.1", "none", true), ("gpt-5.5", "none", true)];
    for (model, effort, taken) in efforts {
        let asked = responses(
            json!({"temperature": 0.5, "include": ["message.output_text.logprobs"], "reasoning": {"effort": effort}}),
        );
        let (body, _) = to(RESPONSES, CHAT, model, &asked).unwrap();
        assert_eq!(
            (body.get("temperature").is_some(), body.get("logprobs").is_some()),
            (taken, taken),
            "{model}"
        );
    }
    // What is left out means the same.
    let (body, warnings) =
        to(GEMINI, CHAT, "gpt-5", &gemini(json!({"frequencyPenalty": 0.0, "temperature": 1.0}))).unwrap();
    assert_eq!((body.get("frequency_penalty"), warnings.as_str()), (None, ""));
    let asked = chat(json!({"logprobs": true, "top_logprobs": 3}));
    let (body, warnings) = to(CHAT, RESPONSES, "gpt-5", &asked).unwrap();
    assert_eq!(body["include"], json!(["reasoning.encrypted_content"]));
    assert_eq!((body.get("top_logprobs"), warnings.as_str()), (None, "logprobs_dropped"));
}

#[test]
fn tools_are_strict_where_the_client_said_so_and_the_model_can() {
    let parameters = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
    let flat = |more: Value| {
        responses(
            json!({"tools": [with(json!({"type": "function", "name": "f", "parameters": parameters}), more)]}),
        )
    };
    let nested = |more: Value| {
        chat(
            json!({"tools": [{"type": "function", "function": with(json!({"name": "f", "parameters": parameters}), more)}]}),
        )
    };
    for (from, body, model, strict, told) in [
        (RESPONSES, flat(json!({})), "claude-sonnet-4-5", false, ""),
        (RESPONSES, flat(json!({})), "claude-sonnet-4-20250514", false, ""),
        (RESPONSES, flat(json!({"strict": true})), "claude-sonnet-4-5", true, ""),
        (RESPONSES, flat(json!({"strict": true})), "claude-sonnet-4-20250514", false, "strict_dropped"),
        (CHAT, nested(json!({"strict": true})), "claude-3-5-haiku-latest", false, "strict_dropped"),
        (CHAT, nested(json!({"strict": true})), "claude-opus-4.8", true, ""),
        (CHAT, nested(json!({})), "claude-opus-4.8", false, ""),
    ] {
        for target in [MESSAGES, Protocol::BedrockConverse] {
            let codec = llm_protocol::provider_codec(target).unwrap();
            let body = body.to_string();
            let request = of(from).decode_request(body.as_bytes(), UrlFacts::default()).unwrap();
            let capabilities = Capabilities::of(model);
            let target = Target { model, capabilities, options: RouteOptions::default(), states: &NoStates };
            let mut notes = Notes::new(false);
            let written = codec.encode_request(&request, &target, &mut notes).unwrap();
            let written: Value = serde_json::from_slice(&written.body).unwrap();
            let tool =
                written.pointer("/tools/0").or(written.pointer("/toolConfig/tools/0/toolSpec")).unwrap();
            assert_eq!(tool.get("strict"), strict.then_some(&json!(true)), "{model} {body}");
            assert_eq!(notes.header().unwrap_or_default(), told, "{model} {body}");
        }
    }
    let bare = chat(json!({"tools": [{"type": "function", "function": {"name": "f", "strict": true}}]}));
    let (body, _) = to(CHAT, MESSAGES, "claude-opus-4-8", &bare).unwrap();
    assert_eq!(body["tools"][0]["input_schema"]["additionalProperties"], json!(false));
}

#[test]
fn a_custom_tool_is_chosen_as_one() {
    let tools = json!([{"type": "custom", "name": "p"}, {"type": "function", "name": "f", "parameters": {}, "strict": false}]);
    let chosen = |choice: Value| {
        to(RESPONSES, CHAT, "gpt-5.2", &responses(json!({"tools": tools, "tool_choice": choice}))).unwrap().0
    };
    let custom = json!({"type": "custom", "custom": {"name": "p"}});
    assert_eq!(chosen(json!({"type": "custom", "name": "p"}))["tool_choice"], custom);
    let subset = json!({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "custom", "name": "p"}, {"type": "function", "name": "f"}]});
    let function = json!({"type": "function", "function": {"name": "f"}});
    assert_eq!(chosen(subset)["tool_choice"]["allowed_tools"]["tools"], json!([custom, function]));
}

#[test]
fn parallel_calls_are_not_spoken_of_without_tools() {
    let (body, _) = to(RESPONSES, CHAT, "gpt-4o", &responses(json!({"parallel_tool_calls": true}))).unwrap();
    assert_eq!(body.get("parallel_tool_calls"), None);
}

#[test]
fn a_schema_is_said_in_words_to_a_model_that_cannot_be_held_to_it() {
    let mut can = Capabilities::of("deepseek-chat").clone();
    can.schema = false;
    let object = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
    let format = |schema: &Value| json!({"format": {"type": "json_schema", "name": "x", "schema": schema}});
    let ask = |schema: &Value| responses(json!({"instructions": "Be brief.", "text": format(schema)}));
    let line = |schema: &Value| format!("Reply with JSON only, valid against this JSON Schema: {schema}");
    let told = "schema_instructed";

    let (body, warnings) =
        request_for(RESPONSES, CHAT, "deepseek-chat", &can, &ask(&object).to_string()).unwrap();
    assert_eq!((body["response_format"].clone(), warnings.as_str()), (json!({"type": "json_object"}), told));
    assert_eq!(body["messages"][0]["content"], format!("Be brief.\n\n{}", line(&object)));
    // What is no object has no setting.
    let list = json!({"type": "array", "items": {"type": "string"}});
    let (body, _) = request_for(RESPONSES, CHAT, "deepseek-chat", &can, &ask(&list).to_string()).unwrap();
    assert_eq!(body.get("response_format"), None);
    assert!(body["messages"][0]["content"].as_str().unwrap().ends_with(&line(&list)));

    let asked = chat(
        json!({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": object}}}),
    );
    let (body, warnings) = request_for(CHAT, RESPONSES, "m", &can, &asked.to_string()).unwrap();
    assert_eq!((&body["text"]["format"], warnings.as_str()), (&json!({"type": "json_object"}), told));
    assert_eq!(body["instructions"], line(&object));
    let (body, warnings) = request_for(CHAT, GEMINI, "gemini-3-pro", &can, &asked.to_string()).unwrap();
    assert_eq!(body["systemInstruction"]["parts"][0]["text"], line(&object));
    assert_eq!(body["generationConfig"], json!({"responseMimeType": "application/json"}));
    assert_eq!(warnings, told);
}

#[test]
fn a_call_that_stands_for_output_has_an_object_for_arguments() {
    let asked =
        |schema: Value| gemini(json!({"responseMimeType": "application/json", "responseSchema": schema}));
    let list = asked(json!({"type": "ARRAY", "items": {"type": "STRING"}}));
    let path = to(GEMINI, MESSAGES, "claude-sonnet-4-0", &list).unwrap_err();
    assert_eq!(path, "generationConfig.responseJsonSchema");
    assert!(to(GEMINI, MESSAGES, "claude-sonnet-4-0", &asked(json!({"type": "OBJECT"}))).is_ok());
    assert!(to(GEMINI, MESSAGES, "claude-sonnet-4-5", &list).is_ok());
}

#[test]
fn openai_reads_the_word_json_before_it_answers_in_json() {
    let settings = json!({"responseMimeType": "application/json"});
    let (body, warnings) = to(GEMINI, CHAT, "gpt-4o", &gemini(settings.clone())).unwrap();
    assert_eq!(body["messages"][0]["content"], "Reply with one JSON object only.");
    assert_eq!(warnings, "json_object_instructed");
    let said =
        json!({"contents": [{"role": "user", "parts": [{"text": "as Json"}]}], "generationConfig": settings});
    assert_eq!(to(GEMINI, CHAT, "gpt-4o", &said).unwrap().1, "");
    let asked = chat(json!({"response_format": {"type": "json_object"}}));
    assert_eq!(to(CHAT, RESPONSES, "gpt-4o", &asked).unwrap().1, "", "for its own clients to say");
}

#[test]
fn answers_of_tools_follow_their_calls_in_chat() {
    let call = |id: &str| json!({"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"});
    let output =
        |id: &str, output: Value| json!({"type": "function_call_output", "call_id": id, "output": output});
    let image = json!([{"type": "input_image", "image_url": "data:image/png;base64,AA=="}]);
    let says = |role: &str, text: &str| json!({"role": role, "content": text});
    let sent = |input: Value| to(RESPONSES, CHAT, "gpt-4o", &json!({"model": "m", "input": input})).unwrap();
    let roles = |body: &Value| -> Vec<String> {
        let name = |message: &Value| match &message["tool_call_id"] {
            Value::String(id) => format!("tool {id}"),
            _ => message["role"].as_str().unwrap().to_owned(),
        };
        body["messages"].as_array().unwrap().iter().map(name).collect()
    };

    let (body, warnings) = sent(json!([
        call("a"),
        call("b"),
        output("a", image),
        output("b", json!("B")),
        says("user", "well?")
    ]));
    assert_eq!(roles(&body), ["assistant", "tool a", "tool b", "user"]);
    assert_eq!(body["messages"][3]["content"][0]["type"], "image_url");
    assert_eq!(warnings, "tool_result_image_moved");

    let (body, warnings) =
        sent(json!([call("a"), says("developer", "d"), says("user", "u"), output("a", json!("A"))]));
    assert_eq!(
        roles(&body),
        ["assistant", "tool a", "developer", "user"].map(|role| role.replace("developer", "system"))
    );
    assert_eq!(warnings, "");

    let (body, warnings) = sent(json!([
        call("a"),
        says("user", "u"),
        says("assistant", "x"),
        output("a", json!("late")),
        output("a", json!("twice"))
    ]));
    assert_eq!(roles(&body), ["assistant", "tool a", "user", "assistant"]);
    assert_eq!((&body["messages"][1]["content"], warnings.as_str()), (&json!("late"), "tool_result_dropped"));

    let (body, warnings) = sent(json!([call("a"), says("user", "u"), output("z", json!("Z"))]));
    assert_eq!(roles(&body), ["assistant", "tool a", "tool z", "user"]);
    assert_eq!(
        (&body["messages"][1]["content"], warnings.as_str()),
        (&json!("Error: no result"), "tool_result_missing")
    );
}
