//! Whole answers.

use super::*;

#[test]
fn a_member_of_a_wrong_type_does_not_cost_the_answer() {
    for (protocol, body) in [
        (
            CHAT,
            r#"{"id":7,"created":1.5,"model":null,"choices":[{"index":"0","message":{"role":"assistant","content":"Hi","refusal":{"x":1},"annotations":{}},"finish_reason":"stop"}],"usage":"none","service_tier":5}"#,
        ),
        (
            COMPLETIONS,
            r#"{"created":"now","choices":[{"index":-1,"text":"Hi","finish_reason":"stop"}],"usage":[]}"#,
        ),
        (
            RESPONSES,
            r#"{"id":7,"output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":7}],"status":{}}],"status":"completed","usage":{"input_tokens":"many"}}"#,
        ),
        (
            MESSAGES,
            r#"{"id":7,"content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","stop_sequence":{"x":1},"stop_details":"none","usage":5}"#,
        ),
        (
            GEMINI,
            r#"{"candidates":[{"index":-1,"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP","finishMessage":{}}],"responseId":7,"usageMetadata":"none"}"#,
        ),
    ] {
        assert_eq!(text(&answer(protocol, body).unwrap()), "Hi", "{body}");
        let expected: Value = serde_json::from_str(body).unwrap();
        assert_eq!(answer_again(protocol, body), expected);
    }
}

#[test]
fn what_is_no_answer_is_still_refused() {
    for protocol in [CHAT, COMPLETIONS, RESPONSES, MESSAGES, GEMINI] {
        for body in ["", "<html></html>", "null", "[]", "{}", "\"text\""] {
            assert!(answer(protocol, body).is_err(), "{} {body}", protocol.name());
        }
    }
    for (protocol, body) in [
        (CHAT, r#"{"choices":[]}"#),
        (COMPLETIONS, r#"{"choices":[]}"#),
        (GEMINI, r#"{"candidates":[]}"#),
        (GEMINI, r#"{"usageMetadata":{"promptTokenCount":1}}"#),
    ] {
        assert!(answer(protocol, body).is_err(), "{} {body}", protocol.name());
    }
}

#[test]
fn answers_of_compatible_servers_are_written_back_as_they_were() {
    for (protocol, body) in [
        (
            CHAT,
            r#"{"choices":[{"message":{"content":"Hi"}},{},{"index":2,"message":{"role":"model","content":null,"tool_calls":[{"id":"","function":{"name":"f","arguments":{"a":1}}},{"type":"function"}],"function_call":{"name":"f"}}}]}"#,
        ),
        (CHAT, r#"{"error":{"message":"boom"}}"#),
        (CHAT, r#"{"choices":[],"error":"boom"}"#),
        (COMPLETIONS, r#"{"choices":[{"text":"Hi"}],"error":null}"#),
        (MESSAGES, r#"{"type":"error","error":{"type":"api_error","message":"boom"}}"#),
        (MESSAGES, r#"{"content":[{"type":"tool_use","input":{}},{"type":""},{"x":1}]}"#),
        (
            GEMINI,
            r#"{"candidates":[{"content":{"parts":[{"thoughtSignature":"s"},{},{"functionCall":{"name":""}}]}}]}"#,
        ),
    ] {
        let expected: Value = serde_json::from_str(body).unwrap();
        assert_eq!(answer_again(protocol, body), expected, "{body}");
    }
}

#[test]
fn a_call_keeps_empty_arguments_where_they_are_written_back() {
    let body = r#"{"choices":[{"index":0,"message":{"role":"assistant","function_call":{"name":"f","arguments":""}},"finish_reason":"function_call"}]}"#;
    assert_eq!(answer_again(CHAT, body)["choices"][0]["message"]["function_call"]["arguments"], "");
}

#[test]
fn items_of_an_answer_are_read_as_far_as_they_can_be() {
    let body = r#"{"status":"completed","output":[
        {"type":"function_call","call_id":"c","name":"f","arguments":{"a": 1}},
        {"type":"message","content":[{"type":"output_text","text":"Hi"}]},
        {"type":"tool_search_call","arguments":{"q":"x"},"call_id":null},
        {"type":"reasoning","summary":"odd","content":{}}]}"#;
    let response = answer(RESPONSES, body).unwrap();
    assert_eq!(calls(&response), json!([["c", "f", "{\"a\":1}"]]));
    assert_eq!(text(&response), "Hi");
    let opaque = |content: &Content<'_>| match content {
        Content::Opaque(kind, _) => Some(kind.to_string()),
        _ => None,
    };
    assert_eq!(texts(&response, opaque), "tool_search_call");
}

#[test]
fn thoughts_among_the_parts_are_read_and_written_back() {
    let body = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"h"},{"type":"text","text":"m"}],"closed":true},{"type":"thinking","thinking":"!"},{"type":"text","text":"Hi"}]},"finish_reason":"stop"}]}"#;
    let response = answer(CHAT, body).unwrap();
    assert_eq!((text(&response).as_str(), reasoning(&response).as_str()), ("Hi", "hm!"));
    let expected: Value = serde_json::from_str(body).unwrap();
    assert_eq!(answer_again(CHAT, body), expected);
}

#[test]
fn state_alone_in_a_part_is_kept() {
    let body = r#"{"candidates":[{"content":{"parts":[{"text":"Hi"},{"thoughtSignature":"s"}]},"finishReason":"STOP"}]}"#;
    let signed =
        |response: &Response<'_>| response.choices[0].blocks().filter(|block| block.state.is_some()).count();
    assert_eq!(signed(&answer(GEMINI, body).unwrap()), 1);
    assert_eq!(signed(&stream(GEMINI, &format!("data: {body}\n\n")).0), 1);
}
