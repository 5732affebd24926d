//! Errors of Google's APIs.

use serde_json::value::RawValue;

use crate::error::{ApiError, ErrorHead, ErrorKind, Native};
use crate::fault;
use crate::json::record::record;
use crate::json::write::{self, Object};
use crate::json::{Num, Str, compact, lenient};

use super::THIS;

record! {
    struct Inner<'a> {
        code: Num<'a>,
        status: Str<'a>,
        details: Vec<Detail<'a>>,
    }
}

record! {
    /// `ErrorInfo`, `RetryInfo` or `BadRequest`.
    struct Detail<'a> {
        reason: Str<'a>,
        retry_delay("retryDelay"): Str<'a>,
        field_violations("fieldViolations"): Vec<Violation<'a>>,
    }
}

record! {
    struct Violation<'a> {
        field: Str<'a>,
    }
}

/// What the reason of an `ErrorInfo` says more exactly than the status does. Our own errors carry theirs, so
/// that they are read back as what they were.
const REASONS: [(&str, ErrorKind); 5] = [
    ("API_KEY_INVALID", ErrorKind::Auth),
    ("UPSTREAM_INCOMPLETE", ErrorKind::Incomplete),
    ("UPSTREAM_AUTH", ErrorKind::UpstreamAuth),
    ("CONTEXT_LENGTH_EXCEEDED", ErrorKind::ContextLength),
    ("INSUFFICIENT_QUOTA", ErrorKind::Quota),
];

/// Kinds by the word of the status, for streams that have no HTTP status.
const STATUSES: [(&str, ErrorKind); 7] = [
    ("INVALID_ARGUMENT", ErrorKind::Invalid),
    ("UNAUTHENTICATED", ErrorKind::Auth),
    ("PERMISSION_DENIED", ErrorKind::Permission),
    ("NOT_FOUND", ErrorKind::NotFound),
    ("RESOURCE_EXHAUSTED", ErrorKind::RateLimit),
    ("UNAVAILABLE", ErrorKind::Overloaded),
    ("DEADLINE_EXCEEDED", ErrorKind::Timeout),
];

/// How the message of a prompt that is too long reads.
const TOO_LONG: &str = "exceeds the maximum number of tokens";

/// The domain of the reasons that are ours.
const DOMAIN: &str = "llm-proxy";

/// Reads an error body: an object, or that object in an array, as streams without `alt=sse` have it.
pub(super) fn decode(head: ErrorHead<'_>, body: &[u8]) -> ApiError {
    let mut error = decode_inner(head.status, fault::inner(body));
    if error.message.is_empty() {
        error.message = format!("the provider answered {}", head.status);
    }
    error.retry_after_ms = head.wait_ms().or(error.retry_after_ms);
    let is_json = || serde_json::from_slice::<&RawValue>(body).is_ok();
    error.native = std::str::from_utf8(body).ok().filter(|_| is_json()).map(|body| Native {
        protocol: THIS,
        status: head.status,
        body: body.to_owned(),
    });
    error
}

/// Reads the error of a chunk of a stream.
pub(super) fn decode_chunk(raw: &RawValue) -> ApiError {
    let mut error = decode_inner(200, raw.get());
    if error.message.is_empty() {
        error.message = "the provider's stream failed".to_owned();
    }
    let body = format!("{{\"error\":{}}}", compact(raw.get()));
    error.native = Some(Native { protocol: THIS, status: 200, body });
    error
}

fn decode_inner(status: u16, object: &str) -> ApiError {
    let inner: Inner<'_> = lenient(object).unwrap_or_default();
    let details = inner.details.unwrap_or_default();
    let word = inner.status.as_ref().map_or("", |word| word.as_ref());
    let message = fault::message(object);
    let code = inner.code.as_ref().map(|code| code.0.to_owned());
    let status = match (status, inner.code.as_ref().and_then(Num::as_u64)) {
        (200, Some(code)) => u16::try_from(code).unwrap_or(500),
        _ => status,
    };
    let reason = details.iter().find_map(|detail| {
        let reason = detail.reason.as_ref()?.as_ref();
        REASONS.iter().find(|(known, _)| *known == reason).map(|(_, kind)| *kind)
    });
    let by_word = || STATUSES.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind);
    let kind = match reason {
        Some(kind) => kind,
        None if status == 400 && message.contains(TOO_LONG) => ErrorKind::ContextLength,
        None if status == 200 => by_word().unwrap_or(ErrorKind::Server),
        None => ErrorKind::of_status(status),
    };
    let mut error = ApiError::new(kind, message);
    error.native_type = Some(word.to_owned()).filter(|word| !word.is_empty());
    error.code = code;
    error.param = details.iter().find_map(|detail| {
        let first = detail.field_violations.as_ref()?.first()?;
        first.field.as_ref().map(|field| field.0.clone().into_owned())
    });
    error.retry_after_ms = details.iter().find_map(|detail| delay_ms(detail.retry_delay.as_ref()?.as_ref()));
    error
}

/// A duration as protobuf's JSON writes it, `34.4s`, in milliseconds of whole seconds.
fn delay_ms(text: &str) -> Option<u64> {
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    (0.0..1e9).contains(&seconds).then(|| seconds.ceil() as u64 * 1000)
}

/// Writes an error: as Google said it, else for its kind.
pub(super) fn encode(error: &ApiError) -> (u16, Vec<u8>) {
    match error.native_for(THIS) {
        Some(native) if native.status >= 400 => (native.status, native.body.clone().into_bytes()),
        _ => (status(error), write_object(error)),
    }
}

/// Writes the error of a stream.
pub(super) fn write_chunk(error: &ApiError) -> Vec<u8> {
    match error.native_for(THIS) {
        Some(native) if native.status == 200 => native.body.clone().into_bytes(),
        _ => write_object(error),
    }
}

/// Google has no status of its own for what is too large.
fn status(error: &ApiError) -> u16 {
    if error.kind == ErrorKind::TooLarge { 400 } else { error.kind.dialects().status }
}

fn write_object(error: &ApiError) -> Vec<u8> {
    let mut out = Vec::with_capacity(160 + error.message.len());
    write::object(&mut out, |o| {
        o.object("error", |o| {
            o.u64("code", status(error).into());
            o.str("message", &error.message);
            o.str("status", error.kind.dialects().gemini_status);
            write_details(o, error);
        });
    });
    out
}

/// `ErrorInfo` with our reason, `BadRequest` with the field at fault.
fn write_details(o: &mut Object<'_>, error: &ApiError) {
    let reason = REASONS.iter().find(|(_, kind)| *kind == error.kind).map(|(reason, _)| *reason);
    let ours = error.code.as_deref().filter(|code| *code == crate::notes::UNSUPPORTED);
    let reason = ours.map(str::to_ascii_uppercase).or(reason.map(str::to_owned));
    if reason.is_none() && error.param.is_none() {
        return;
    }
    o.list("details", |l| {
        if let Some(reason) = reason {
            l.object(|o| {
                o.str("@type", "type.googleapis.com/google.rpc.ErrorInfo");
                o.str("reason", &reason);
                o.str("domain", DOMAIN);
            });
        }
        if let Some(param) = &error.param {
            l.object(|o| {
                o.str("@type", "type.googleapis.com/google.rpc.BadRequest");
                o.list("fieldViolations", |l| {
                    l.object(|o| {
                        o.str("field", param);
                        o.str("description", &error.message);
                    });
                });
            });
        }
    });
}
