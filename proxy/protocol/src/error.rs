//! Errors of providers, and what they are in each dialect (TRANSLATION §7).

use crate::json::write::{self, Object};

/// What went wrong, in the neutral form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request is wrong.
    Invalid,
    /// No or a bad credential.
    Auth,
    /// A good credential that may not do this.
    Permission,
    /// No such model or resource.
    NotFound,
    /// The body is too large.
    TooLarge,
    /// The prompt does not fit the model.
    ContextLength,
    /// Too many requests or tokens; later is fine.
    RateLimit,
    /// The account has nothing left; later is not fine.
    Quota,
    /// The provider failed.
    Server,
    /// The provider is overloaded.
    Overloaded,
    /// The provider did not answer in time.
    Timeout,
    /// The provider refused our credential: no fault of the client.
    UpstreamAuth,
    /// The stream ended before its end.
    Incomplete,
}

/// How each dialect says a kind.
#[derive(Debug)]
pub struct Dialects {
    /// The kind.
    pub kind: ErrorKind,
    /// Status to OpenAI and Gemini clients.
    pub status: u16,
    /// Status to Anthropic clients.
    pub anthropic_status: u16,
    /// OpenAI's `type`.
    pub openai_type: &'static str,
    /// OpenAI's `code`, where it has one.
    pub openai_code: Option<&'static str>,
    /// Anthropic's `type`.
    pub anthropic_type: &'static str,
    /// Gemini's `status`.
    pub gemini_status: &'static str,
    /// Whether the same request may succeed elsewhere or later.
    pub retryable: bool,
}

const fn row(
    kind: ErrorKind,
    (status, anthropic_status): (u16, u16),
    (openai_type, openai_code): (&'static str, Option<&'static str>),
    anthropic_type: &'static str,
    gemini_status: &'static str,
    retryable: bool,
) -> Dialects {
    Dialects {
        kind,
        status,
        anthropic_status,
        openai_type,
        openai_code,
        anthropic_type,
        gemini_status,
        retryable,
    }
}

const INVALID: &str = "invalid_request_error";

/// The table of TRANSLATION §7.
#[rustfmt::skip]
pub const DIALECTS: [Dialects; 13] = [
    row(ErrorKind::Invalid, (400, 400), (INVALID, None), INVALID, "INVALID_ARGUMENT", false),
    row(ErrorKind::Auth, (401, 401), (INVALID, Some("invalid_api_key")), "authentication_error", "UNAUTHENTICATED", false),
    row(ErrorKind::Permission, (403, 403), ("permission_error", None), "permission_error", "PERMISSION_DENIED", false),
    row(ErrorKind::NotFound, (404, 404), (INVALID, Some("model_not_found")), "not_found_error", "NOT_FOUND", false),
    row(ErrorKind::TooLarge, (413, 413), (INVALID, None), "request_too_large", "INVALID_ARGUMENT", false),
    row(ErrorKind::ContextLength, (400, 400), (INVALID, Some("context_length_exceeded")), INVALID, "INVALID_ARGUMENT", false),
    row(ErrorKind::RateLimit, (429, 429), ("requests", Some("rate_limit_exceeded")), "rate_limit_error", "RESOURCE_EXHAUSTED", true),
    row(ErrorKind::Quota, (429, 429), ("insufficient_quota", Some("insufficient_quota")), "rate_limit_error", "RESOURCE_EXHAUSTED", false),
    row(ErrorKind::Server, (502, 502), ("server_error", None), "api_error", "INTERNAL", true),
    row(ErrorKind::Overloaded, (503, 529), ("server_error", Some("overloaded")), "overloaded_error", "UNAVAILABLE", true),
    row(ErrorKind::Timeout, (504, 504), ("server_error", Some("timeout")), "timeout_error", "DEADLINE_EXCEEDED", true),
    row(ErrorKind::UpstreamAuth, (502, 502), ("server_error", Some("upstream_auth")), "api_error", "INTERNAL", true),
    row(ErrorKind::Incomplete, (502, 502), ("server_error", Some("upstream_incomplete")), "api_error", "INTERNAL", true),
];

impl ErrorKind {
    /// How each dialect says it.
    pub fn dialects(self) -> &'static Dialects {
        DIALECTS.iter().find(|row| row.kind == self).unwrap_or(&DIALECTS[8])
    }

    /// The kind an HTTP status of a provider stands for.
    pub fn of_status(status: u16) -> ErrorKind {
        match status {
            401 => ErrorKind::Auth,
            402 => ErrorKind::Quota,
            403 => ErrorKind::Permission,
            404 => ErrorKind::NotFound,
            413 => ErrorKind::TooLarge,
            408 | 504 => ErrorKind::Timeout,
            429 => ErrorKind::RateLimit,
            503 | 529 => ErrorKind::Overloaded,
            400..=499 => ErrorKind::Invalid,
            _ => ErrorKind::Server,
        }
    }
}

