//! Bugs of other gateways that concern Gemini (TRANSLATION §13).

use super::*;
use crate::anthropic::Anthropic;
use crate::codec::ProviderCodec as _;
use crate::ir::Finish;

/// BerriAI/litellm#25561: complete arguments without a delta left clients with an empty call.
#[test]
fn known_bug_02_complete_arguments_are_a_delta() {
    for call in
        [json!({"name": "f", "args": {"a": 1}}), json!({"name": "f", "args": {}}), json!({"name": "f"})]
    {
        let mut deltas = 0;
        let body = sse(&[chunk(json!([{"functionCall": call}]), Some("STOP"))]);
        let mut reader = StreamReader::new(Framing::Sse, Gemini.stream_decoder(Exchange::default()));
        let mut sink = |event: Event<'_>| {
            deltas += u32::from(matches!(event, Event::Delta { .. }));
        };
        reader.push(body.as_bytes(), &mut sink);
        reader.finish(&mut sink);
        assert_eq!(deltas, 1, "{call}");
        let written =
            translate(&Gemini, &body, Framing::Sse, Exchange::default(), &Anthropic, reply(&Anthropic));
        assert!(written.contains("input_json_delta"), "{written}");
        assert!(written.contains(r#""stop_reason":"tool_use""#), "{written}");
    }
}

/// BerriAI/litellm#16893, #25322, envoyproxy/ai-gateway#2365: the signature of a call was lost between the
/// turns.
#[test]
fn known_bug_08_a_signature_survives_a_chat_client() {
    let answer =
        chunk(json!([{"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "sig"}]), Some("STOP"))
            .to_string();
    let response = Gemini.decode_response(answer.as_bytes(), &Exchange::default()).unwrap();
    let written = OpenAiChat.encode_response(&response, &mut reply(&OpenAiChat), &mut Notes::default());
    let written: Value = serde_json::from_slice(&written).unwrap();
    let message = written["choices"][0]["message"].clone();
    let id = message["tool_calls"][0]["id"].as_str().unwrap().to_owned();
    let sent = send(&chat(json!([user("hi"), message, tool(&id, "r")]), json!({})), GEMINI_3).unwrap();
    assert_eq!(sent.body["contents"][1]["parts"][0]["thoughtSignature"], "sig");
}

/// pydantic/pydantic-ai#3881: the stand-in for a lost signature was one that Vertex refuses.
#[test]
fn known_bug_09_the_stand_in_for_a_signature_is_the_documented_one() {
    let sent =
        send(&chat(json!([user("hi"), calls(&[("c", "f", "{}")]), tool("c", "r")]), json!({})), GEMINI_3)
            .unwrap();
    assert_eq!(sent.body["contents"][1]["parts"][0]["thoughtSignature"], "skip_thought_signature_validator");
}

/// BerriAI/litellm#26334: structured output by a forced call together with thinking was refused.
#[test]
fn known_bug_10_schemas_and_thinking_go_together() {
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}});
    let body = chat(json!([user("hi")]), json!({"response_format": format, "reasoning_effort": "high"}));
    let sent = send(&body, GEMINI_25).unwrap();
    assert_eq!((sent.exchange.json_tool, sent.body.get("tools")), (false, None));
    assert_eq!(sent.body["generationConfig"]["thinkingConfig"]["thinkingBudget"], 16384);
    assert_eq!(sent.body["generationConfig"]["responseJsonSchema"], json!({"type": "object"}));
}

/// BerriAI/litellm#38223: `$ref` inside the answer of a tool was read as a reference by Gemini.
#[test]
fn known_bug_11_references_in_a_tool_result_go_as_text() {
    for result in [r##"{"schema":{"$ref":"#/x"}}"##, r#"{"$defs":{}}"#] {
        let body = chat(json!([user("hi"), calls(&[("c", "f", "{}")]), tool("c", result)]), json!({}));
        let response =
            &send(&body, GEMINI_3).unwrap().body["contents"][2]["parts"][0]["functionResponse"]["response"];
        assert_eq!(response, &json!({"output": result}));
    }
}

/// BerriAI/litellm#29088: the choice of a tool was changed for requests with cached content.
#[test]
fn known_bug_12_cached_content_leaves_the_tool_choice_alone() {
    let body = r#"{"cachedContent":"cachedContents/x","contents":[{"role":"user","parts":[{"text":"a"}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}}}"#;
    let request = from_gemini(body);
    let sent = encode(&request, GEMINI_3, true, RouteOptions::default(), &NoStates).unwrap();
    assert_eq!(sent.body, serde_json::from_str::<Value>(body).unwrap());
}

/// BerriAI/litellm#20005: a schema that refers to itself crashed.
#[test]
fn known_bug_13_a_circular_schema_is_sent_or_refused() {
    let node = json!({"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}});
    let schema = json!({"$ref": "#/$defs/node", "$defs": {"node": node}});
    let list = json!({"type": "function", "function": {"name": "list", "parameters": schema}});
    let body = chat(json!([user("hi")]), json!({"tools": [list]}));
    let sent = send(&body, GEMINI_25).unwrap();
    assert_eq!(sent.body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"], schema);
    let refused = send(&body, "gemini-2.0-flash").err().unwrap();
    assert_eq!(refused.path, "tools[0]");
    assert!(refused.reason.contains("recursive"), "{refused}");
}

/// agentgateway/agentgateway#907: the answer of a tool became text of the user, and the model called again
/// for ever.
#[test]
fn known_bug_20_a_tool_message_is_a_function_response() {
    let sent =
        send(&chat(json!([user("hi"), calls(&[("c", "f", "{}")]), tool("c", "r")]), json!({})), GEMINI_25)
            .unwrap();
    assert_eq!(
        sent.body["contents"][2]["parts"],
        json!([{"functionResponse": {"name": "f", "response": {"output": "r"}}}])
    );
}

/// MoonshotAI/kosong#45, pydantic/pydantic-ai#653, crmne/ruby_llm PR#853: answers of parallel calls were
/// split over several messages. Gemini matches those of one name by their order.
#[test]
fn known_bug_22_answers_of_parallel_calls_stand_in_one_message_in_order() {
    let body = chat(
        json!([
            user("hi"),
            calls(&[("c1", "f", "{}"), ("c2", "f", "{}"), ("c3", "g", "{}")]),
            tool("c3", "three"),
            tool("c2", "two"),
            tool("c1", "one")
        ]),
        json!({}),
    );
    let sent = send(&body, GEMINI_25).unwrap();
    let outputs: Vec<&Value> = sent.body["contents"][2]["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| &part["functionResponse"]["response"]["output"])
        .collect();
    assert_eq!(outputs, ["one", "two", "three"]);
    assert_eq!(sent.body["contents"].as_array().unwrap().len(), 3);
}

/// vercel/ai#12218: the end was a stop although tools were called.
#[test]
fn known_bug_24_a_stop_with_calls_is_a_call() {
    let body = chunk(json!([{"functionCall": {"name": "f"}}]), Some("STOP"));
    let text = body.to_string();
    let response = Gemini.decode_response(text.as_bytes(), &Exchange::default()).unwrap();
    assert_eq!(response.choices[0].finish, Some(Finish::ToolUse));
    // The reason may come in a chunk after the call's.
    let stream = sse(&[
        chunk(json!([{"functionCall": {"name": "f"}}]), None),
        chunk(json!([{"text": ""}]), Some("STOP")),
    ]);
    let written =
        translate(&Gemini, &stream, Framing::Sse, Exchange::default(), &OpenAiChat, reply(&OpenAiChat));
    assert!(written.contains(r#""finish_reason":"tool_calls""#), "{written}");
}

/// jundot/omlx#1487, ogx-ai/ogx#6415: cached tokens were counted twice for clients of Anthropic.
#[test]
fn known_bug_21_cached_tokens_are_counted_once() {
    let mut answer = chunk(json!([{"text": "a"}]), Some("STOP"));
    answer["usageMetadata"] =
        json!({"promptTokenCount": 10, "cachedContentTokenCount": 8, "candidatesTokenCount": 2});
    let text = answer.to_string();
    let response = Gemini.decode_response(text.as_bytes(), &Exchange::default()).unwrap();
    let written = Anthropic.encode_response(&response, &mut reply(&Anthropic), &mut Notes::default());
    let written: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(
        (&written["usage"]["input_tokens"], &written["usage"]["cache_read_input_tokens"]),
        (&json!(2), &json!(8))
    );
}

/// mozilla-ai/any-llm#1143, prism-php/prism#974: `additionalProperties` and lists of types were sent in the
/// field of OpenAPI schemas, which refuses them.
#[test]
fn known_bug_25_the_openapi_field_gets_what_it_knows() {
    let schema = json!({"type": "object", "additionalProperties": false, "properties": {"a": {"type": ["string", "null"]}, "b": {"type": "integer", "exclusiveMinimum": 0}}});
    let tool = json!({"type": "function", "function": {"name": "f", "parameters": schema}});
    let sent = send(&chat(json!([user("hi")]), json!({"tools": [tool]})), "gemini-2.0-flash").unwrap();
    assert_eq!(
        sent.body["tools"][0]["functionDeclarations"][0]["parameters"],
        json!({"type": "OBJECT", "propertyOrdering": ["a", "b"], "properties": {"a": {"type": "STRING", "nullable": true}, "b": {"type": "INTEGER"}}})
    );
    assert_eq!(sent.warnings, "schema_constraints_dropped");
}

/// google/adk-python#5394: the reason for the end was never mapped in streams.
#[test]
fn known_bug_27_streams_say_why_they_end() {
    for (word, finish) in [("MAX_TOKENS", "length"), ("SAFETY", "content_filter"), ("STOP", "stop")] {
        let stream = sse(&[chunk(json!([{"text": "a"}]), None), chunk(json!([{"text": "b"}]), Some(word))]);
        let written =
            translate(&Gemini, &stream, Framing::Sse, Exchange::default(), &OpenAiChat, reply(&OpenAiChat));
        assert!(written.contains(&format!("\"finish_reason\":\"{finish}\"")), "{written}");
    }
    let stream = "data: {\"id\":\"x\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n";
    let written = translate(&OpenAiChat, stream, Framing::Sse, Exchange::default(), &Gemini, reply(&Gemini));
    assert_eq!(events(&written).last().unwrap()["candidates"][0]["finishReason"], "MAX_TOKENS");
}

/// andrewyng/aisuite PR#386: only the first of several calls was kept.
#[test]
fn known_bug_28_every_parallel_call_is_kept() {
    let answer =
        chunk(json!([{"functionCall": {"name": "f"}}, {"functionCall": {"name": "g"}}]), Some("STOP"));
    let text = answer.to_string();
    let response = Gemini.decode_response(text.as_bytes(), &Exchange::default()).unwrap();
    let written = OpenAiChat.encode_response(&response, &mut reply(&OpenAiChat), &mut Notes::default());
    let written: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(written["choices"][0]["message"]["tool_calls"].as_array().unwrap().len(), 2);
    let stream = translate(
        &Gemini,
        &sse(&[answer]),
        Framing::Sse,
        Exchange::default(),
        &OpenAiChat,
        reply(&OpenAiChat),
    );
    let names = events(&stream)
        .iter()
        .filter_map(|chunk| {
            chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["name"].as_str().map(str::to_owned)
        })
        .collect::<Vec<_>>();
    assert_eq!(names, ["f", "g"]);
}
