//! Errors of Messages.

use serde_json::value::RawValue;

use crate::error::{ApiError, ErrorHead, ErrorKind, Native};
use crate::fault;
use crate::json::record::record;
use crate::json::write::{self, Object};
use crate::json::{Str, compact, lenient};
use crate::notes::UNSUPPORTED;

use super::THIS;

record! {
    struct Inner<'a> {
        kind("type"): Str<'a>,
        // Not the vendor's; of compatible servers.
        code: &'a RawValue,
    }
}

/// What types say, which is more exact than the status.
const KINDS: [(&str, ErrorKind); 10] = [
    ("invalid_request_error", ErrorKind::Invalid),
    ("authentication_error", ErrorKind::Auth),
    ("billing_error", ErrorKind::Quota),
    ("permission_error", ErrorKind::Permission),
    ("not_found_error", ErrorKind::NotFound),
    ("request_too_large", ErrorKind::TooLarge),
    ("rate_limit_error", ErrorKind::RateLimit),
    ("api_error", ErrorKind::Server),
    ("overloaded_error", ErrorKind::Overloaded),
    ("timeout_error", ErrorKind::Timeout),
];

/// What the message of an invalid request says when the prompt does not fit: there is no type for it.
const TOO_LONG: [&str; 2] = ["prompt is too long", "exceed context limit"];

/// Reads an error body, or none at all.
pub(super) fn decode(head: ErrorHead<'_>, body: &[u8]) -> ApiError {
    let mut error = decode_inner(head.status, fault::inner(body));
    if error.message.is_empty() {
        error.message = format!("the provider answered {}", head.status);
    }
    error.retry_after_ms = head.wait_ms();
    error.native = native(head.status, body);
    error
}

/// Reads the error of a stream event: the whole of its data.
pub(super) fn decode_event(data: &str) -> ApiError {
    let mut error = decode_inner(200, fault::inner(data.as_bytes()));
    if error.message.is_empty() {
        error.message = "the provider's stream failed".to_owned();
    }
    error.native = native(200, data.as_bytes());
    error
}

/// Reads an error object; status 200 is that of a stream and says nothing.
pub(super) fn decode_inner(status: u16, object: &str) -> ApiError {
    let inner: Inner<'_> = lenient(object).unwrap_or_default();
    let word = inner.kind.as_ref().map_or("", |kind| kind.as_ref());
    let known = KINDS.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind);
    let of_status = || if status == 200 { ErrorKind::Server } else { ErrorKind::of_status(status) };
    let message = fault::message(object);
    let kind = match known.unwrap_or_else(of_status) {
        ErrorKind::Invalid if TOO_LONG.iter().any(|mark| message.contains(mark)) => ErrorKind::ContextLength,
        // Another proxy of ours says it in these words: there is no type for it either.
        ErrorKind::Server if message == ApiError::incomplete().message => ErrorKind::Incomplete,
        kind => kind,
    };
    let mut error = ApiError::new(kind, message);
    error.code = inner.code.and_then(fault::word);
    // Of an error without an object of its own, the type says only that it is one.
    error.native_type = inner.kind.map(|kind| kind.0.into_owned()).filter(|word| word != "error");
    error
}

fn native(status: u16, body: &[u8]) -> Option<Native> {
    let text = std::str::from_utf8(body).ok()?;
    serde_json::from_str::<&RawValue>(text).ok()?;
    Some(Native { protocol: THIS, status, body: text.to_owned() })
}

/// Writes an error: as its provider said it to a client of this protocol, else for its kind.
pub(super) fn encode(error: &ApiError) -> (u16, Vec<u8>) {
    match error.native_for(THIS) {
        Some(native) if native.status >= 400 => (native.status, native.body.clone().into_bytes()),
        _ => {
            let mut body = Vec::with_capacity(128 + error.message.len());
            write::object(&mut body, |o| {
                members(o, error);
                o.null("request_id");
            });
            (error.kind.dialects().anthropic_status, body)
        }
    }
}

/// Writes the data of an `error` event.
pub(super) fn write_event_data(out: &mut Vec<u8>, error: &ApiError) {
    match error.native_for(THIS) {
        // Compact, since an event's data must be one line.
        Some(native) if native.status == 200 => out.extend_from_slice(compact(&native.body).as_bytes()),
        _ => write::object(out, |o| members(o, error)),
    }
}

/// There is no field for a code: ours, which clients may look for, goes into the message.
fn members(o: &mut Object<'_>, error: &ApiError) {
    o.str("type", "error");
    o.object("error", |o| {
        o.str("type", error.kind.dialects().anthropic_type);
        match error.code.as_deref() {
            Some(UNSUPPORTED) => write::concat(o.key("message"), &[UNSUPPORTED, ": ", &error.message]),
            _ => o.str("message", &error.message),
        }
    });
}