/// An error of a provider or of the translation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The message for people.
    pub message: String,
    /// The provider's `type` or `status`, as it said it.
    pub native_type: Option<String>,
    /// The provider's `code`, as it said it.
    pub code: Option<String>,
    /// The request field at fault, by the path of the protocol that says it.
    pub param: Option<String>,
    /// When to come back, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// The provider's own body, or the error object of a stream event: written back to a client of the same protocol.
    pub native: Option<Native>,
}

/// An error as its protocol said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Native {
    /// The protocol.
    pub protocol: crate::Protocol,
    /// The HTTP status; 200 inside a stream.
    pub status: u16,
    /// The body, valid JSON.
    pub body: String,
}

impl ApiError {
    /// An error of that kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        ApiError {
            kind,
            message: message.into(),
            native_type: None,
            code: None,
            param: None,
            retry_after_ms: None,
            native: None,
        }
    }

    /// The error of a stream that ended before its end.
    pub fn incomplete() -> Self {
        Self::new(ErrorKind::Incomplete, "the provider's stream ended before the answer was complete")
    }

    /// The error of a stream that began again after a part of it was sent to the client.
    pub fn restarted() -> Self {
        Self::new(ErrorKind::Incomplete, "the provider began its answer again after a part of it was sent")
    }

    /// The error of a body that could not be understood. The body itself is not repeated.
    pub fn malformed() -> Self {
        Self::new(ErrorKind::Server, "the provider sent an answer that could not be understood")
    }

    /// Whether the same request may succeed elsewhere or later.
    pub fn is_retryable(&self) -> bool {
        self.kind.dialects().retryable
    }

    /// The provider's own body and status if `client` speaks its protocol.
    pub fn native_for(&self, client: crate::Protocol) -> Option<&Native> {
        self.native.as_ref().filter(|native| native.protocol == client)
    }
}

/// What of a provider's error response a codec looks at besides the body.
#[derive(Clone, Copy, Debug, Default)]
pub struct ErrorHead<'h> {
    /// The HTTP status; 200 inside a stream.
    pub status: u16,
    /// `retry-after`: seconds.
    pub retry_after: Option<&'h str>,
    /// `x-amzn-errortype`: the type of the error (Bedrock).
    pub error_type: Option<&'h str>,
    /// `retry-after-ms` of OpenAI and Azure.
    pub retry_after_ms: Option<&'h str>,
}

impl ErrorHead<'_> {
    /// When to come back, in milliseconds. A date is not understood and counts as not said.
    pub fn wait_ms(&self) -> Option<u64> {
        let exact = self.retry_after_ms.and_then(|text| text.trim().parse().ok()).filter(|ms| *ms > 0);
        let seconds = || self.retry_after.and_then(|text| text.trim().parse::<f64>().ok());
        exact.or_else(|| seconds().filter(|s| (0.0..1e9).contains(s)).map(|s| (s * 1000.0).ceil() as u64))
    }
}

/// Writes the members of OpenAI's error object, for the kind or as the provider said them in its own OpenAI dialect.
pub(crate) fn openai_members(o: &mut Object<'_>, error: &ApiError) {
    let row = error.kind.dialects();
    o.str("message", &error.message);
    // Which limit it is only OpenAI says.
    let limit = error.native_type.as_deref().filter(|word| LIMITS.contains(word));
    o.str("type", limit.filter(|_| error.kind == ErrorKind::RateLimit).unwrap_or(row.openai_type));
    match &error.param {
        Some(param) => o.str("param", param),
        None => o.null("param"),
    }
    match openai_code(error) {
        Some(code) => o.str("code", code),
        None => o.null("code"),
    }
}

/// OpenAI's types of rate limits.
const LIMITS: [&str; 2] = ["requests", "tokens"];

/// OpenAI's code for an error: that of its kind, or, where the kind has none, the provider's. Only providers of
/// OpenAI's dialects have codes in words; those that are not written as OpenAI writes them stay behind.
pub(crate) fn openai_code(error: &ApiError) -> Option<&str> {
    let row = error.kind.dialects();
    let told = error.code.as_deref();
    let ours = told.filter(|code| *code == crate::notes::UNSUPPORTED);
    let theirs = || told.filter(|code| is_word(code) && *code != row.openai_type);
    ours.or(row.openai_code).or_else(theirs)
}

/// Whether a code is a word: `invalid_value`, `invalid_base64_image`.
fn is_word(code: &str) -> bool {
    let rest = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    code.len() <= 64 && code.starts_with(|c: char| c.is_ascii_lowercase()) && code.bytes().all(rest)
}

/// Writes a whole OpenAI error body.
pub(crate) fn openai_body(error: &ApiError) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 + error.message.len());
    write::object(&mut out, |o| o.object("error", |o| openai_members(o, error)));
    out
}
