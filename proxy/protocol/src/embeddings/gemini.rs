//! Gemini's embeddings: `batchEmbedContents`, and `embedContent` of clients.

use crate::codec::ProviderCodec as _;
use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::codec::{Codec, UrlFacts};
use crate::error::{ApiError, ErrorHead};
use crate::json::record::{camel, record};
use crate::json::write::{self, Object};
use crate::json::{DecodeError, Num, Str, read, read_lenient};
use crate::notes::{Notes, Rejected};

use super::{Embedder, EmbeddingReply, EmbeddingRequest, Embeddings, Input, ProviderEmbedder, Vector};

/// Gemini's embeddings.
#[derive(Clone, Copy, Debug)]
pub struct Gemini;

record! {
    struct Batch<'a> proto {
        requests: Vec<One<'a>>,
    }
}

record! {
    struct One<'a> proto {
        model: &'a RawValue,
        content: &'a RawValue,
        output_dimensionality("outputDimensionality"): &'a RawValue,
        task_type("taskType"): &'a RawValue,
        title: &'a RawValue,
    }
}

record! {
    struct Content<'a> {
        parts: Vec<Part<'a>>,
    }
}

record! {
    struct Part<'a> rest {
        text: Str<'a>,
    }
}

record! {
    struct Answer<'a> proto {
        embeddings: Vec<Values<'a>>,
        embedding: Values<'a>,
        usage_metadata("usageMetadata"): Usage<'a>,
    }
}

record! {
    struct Values<'a> {
        values: &'a RawValue,
    }
}

record! {
    struct Usage<'a> proto {
        prompt_token_count("promptTokenCount"): Num<'a>,
    }
}

impl ProviderEmbedder for Gemini {
    fn name(&self) -> &'static str {
        "gemini_embeddings"
    }

    fn path(&self, model: &str) -> String {
        crate::gemini::path_of(model, "batchEmbedContents")
    }

    fn encode_request(
        &self,
        request: &EmbeddingRequest<'_>,
        model: &str,
        notes: &mut Notes,
    ) -> Result<Vec<u8>, Rejected> {
        let model = crate::gemini::resource(model);
        let mut out = Vec::with_capacity(256);
        if request.source == self.name() {
            // A single request is sent as a batch of one: there is one path.
            write::object(&mut out, |o| {
                o.list("requests", |l| {
                    for fields in &request.fields {
                        l.object(|o| {
                            o.str("model", &model);
                            fields.iter().for_each(|(key, value)| o.field(key, value));
                        });
                    }
                });
            });
            return Ok(out);
        }
        request.account(notes)?;
        write::object(&mut out, |o| {
            o.list("requests", |l| {
                request.inputs.iter().try_for_each(|input| {
                    let Input::Text(text) = input else {
                        return Err(Rejected::new("input", "the provider takes text and not tokens"));
                    };
                    l.object(|o| {
                        o.str("model", &model);
                        write_content(o, text);
                        o.opt_u64("outputDimensionality", request.dimensions);
                    });
                    Ok(())
                })
            })
        })?;
        Ok(out)
    }

    fn decode_response<'a>(&self, body: &'a [u8]) -> Result<Embeddings<'a>, DecodeError> {
        let answer: Answer<'a> = read_lenient(body)?;
        let list = answer.embeddings.or(answer.embedding.map(|one| vec![one]));
        let list = list.ok_or_else(|| DecodeError::field("embeddings", "is required"))?;
        let vectors: Option<Vec<Vector<'a>>> =
            list.into_iter().map(|one| Some(Vector::Numbers(Cow::Borrowed(one.values?)))).collect();
        Ok(Embeddings {
            model: None,
            vectors: vectors.ok_or_else(|| DecodeError::field("embeddings.values", "is required"))?,
            input_tokens: answer.usage_metadata.and_then(|usage| usage.prompt_token_count?.as_u64()),
        })
    }

    fn decode_error(&self, head: ErrorHead<'_>, body: &[u8]) -> ApiError {
        crate::gemini::Gemini.decode_error(head, body)
    }
}

