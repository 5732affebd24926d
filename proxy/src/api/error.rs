//! The errors clients get, in one table: status, type, code and text, as OpenAI's API says them, and what they are
//! in the other dialects.

mod dialect;

pub use dialect::Dialect;

use super::body::Body;
use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};
use llm_protocol::{ApiError, ErrorKind, Rejected};
use std::borrow::Cow;

/// What went wrong, by what the client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No key came with the request.
    NoKey,
    /// Nobody has that key.
    UnknownKey,
    /// The key is disabled.
    DisabledKey,
    /// The key has expired.
    ExpiredKey,
    /// The body cannot be read.
    InvalidBody,
    /// The body names no model.
    NoModel,
    /// No provider of the model can do what is asked.
    Unsupported,
    /// The key sees no model of that name.
    UnknownModel,
    /// The key may not use the model.
    ForbiddenModel,
    /// No provider of the model speaks the protocol.
    OtherProtocol,
    /// The body is larger than is taken.
    TooLarge,
    /// There is nothing at that path.
    UnknownPath,
    /// The path takes other methods.
    Method,
    /// The proxy has no configuration yet.
    NotReady,
    /// The proxy is going away.
    Stopping,
    /// The provider refuses the proxy's credential.
    UpstreamAuth,
    /// The provider cannot be reached.
    Unreachable,
    /// The provider did not answer in time.
    Timeout,
    /// The provider broke the connection or answered what cannot be understood.
    UpstreamBroken,
    /// The provider's stream ended before its end.
    Incomplete,
}

/// How a kind is told.
#[derive(Debug)]
pub struct Row {
    kind: Kind,
    /// Status of the response.
    pub status: u16,
    /// What it is in other dialects.
    error: ErrorKind,
    /// OpenAI's `type`.
    pub r#type: &'static str,
    /// OpenAI's `code`.
    pub code: &'static str,
    /// The request field at fault.
    param: Option<&'static str>,
    /// What people are told when there is nothing more to say.
    message: &'static str,
}

const INVALID: &str = "invalid_request_error";
const SERVER: &str = "server_error";
const MODEL: Option<&str> = Some("model");

