//! The paths that lead to providers.

use llm_protocol::Framing;
use llm_snapshot::provider::Protocol;
use std::borrow::Cow;

/// A path that leads to providers. All take POST only.
#[derive(Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// What clients ask, in logs and messages.
    pub path: &'static str,
    /// What is spoken there.
    pub protocol: Protocol,
    /// What is asked for.
    pub operation: Operation,
    /// Where providers have it, below their base URL; where the path names the model, the method only.
    pub upstream: &'static str,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// An answer of a model.
    Answer,
    /// The same, as a stream: where the path says so and not the body.
    Stream,
    /// How many tokens a request has.
    Count,
    /// Embeddings.
    Embed,
    /// Something that is passed through and not looked into.
    Pass,
}

/// What is asked at a path.
#[derive(Debug, PartialEq, Eq)]
pub struct Asked<'p> {
    /// The endpoint.
    pub endpoint: &'static Endpoint,
    /// The model, where the path names it.
    pub model: Option<Cow<'p, str>>,
}

/// Endpoints whose requests name the model in the body.
static ENDPOINTS: [Endpoint; 15] = [
    endpoint("/v1/chat/completions", Protocol::ChatCompletions, Operation::Answer, "/chat/completions"),
    endpoint("/v1/completions", Protocol::Completions, Operation::Answer, "/completions"),
    endpoint("/v1/embeddings", Protocol::Embeddings, Operation::Embed, "/embeddings"),
    endpoint("/v1/responses", Protocol::Responses, Operation::Answer, "/responses"),
    endpoint("/v1/responses/input_tokens", Protocol::Responses, Operation::Count, "/responses/input_tokens"),
    endpoint("/v1/messages", Protocol::Messages, Operation::Answer, "/messages"),
    endpoint("/v1/messages/count_tokens", Protocol::Messages, Operation::Count, "/messages/count_tokens"),
    endpoint("/v1/images/generations", Protocol::Images, Operation::Pass, "/images/generations"),
    endpoint("/v1/images/edits", Protocol::Images, Operation::Pass, "/images/edits"),
    endpoint("/v1/images/variations", Protocol::Images, Operation::Pass, "/images/variations"),
    endpoint("/v1/audio/speech", Protocol::Audio, Operation::Pass, "/audio/speech"),
    endpoint("/v1/audio/transcriptions", Protocol::Audio, Operation::Pass, "/audio/transcriptions"),
    endpoint("/v1/audio/translations", Protocol::Audio, Operation::Pass, "/audio/translations"),
    endpoint("/v1/moderations", Protocol::Moderations, Operation::Pass, "/moderations"),
    endpoint("/v1/rerank", Protocol::Rerank, Operation::Pass, "/rerank"),
];

/// Methods of models, named in the path: `/v1beta/models/{model}:{method}`.
static METHODS: [Endpoint; 5] = [
    method("generateContent", "/v1beta/models/{model}:generateContent", Operation::Answer),
    method("streamGenerateContent", "/v1beta/models/{model}:streamGenerateContent", Operation::Stream),
    method("countTokens", "/v1beta/models/{model}:countTokens", Operation::Count),
    embedding("embedContent", "/v1beta/models/{model}:embedContent"),
    embedding("batchEmbedContents", "/v1beta/models/{model}:batchEmbedContents"),
];

const fn endpoint(
    path: &'static str,
    protocol: Protocol,
    operation: Operation,
    upstream: &'static str,
) -> Endpoint {
    Endpoint { path, protocol, operation, upstream }
}

const fn method(upstream: &'static str, path: &'static str, operation: Operation) -> Endpoint {
    Endpoint { path, protocol: Protocol::GenerateContent, operation, upstream }
}

const fn embedding(upstream: &'static str, path: &'static str) -> Endpoint {
    Endpoint { path, protocol: Protocol::EmbedContent, operation: Operation::Embed, upstream }
}

impl Endpoint {
    /// How a client that asked with this query wants a stream framed: Gemini's have to say so to get events.
    #[must_use]
    pub fn framing(&self, query: Option<&str>) -> Framing {
        let events = || query.is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse"));
        match self.operation {
            Operation::Stream if !events() => Framing::JsonArray,
            _ => Framing::Sse,
        }
    }
}

/// What is asked at `path`. What is there under `/v1` is there under `/v2` as well.
#[must_use]
pub fn at(path: &str) -> Option<Asked<'_>> {
    let exact = |path: &str| ENDPOINTS.iter().find(|endpoint| endpoint.path == path);
    let second = || path.strip_prefix("/v2/").and_then(|rest| exact(&["/v1/", rest].concat()));
    if let Some(endpoint) = exact(path).or_else(second) {
        return Some(Asked { endpoint, model: None });
    }
    let of_model = path.strip_prefix("/v1beta/models/").or_else(|| path.strip_prefix("/v1/models/"))?;
    let (model, method) = of_model.rsplit_once(':')?;
    let endpoint = METHODS.iter().find(|endpoint| endpoint.upstream == method)?;
    let model = super::models::percent_decoded(model);
    (!model.is_empty()).then_some(Asked { endpoint, model: Some(model) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_endpoints() {
        let table = [
            ("/v1/chat/completions", Some(("/v1/chat/completions", None))),
            ("/v2/messages", Some(("/v1/messages", None))),
            ("/v2/chat/completions", Some(("/v1/chat/completions", None))),
            ("/v1/messages/count_tokens", Some(("/v1/messages/count_tokens", None))),
            ("/v1beta/models/m:generateContent", Some(("/v1beta/models/{model}:generateContent", Some("m")))),
            ("/v1/models/a%2Fb:c:countTokens", Some(("/v1beta/models/{model}:countTokens", Some("a/b:c")))),
            (
                "/v1beta/models/org/m:embedContent",
                Some(("/v1beta/models/{model}:embedContent", Some("org/m"))),
            ),
            ("/v1beta/models/:generateContent", None),
            ("/v1beta/models/m:other", None),
            ("/v1beta/chat/completions", None),
            ("/v3/messages", None),
            ("/v1/models/m", None),
            ("/v2/nothing", None),
        ];
        for (path, expected) in table {
            let asked = at(path);
            let found = asked.as_ref().map(|asked| (asked.endpoint.path, asked.model.as_deref()));
            assert_eq!(found, expected, "{path}");
        }
    }
}
