//! The models a key may use (`/v1/models`).

use super::body::Body;
use super::error::{Kind, Refusal};
use crate::state::{Key, Runtime};
use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use std::borrow::Cow;

/// A model as OpenAI's API tells it. When a model was made is not known.
#[derive(Serialize)]
struct Model<'m> {
    id: &'m str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

#[derive(Serialize)]
struct List<'m> {
    object: &'static str,
    data: Vec<Model<'m>>,
}

fn model(id: &str) -> Model<'_> {
    Model { id, object: "model", created: 0, owned_by: "llm-proxy" }
}

/// All of them, by name. Names with a `*` stand for more than could be listed.
#[must_use]
pub fn list(runtime: &Runtime, key: &Key) -> Response<Body> {
    let names = runtime.routes().names(&key.namespace);
    let data = names.into_iter().filter(|name| key.allows(name)).map(model).collect();
    json(&List { object: "list", data })
}

/// One of them, by its name as it stands in the path. A name that a `*` covers is there as well.
///
/// # Errors
/// There is none of that name that the key may use.
pub fn one(runtime: &Runtime, key: &Key, path: &str) -> Result<Response<Body>, Refusal> {
    let id = percent_decoded(path);
    if !runtime.routes().knows(&id, &key.namespace) || !key.allows(&id) {
        return Err(unknown(&id));
    }
    Ok(json(&model(&id)))
}

/// The refusal of a model nobody offers to this key.
#[must_use]
pub fn unknown(model: &str) -> Refusal {
    Refusal::saying(
        Kind::UnknownModel,
        format!("The model `{model}` does not exist or is not offered to this key."),
    )
}

fn percent_decoded(path: &str) -> Cow<'_, str> {
    match super::auth::percent_decoded(path) {
        Cow::Borrowed(_) => Cow::Borrowed(path),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

fn json(value: &impl Serialize) -> Response<Body> {
    // These always have a JSON form.
    let body = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(Body::from(Bytes::from(body)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
