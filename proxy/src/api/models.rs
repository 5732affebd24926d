//! The models a key may use (`/v1/models`), as the client's protocol lists them.

use super::body::Body;
use super::error::{Dialect, Kind, Refusal};
use crate::state::{Key, Runtime};
use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use llm_protocol::anthropic::Anthropic;
use llm_protocol::gemini::Gemini;
use llm_protocol::models::OpenAiModels;
use llm_protocol::{Codec, ModelEntry, ModelList};
use std::borrow::Cow;

/// Who answers for all of them.
const OWNER: &str = "llm-proxy";

/// A model as it is known here. When it was made is not.
fn model(name: &str) -> ModelEntry<'_> {
    ModelEntry { name: Cow::Borrowed(name), owner: Some(Cow::Borrowed(OWNER)), ..ModelEntry::default() }
}

/// How a dialect tells of models.
fn model_list(dialect: Dialect) -> &'static dyn ModelList {
    match dialect {
        Dialect::OpenAi => &OpenAiModels,
        Dialect::Anthropic => Anthropic.model_list(),
        Dialect::Gemini | Dialect::GeminiArray => Gemini.model_list(),
    }
}

/// All of them, by name. Names with a `*` stand for more than could be listed.
#[must_use]
pub fn list(runtime: &Runtime, key: &Key, dialect: Dialect) -> Response<Body> {
    let names = runtime.routes().names(&key.namespace);
    let models: Vec<_> = names.into_iter().filter(|name| key.allows(name)).map(model).collect();
    json(model_list(dialect).encode(&models))
}

/// One of them, by its name as it stands in the path. A name that a `*` covers is there as well.
///
/// # Errors
/// There is none of that name that the key may use.
pub fn one(runtime: &Runtime, key: &Key, path: &str, dialect: Dialect) -> Result<Response<Body>, Refusal> {
    let id = percent_decoded(path);
    if !runtime.routes().knows(&id, &key.namespace) || !key.allows(&id) {
        return Err(unknown(&id));
    }
    Ok(json(model_list(dialect).encode_one(&model(&id))))
}

/// The refusal of a model nobody offers to this key.
#[must_use]
pub fn unknown(model: &str) -> Refusal {
    Refusal::saying(
        Kind::UnknownModel,
        format!("The model `{model}` does not exist or is not offered to this key."),
    )
}

pub(super) fn percent_decoded(path: &str) -> Cow<'_, str> {
    match super::auth::percent_decoded(path) {
        Cow::Borrowed(_) => Cow::Borrowed(path),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

fn json(body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from(body)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
