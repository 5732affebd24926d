//! Errors inside streams and answers. Those of whole responses are as in Chat Completions.

use serde_json::value::RawValue;

use crate::error::{ApiError, Native, openai_code};
use crate::fault;
use crate::json::compact;
use crate::json::write::Object;
use crate::openai_chat::error::decode_inner;

use super::{THIS, wire};

/// Reads the error of an `error` event: at its top by the vendor's description, nested in what servers send.
pub(super) fn of_event(event: &wire::Event<'_>, data: &str) -> ApiError {
    let mut error = decode_inner(200, fault::inner(data.as_bytes()));
    if event.error.is_none() {
        // There the type is that of the event.
        error.native_type = None;
    }
    finish(error)
}

/// Reads the error of a response that failed; `None` if it says nothing of one.
pub(super) fn of_response(raw: Option<&RawValue>) -> Option<ApiError> {
    let raw = raw.filter(|raw| raw.get() != "null")?;
    let mut error = finish(decode_inner(200, raw.get()));
    error.native = Some(Native { protocol: THIS, status: 200, body: compact(raw.get()).into_owned() });
    Some(error)
}

/// The error of a response that failed without saying why.
pub(super) fn failed() -> ApiError {
    finish(ApiError::new(crate::error::ErrorKind::Server, ""))
}

fn finish(mut error: ApiError) -> ApiError {
    if error.message.is_empty() {
        error.message = "the provider failed to answer".to_owned();
    }
    error
}

/// The code of an error: the provider's, or the one of its kind.
fn code(error: &ApiError) -> &str {
    let own = error.native_for(THIS).and(error.code.as_deref());
    own.or(openai_code(error)).unwrap_or(error.kind.dialects().openai_type)
}

/// Writes the members of an `error` event.
pub(super) fn write_event(o: &mut Object<'_>, error: &ApiError) {
    o.str("code", code(error));
    o.str("message", &error.message);
    match &error.param {
        Some(param) => o.str("param", param),
        None => o.null("param"),
    }
}

/// Codes of other dialects that the `error` of a response knows. The event before it says the exact one.
const LISTED: [&str; 1] = ["rate_limit_exceeded"];

/// Writes the `error` of a response, whose codes are a closed list.
pub(super) fn write_response(o: &mut Object<'_>, error: &ApiError) {
    let code = code(error);
    let listed = error.native_for(THIS).is_some() || LISTED.contains(&code);
    o.str("code", if listed { code } else { "server_error" });
    o.str("message", &error.message);
}
