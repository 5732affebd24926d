use super::*;
use crate::bedrock_converse::Converse;
use crate::codec::{Guardrail, ProviderCodec as _, UrlFacts};
use crate::error::{ApiError, ErrorKind};
use crate::notes::Notes;
use crate::protocol::{Protocol, codec};
use serde_json::{Value, json};

const CASES: &str = include_str!("requests.json");
const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

/// The body and warnings of what a case becomes when it is counted.
fn counted(
    client: Protocol,
    request: &Value,
    model: &str,
    options: RouteOptions<'_>,
) -> (Value, Option<String>) {
    let body = request.to_string();
    let client = codec(client).unwrap().client_counter().unwrap();
    let request = client.decode_request(body.as_bytes(), UrlFacts::default()).unwrap();
    let mut notes = Notes::new(false);
    let counter = Converse.counter().unwrap();
    let encoded = counter.encode_request(&request, &target(model, options), &mut notes).unwrap();
    (serde_json::from_slice(&encoded.body).unwrap(), notes.header())
}

/// What becomes of a request: its body and warnings, or why it is refused.
fn written(
    client: Protocol,
    request: &Value,
    model: &str,
    options: RouteOptions<'_>,
) -> Result<(Value, Option<String>), String> {
    let body = request.to_string();
    let request = codec(client).unwrap().decode_request(body.as_bytes(), UrlFacts::default()).unwrap();
    let mut notes = Notes::new(false);
    let encoded = Converse.encode_request(&request, &target(model, options), &mut notes);
    let encoded = encoded.map_err(|rejected| rejected.to_string())?;
    Ok((serde_json::from_slice(&encoded.body).unwrap(), notes.header()))
}

#[test]
fn requests_become_what_the_cases_say() {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    assert!(cases.len() >= 10);
    for case in &cases {
        let client = Protocol::from_name(case["client"].as_str().unwrap()).unwrap();
        let model = case["model"].as_str().unwrap_or(CLAUDE);
        let guardrail = case["guardrail"].as_array().map(|parts| Guardrail {
            id: parts[0].as_str().unwrap(),
            version: parts[1].as_str().unwrap(),
            trace: parts[2].as_str(),
        });
        let cache_min_tokens = case["cacheMinTokens"].as_u64();
        let options = RouteOptions { cache_min_tokens, guardrail, ..RouteOptions::default() };
        let (body, warnings) = match case["count"] == true {
            true => counted(client, &case["request"], model, options),
            false => written(client, &case["request"], model, options).unwrap(),
        };
        assert_eq!(body, case["expected"], "{}\n{body}", case["name"]);
        assert_eq!(warnings.as_deref(), case["warnings"].as_str(), "{}", case["name"]);
    }
}

#[test]
fn what_it_cannot_do_is_refused_by_path() {
    let message = |content: Value| json!({"model": "m", "messages": [{"role": "user", "content": content}]});
    let mut several = message(json!("hi"));
    several["n"] = json!(2);
    let url = message(json!([{"type": "image_url", "image_url": {"url": "https://a.test/b.png"}}]));
    for (request, path) in [(several, "n:"), (url, "messages[0].content[0]:")] {
        let reason = written(Protocol::OpenAiChat, &request, CLAUDE, RouteOptions::default()).unwrap_err();
        assert!(reason.starts_with(path), "{reason}");
    }
}

#[test]
fn paths_hold_any_model() {
    assert_eq!(
        Converse.path(CLAUDE, false),
        "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
    );
    assert_eq!(
        Converse.path("arn:aws:bedrock:us-east-1:1:inference-profile/../x", true),
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2F..%2Fx/converse-stream"
    );
}

#[test]
fn models_are_counted_for_by_their_own_ids() {
    let base = "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens";
    for (model, path) in [
        (CLAUDE, base),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", base),
        (
            "arn:aws:bedrock:eu-west-1:1:inference-profile/global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            base,
        ),
        ("us.amazon.nova-pro-v1:0", "/model/us.amazon.nova-pro-v1%3A0/count-tokens"),
        (
            "arn:aws:bedrock:us-east-1:1:application-inference-profile/x",
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aapplication-inference-profile%2Fx/count-tokens",
        ),
    ] {
        assert_eq!(Converse.counter().unwrap().path(model), path, "{model}");
    }
}

#[test]
fn counts_are_read_and_what_cannot_be_counted_is_known() {
    let counter = Converse.counter().unwrap();
    assert_eq!(counter.decode_response(br#"{"inputTokens":38}"#).unwrap(), 38);
    assert!(counter.decode_response(b"{}").is_err());
    for (kind, message, cannot) in [
        (ErrorKind::Invalid, "The provided model doesn't support counting tokens.", true),
        (ErrorKind::Invalid, "The provided model identifier is invalid.", true),
        (ErrorKind::Invalid, "messages: roles must alternate", false),
        (ErrorKind::ContextLength, "prompt is too long: 300012 tokens > 200000 maximum", true),
        (ErrorKind::Permission, "is not authorized to perform: bedrock:CountTokens", true),
        (ErrorKind::NotFound, "", true),
        (ErrorKind::Auth, "The security token included in the request is invalid.", false),
        (ErrorKind::RateLimit, "Too many requests", false),
        (ErrorKind::Server, "", false),
    ] {
        assert_eq!(counter.cannot(&ApiError::new(kind, message)), cannot, "{message}");
    }
}
