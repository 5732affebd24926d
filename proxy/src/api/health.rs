//! Whether the proxy lives and takes requests, and its metrics.

use super::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use llm_snapshot::Digest;
use prometheus_client::registry::Registry;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// The process answers: it lives.
#[must_use]
pub fn live() -> Response<Body> {
    text(StatusCode::OK, "ok\n".to_owned(), TEXT)
}

/// Whether requests should be sent here.
#[must_use]
pub fn ready(version: Option<Digest>, draining: bool) -> Response<Body> {
    match version {
        _ if draining => text(StatusCode::SERVICE_UNAVAILABLE, "shutting down\n".to_owned(), TEXT),
        None => text(StatusCode::SERVICE_UNAVAILABLE, "no configuration yet\n".to_owned(), TEXT),
        Some(version) => text(StatusCode::OK, format!("ok, configuration {}\n", version.short()), TEXT),
    }
}

/// All series.
#[must_use]
pub fn metrics(registry: &Registry) -> Response<Body> {
    let mut body = String::new();
    // Writing into memory cannot fail.
    let _ = prometheus_client::encoding::text::encode(&mut body, registry);
    text(StatusCode::OK, body, OPEN_METRICS)
}

fn text(status: StatusCode, body: String, kind: HeaderValue) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
