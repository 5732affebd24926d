//! Every HTTP status the config server answers with.

use super::auth::Denied;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Body;
use hyper::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use std::convert::Infallible;

/// The body of any answer.
pub(super) type ReplyBody = UnsyncBoxBody<Bytes, Infallible>;
/// Any answer.
pub(super) type Reply = Response<ReplyBody>;

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("there is nothing here")]
    NotFound,
    #[error("another method is wanted here")]
    Method,
    #[error("{0}")]
    BadQuery(#[from] super::query::BadQuery),
    #[error("the body is no report")]
    BadReport,
    #[error("a report is at most 4 MiB")]
    TooLarge,
    #[error("the body did not come in time")]
    Slow,
    #[error("{0}")]
    Denied(#[from] Denied),
    #[error("this operator is not the leader: ask another")]
    NotLeading,
    #[error("{0}")]
    StaleStream(#[from] super::acks::StaleStream),
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadQuery(_) | Self::BadReport => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Denied(Denied::Unauthenticated) => StatusCode::UNAUTHORIZED,
            Self::Denied(Denied::Forbidden) => StatusCode::FORBIDDEN,
            Self::Denied(Denied::Unavailable) | Self::NotLeading => StatusCode::SERVICE_UNAVAILABLE,
            Self::StaleStream(_) => StatusCode::CONFLICT,
        }
    }

    /// The answer.
    pub(super) fn reply(self) -> Reply {
        let text = serde_json::json!({ "error": self.to_string() }).to_string();
        let mut reply = Response::new(whole(text));
        *reply.status_mut() = self.status();
        let headers = reply.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match self.status() {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            // What is left of the body would be taken for the next request.
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        reply
    }
}

/// A report was taken.
pub(super) fn taken() -> Reply {
    let mut reply = Response::new(whole(""));
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply
}

/// A stream; its connection serves nothing else after it.
pub(super) fn stream<B>(body: B) -> Reply
where
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let mut reply = Response::new(body.boxed_unsync());
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

fn whole(text: impl Into<Bytes>) -> ReplyBody {
    Full::new(text.into()).boxed_unsync()
}
