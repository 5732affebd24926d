//! Text that was cut within a character.

use std::borrow::Cow;

use llm_protocol::json::mend;

use super::*;

/// A stream of every protocol that says two pieces of text, given as they stand in JSON.
fn texts(one: &str, two: &str) -> Vec<(Protocol, String)> {
    let event = |data: String| format!("data: {data}\n\n");
    let of = |piece: &dyn Fn(&str) -> String, last: &str| {
        event(piece(one)) + &event(piece(two)) + &event(last.to_owned())
    };
    let start = |event: &str| format!("data: {event}\n\n");
    vec![
        (
            CHAT,
            of(
                &|text| format!(r#"{{"choices":[{{"delta":{{"content":"{text}"}}}}]}}"#),
                r#"{"choices":[{"finish_reason":"stop"}]}"#,
            ),
        ),
        (
            COMPLETIONS,
            of(
                &|text| format!(r#"{{"choices":[{{"text":"{text}"}}]}}"#),
                r#"{"choices":[{"text":"","finish_reason":"stop"}]}"#,
            ),
        ),
        (
            MESSAGES,
            start(r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#)
                + &of(
                    &|text| {
                        format!(r#"{{"type":"content_block_delta","index":0,"delta":{{"text":"{text}"}}}}"#)
                    },
                    r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
                ),
        ),
        (
            RESPONSES,
            of(
                &|text| {
                    format!(r#"{{"type":"response.output_text.delta","output_index":0,"delta":"{text}"}}"#)
                },
                r#"{"type":"response.completed","response":{"status":"completed"}}"#,
            ),
        ),
        (
            GEMINI,
            of(
                &|text| format!(r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{text}"}}]}}}}]}}"#),
                r#"{"candidates":[{"finishReason":"STOP"}]}"#,
            ),
        ),
    ]
}

#[test]
fn pieces_that_were_cut_within_a_character_are_joined() {
    for (one, two, expected) in [
        (r"a\ud83d", r"\ude00!", "a😀!"),
        (r"\ud83dx", r"y\ude00", "\u{fffd}xy\u{fffd}"),
        (r"\\ud83d", r"\ud83d\ude00", r"\ud83d😀"),
    ] {
        for (protocol, body) in texts(one, two) {
            let (response, error) = stream(protocol, &body);
            assert_eq!((text(&response).as_str(), error), (expected, None), "{}", protocol.name());
        }
    }
}

#[test]
fn bytes_that_are_no_text_cost_nothing_else() {
    for (protocol, body) in texts("a??b", "!") {
        let mut body = body.into_bytes();
        let at = body.windows(2).position(|two| two == b"??").unwrap();
        body[at..at + 2].copy_from_slice(b"\xff\xfe");
        let mut reader = StreamReader::new(Framing::Sse, of(protocol).stream_decoder(Exchange::default()));
        let mut fold = Fold::new(protocol);
        reader.push(&body, &mut fold);
        reader.finish(&mut fold);
        assert_eq!(text(&fold.into_parts().0), "a\u{fffd}\u{fffd}b!", "{}", protocol.name());
    }
}

#[test]
fn arguments_that_were_cut_within_a_character_are_joined() {
    let chunk = |arguments: &str| {
        format!(
            r#"data: {{"choices":[{{"delta":{{"tool_calls":[{{"index":0,"id":"a","function":{{"name":"f","arguments":"{arguments}"}}}}]}}}}]}}"#
        ) + "\n\n"
    };
    let body = chunk(r#"{\"x\":\"\ud83d"#) + &chunk(r#"\ude00\"}"#) + "data: [DONE]\n\n";
    assert_eq!(calls(&stream(CHAT, &body).0), json!([["a", "f", "{\"x\":\"😀\"}"]]));
}

#[test]
fn a_whole_answer_with_half_a_character_is_read() {
    let half = r#"{"choices":[{"message":{"content":"a\ud83d","reasoning_content":"\ude00b"},"finish_reason":"stop"}]}"#;
    assert!(answer(CHAT, half).is_err(), "it is no text as it is");
    let mended = mend(half.as_bytes());
    let response = answer(CHAT, &mended).unwrap();
    assert_eq!((text(&response).as_str(), reasoning(&response).as_str()), ("a\u{fffd}", "\u{fffd}b"));
    assert!(matches!(mend(br#"{"a":"\ud83d\ude00 \\ud83d"}"#), Cow::Borrowed(_)));
}
