//! Errors and exceptions.

use crate::error::{ApiError, ErrorHead, ErrorKind};
use crate::json::read;

use super::wire::Fault;

/// Types in lower case. Exceptions of a stream are spelled with a small letter at the beginning.
const KINDS: [(&str, ErrorKind); 14] = [
    ("validationexception", ErrorKind::Invalid),
    ("accessdeniedexception", ErrorKind::Permission),
    ("unrecognizedclientexception", ErrorKind::Auth),
    ("expiredtokenexception", ErrorKind::Auth),
    ("invalidsignatureexception", ErrorKind::Auth),
    ("resourcenotfoundexception", ErrorKind::NotFound),
    ("throttlingexception", ErrorKind::RateLimit),
    ("modelnotreadyexception", ErrorKind::Overloaded),
    ("servicequotaexceededexception", ErrorKind::RateLimit),
    ("modeltimeoutexception", ErrorKind::Timeout),
    ("serviceunavailableexception", ErrorKind::Overloaded),
    ("internalserverexception", ErrorKind::Server),
    ("modelerrorexception", ErrorKind::Server),
    ("modelstreamerrorexception", ErrorKind::Server),
];

/// Statuses that mean something else than they usually do.
const STATUSES: [(u16, ErrorKind); 2] = [(408, ErrorKind::Timeout), (424, ErrorKind::Server)];

/// What the message of an invalid request says when the prompt does not fit: there is no type for it.
const TOO_LONG: [&str; 4] =
    ["prompt is too long", "Input is too long", "exceed context limit", "maximum context length"];

/// Reads an error body, or none at all.
pub(super) fn decode(head: ErrorHead<'_>, body: &[u8]) -> ApiError {
    let fault: Fault<'_> = read(body).unwrap_or_default();
    let told = fault.kind.as_ref().map(|kind| kind.as_ref().to_owned());
    let known = told.as_deref().or(head.error_type).and_then(kind_of);
    let of_status = || STATUSES.iter().find(|(status, _)| *status == head.status).map(|(_, kind)| *kind);
    let kind = known.or_else(of_status).unwrap_or_else(|| ErrorKind::of_status(head.status));
    let mut error = error(kind, fault, || format!("the provider answered {}", head.status));
    error.native_type = told;
    error.retry_after_ms = head.wait_ms();
    error
}

/// Reads an exception of a stream, or its error, whose data is text.
pub(super) fn decode_event(kind: &str, data: &[u8]) -> ApiError {
    let fault: Fault<'_> = read(data).unwrap_or_default();
    let mut error = error(kind_of(kind).unwrap_or(ErrorKind::Server), fault, || {
        let text = std::str::from_utf8(data).unwrap_or_default();
        let said =
            if text.is_empty() || text.starts_with('{') { "the provider's stream failed" } else { text };
        said.to_owned()
    });
    error.native_type = Some(kind.to_owned());
    error
}

/// The kind of a type, which may have a namespace before it (`com.amazon#Type`) and a URL after it (`Type:http…`).
fn kind_of(told: &str) -> Option<ErrorKind> {
    let name = told.rsplit('#').next().unwrap_or(told).split(':').next().unwrap_or_default();
    KINDS.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, kind)| *kind)
}

fn error(kind: ErrorKind, fault: Fault<'_>, unsaid: impl FnOnce() -> String) -> ApiError {
    let said = [fault.message, fault.other_message, fault.original].into_iter().flatten();
    let message = said.map(|text| text.0.into_owned()).find(|text| !text.is_empty()).unwrap_or_else(unsaid);
    let too_long = kind == ErrorKind::Invalid && TOO_LONG.iter().any(|mark| message.contains(mark));
    ApiError::new(if too_long { ErrorKind::ContextLength } else { kind }, message)
}
