//! Errors of servers and gateways that have their own idea of one.

use llm_protocol::{ErrorHead, ErrorKind};

use super::*;

const ALL: [Protocol; 5] = [CHAT, RESPONSES, MESSAGES, GEMINI, COMPLETIONS];

fn read(protocol: Protocol, status: u16, body: &str) -> ApiError {
    of(protocol).decode_error(ErrorHead { status, ..ErrorHead::default() }, body.as_bytes())
}

#[test]
fn the_message_is_found_in_every_protocol_wherever_it_stands() {
    for protocol in ALL {
        for body in [
            r#"{"error":{"message":"boom"}}"#,
            r#"{"error":"boom"}"#,
            r#"{"error":{"error":{"message":"boom"}}}"#,
            r#"[{"error":{"message":"boom"}}]"#,
            r#"{"object":"error","message":"boom","code":400}"#,
            r#"{"message":"boom"}"#,
            r#"{"detail":"boom"}"#,
            r#"{"detail":[{"loc":["body","n"],"msg":"boom"}]}"#,
        ] {
            let error = read(protocol, 400, body);
            assert_eq!((error.message.as_str(), error.kind), ("boom", ErrorKind::Invalid), "{body}");
            // Its own protocol gets it as it was.
            assert_eq!(of(protocol).encode_error(&error), (400, body.as_bytes().to_vec()));
        }
    }
}

#[test]
fn a_body_that_says_nothing_is_judged_by_its_status() {
    for protocol in ALL {
        for body in
            ["", "<html>Bad Gateway</html>", "{}", "null", "[]", r#"{"error":{}}"#, r#"{"error":true}"#]
        {
            let error = read(protocol, 502, body);
            assert_eq!(
                (error.message.as_str(), error.kind),
                ("the provider answered 502", ErrorKind::Server)
            );
        }
    }
}

#[test]
fn a_part_of_a_wrong_type_does_not_hide_the_rest() {
    let error = read(
        MESSAGES,
        529,
        r#"{"type":"error","error":{"type":"overloaded_error","message":{"x":1},"code":7}}"#,
    );
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Overloaded, Some("7")));
    let error = read(
        GEMINI,
        400,
        r#"{"error":{"message":"m","status":"INVALID_ARGUMENT","details":"none","code":"x"}}"#,
    );
    assert_eq!(error.native_type.as_deref(), Some("INVALID_ARGUMENT"));
}

#[test]
fn an_error_ends_a_stream_however_it_is_said() {
    for (protocol, begun) in [
        (CHAT, r#"{"choices":[{"index":0,"delta":{"content":"a"}}]}"#),
        (COMPLETIONS, r#"{"choices":[{"index":0,"text":"a"}]}"#),
        (RESPONSES, r#"{"type":"response.output_text.delta","output_index":0,"delta":"a"}"#),
        (MESSAGES, r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"a"}}"#),
        (GEMINI, r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#),
    ] {
        for frame in [
            r#"data: {"error":{"message":"boom","type":"server_error"}}"#,
            r#"data: {"error":"boom"}"#,
            "event: error\ndata: {\"error\":{\"message\":\"boom\"}}",
        ] {
            let (response, error) = stream(protocol, &format!("data: {begun}\n\n{frame}\n\n"));
            assert_eq!((text(&response).as_str(), error.unwrap().message.as_str()), ("a", "boom"), "{frame}");
        }
    }
    for (protocol, frame) in [
        (CHAT, "event: error\ndata: {\"message\":\"boom\",\"code\":500}"),
        (CHAT, r#"data: {"object":"error","message":"boom","type":"BadRequestError","code":400}"#),
        (MESSAGES, r#"data: {"type":"error","message":"boom"}"#),
        (RESPONSES, r#"data: {"type":"error","message":"boom","code":500}"#),
    ] {
        assert_eq!(stream(protocol, &format!("{frame}\n\n")).1.unwrap().message, "boom", "{frame}");
    }
}

#[test]
fn a_json_error_in_place_of_a_stream_is_that_error() {
    for protocol in ALL {
        let error = stream(protocol, "{\n  \"error\": {\"message\": \"boom\", \"code\": 400}\n}").1.unwrap();
        assert_eq!(error.message, "boom", "{}", protocol.name());
    }
}

#[test]
fn an_error_of_chat_comes_after_the_counts_of_what_was_used() {
    let begun = sse(&[
        json!({"choices": [{"index": 0, "delta": {"content": "a"}}]}),
        json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}}),
    ]);
    let written = stream_again(CHAT, &begun);
    let (counts, error) = (written.find("\"prompt_tokens\":3").unwrap(), written.find("\"error\"").unwrap());
    assert!(counts < error, "{written}");
}