const fn row(
    kind: Kind,
    status: u16,
    error: ErrorKind,
    (r#type, code): (&'static str, &'static str),
    param: Option<&'static str>,
    message: &'static str,
) -> Row {
    Row { kind, status, error, r#type, code, param, message }
}

#[rustfmt::skip]
static TABLE: [Row; 20] = [
    row(Kind::NoKey, 401, ErrorKind::Auth, (INVALID, "missing_api_key"), None,
        "No API key: send it as `Authorization: Bearer KEY`."),
    row(Kind::UnknownKey, 401, ErrorKind::Auth, (INVALID, "invalid_api_key"), None, "The API key is not known here."),
    row(Kind::DisabledKey, 401, ErrorKind::Auth, (INVALID, "api_key_disabled"), None, "The API key is disabled."),
    row(Kind::ExpiredKey, 401, ErrorKind::Auth, (INVALID, "api_key_expired"), None, "The API key has expired."),
    row(Kind::InvalidBody, 400, ErrorKind::Invalid, (INVALID, "invalid_json"), None, "The request body is not a JSON object."),
    row(Kind::NoModel, 400, ErrorKind::Invalid, (INVALID, "missing_model"), MODEL, "The request names no model."),
    row(Kind::Unsupported, 400, ErrorKind::Invalid, (INVALID, "unsupported_by_provider"), None,
        "No provider of this model can do what is asked."),
    row(Kind::UnknownModel, 404, ErrorKind::NotFound, (INVALID, "model_not_found"), MODEL, "There is no such model."),
    row(Kind::ForbiddenModel, 403, ErrorKind::Permission, ("permission_error", "model_not_allowed"), MODEL,
        "The API key may not use this model."),
    row(Kind::OtherProtocol, 404, ErrorKind::NotFound, (INVALID, "endpoint_not_supported"), MODEL,
        "No provider of this model supports this endpoint."),
    row(Kind::TooLarge, 413, ErrorKind::TooLarge, (INVALID, "request_too_large"), None, "The request body is too large."),
    row(Kind::UnknownPath, 404, ErrorKind::NotFound, (INVALID, "unknown_url"), None, "There is nothing at this path."),
    row(Kind::Method, 405, ErrorKind::Invalid, (INVALID, "method_not_allowed"), None, "This path does not take this method."),
    row(Kind::NotReady, 503, ErrorKind::Overloaded, (SERVER, "not_ready"), None, "The proxy has no configuration yet."),
    row(Kind::Stopping, 503, ErrorKind::Overloaded, (SERVER, "shutting_down"), None, "The proxy is shutting down."),
    row(Kind::UpstreamAuth, 502, ErrorKind::UpstreamAuth, (SERVER, "upstream_auth"), None,
        "The provider refuses the credential that this proxy has for it."),
    row(Kind::Unreachable, 502, ErrorKind::Server, (SERVER, "upstream_unreachable"), None, "The provider cannot be reached."),
    row(Kind::Timeout, 504, ErrorKind::Timeout, (SERVER, "timeout"), None, "The provider did not answer in time."),
    row(Kind::UpstreamBroken, 502, ErrorKind::Server, (SERVER, "upstream_error"), None,
        "The provider's answer broke off or could not be understood."),
    row(Kind::Incomplete, 502, ErrorKind::Incomplete, (SERVER, "upstream_incomplete"), None,
        "The provider's stream ended before the answer was complete."),
];

impl Kind {
    /// How it is told.
    #[must_use]
    pub fn row(self) -> &'static Row {
        // The test holds the table to having a row for each kind.
        TABLE.iter().find(|row| row.kind == self).unwrap_or(&TABLE[18])
    }
}

/// An error for a client: a kind, and a text when there is more to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What went wrong.
    pub kind: Kind,
    message: Cow<'static, str>,
    param: Option<Cow<'static, str>>,
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

impl From<Kind> for Refusal {
    fn from(kind: Kind) -> Self {
        let row = kind.row();
        let param = row.param.map(Cow::Borrowed);
        let refusal = Self { kind, message: Cow::Borrowed(row.message), param, headers: Vec::new() };
        match row.status {
            401 => refusal.with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            // Soon another proxy, or this one, takes it.
            503 => refusal.with(header::RETRY_AFTER, HeaderValue::from_static("1")),
            _ => refusal,
        }
    }
}

impl From<Rejected> for Refusal {
    fn from(rejected: Rejected) -> Self {
        let message = rejected.to_string();
        Self { param: Some(Cow::Owned(rejected.path)), ..Self::saying(Kind::Unsupported, message) }
    }
}

impl Refusal {
    /// An error with a text of its own. It may repeat what the client sent, but nothing secret.
    #[must_use]
    pub fn saying(kind: Kind, message: impl Into<String>) -> Self {
        Self { message: Cow::Owned(message.into()), ..Self::from(kind) }
    }

    /// With a header.
    #[must_use]
    pub fn with(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self, dialect: Dialect) -> StatusCode {
        let status = dialect.status(self.kind.row());
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The text for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The body.
    #[must_use]
    pub fn json(&self, dialect: Dialect) -> String {
        dialect.body(self.kind.row(), &self.message, self.param.as_deref()).to_string()
    }

    /// The response.
    #[must_use]
    pub fn response(self, dialect: Dialect) -> Response<Body> {
        let mut response = Response::new(Body::from(Bytes::from(self.json(dialect))));
        *response.status_mut() = self.status(dialect);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.extend(self.headers);
        dialect.advise(self.kind.row().error.dialects().retryable, headers);
        response
    }

    /// As an error of the codecs, for streams.
    #[must_use]
    pub fn as_event(&self) -> ApiError {
        ApiError::new(self.kind.row().error, self.message.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_row_and_no_two_rows_share_a_code() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.kind as usize, index, "rows are in the order of the kinds, none is missing");
            assert_eq!(TABLE.iter().filter(|other| other.code == row.code).count(), 1, "{}", row.code);
            assert!((400..600).contains(&row.status));
        }
        assert_eq!(TABLE.len(), Kind::Incomplete as usize + 1);
    }

    #[test]
    fn errors_look_like_those_of_openai() {
        let refusal = Refusal::saying(Kind::UnknownModel, "no model `\"x\"`");
        let json: serde_json::Value = serde_json::from_str(&refusal.json(Dialect::OpenAi)).unwrap();
        let error = serde_json::json!({
            "message": "no model `\"x\"`", "type": "invalid_request_error", "param": "model", "code": "model_not_found",
        });
        assert_eq!(json, serde_json::json!({ "error": error }));
        let response = Refusal::from(Kind::NotReady).response(Dialect::OpenAi);
        assert_eq!(
            (response.status().as_u16(), &response.headers()["retry-after"]),
            (503, &HeaderValue::from(1))
        );
    }

    #[test]
    fn clients_of_anthropic_are_told_whether_to_try_again() {
        for row in &TABLE {
            let response = Refusal::from(row.kind).response(Dialect::Anthropic);
            let again = if row.status >= 500 { "true" } else { "false" };
            assert_eq!(response.headers()["x-should-retry"], again, "{}", row.code);
            let other = Refusal::from(row.kind).response(Dialect::OpenAi);
            assert!(!other.headers().contains_key("x-should-retry"));
        }
    }
}
