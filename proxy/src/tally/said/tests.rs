use super::*;

fn plain(text: &str) -> u64 {
    let mut heard = Heard::default();
    heard.text(text);
    Said::Heard(heard).tokens()
}

fn answer(protocol: Protocol, json: &str) -> u64 {
    let all = json.len() as u64;
    Said::Answer { protocol, json: vec![Bytes::copy_from_slice(json.as_bytes())], all }.tokens()
}

#[test]
fn escapes_are_what_they_stand_for() {
    let mut heard = Heard::default();
    let text = "a \"quoted\" line\n and a crab 🦀";
    for part in ["{\"delta\":\"a \\\"quo\"}", "{\"delta\":\"ted\\\" line\\n and a crab \\ud83e\"}"] {
        heard.listen(Protocol::Responses, part.as_bytes());
    }
    heard.listen(Protocol::Responses, b"{\"delta\":\"\\udd80\"}");
    assert_eq!(Said::Heard(heard).tokens(), plain(text));
    assert_eq!(unescaped(b"half an escape \\ud8"), "half an escape ");
    assert_eq!(unescaped("half a letter é".as_bytes().split_last().unwrap().1), "half a letter ");
    assert_eq!(unescaped(b"no \x01 string \xff of JSON\\"), "no \u{1} string \u{fffd} of JSON\\");
    assert_eq!(unescaped(b""), "");
}

#[test]
fn a_long_stream_is_kept_in_part_and_counted_whole() {
    let mut heard = Heard::default();
    let word = "{\"delta\":\" word\"}";
    for _ in 0..100_000 {
        heard.listen(Protocol::Responses, word.as_bytes());
    }
    assert!(heard.text.len() <= KEPT && heard.text.capacity() <= 2 * KEPT, "{}", heard.text.capacity());
    let tokens = Said::Heard(heard).tokens();
    assert!(tokens.abs_diff(100_000) < 1000, "{tokens}");
    // So is a single delta.
    let mut heard = Heard::default();
    heard.listen(Protocol::Responses, format!("{{\"delta\":\"{}\"}}", "\\u00e9 ".repeat(100_000)).as_bytes());
    assert!(heard.text.capacity() <= 2 * KEPT);
    let tokens = Said::Heard(heard).tokens();
    assert!(tokens.abs_diff(plain(&"é ".repeat(2000)) * 50) < tokens / 50, "{tokens}");
}

/// Deltas within deltas are looked at once.
#[test]
fn what_is_heard_takes_no_longer_than_its_length() {
    let nested = |depth: usize| "{\"delta\":".repeat(depth);
    let time = |text: &str| {
        let began = std::time::Instant::now();
        Heard::default().listen(Protocol::ChatCompletions, text.as_bytes());
        began.elapsed().max(std::time::Duration::from_micros(100))
    };
    let (short, long) = (time(&nested(2_000)), time(&nested(64_000)));
    assert!(long < short * 320, "{long:?} {short:?}");
}

#[test]
fn answers_are_read_by_their_protocol() {
    let message = r#"{"choices":[{"message":{"content":"hello world","tool_calls":[
        {"id":"call_1","type":"function","function":{"name":"look","arguments":"{}"}}]}}]}"#;
    assert_eq!(answer(Protocol::ChatCompletions, message), 4);
    let messages = r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","stop_reason":"end_turn",
        "content":[{"type":"text","text":"hello world"},{"type":"tool_use","id":"t","name":"look","input":{"at":"it"}}]}"#;
    assert_eq!(answer(Protocol::Messages, messages), 2 + plain("look") + plain("{\"at\":\"it\"}"));
    // One that broke off, one that is several, and what is none.
    assert_eq!(answer(Protocol::ChatCompletions, &message[..46]), 2);
    let part = r#"{"candidates":[{"content":{"parts":[{"text":"hello world"}]}}]}"#;
    assert_eq!(
        answer(Protocol::GenerateContent, &format!("[{part},\n{part}]")),
        plain("hello worldhello world")
    );
    assert_eq!(answer(Protocol::ChatCompletions, "<html>"), 0);
    // The end of a long one stands for all of it.
    let json = vec![Bytes::copy_from_slice(message.as_bytes())];
    let all = 10 * message.len() as u64;
    assert_eq!(Said::Answer { protocol: Protocol::ChatCompletions, json, all }.tokens(), 40);
}
