//! Whole answers, both ways.

use super::*;
use crate::codec::ProviderCodec as _;
use crate::ir::{Block, Choice, Content, Finish, Response, Role, State, Turn, Usage};
use crate::protocol::Protocol;

fn to_chat(answer: &Value) -> (Value, String) {
    let text = answer.to_string();
    let response = Gemini.decode_response(text.as_bytes(), &Exchange::default()).unwrap();
    let mut notes = Notes::default();
    let written = OpenAiChat.encode_response(&response, &mut reply(&OpenAiChat), &mut notes);
    (serde_json::from_slice(&written).unwrap(), notes.header().unwrap_or_default())
}

fn from_chat(answer: &Value, reply: &mut Reply) -> (Value, String) {
    let text = answer.to_string();
    let response = OpenAiChat.decode_response(text.as_bytes(), &Exchange::default()).unwrap();
    let mut notes = Notes::default();
    let written = Gemini.encode_response(&response, reply, &mut notes);
    (serde_json::from_slice(&written).unwrap(), notes.header().unwrap_or_default())
}

fn completion(message: Value, finish: &str) -> Value {
    json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt", "choices": [
        {"index": 0, "message": message, "finish_reason": finish}
    ], "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12,
        "prompt_tokens_details": {"cached_tokens": 2}, "completion_tokens_details": {"reasoning_tokens": 3}}})
}

#[test]
fn a_completion_becomes_a_candidate() {
    let message = json!({"role": "assistant", "content": "hi", "refusal": null, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}},
        {"id": "c2", "type": "function", "function": {"name": "g", "arguments": ""}},
    ]});
    let (written, warnings) = from_chat(&completion(message, "tool_calls"), &mut reply(&Gemini));
    assert_eq!(
        written,
        json!({
            "candidates": [{
                "content": {"role": "model", "parts": [
                    {"text": "hi"},
                    {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}},
                    {"functionCall": {"id": "c2", "name": "g", "args": {}}},
                ]},
                "finishReason": "STOP", "index": 0,
            }],
            "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 4, "totalTokenCount": 12,
                "cachedContentTokenCount": 2, "thoughtsTokenCount": 3},
            "modelVersion": "gpt", "responseId": "chatcmpl-1",
        })
    );
    assert_eq!(warnings, "");
}

#[test]
fn reasons_for_the_end_find_their_words() {
    for (finish, word) in
        [("stop", "STOP"), ("length", "MAX_TOKENS"), ("content_filter", "SAFETY"), ("odd", "OTHER")]
    {
        let (written, _) =
            from_chat(&completion(json!({"role": "assistant", "content": "x"}), finish), &mut reply(&Gemini));
        assert_eq!(written["candidates"][0]["finishReason"], word);
    }
    let (refused, _) =
        from_chat(&completion(json!({"role": "assistant", "refusal": "no"}), "stop"), &mut reply(&Gemini));
    assert_eq!(refused["candidates"][0]["finishReason"], "SAFETY");
    assert_eq!(refused["candidates"][0]["content"]["parts"], json!([{"text": "no"}]));
}

fn with_arguments(arguments: &[&str]) -> Value {
    let calls: Vec<Value> = { arguments.iter() }
        .map(|text| json!({"id": "c", "type": "function", "function": {"name": "rm", "arguments": text}}))
        .collect();
    json!({"role": "assistant", "tool_calls": calls})
}

#[test]
fn a_call_that_was_cut_is_not_called_with_what_is_left() {
    for (arguments, left, warned) in [
        (vec!["{\"a\":"], json!([]), "tool_call_dropped"),
        (vec![""], json!([]), "tool_call_dropped"),
        (vec!["", ""], json!([{"functionCall": {"id": "c", "name": "rm", "args": {}}}]), "tool_call_dropped"),
        (vec!["{\"a\":1}"], json!([{"functionCall": {"id": "c", "name": "rm", "args": {"a": 1}}}]), ""),
    ] {
        let body = completion(with_arguments(&arguments), "length");
        let (written, warnings) = from_chat(&body, &mut reply(&Gemini));
        let candidate = &written["candidates"][0];
        assert_eq!(
            (&candidate["content"]["parts"], &candidate["finishReason"]),
            (&left, &json!("MAX_TOKENS"))
        );
        assert_eq!(warnings, warned, "{arguments:?}");
    }
}

