//! Embeddings of Vertex AI, of providers only: models of the Gemini family in batches as Gemini's own API has them, but
//! for where settings stand, and the older ones by `predict`.
//!
//! Source: `models.batchEmbedContents` in the REST reference of Vertex AI, "Text embeddings API" there (`instances`,
//! `parameters`, `predictions`), and for which models are asked in which way google-genai 3.6.1.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::codec::ProviderCodec as _;
use crate::error::{ApiError, ErrorHead};
use crate::json::record::{camel, record};
use crate::json::write::{self, List, Object};
use crate::json::{DecodeError, Num, read};
use crate::notes::{Notes, Rejected};

use super::gemini::{Gemini, write_content};
use super::{EmbeddingRequest, Embeddings, Input, ProviderEmbedder, Vector};

/// Embeddings of Vertex AI.
#[derive(Clone, Copy, Debug)]
pub struct Vertex;

/// Settings of Gemini's API that have a place here.
const CARRIED: [&str; 2] = ["taskType", "title"];
const DIMENSIONS: &str = "outputDimensionality";

record! {
    struct Answer<'a> {
        predictions: Vec<Prediction<'a>>,
    }
}

record! {
    struct Prediction<'a> {
        embeddings: Embedding<'a>,
    }
}

record! {
    struct Embedding<'a> {
        values: &'a RawValue,
        statistics: Statistics<'a>,
    }
}

record! {
    struct Statistics<'a> {
        token_count: Num<'a>,
    }
}

impl ProviderEmbedder for Vertex {
    fn name(&self) -> &'static str {
        "vertex_embeddings"
    }

    fn path(&self, model: &str) -> String {
        crate::gemini::path_of(model, if is_gemini(model) { "batchEmbedContents" } else { "predict" })
    }

    fn encode_request(
        &self,
        request: &EmbeddingRequest<'_>,
        model: &str,
        notes: &mut Notes,
    ) -> Result<Vec<u8>, Rejected> {
        let batch = is_gemini(model);
        // In a batch each may have settings and content of its own, as in the client's.
        if !batch || !is_own(request) {
            request.only_carried()?;
        }
        request.account_but(&CARRIED, notes)?;
        let mut out = Vec::with_capacity(256);
        write::object(&mut out, |o| {
            o.list(if batch { "requests" } else { "instances" }, |l| {
                let mut inputs = request.inputs.iter().enumerate();
                inputs.try_for_each(|(at, input)| match batch {
                    true => write_request(l, request, at, input),
                    false => write_instance(l, request, at, input),
                })
            })?;
            if !batch && request.dimensions.is_some() {
                o.object("parameters", |o| o.opt_u64(DIMENSIONS, request.dimensions));
            }
            Ok(())
        })?;
        Ok(out)
    }

    fn decode_response<'a>(&self, body: &'a [u8]) -> Result<Embeddings<'a>, DecodeError> {
        let answer: Answer<'a> = read(body)?;
        let Some(list) = answer.predictions else { return Gemini.decode_response(body) };
        let list: Vec<Embedding<'a>> =
            list.into_iter().map(|one| one.embeddings.unwrap_or_default()).collect();
        let count = |one: &Embedding<'a>| one.statistics.as_ref()?.token_count.as_ref()?.as_u64();
        let input_tokens = list.iter().map(count).sum();
        let vectors: Option<Vec<Vector<'a>>> =
            list.iter().map(|one| Some(Vector::Numbers(Cow::Borrowed(one.values?)))).collect();
        Ok(Embeddings {
            model: None,
            vectors: vectors
                .ok_or_else(|| DecodeError::field("predictions.embeddings.values", "is required"))?,
            input_tokens,
        })
    }

    fn decode_error(&self, head: ErrorHead<'_>, body: &[u8]) -> ApiError {
        crate::gemini::Gemini.decode_error(head, body)
    }
}

fn is_gemini(model: &str) -> bool {
    model.contains("gemini")
}

/// Whether a client of Gemini's API asks.
fn is_own(request: &EmbeddingRequest<'_>) -> bool {
    request.source == Gemini.name()
}

/// A setting of that input, as a client of Gemini's API said it.
fn setting<'a>(request: &EmbeddingRequest<'a>, at: usize, name: &str) -> Option<&'a RawValue> {
    let fields = request.fields.get(at).filter(|_| is_own(request))?;
    fields.iter().find(|(key, _)| camel(key) == name).map(|(_, value)| *value)
}

fn write_request(
    l: &mut List<'_>,
    request: &EmbeddingRequest<'_>,
    at: usize,
    input: &Input<'_>,
) -> Result<(), Rejected> {
    let content = setting(request, at, "content");
    let text = match (content, input) {
        (Some(_), _) => "",
        (None, Input::Text(text)) => text,
        (None, Input::Own(_)) => return Err(tokens()),
    };
    l.object(|o| {
        match content {
            Some(content) => o.raw("content", content.get()),
            None => write_content(o, text),
        }
        let mut config = Vec::new();
        write::object(&mut config, |o| write_config(o, request, at));
        if config != b"{}" {
            o.key("embedContentConfig").extend_from_slice(&config);
        }
    });
    Ok(())
}

fn write_config(o: &mut Object<'_>, request: &EmbeddingRequest<'_>, at: usize) {
    for name in CARRIED {
        o.opt_raw(name, setting(request, at, name).map(RawValue::get));
    }
    match setting(request, at, DIMENSIONS) {
        Some(own) => o.raw(DIMENSIONS, own.get()),
        None if is_own(request) => {}
        None => o.opt_u64(DIMENSIONS, request.dimensions),
    }
}

fn write_instance(
    l: &mut List<'_>,
    request: &EmbeddingRequest<'_>,
    at: usize,
    input: &Input<'_>,
) -> Result<(), Rejected> {
    let Input::Text(text) = input else { return Err(tokens()) };
    l.object(|o| {
        o.str("content", text);
        o.opt_raw("task_type", setting(request, at, "taskType").map(RawValue::get));
        o.opt_raw("title", setting(request, at, "title").map(RawValue::get));
    });
    Ok(())
}

fn tokens() -> Rejected {
    Rejected::new("input", "the provider takes text, and neither tokens nor anything else")
}
