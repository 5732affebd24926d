//! What is asked for the credentials that hold for a while, and how.

use super::Proof;
use crate::upstream::{Target, Timeouts};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use llm_protocol::percent;
use llm_snapshot::Digest;
use serde::de::DeserializeOwned;
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// Most bytes of an answer, or of a file with a token.
const MAX: usize = 64 * 1024;
/// How long an exchange may take.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    first_byte: Duration::from_secs(10),
    stream_idle: Duration::from_secs(10),
    total: Duration::from_secs(15),
};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// A way to credentials of one identity that hold for a while. `Debug` shows nothing secret.
pub trait Grant: fmt::Debug + Send + Sync {
    /// The same for those of the same identity, and for no others.
    fn identity(&self) -> Digest;

    /// Scheme and host of everything that [`Self::fetch`] asks.
    fn places(&self) -> Vec<&str>;

    /// Fetches a credential; `at`: the places, in the same order.
    fn fetch<'f>(&'f self, at: &'f [Target]) -> BoxFuture<'f, Result<Issued, GrantError>>;
}

/// A credential, and how long it holds from the time at which it was asked for.
#[derive(Debug)]
pub struct Issued {
    /// The credential.
    pub proof: Proof,
    /// How long it holds.
    pub lifetime: Duration,
}

/// Why there is no credential. Holds nothing of what was sent or answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// The key cannot sign.
    #[error("the key of the service account cannot sign")]
    Unsigned,
    /// The file with the token to show cannot be read, or holds none.
    #[error("the file of the token to show cannot be read, or holds none")]
    Unreadable,
    /// The place credentials come from cannot be reached, or does not answer.
    #[error("the place credentials come from does not answer")]
    Unreachable,
    /// It refuses.
    #[error("the place credentials come from answers {0}")]
    Refused(u16),
    /// What it answers is no credential.
    #[error("the place credentials come from answers what is none")]
    Malformed,
}

/// A URL as the part up to its path, and the path.
pub(super) fn divided(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |at| at + 3);
    let path = url[host..].find('/').map_or(url.len(), |at| host + at);
    url.split_at(path)
}

/// A GET that wants JSON.
pub(super) fn get(path: &str) -> Result<Request<Bytes>, GrantError> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = path.parse().map_err(|_| GrantError::Unreachable)?;
    request.headers_mut().insert(ACCEPT, JSON);
    Ok(request)
}

/// The same as a POST of JSON.
pub(super) fn post(path: &str, json: Vec<u8>) -> Result<Request<Bytes>, GrantError> {
    let mut request = get(path)?;
    *request.method_mut() = Method::POST;
    *request.body_mut() = json.into();
    request.headers_mut().insert(CONTENT_TYPE, JSON);
    Ok(request)
}

/// The same as a POST of a form.
pub(super) fn post_form(path: &str, fields: &[(&str, &str)]) -> Result<Request<Bytes>, GrantError> {
    let mut form = String::new();
    for (name, value) in fields {
        form.push_str(if form.is_empty() { "" } else { "&" });
        form.push_str(name);
        form.push('=');
        percent::escape(&mut form, value, b"");
    }
    let mut request = post(path, form.into_bytes())?;
    request.headers_mut().insert(CONTENT_TYPE, FORM);
    Ok(request)
}

/// What is answered to a request.
pub(super) async fn ask<T: DeserializeOwned>(
    target: Option<&Target>,
    request: Request<Bytes>,
) -> Result<T, GrantError> {
    let target = target.ok_or(GrantError::Unreachable)?;
    let response = target.send(request, &TIMEOUTS).await.map_err(|_| GrantError::Unreachable)?;
    let (head, body) = response.into_parts();
    if head.status != StatusCode::OK {
        return Err(GrantError::Refused(head.status.as_u16()));
    }
    let body = Limited::new(body, MAX).collect().await.map_err(|_| GrantError::Unreachable)?;
    serde_json::from_slice(&body.to_bytes()).map_err(|_| GrantError::Malformed)
}

/// The text of a file, without the white space around it. It is read anew each time, since tokens are replaced.
pub(super) async fn read(path: &Path) -> Result<String, GrantError> {
    let path = path.to_owned();
    let read = move || {
        let text = std::fs::read_to_string(path).ok()?;
        let text = text.trim();
        (!text.is_empty() && text.len() <= MAX).then(|| text.to_owned())
    };
    tokio::task::spawn_blocking(read).await.ok().flatten().ok_or(GrantError::Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_escaped() {
        let request = post_form("/token", &[("a", "x y&z=1"), ("b", "ü")]).unwrap();
        assert_eq!(request.body(), "a=x%20y%26z%3D1&b=%C3%BC");
        assert_eq!((request.method(), request.uri().path()), (&Method::POST, "/token"));
    }

    #[test]
    fn urls_have_a_host_and_a_path() {
        for (url, parts) in [
            ("https://a.test/b/c?d", ("https://a.test", "/b/c?d")),
            ("http://a.test:1", ("http://a.test:1", "")),
            ("a/b", ("a", "/b")),
        ] {
            assert_eq!(divided(url), parts);
        }
    }
}