#[test]
fn arguments_that_are_no_object_spoil_an_answer_for_a_client_that_has_no_place_for_them() {
    let body = completion(with_arguments(&["{bad"]), "tool_calls").to_string();
    let request = json!({"contents": [{"parts": [{"text": "x"}]}]}).to_string();
    let exchange = |request: &Request<'_>| {
        let target = Target {
            model: "gpt",
            capabilities: Capabilities::of("gpt"),
            options: RouteOptions::default(),
            states: &NoStates,
        };
        OpenAiChat.encode_request(request, &target, &mut Notes::default()).unwrap().exchange
    };
    let of_gemini = exchange(&from_gemini(&request));
    let of_chat = chat(json!([user("x")]), json!({})).to_string();
    let of_chat = exchange(&OpenAiChat.decode_request(of_chat.as_bytes(), UrlFacts::default()).unwrap());
    let finish = |exchange: &Exchange| {
        OpenAiChat.decode_response(body.as_bytes(), exchange).unwrap().choices[0].finish
    };
    assert_eq!((finish(&of_gemini), finish(&of_chat)), (Some(Finish::BadCall), Some(Finish::ToolUse)));
    // Written all the same, it is Gemini's own word for it, and no call.
    let (written, _) = from_chat(&completion(with_arguments(&["{bad"]), "tool_calls"), &mut reply(&Gemini));
    let candidate = &written["candidates"][0];
    assert_eq!(
        (&candidate["content"]["parts"], &candidate["finishReason"]),
        (&json!([]), &json!("MALFORMED_FUNCTION_CALL"))
    );
}

#[test]
fn a_candidate_becomes_a_completion() {
    let mut answer = chunk(
        json!([{"text": "hm", "thought": true}, {"text": "a"}, {"text": "b"}, {"functionCall": {"name": "f"}, "thoughtSignature": "s"}]),
        Some("STOP"),
    );
    answer["usageMetadata"] = json!({"promptTokenCount": 5, "candidatesTokenCount": 4, "thoughtsTokenCount": 3, "totalTokenCount": 12});
    answer["candidates"][0]["groundingMetadata"] = json!({"x": 1});
    let (written, warnings) = to_chat(&answer);
    let message = &written["choices"][0]["message"];
    assert_eq!(message["content"], "ab");
    assert!(message["tool_calls"][0]["id"].as_str().unwrap().starts_with("call_"));
    assert_eq!(message["tool_calls"][0]["function"], json!({"name": "f", "arguments": "{}"}));
    assert_eq!(message["tool_calls"][0]["extra_content"], json!({"google": {"thought_signature": "s"}}));
    assert_eq!(written["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(written["usage"]["completion_tokens"], 7);
    assert_eq!(warnings, "annotations_dropped");
}

#[test]
fn ends_are_read_by_word_and_by_calls() {
    for (word, parts, finish) in [
        ("STOP", json!([{"text": "a"}]), Finish::Stop),
        ("STOP", json!([{"functionCall": {"name": "f"}}]), Finish::ToolUse),
        ("UNEXPECTED_TOOL_CALL", json!([{"functionCall": {"name": "f"}}]), Finish::ToolUse),
        ("UNEXPECTED_TOOL_CALL", json!([]), Finish::BadCall),
        ("MALFORMED_FUNCTION_CALL", json!([]), Finish::BadCall),
        ("TOO_MANY_TOOL_CALLS", json!([]), Finish::BadCall),
        ("MAX_TOKENS", json!([]), Finish::Length),
        ("RECITATION", json!([]), Finish::ContentFilter),
        ("IMAGE_SAFETY", json!([]), Finish::ContentFilter),
        ("OTHER", json!([{"text": "a"}]), Finish::Unknown),
        ("SOMETHING_NEW", json!([]), Finish::Unknown),
    ] {
        let text = chunk(parts, Some(word)).to_string();
        let response = Gemini.decode_response(text.as_bytes(), &Exchange::default()).unwrap();
        assert_eq!(response.choices[0].finish, Some(finish), "{word}");
    }
}

#[test]
fn a_blocked_prompt_is_a_filtered_answer() {
    let (written, _) = to_chat(
        &json!({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 5}}),
    );
    assert_eq!(written["choices"][0]["finish_reason"], "content_filter");
    assert_eq!(written["choices"][0]["message"]["content"], Value::Null);
    for body in ["{}", r#"{"candidates":[]}"#, r#"{"promptFeedback":{}}"#, "[]", "", "null"] {
        assert!(Gemini.decode_response(body.as_bytes(), &Exchange::default()).is_err(), "{body}");
    }
}

/// An answer of Claude: a signed thought, then a call.
fn thoughtful() -> Response<'static> {
    let mut thought = Block::new(Content::Reasoning("hm".into()));
    thought.state = Some(State::new("anthropic", "s"));
    let turn = Turn {
        role: Role::Assistant,
        blocks: vec![thought, Block::text("a")],
        plain: false,
        at: 0,
        ext: Default::default(),
    };
    Response {
        source: Protocol::Anthropic,
        id: None,
        model: None,
        created: None,
        service_tier: None,
        choices: vec![Choice { turns: vec![turn], finish: Some(Finish::Pause), ..Choice::default() }],
        usage: Some(Usage::default()),
        error: None,
        ext: Default::default(),
    }
}

