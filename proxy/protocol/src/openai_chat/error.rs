//! Errors of Chat Completions; the same bodies serve Responses.

use serde_json::value::RawValue;

use crate::error::{ApiError, ErrorHead, ErrorKind, Native, openai_body};
use crate::fault;
use crate::json::record::record;
use crate::json::{Str, lenient};
use crate::protocol::Protocol;

record! {
    /// A frame of a stream.
    struct Bare<'a> {
        object: Str<'a>,
        kind("type"): Str<'a>,
    }
}

record! {
    struct Inner<'a> {
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
    let mut error = decode_inner(head.status, fault::inner(body));
    if error.message.is_empty() {
        error.message = format!("the provider answered {}", head.status);
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
    let inner: Inner<'_> = lenient(object).unwrap_or_default();
    let code = inner.code.and_then(fault::word);
    let native_type = inner.kind.and_then(fault::word);
    let kind = kind_of(code.as_deref(), native_type.as_deref(), status);
    let mut error = ApiError::new(kind, fault::message(object));
    error.param = inner.param.and_then(fault::word);
    error.code = code;
    error.native_type = native_type;
    error
}

/// Reads the error of a chunk of a stream.
pub(crate) fn decode_stream(raw: &RawValue) -> ApiError {
    of_stream(fault::inner(raw.get().as_bytes()))
}

/// Reads a frame of a stream that is no chunk but an error all the same: its event says so, or one of its members.
pub(super) fn decode_bare(named: bool, data: &str) -> Option<ApiError> {
    let bare: Bare<'_> = lenient(data).ok()?;
    let says = |word: Option<Str<'_>>| word.is_some_and(|word| word.as_ref() == "error");
    (named || says(bare.object) || says(bare.kind)).then(|| of_stream(fault::inner(data.as_bytes())))
}

fn of_stream(object: &str) -> ApiError {
    let mut error = decode_inner(200, object);
    if error.message.is_empty() {
        error.message = "the provider's stream failed".to_owned();
    }
    error
}

/// Writes an error: as its provider said it to a client of the same protocol, else for its kind.
pub(crate) fn encode(protocol: Protocol, error: &ApiError) -> (u16, Vec<u8>) {
    match error.native_for(protocol) {
        Some(native) if native.status >= 400 => (native.status, native.body.clone().into_bytes()),
        _ => (error.kind.dialects().status, openai_body(error)),
    }
}
