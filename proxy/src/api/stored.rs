//! Files and batches: kept by one provider, and passed through to it.

use super::endpoint::{Endpoint, Operation};
use super::error::{Kind, Refusal};
use crate::forward::{Asked, Call};
use crate::route::Candidates;
use crate::state::{Key, Runtime};
use crate::translate::Signatures;
use bytes::Bytes;
use http::Uri;
use http::request::Parts;
use llm_protocol::Framing;
use llm_snapshot::provider::Protocol;
use std::sync::Arc;

/// What clients ask for.
static KEPT: [Endpoint; 2] =
    [kept("/v1/files", Protocol::Files, "/files"), kept("/v1/batches", Protocol::Batches, "/batches")];

const fn kept(path: &'static str, protocol: Protocol, upstream: &'static str) -> Endpoint {
    Endpoint { path, protocol, operation: Operation::Pass, upstream }
}

/// What is asked at `path`. Of the segments after that only such are taken as ids and verbs have: nothing may lead to
/// another path of the provider.
#[must_use]
pub fn at(path: &str) -> Option<&'static Endpoint> {
    let endpoint = KEPT.iter().find(|endpoint| {
        path.strip_prefix(endpoint.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })?;
    let rest = path.strip_prefix(endpoint.path)?;
    let harmless = |segment: &str| {
        !segment.is_empty()
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let segments = rest.strip_prefix('/').into_iter().flat_map(|rest| rest.split('/'));
    (segments.clone().count() <= 2 && segments.into_iter().all(harmless)).then_some(endpoint)
}

/// Whether that is one of them.
#[must_use]
pub fn is_kept(endpoint: &Endpoint) -> bool {
    matches!(endpoint.protocol, Protocol::Files | Protocol::Batches)
}

/// A request for the provider that keeps the files and batches of the key's namespace.
///
/// # Errors
/// There is none, or the key may use some models only: a batch names its models where nobody here looks.
pub fn call(
    runtime: &Runtime,
    endpoint: &'static Endpoint,
    parts: Parts,
    body: Bytes,
    key: Arc<Key>,
    signatures: Arc<Signatures>,
) -> Result<Box<Call>, Refusal> {
    if !key.allows_all() {
        let message =
            "The API key may use some models only; files and batches are for keys that may use all.";
        return Err(Refusal::saying(Kind::ForbiddenModel, message));
    }
    let keeper = runtime.routes().keeper(&key.namespace, endpoint.protocol);
    let none = || Refusal::saying(Kind::OtherProtocol, format!("No provider supports {}.", endpoint.path));
    let candidates = Candidates::new(keeper.ok_or_else(none)?);
    let uri = upstream(endpoint, &parts.uri).ok_or(Kind::UnknownPath)?;
    let asked = Asked {
        endpoint,
        headers: parts.headers,
        body,
        url_model: None,
        place: 0..0,
        form: false,
        kept: Some(Box::new((uri, parts.method))),
        usage: None,
        rest: "".into(),
        stream: false,
        framing: Framing::Sse,
        strict: false,
        key,
        model: "".into(),
        signatures,
    };
    Ok(Box::new(Call { asked, candidates }))
}

/// Where the provider has what is asked for at `uri`: without the client's key.
#[must_use]
pub fn upstream(endpoint: &Endpoint, uri: &Uri) -> Option<Uri> {
    let rest = uri.path().strip_prefix(endpoint.path)?;
    let query = uri.query().unwrap_or_default();
    let kept: Vec<&str> =
        query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("key=")).collect();
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    [endpoint.upstream, rest, &query].concat().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_files_and_batches_lead_there() {
        let table = [
            ("/v1/files", true),
            ("/v1/files/file-abc_1", true),
            ("/v1/files/file-abc/content", true),
            ("/v1/batches/batch_1/cancel", true),
            ("/v1/files/", false),
            ("/v1/files/../chat/completions", false),
            ("/v1/files/%2e%2e/models", false),
            ("/v1/files/a/b/c", false),
            ("/v1/filesystem", false),
            ("/v1/batch", false),
        ];
        for (path, there) in table {
            assert_eq!(at(path).is_some(), there, "{path}");
        }
    }

    #[test]
    fn the_query_goes_on_without_the_key() {
        let of = |uri: &str| upstream(&KEPT[0], &uri.parse().unwrap()).unwrap().to_string();
        assert_eq!(of("/v1/files/f/content?key=sk-1"), "/files/f/content");
        assert_eq!(of("/v1/files?limit=2&key=sk-1&after=f"), "/files?limit=2&after=f");
    }
}
