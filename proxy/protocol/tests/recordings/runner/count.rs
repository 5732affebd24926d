//! A request to count tokens, and the count.

use llm_protocol::capabilities::Capabilities;
use llm_protocol::codec::{Codec, NoStates, RouteOptions};
use llm_protocol::{Notes, Target, TokenCounter};
use serde_json::json;

use super::answer::Request;
use super::difference::{same, same_text};
use super::{Case, Failure, answer};

/// Checks both halves of a recording.
pub(crate) fn check(case: &Case, codec: &dyn Codec, counter: &dyn TokenCounter) -> Result<(), Failure> {
    if let Some(body) = &case.request {
        answer::forgive(case, request(case, counter, body))?;
    }
    let Some(body) = &case.response else { return Err("there is no response".to_owned().into()) };
    if case.status() >= 400 {
        return Ok(answer::error(case, codec, body)?);
    }
    let read = |body: &[u8]| counter.decode_response(body).map_err(|error| format!("response: {error}"));
    let tokens = read(body)?;
    if let Some(expect) = &case.expect {
        let seen = json!({ "finish": "count", "usage": { "input_total": tokens } });
        for (key, value) in expect.as_object().into_iter().flatten() {
            same(key, value, &seen[key])?;
        }
    }
    let again = read(&counter.encode_response(tokens))?;
    Ok(same("written again and read: tokens", &json!(tokens), &json!(again))?)
}

fn request(case: &Case, counter: &dyn TokenCounter, body: &[u8]) -> Result<(), Request> {
    let request = counter
        .decode_request(body, answer::url(case))
        .map_err(|error| Request::Unread(format!("request: {error}")))?;
    let target = Target {
        model: &request.model,
        capabilities: Capabilities::of(&request.model),
        options: RouteOptions::default(),
        states: &NoStates,
    };
    let encoded = counter
        .encode_request(&request, &target, &mut Notes::new(true))
        .map_err(|rejected| Request::Differs(format!("request: {rejected}")))?;
    same_text("request", body, &encoded.body).map_err(Request::Differs)
}
