//! A recording that was tampered with fails, and the failure names what differs first.

use std::path::Path;

use super::runner::{self, Case};
use serde_json::{Value, json};

fn cases() -> Vec<Case> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    runner::load(&fixtures).unwrap().into_iter().map(|(_, case)| case.unwrap()).collect()
}

fn case(name: &str) -> Case {
    cases().into_iter().find(|case| case.name == name).unwrap()
}

fn failure(case: &Case) -> String {
    runner::check(case).err().map_or("passed".to_owned(), |failure| failure.to_string())
}

/// The case with that text of its answer replaced wherever it stands.
fn with(name: &str, old: &str, new: &str) -> Case {
    let mut case = case(name);
    let text = String::from_utf8(case.response.unwrap()).unwrap();
    assert!(text.contains(old), "{name} does not hold {old:?}");
    case.response = Some(text.replace(old, new).into_bytes());
    case
}

#[test]
fn altered_answers_are_noticed() {
    for (name, old, new, difference) in [
        ("openai_chat/text-basic", "\"content\": \"", "\"content\": \"x", "text: expected "),
        ("anthropic_messages/text-basic", "\"text\":\"", "\"text\":\"x", "text: expected "),
        ("openai_responses/text-basic", "\"text\": \"", "\"text\": \"x", "text: expected "),
        ("gemini_generate/text-basic", "\"text\": \"", "\"text\": \"x", "text: expected "),
        (
            "openai_chat/tool-choice-named",
            "arguments\": \"{",
            "arguments\": \"{\\\"x\\\":1,",
            "tool_calls[0].arguments",
        ),
        ("openai_chat/tools-parallel-stream-turn1", "{\\\"", "[\\\"", "tool_calls[0].arguments"),
        (
            "openai_chat/text-basic",
            "\"prompt_tokens\": ",
            "\"prompt_tokens\": 1",
            "usage.input_total: expected ",
        ),
        (
            "openai_chat/max-tokens-stream",
            "\"length\"",
            "\"stop\"",
            "finish: expected \"length\", seen \"stop\"",
        ),
        (
            "anthropic_messages/max-tokens-stream",
            "\"max_tokens\"",
            "\"end_turn\"",
            "finish: expected \"length\"",
        ),
        ("openai_responses/error-429-tokens", "rate_limit_exceeded", "rate_limit", "error.code: expected "),
        (
            "anthropic_messages/error-midstream-overloaded",
            "overloaded_error",
            "api_error",
            "error.type: expected ",
        ),
        ("gemini_generate/error-403", "PERMISSION_DENIED", "NOT_FOUND", "error.type: expected "),
        (
            "openai_responses/text-basic-stream",
            "event: response.completed",
            "event: x\ndata: {}\n\nevent: response.completed",
            "events: expected ",
        ),
        ("openai_chat/text-basic-stream", "[DONE]", "{}", "done_sentinel: expected true"),
    ] {
        let failure = failure(&with(name, old, new));
        assert!(failure.starts_with(difference), "{name}: {failure}");
    }
}

#[test]
fn events_out_of_order_are_noticed() {
    for (name, difference) in
        [("openai_chat/text-basic-stream", "text: "), ("anthropic_messages/text-basic-stream", "text: ")]
    {
        let mut case = case(name);
        let text = String::from_utf8(case.response.unwrap()).unwrap();
        let mut frames: Vec<&str> = text.split("\n\n").collect();
        let is_text = |frame: &&str| frame.contains("\"content\":\"") || frame.contains("text_delta");
        let texts: Vec<usize> = (0..frames.len()).filter(|at| is_text(&frames[*at])).collect();
        let (first, last) = (texts[texts.len() - 2], texts[texts.len() - 1]);
        frames.swap(first, last);
        case.response = Some(frames.join("\n\n").into_bytes());
        let failure = failure(&case);
        assert!(failure.starts_with(difference), "{name}: {failure}");
    }
}

#[test]
fn a_stream_without_its_end_is_noticed() {
    for (name, end) in [
        ("openai_chat/text-basic-stream", "\"finish_reason\":\"stop\""),
        ("anthropic_messages/text-basic-stream", "event: message_delta"),
        ("openai_responses/text-basic-stream", "event: response.completed"),
        ("gemini_generate/text-basic-stream", "\"finishReason\""),
    ] {
        let mut case = case(name);
        let text = String::from_utf8(case.response.unwrap()).unwrap();
        let cut =
            text.split("\n\n").take_while(|frame| !frame.contains(end)).collect::<Vec<_>>().join("\n\n");
        assert!(cut.len() < text.len(), "{name} does not hold {end:?}");
        case.response = Some(cut.into_bytes());
        let failure = failure(&case);
        assert!(failure.starts_with("finish: expected \"stop\", seen \"truncated\""), "{name}: {failure}");
    }
}

/// What `expect.json` says that no codec reads.
const UNREAD: [&str; 3] = ["streamed_text_equals_final", "signatures_note", "details"];

#[test]
fn everything_a_recording_says_is_compared() {
    let mut changed = 0;
    let mut unnoticed = Vec::new();
    for case in cases() {
        let Some(expect) = &case.expect else { continue };
        for pointer in leaves(expect, String::new()) {
            let mut altered = case.clone();
            let leaf = altered.expect.as_mut().unwrap().pointer_mut(&pointer).unwrap();
            *leaf = other(leaf);
            changed += 1;
            if runner::check(&altered).is_ok() {
                unnoticed.push(format!("{}: {pointer}", case.name));
            }
        }
    }
    assert!(changed > 1500, "only {changed} facts");
    assert!(unnoticed.is_empty(), "{}", unnoticed.join("\n"));
}

/// Pointers to all scalars that are told.
fn leaves(value: &Value, at: String) -> Vec<String> {
    let child = |key: &str, value: &Value| leaves(value, format!("{at}/{}", key.replace('/', "~1")));
    match value {
        Value::Object(members) => {
            let read = members.iter().filter(|(key, _)| !UNREAD.contains(&key.as_str()));
            read.flat_map(|(key, value)| child(key, value)).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(at, value)| child(&at.to_string(), value)).collect()
        }
        // A code or a parameter that the recorder did not find says nothing.
        Value::Null if at.starts_with("/error/") => Vec::new(),
        _ => vec![at],
    }
}

fn other(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(format!("{text}x")),
        Value::Number(number) => json!(number.as_f64().unwrap() + 1.0),
        Value::Bool(truth) => json!(!truth),
        _ => json!("x"),
    }
}
