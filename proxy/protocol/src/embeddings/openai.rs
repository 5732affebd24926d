//! OpenAI's embeddings.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::codec::UrlFacts;
use crate::error::{ApiError, ErrorHead};
use crate::json::record::record;
use crate::json::write::{self, List};
use crate::json::{DecodeError, Num, Str, StrOr, read, read_lenient};
use crate::notes::{Notes, Rejected};
use crate::openai_chat::error;
use crate::protocol::Protocol;

use super::{Embedder, EmbeddingReply, EmbeddingRequest, Embeddings, Input, ProviderEmbedder, Vector};

/// OpenAI's embeddings.
#[derive(Clone, Copy, Debug)]
pub struct OpenAi;

record! {
    struct Body<'a> rest {
        model: Str<'a>,
        input: &'a RawValue,
        dimensions: &'a RawValue,
        encoding_format: &'a RawValue,
        user: &'a RawValue,
    }
}

record! {
    struct Answer<'a> {
        data: Vec<Entry<'a>>,
        model: Str<'a>,
        usage: Usage<'a>,
    }
}

record! {
    struct Entry<'a> {
        index: u32,
        embedding: &'a RawValue,
    }
}

record! {
    struct Usage<'a> {
        prompt_tokens: Num<'a>,
    }
}

impl ProviderEmbedder for OpenAi {
    fn name(&self) -> &'static str {
        "openai_embeddings"
    }

    fn path(&self, _model: &str) -> String {
        "/v1/embeddings".to_owned()
    }

    fn encode_request(
        &self,
        request: &EmbeddingRequest<'_>,
        model: &str,
        notes: &mut Notes,
    ) -> Result<Vec<u8>, Rejected> {
        let mut out = Vec::with_capacity(256);
        if request.source == self.name() {
            write::object(&mut out, |o| {
                o.str("model", model);
                request.fields.iter().flatten().for_each(|(key, value)| o.field(key, value));
            });
            return Ok(out);
        }
        request.account(notes)?;
        write::object(&mut out, |o| {
            o.str("model", model);
            o.list("input", |l| request.inputs.iter().enumerate().try_for_each(|(i, one)| text(l, i, one)))?;
            o.opt_u64("dimensions", request.dimensions);
            o.str("encoding_format", "float");
            Ok(())
        })?;
        Ok(out)
    }

    fn decode_response<'a>(&self, body: &'a [u8]) -> Result<Embeddings<'a>, DecodeError> {
        let answer: Answer<'a> = read_lenient(body)?;
        let mut data = answer.data.ok_or_else(|| DecodeError::field("data", "is required"))?;
        data.sort_by_key(|entry| entry.index);
        let mut places = data.iter().zip(0..);
        if places.any(|(entry, place)| entry.index.is_some_and(|index| index != place)) {
            return Err(DecodeError::field("data.index", "does not count from 0"));
        }
        let vectors: Option<Vec<Vector<'a>>> =
            data.iter().map(|entry| Some(vector(entry.embedding?))).collect();
        Ok(Embeddings {
            model: answer.model.map(|model| model.0),
            vectors: vectors.ok_or_else(|| DecodeError::field("data.embedding", "is required"))?,
            input_tokens: answer.usage.and_then(|usage| usage.prompt_tokens?.as_u64()),
        })
    }

    fn decode_error(&self, head: ErrorHead<'_>, body: &[u8]) -> ApiError {
        error::decode(Protocol::OpenAiChat, head, body)
    }
}