#[test]
fn thoughts_are_shown_if_asked_for_and_their_state_never_lost() {
    let parts = |show: bool| {
        let mut reply = reply(&Gemini);
        reply.show_reasoning = show;
        let mut notes = Notes::default();
        let written = Gemini.encode_response(&thoughtful(), &mut reply, &mut notes);
        let written: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(written["responseId"].as_str().unwrap().len(), 24);
        assert_eq!(notes.header().unwrap(), "finish_pause_changed");
        written["candidates"][0]["content"].clone()
    };
    let shown = parts(true);
    assert_eq!(
        shown["parts"],
        json!([{"text": "hm", "thought": true, "thoughtSignature": "eHAxLmFudGhyb3BpYy5z"}, {"text": "a"}])
    );
    let hidden = parts(false);
    assert_eq!(hidden["parts"], json!([{"text": "a", "thoughtSignature": "eHAxLmFudGhyb3BpYy5z"}]));
    // Either way it comes back as the state of a thought.
    for content in [shown, hidden] {
        let body = json!({"contents": [content]}).to_string();
        let request = from_gemini(&body);
        let state = request.turns[0].blocks[0].state.as_ref().unwrap();
        assert_eq!((state.family.as_ref(), state.data.as_ref()), ("anthropic", "s"));
        assert!(matches!(request.turns[0].blocks[0].content, Content::Reasoning(_)));
    }
    let asked =
        from_gemini(r#"{"contents":[],"generationConfig":{"thinkingConfig":{"includeThoughts":true}}}"#);
    assert!(Reply::to(&Gemini, &asked, 0, 0).show_reasoning);
}

#[test]
fn a_call_of_what_was_not_declared_is_passed_on_and_warned_of() {
    let answer = chunk(json!([{"functionCall": {"name": "f", "args": {}}}]), Some("UNEXPECTED_TOOL_CALL"));
    let warned = "finish_unexpected_tool_call_changed";
    let (written, warnings) = to_chat(&answer);
    assert_eq!((&written["choices"][0]["finish_reason"], warnings.as_str()), (&json!("tool_calls"), warned));
    let anthropic = crate::anthropic::Anthropic;
    for (to, own) in
        [(&OpenAiChat as &dyn Codec, false), (&OpenAiResponses, false), (&anthropic, false), (&Gemini, true)]
    {
        let mut encoder = to.stream_encoder(reply(to));
        let mut out = Vec::new();
        let mut reader = StreamReader::new(Framing::Sse, Gemini.stream_decoder(Exchange::default()));
        let mut sink = |event: Event<'_>| encoder.event(&event, &mut out);
        reader.push(sse(std::slice::from_ref(&answer)).as_bytes(), &mut sink);
        reader.finish(&mut sink);
        assert_eq!(encoder.notes().header(), (!own).then(|| warned.to_owned()), "{}", to.protocol().name());
    }
}
