use crate::bedrock_converse::Converse;
use crate::codec::{Exchange, JSON_TOOL, ProviderCodec as _};
use crate::error::{ErrorHead, ErrorKind};
use crate::ir::{Content, Finish, Usage};

const ANSWER: &str = r#"{
    "output": {"message": {"role": "assistant", "content": [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": "cmVk"}},
        {"text": "Let me look."},
        {"unheardOf": {"a": 1}},
        {"citationsContent": {"content": [{"text": "It "}, {"text": "rains."}], "citations": []}},
        {"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Riga"}}}
    ]}},
    "stopReason": "tool_use",
    "usage": {"inputTokens": 10, "outputTokens": 20, "totalTokens": 35, "cacheReadInputTokens": 4,
              "cacheWriteInputTokens": 1},
    "metrics": {"latencyMs": 7}
}"#;

#[test]
fn an_answer_is_read() {
    let answer = Converse.decode_response(ANSWER.as_bytes(), &Exchange::default()).unwrap();
    let choice = &answer.choices[0];
    let said: Vec<String> = choice
        .blocks()
        .map(|block| match &block.content {
            Content::Text(text) => text.to_string(),
            Content::Reasoning(text) => {
                let state = block.state.as_ref().unwrap();
                format!("{text}/{}/{}/{}", state.family, state.data, state.redacted)
            }
            Content::ToolCall(call) => format!("{} {} {}", call.id, call.name, call.arguments.as_text()),
            other => format!("{other:?}"),
        })
        .collect();
    let expected = [
        "Hm./anthropic/c2ln/false",
        "/anthropic/cmVk/true",
        "Let me look.",
        "It rains.",
        r#"tooluse_1 weather {"city":"Riga"}"#,
    ];
    assert_eq!(said, expected);
    assert_eq!(choice.finish, Some(Finish::ToolUse));
    let usage = Usage {
        input_total: 15,
        tool_input: None,
        cache_read: Some(4),
        cache_write: Some(1),
        output_total: 20,
        reasoning: None,
    };
    assert_eq!(answer.usage, Some(usage));
}

#[test]
fn ends_are_told_apart() {
    for (word, finish) in [
        ("end_turn", Finish::Stop),
        ("max_tokens", Finish::Length),
        ("model_context_window_exceeded", Finish::Length),
        ("stop_sequence", Finish::StopSequence),
        ("guardrail_intervened", Finish::ContentFilter),
        ("content_filtered", Finish::ContentFilter),
        ("malformed_tool_use", Finish::BadCall),
        ("tomorrow", Finish::Unknown),
    ] {
        let message = r#"{"role":"assistant","content":[{"text":"a"}]}"#;
        let body = format!(r#"{{"output":{{"message":{message}}},"stopReason":"{word}"}}"#);
        let answer = Converse.decode_response(body.as_bytes(), &Exchange::default()).unwrap();
        assert_eq!(answer.choices[0].finish, Some(finish), "{word}");
    }
    let called = ANSWER.replace("\"tool_use\"", "\"end_turn\"");
    let answer = Converse.decode_response(called.as_bytes(), &Exchange::default()).unwrap();
    assert_eq!(answer.choices[0].finish, Some(Finish::ToolUse));
}

#[test]
fn the_call_that_stands_for_text_is_text() {
    let body = ANSWER.replace("weather", JSON_TOOL);
    let exchange = Exchange { json_tool: true, ..Exchange::default() };
    let answer = Converse.decode_response(body.as_bytes(), &exchange).unwrap();
    let choice = &answer.choices[0];
    let last = choice.blocks().last().unwrap();
    assert!(matches!(&last.content, Content::Text(text) if text == r#"{"city":"Riga"}"#));
    assert_eq!(choice.finish, Some(Finish::Stop));
}

#[test]
fn what_is_no_answer_is_refused() {
    for body in ["", "{}", "[]", r#"{"output":{}}"#, r#"{"output":{"message":7}}"#] {
        assert!(Converse.decode_response(body.as_bytes(), &Exchange::default()).is_err(), "{body}");
    }
}

#[test]
fn errors_are_judged_by_type_then_by_status() {
    let long = "Input is too long for requested model.";
    let url = Some("ValidationException:http://internal.amazon.com/");
    let table: [(u16, Option<&str>, &str, ErrorKind); 12] = [
        (400, None, "bad", ErrorKind::Invalid),
        (400, url, "bad", ErrorKind::Invalid),
        (400, Some("ValidationException"), long, ErrorKind::ContextLength),
        (400, Some("ServiceQuotaExceededException"), "quota", ErrorKind::RateLimit),
        (403, Some("AccessDeniedException"), "no", ErrorKind::Permission),
        (403, Some("UnrecognizedClientException"), "token is invalid", ErrorKind::Auth),
        (404, None, "gone", ErrorKind::NotFound),
        (408, None, "slow", ErrorKind::Timeout),
        (424, None, "model failed", ErrorKind::Server),
        (429, Some("ThrottlingException"), "slow down", ErrorKind::RateLimit),
        (429, Some("ModelNotReadyException"), "cold", ErrorKind::Overloaded),
        (503, None, "busy", ErrorKind::Overloaded),
    ];
    for (status, error_type, message, kind) in table {
        let head = ErrorHead { status, error_type, ..ErrorHead::default() };
        let body = format!(r#"{{"message":"{message}"}}"#);
        let error = Converse.decode_error(head, body.as_bytes());
        assert_eq!((error.kind, error.message.as_str()), (kind, message), "{status} {error_type:?}");
    }
    let head = ErrorHead { status: 400, ..ErrorHead::default() };
    let error = Converse.decode_error(head, br#"{"__type":"com.amazon#ThrottlingException","Message":"x"}"#);
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::RateLimit, "x"));
    for nothing in [&b""[..], b"<html>", b"{}", b"\xff"] {
        let error = Converse.decode_error(ErrorHead { status: 502, ..ErrorHead::default() }, nothing);
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Server, "the provider answered 502"));
    }
}
