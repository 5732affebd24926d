use super::*;
use crate::bedrock_converse::Converse;
use crate::codec::{ProviderCodec as _, UrlFacts};
use crate::notes::Notes;
use crate::protocol::{Protocol, codec};
use serde_json::{Value, json};

const CASES: &str = include_str!("requests.json");
const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

/// What becomes of a request: its body and warnings, or why it is refused.
fn written(
    client: Protocol,
    request: &Value,
    model: &str,
    options: RouteOptions,
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
        let options =
            RouteOptions { cache_min_tokens: case["cacheMinTokens"].as_u64(), ..RouteOptions::default() };
        let (body, warnings) = written(client, &case["request"], model, options).unwrap();
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
