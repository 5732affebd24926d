//! The paths that lead to providers.

use llm_snapshot::provider::Protocol;

/// A path that leads to providers.
#[derive(Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// What clients ask.
    pub path: &'static str,
    /// What is spoken there.
    pub protocol: Protocol,
    /// Where providers have it, below their base URL.
    pub upstream: &'static str,
}

/// Every such path. All take POST only.
pub static ENDPOINTS: [Endpoint; 4] = [
    endpoint("/v1/chat/completions", Protocol::ChatCompletions, "/chat/completions"),
    endpoint("/v1/completions", Protocol::Completions, "/completions"),
    endpoint("/v1/embeddings", Protocol::Embeddings, "/embeddings"),
    endpoint("/v1/responses", Protocol::Responses, "/responses"),
];

const fn endpoint(path: &'static str, protocol: Protocol, upstream: &'static str) -> Endpoint {
    Endpoint { path, protocol, upstream }
}

/// The endpoint at `path`.
#[must_use]
pub fn at(path: &str) -> Option<&'static Endpoint> {
    ENDPOINTS.iter().find(|endpoint| endpoint.path == path)
}
