//! Errors of Chat Completions; the same bodies serve Responses.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::error::{ApiError, ErrorHead, ErrorKind, Native, openai_body};
use crate::json::record::record;
use crate::json::{Str, read};
use crate::protocol::Protocol;

record! {
    struct Body<'a> {
        error: &'a RawValue,
        message: Str<'a>,
        detail: &'a RawValue,
    }
}

record! {
    struct Inner<'a> {
        message: Str<'a>,
        kind("type"): &'a RawValue,
        code: &'a RawValue,
        param: &'a RawValue,
    }
}

/// What codes and types say more exactly than the status does.
const KINDS: [(&str, ErrorKind); 15] = [
    ("insufficient_quota", ErrorKind::Quota),
    ("context_length_exceeded", ErrorKind::ContextLength),
    ("model_not_found", ErrorKind::NotFound),
    ("invalid_api_key", ErrorKind::Auth),
    ("authentication_error", ErrorKind::Auth),
    ("permission_error", ErrorKind::Permission),
    ("rate_limit_exceeded", ErrorKind::RateLimit),
    ("rate_limit_error", ErrorKind::RateLimit),
    ("overloaded", ErrorKind::Overloaded),
    ("overloaded_error", ErrorKind::Overloaded),
    ("timeout", ErrorKind::Timeout),
    ("upstream_incomplete", ErrorKind::Incomplete),
    ("server_error", ErrorKind::Server),
    ("api_error", ErrorKind::Server),
    ("invalid_request_error", ErrorKind::Invalid),
];

/// How many of [`KINDS`] outrank the status; the rest count only inside a stream, which has none.
const EXACT: usize = 3;

/// The kind that a code, a type and a status say; status 200 is that of a stream and says nothing.
pub(crate) fn kind_of(code: Option<&str>, native_type: Option<&str>, status: u16) -> ErrorKind {
    let look = |rows: &[(&str, ErrorKind)]| {
        let find =
            |word: Option<&str>| rows.iter().find(|(known, _)| Some(*known) == word).map(|(_, kind)| *kind);
        find(code).or_else(|| find(native_type))
    };
    if status == 200 {
        look(&KINDS).unwrap_or(ErrorKind::Server)
    } else {
        look(&KINDS[..EXACT]).unwrap_or_else(|| ErrorKind::of_status(status))
    }
}

/// Reads an error body: OpenAI's, a compatible server's variation of it, or none at all.
pub(crate) fn decode(protocol: Protocol, head: ErrorHead<'_>, body: &[u8]) -> ApiError {
    let parsed: Option<Body<'_>> = read(body).ok();
    let inner = parsed.as_ref().and_then(|body| body.error).map(|raw| raw.get());
    let mut error = decode_inner(head.status, inner.unwrap_or("null"));
    if error.message.is_empty() {
        let text = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).ok();
        let other =
            parsed.as_ref().and_then(|body| body.message.as_ref().map(|text| text.0.clone().into_owned()));
        let detail = || parsed.as_ref().and_then(|body| body.detail.and_then(text));
        error.message =
            other.or_else(detail).unwrap_or_else(|| format!("the provider answered {}", head.status));
    }
    error.retry_after_ms = head.wait_ms();
    let is_json = || serde_json::from_slice::<&RawValue>(body).is_ok();
    error.native = std::str::from_utf8(body).ok().filter(|_| is_json()).map(|body| Native {
        protocol,
        status: head.status,
        body: body.to_owned(),
    });
    error
}

/// Reads an error object: `{message, type, param, code}`, or just a message.
pub(crate) fn decode_inner(status: u16, object: &str) -> ApiError {
    let inner: Inner<'_> = match serde_json::from_str::<Str<'_>>(object) {
        Ok(message) => Inner { message: Some(message), ..Inner::default() },
        Err(_) => serde_json::from_str(object).unwrap_or_default(),
    };
    let code = inner.code.and_then(word);
    let native_type = inner.kind.and_then(word);
    let kind = kind_of(code.as_deref(), native_type.as_deref(), status);
    let mut error = ApiError::new(kind, inner.message.map_or(Cow::Borrowed(""), |message| message.0));
    error.param = inner.param.and_then(word);
    error.code = code;
    error.native_type = native_type;
    error
}

/// A string, or a number as its text: Azure and others write codes both ways.
fn word(raw: &RawValue) -> Option<String> {
    match raw.get() {
        "null" => None,
        text if text.starts_with('"') => serde_json::from_str(text).ok(),
        text => Some(text.to_owned()),
    }
}

/// Writes an error: as its provider said it to a client of the same protocol, else for its kind.
pub(crate) fn encode(protocol: Protocol, error: &ApiError) -> (u16, Vec<u8>) {
    match error.native_for(protocol) {
        Some(native) if native.status >= 400 => (native.status, native.body.clone().into_bytes()),
        _ => (error.kind.dialects().status, openai_body(error)),
    }
}
