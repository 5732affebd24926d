//! A request for an answer, and the answer.

use llm_protocol::capabilities::Capabilities;
use llm_protocol::codec::{Codec, NoStates, RouteOptions};
use llm_protocol::{ApiError, ErrorHead, Exchange, Framing, Notes, Reply, Target, UrlFacts};
use serde_json::{Value, json};

use super::difference::{same, same_text};
use super::{Case, Failure, replay, summary};

/// Checks both halves of a recording.
pub(crate) fn check(case: &Case, codec: &dyn Codec) -> Result<(), Failure> {
    if let Some(body) = &case.request {
        forgive(case, request(case, codec, body))?;
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

/// A request that could not be read: why. One that was read and written must be as it was.
pub(super) enum Request {
    Unread(String),
    Differs(String),
}

/// A request that its provider refused as wrong may be refused here too.
pub(super) fn forgive(case: &Case, result: Result<(), Request>) -> Result<(), String> {
    match result {
        Err(Request::Unread(_)) if matches!(case.status(), 400 | 422) => Ok(()),
        Err(Request::Unread(why) | Request::Differs(why)) => Err(why),
        Ok(()) => Ok(()),
    }
}

/// What Gemini says in the URL.
pub(super) fn url(case: &Case) -> UrlFacts<'_> {
    let path = case.path().split('?').next().unwrap_or("");
    let Some((model, method)) = path.rsplit('/').next().and_then(|last| last.split_once(':')) else {
        return UrlFacts { model: case.meta["model"].as_str(), stream: case.meta["stream"].as_bool() };
    };
    UrlFacts { model: Some(model), stream: Some(method.starts_with("stream")) }
}

fn request(case: &Case, codec: &dyn Codec, body: &[u8]) -> Result<(), Request> {
    let request = codec
        .decode_request(body, url(case))
        .map_err(|error| Request::Unread(format!("request: {error}")))?;
    let target = Target {
        model: &request.model,
        capabilities: Capabilities::of(&request.model),
        options: RouteOptions::default(),
        states: &NoStates,
    };
    let mut notes = Notes::new(true);
    let encoded = codec
        .encode_request(&request, &target, &mut notes)
        .map_err(|rejected| Request::Differs(format!("request: {rejected}")))?;
    same_text("request", body, &encoded.body).map_err(Request::Differs)
}

fn response(case: &Case, codec: &dyn Codec, body: &[u8]) -> Result<(), String> {
    let exchange = Exchange::default();
    let response = codec.decode_response(body, &exchange).map_err(|error| format!("response: {error}"))?;
    if let Some(expect) = &case.expect {
        let shown = summary::shown_reasoning(codec.protocol(), [body]);
        summary::check(expect, &response, None, &shown)?;
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
        summary::check_refusal(expect, &error)?;
    }
    written_error(case, body, &error, codec.encode_error(&error), |head, body| codec.decode_error(head, body))
}

/// Checks that an error is written as it was; one whose body is not JSON, as of a gateway, in its protocol's own words.
pub(super) fn written_error(
    case: &Case,
    body: &[u8],
    error: &ApiError,
    (status, written): (u16, Vec<u8>),
    read: impl FnOnce(ErrorHead<'_>, &[u8]) -> ApiError,
) -> Result<(), String> {
    if serde_json::from_slice::<Value>(body).is_ok() {
        same("status", &json!(case.status()), &json!(status))?;
        return same_text("error", body, &written);
    }
    let again = read(ErrorHead { status, ..ErrorHead::default() }, &written);
    let told = |error: &ApiError| json!([format!("{:?}", error.kind), error.message]);
    same("written again and read: error", &told(error), &told(&again))
}
