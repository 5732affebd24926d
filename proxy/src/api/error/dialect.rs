//! How clients of each protocol are told of an error.

use super::{Kind, Row};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use llm_protocol::Framing;
use llm_snapshot::provider::Protocol;
use serde_json::{Value, json};

/// Tells Anthropic's SDKs whether to try again (TRANSLATION §7).
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// A protocol, as far as errors are concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's, and of everything that has no own.
    #[default]
    OpenAi,
    /// Anthropic's.
    Anthropic,
    /// Google's.
    Gemini,
    /// Google's, of streams that are one array: so are their errors (TRANSLATION §7).
    GeminiArray,
}

impl Dialect {
    /// Of clients of a protocol.
    #[must_use]
    pub fn of(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Messages => Self::Anthropic,
            Protocol::GenerateContent | Protocol::EmbedContent => Self::Gemini,
            _ => Self::OpenAi,
        }
    }

    /// Of clients of a protocol that want streams framed so.
    #[must_use]
    pub fn framed(protocol: Protocol, framing: Framing) -> Self {
        match (Self::of(protocol), framing) {
            (Self::Gemini, Framing::JsonArray) => Self::GeminiArray,
            (dialect, _) => dialect,
        }
    }

    /// Of a client that asked at a path where no protocol is spoken.
    #[must_use]
    pub fn guess(path: &str, headers: &HeaderMap) -> Self {
        match path {
            _ if path.starts_with("/v1beta/") || headers.contains_key("x-goog-api-key") => Self::Gemini,
            _ if headers.contains_key("anthropic-version") || path.contains("/messages") => Self::Anthropic,
            _ => Self::OpenAi,
        }
    }

    /// The status of an error. Anthropic has one of its own for servers that have too much to do.
    #[must_use]
    pub fn status(self, row: &Row) -> u16 {
        if self == Self::Anthropic && row.status == 503 {
            row.error.dialects().anthropic_status
        } else {
            row.status
        }
    }

    /// Says whether the same request may succeed later, where clients are told that beside the status.
    pub fn advise(self, retryable: bool, headers: &mut HeaderMap) {
        if self == Self::Anthropic {
            let advice = if retryable { "true" } else { "false" };
            headers.insert(SHOULD_RETRY, HeaderValue::from_static(advice));
        }
    }

    /// The body of an error.
    #[must_use]
    pub fn body(self, row: &Row, message: &str, param: Option<&str>) -> Value {
        let words = row.error.dialects();
        match self {
            Self::OpenAi => {
                let (r#type, code) = (row.r#type, row.code);
                json!({"error": {"message": message, "type": r#type, "param": param, "code": code}})
            }
            Self::Anthropic => {
                // There is no field for a code; this one clients may look for.
                let unsupported = row.kind == Kind::Unsupported;
                let message =
                    if unsupported { format!("{}: {message}", row.code) } else { message.to_owned() };
                let error = json!({"type": words.anthropic_type, "message": message});
                json!({"type": "error", "error": error, "request_id": null})
            }
            Self::GeminiArray => json!([Self::Gemini.body(row, message, param)]),
            Self::Gemini => {
                let reason = row.code.to_ascii_uppercase();
                let mut details = vec![json!({
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "llm-proxy",
                })];
                if let Some(field) = param {
                    let violation = json!({"field": field, "description": message});
                    details.push(json!({
                        "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation],
                    }));
                }
                let status = words.gemini_status;
                json!({"error": {"code": row.status, "message": message, "status": status, "details": details}})
            }
        }
    }
}
