//! A request for an answer, and the answer.

use llm_protocol::capabilities::Capabilities;
use llm_protocol::codec::{Codec, NoStates, RouteOptions};
use llm_protocol::{ErrorHead, Exchange, Framing, Notes, Reply, Target, UrlFacts};
use serde_json::json;

use super::difference::{same, same_text};
use super::{Case, Failure, replay, summary};

/// Checks both halves of a recording.
pub(crate) fn check(case: &Case, codec: &dyn Codec) -> Result<(), Failure> {
    if let Some(body) = &case.request {
        request(case, codec, body)?;
    }
    let Some(body) = &case.response else { return Err("there is no response".to_owned().into()) };
    let result = match case.framing() {
        _ if case.status() >= 400 => error(case, codec, body),
        "sse" => replay::check(codec, Framing::Sse, body, case.expect.as_ref()),
        "json-array" => replay::check(codec, Framing::JsonArray, body, case.expect.as_ref()),
        _ => response(case, codec, body),
    };
    Ok(result?)
}

/// What Gemini says in the URL.
pub(super) fn url(case: &Case) -> UrlFacts<'_> {
    let path = case.path().split('?').next().unwrap_or("");
    let Some((model, method)) = path.rsplit('/').next().and_then(|last| last.split_once(':')) else {
        return UrlFacts { model: case.meta["model"].as_str(), stream: case.meta["stream"].as_bool() };
    };
    UrlFacts { model: Some(model), stream: Some(method.starts_with("stream")) }
}

fn request(case: &Case, codec: &dyn Codec, body: &[u8]) -> Result<(), String> {
    let request = codec.decode_request(body, url(case)).map_err(|error| format!("request: {error}"))?;
    let target = Target {
        model: &request.model,
        capabilities: Capabilities::of(&request.model),
        options: RouteOptions::default(),
        states: &NoStates,
    };
    let mut notes = Notes::new(true);
    let encoded = codec
        .encode_request(&request, &target, &mut notes)
        .map_err(|rejected| format!("request: {rejected}"))?;
    same_text("request", body, &encoded.body)
}

fn response(case: &Case, codec: &dyn Codec, body: &[u8]) -> Result<(), String> {
    let exchange = Exchange::default();
    let response = codec.decode_response(body, &exchange).map_err(|error| format!("response: {error}"))?;
    if let Some(expect) = &case.expect {
        summary::check(expect, &response, None)?;
    }
    let request = llm_protocol::ir::Request::new(codec.protocol(), "".into());
    let mut reply = Reply::to(codec, &request, 1_700_000_000, 7);
    let mut notes = Notes::default();
    let written = codec.encode_response(&response, &mut reply, &mut notes);
    same("warnings", &json!(None::<String>), &json!(notes.header()))?;
    same_text("response", body, &written)
}

pub(super) fn error(case: &Case, codec: &dyn Codec, body: &[u8]) -> Result<(), String> {
    let head = ErrorHead {
        status: case.status(),
        retry_after: case.header("retry-after"),
        retry_after_ms: case.header("retry-after-ms"),
        ..ErrorHead::default()
    };
    let error = codec.decode_error(head, body);
    if let Some(expect) = &case.expect {
        summary::check_error(&expect["error"], Some(&error))?;
    }
    let (status, written) = codec.encode_error(&error);
    same("status", &json!(case.status()), &json!(status))?;
    same_text("error", body, &written)
}