impl Embedder for Gemini {
    fn decode_request<'a>(
        &self,
        body: &'a [u8],
        url: UrlFacts<'a>,
    ) -> Result<EmbeddingRequest<'a>, DecodeError> {
        let outer: Batch<'a> = read(body)?;
        let batch = outer.requests.is_some();
        let requests = match outer.requests {
            Some(list) => list,
            None => vec![read::<One<'a>>(body)?],
        };
        let mut request = EmbeddingRequest {
            source: self.name(),
            model: Cow::Borrowed(url.model.unwrap_or("")),
            inputs: Vec::with_capacity(requests.len()),
            batch,
            dimensions: None,
            base64: false,
            extras: Vec::new(),
            only_own: None,
            fields: Vec::with_capacity(requests.len()),
        };
        for (i, one) in requests.into_iter().enumerate() {
            add(&mut request, i, one)?;
        }
        Ok(request)
    }

    fn encode_response(
        &self,
        answer: &Embeddings<'_>,
        reply: &EmbeddingReply,
        _notes: &mut Notes,
    ) -> Result<Vec<u8>, DecodeError> {
        reply.check(answer)?;
        let mut out = Vec::with_capacity(256);
        let values = |o: &mut Object<'_>, vector: &Vector<'_>| -> Result<(), DecodeError> {
            o.raw("values", &vector.json(false)?);
            Ok(())
        };
        write::object(&mut out, |o| {
            match answer.vectors.as_slice() {
                [one] if !reply.batch => o.object("embedding", |o| values(o, one))?,
                many => o.list("embeddings", |l| {
                    many.iter().try_for_each(|vector| l.object(|o| values(o, vector)))
                })?,
            }
            if let Some(tokens) = answer.input_tokens {
                o.object("usageMetadata", |o| o.u64("promptTokenCount", tokens));
            }
            Ok::<(), DecodeError>(())
        })?;
        Ok(out)
    }

    fn encode_error(&self, error: &ApiError) -> (u16, Vec<u8>) {
        crate::gemini::Gemini.encode_error(error)
    }
}

/// Adds one request of a batch.
fn add<'a>(request: &mut EmbeddingRequest<'a>, at: usize, one: One<'a>) -> Result<(), DecodeError> {
    let content = one.content.ok_or_else(|| DecodeError::field("content", "is required"))?;
    request.inputs.push(text(content).map_or(Input::Own(content), Input::Text));
    let number = |raw: &RawValue| serde_json::from_str::<Num<'_>>(raw.get()).ok()?.as_u64();
    let dimensions = one.output_dimensionality.and_then(number);
    if at == 0 {
        request.dimensions = dimensions;
    } else if request.dimensions != dimensions {
        let reason = "the provider gives all vectors of a batch the same length";
        request.only_own = Some(("requests.outputDimensionality", reason));
    }
    let is_known = |key: &str| matches!(camel(key).as_ref(), "model" | "content" | "outputDimensionality");
    let unknown = one.rest.iter().filter(|(key, _)| !is_known(key)).map(|(key, _)| key.clone());
    request.extras.extend(unknown);
    let extras = [("taskType", one.task_type), ("title", one.title)];
    request.extras.extend(extras.into_iter().filter_map(|(key, raw)| raw.map(|_| Cow::Borrowed(key))));
    // What is spelled in snake_case is among the rest already.
    let mut fields = one.rest;
    fields.retain(|(key, _)| camel(key) != "model");
    let named = [
        ("content", one.content),
        ("outputDimensionality", one.output_dimensionality),
        ("taskType", one.task_type),
        ("title", one.title),
    ];
    for (key, raw) in named {
        if let Some(raw) = raw.filter(|_| !fields.iter().any(|(known, _)| camel(known) == key)) {
            fields.push((Cow::Borrowed(key), raw));
        }
    }
    request.fields.push(fields);
    Ok(())
}

/// The text of a content that holds nothing else.
fn text(content: &RawValue) -> Option<Cow<'_, str>> {
    let content: Content<'_> = serde_json::from_str(content.get()).ok()?;
    let mut parts = content.parts?.into_iter();
    parts.try_fold(Cow::Borrowed(""), |joined, part| {
        let text = part.text.filter(|_| part.rest.is_empty())?.0;
        Some(if joined.is_empty() { text } else { Cow::Owned(joined.into_owned() + &text) })
    })
}

pub(super) fn write_content(o: &mut Object<'_>, text: &str) {
    o.object("content", |o| o.list("parts", |l| l.object(|o| o.str("text", text))));
}
