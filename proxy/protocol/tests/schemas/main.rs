//! Everything written for another protocol validates against the types of that protocol's own SDK.

// Tests may panic; clippy takes only the functions marked as tests for tests.
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "shared with the recordings test")]
#[path = "../recordings/runner/case.rs"]
mod case;
#[path = "../goldens/translate.rs"]
mod translate;
#[path = "../goldens/unfold.rs"]
mod unfold;
mod validate;

use std::path::Path;

use case::{Case, Operation};
use llm_protocol::Protocol;
use serde_json::{Value, json};
use translate::Mode;
use validate::Schema;

/// The schemas of one protocol.
struct Schemas {
    request: Schema,
    response: Schema,
    event: Schema,
}

impl Schemas {
    fn of(protocol: Protocol) -> Schemas {
        let name = protocol.name();
        let event = match protocol {
            Protocol::OpenAiChat => "chunk",
            Protocol::Gemini => "response",
            _ => "event",
        };
        let load = |kind: &str| Schema::load(&format!("{name}.{kind}"));
        Schemas { request: load("request"), response: load("response"), event: load(event) }
    }
}

fn cases() -> Vec<Case> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let cases = case::load(&fixtures).unwrap();
    let cases = cases.into_iter().map(|(_, case)| case.unwrap());
    cases.filter(|case| matches!(case.operation(), Operation::Answer)).collect()
}

/// Errors, pings and pieces of custom calls are no members of the SDKs' unions.
fn is_listed(event: &Value) -> bool {
    let kind = event["type"].as_str().unwrap_or("");
    let custom = event["choices"][0]["delta"]["tool_calls"][0].get("custom").is_some();
    event.get("error").is_none_or(Value::is_null) && !matches!(kind, "error" | "ping") && !custom
}

#[test]
fn everything_written_for_another_protocol_validates() {
    let cases = cases();
    let mut failures = Vec::new();
    let mut counts = [0; 3];
    for (to, model) in translate::PAIRED {
        let schemas = Schemas::of(to);
        for case in cases.iter().filter(|case| case.protocol != to.name()) {
            let mut check = |what: &str, schema: &Schema, value: &Value, at: usize| {
                counts[at] += 1;
                if let Err(wrong) = schema.check(value) {
                    failures.push(format!("{} to {}: {what}{wrong}", case.name, to.name()));
                }
            };
            let parse = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
            if let Some(Ok(written)) = translate::request(case, to, model) {
                check("request", &schemas.request, &parse(&written.body), 0);
            }
            for mode in [Mode::Recorded, Mode::Plain, Mode::Stream] {
                let answer = translate::answer(case, to, model, mode);
                let Some(answer) = answer.filter(|answer| answer.status < 400) else { continue };
                if answer.is_stream {
                    for event in translate::events(&answer.body).iter().filter(|event| is_listed(event)) {
                        check(&format!("event {}", event["type"]), &schemas.event, event, 2);
                    }
                } else {
                    check("response", &schemas.response, &parse(&answer.body), 1);
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} of {counts:?}:\n{}", failures.len(), failures.join("\n"));
    assert!(counts[0] > 300 && counts[1] > 300 && counts[2] > 1000, "only {counts:?} were checked");
}

#[test]
fn the_validator_says_what_is_wrong() {
    let schema = Schema::load("openai_responses.response");
    let good = json!({"id": "r", "created_at": 1, "model": "m", "object": "response", "output": [], "parallel_tool_calls": true,
        "tool_choice": "auto", "tools": []});
    assert_eq!(schema.check(&good), Ok(()));
    for (key, value, wrong) in [
        ("object", json!("x"), ".object: "),
        ("id", json!(1), ".id: 1 is no string"),
        ("created_at", json!("1"), ".created_at"),
        (
            "output",
            json!([{"type": "message", "id": "m", "role": "assistant", "status": "new", "content": []}]),
            ".output[0].status",
        ),
        ("usage", json!({"input_tokens": 1}), ".usage"),
    ] {
        let mut bad = good.clone();
        bad[key] = value;
        let said = schema.check(&bad).unwrap_err();
        assert!(said.starts_with(wrong), "{said}");
    }
    assert!(schema.check(&json!({})).unwrap_err().ends_with("is missing"));
}