impl Embedder for OpenAi {
    fn decode_request<'a>(
        &self,
        body: &'a [u8],
        _url: UrlFacts<'a>,
    ) -> Result<EmbeddingRequest<'a>, DecodeError> {
        let body: Body<'a> = read(body)?;
        let model = body.model.ok_or_else(|| DecodeError::field("model", "is required"))?;
        let input = body.input.ok_or_else(|| DecodeError::field("input", "is required"))?;
        let (inputs, batch) = inputs(input)?;
        let format = body.encoding_format.map(RawValue::get);
        let known = matches!(format, None | Some("\"float\"" | "\"base64\""));
        let unknown = body.rest.iter().filter(|(_, value)| value.get() != "null").map(|(key, _)| key.clone());
        let extras = unknown.chain(body.user.map(|_| Cow::Borrowed("user"))).collect();
        let mut fields = body.rest;
        let named = [
            ("input", body.input),
            ("dimensions", body.dimensions),
            ("encoding_format", body.encoding_format),
            ("user", body.user),
        ];
        fields.extend(named.into_iter().filter_map(|(key, raw)| Some((Cow::Borrowed(key), raw?))));
        let number = |raw: &'a RawValue| serde_json::from_str::<Num<'_>>(raw.get()).ok()?.as_u64();
        Ok(EmbeddingRequest {
            source: self.name(),
            model: model.0,
            inputs,
            batch,
            dimensions: body.dimensions.and_then(number),
            base64: format == Some("\"base64\""),
            extras,
            only_own: (!known).then_some(("encoding_format", "is neither float nor base64")),
            fields: vec![fields],
        })
    }

    fn encode_response(
        &self,
        answer: &Embeddings<'_>,
        reply: &EmbeddingReply,
        notes: &mut Notes,
    ) -> Result<Vec<u8>, DecodeError> {
        reply.check(answer)?;
        let tokens = reply.tokens(answer, notes);
        let model = if reply.model.is_empty() { answer.model.as_deref().unwrap_or("") } else { &reply.model };
        let mut out = Vec::with_capacity(256);
        write::object(&mut out, |o| {
            o.str("object", "list");
            o.list("data", |l| {
                answer.vectors.iter().enumerate().try_for_each(|(i, vector)| {
                    let json = vector.json(reply.base64)?;
                    l.object(|o| {
                        o.str("object", "embedding");
                        o.u64("index", i as u64);
                        o.raw("embedding", &json);
                    });
                    Ok::<(), DecodeError>(())
                })
            })?;
            o.str("model", model);
            o.object("usage", |o| {
                o.u64("prompt_tokens", tokens);
                o.u64("total_tokens", tokens);
            });
            Ok::<(), DecodeError>(())
        })?;
        Ok(out)
    }

    fn encode_error(&self, error: &ApiError) -> (u16, Vec<u8>) {
        error::encode(Protocol::OpenAiChat, error)
    }
}

/// The inputs, and whether they are a list: a text, texts, tokens, or lists of tokens.
fn inputs(raw: &RawValue) -> Result<(Vec<Input<'_>>, bool), DecodeError> {
    if let Ok(input) = serde_json::from_str::<StrOr<'_, Str<'_>>>(raw.get()) {
        return Ok(match input {
            StrOr::Str(text) => (vec![Input::Text(text)], false),
            StrOr::List(texts) => (texts.into_iter().map(|text| Input::Text(text.0)).collect(), true),
        });
    }
    if let Ok(lists) = serde_json::from_str::<Vec<Vec<u64>>>(raw.get()) {
        return Ok((lists.iter().map(|_| Input::Own(raw)).collect(), true));
    }
    match serde_json::from_str::<Vec<u64>>(raw.get()) {
        Ok(_) => Ok((vec![Input::Own(raw)], false)),
        Err(_) => Err(DecodeError::field("input", "is neither text nor tokens")),
    }
}

fn text(l: &mut List<'_>, at: usize, input: &Input<'_>) -> Result<(), Rejected> {
    match input {
        Input::Text(text) => {
            l.str(text);
            Ok(())
        }
        Input::Own(_) => {
            Err(Rejected::new(format!("requests[{at}].content"), "the provider embeds text only"))
        }
    }
}

fn vector(raw: &RawValue) -> Vector<'_> {
    match serde_json::from_str::<Str<'_>>(raw.get()) {
        Ok(text) => Vector::Base64(text.0),
        Err(_) => Vector::Numbers(Cow::Borrowed(raw)),
    }
}
