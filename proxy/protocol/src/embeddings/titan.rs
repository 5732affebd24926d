//! Amazon's Titan text embeddings on Bedrock, of providers only. One text a request.
//!
//! Source: "Amazon Titan Embeddings Text" in the documentation of Amazon Bedrock: `inputText`, and from version 2 on
//! `dimensions` (256, 512 or 1024) and `normalize`, which is on unless said otherwise.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::bedrock_converse::{Converse, path_of};
use crate::codec::ProviderCodec as _;
use crate::error::{ApiError, ErrorHead};
use crate::json::record::record;
use crate::json::write;
use crate::json::{DecodeError, Num, read_lenient};
use crate::notes::{Notes, Rejected};

use super::{EmbeddingRequest, Embeddings, Input, ProviderEmbedder, Vector};

/// Titan text embeddings.
#[derive(Clone, Copy, Debug)]
pub struct Titan;

record! {
    struct Answer<'a> {
        embedding: &'a RawValue,
        tokens("inputTextTokenCount"): Num<'a>,
    }
}

impl ProviderEmbedder for Titan {
    fn name(&self) -> &'static str {
        "titan_embeddings"
    }

    fn path(&self, model: &str) -> String {
        path_of(model, "invoke")
    }

    fn encode_request(
        &self,
        request: &EmbeddingRequest<'_>,
        _model: &str,
        notes: &mut Notes,
    ) -> Result<Vec<u8>, Rejected> {
        request.account(notes)?;
        let text = match request.inputs.as_slice() {
            [Input::Text(text)] => text,
            [Input::Own(_)] => return Err(Rejected::new("input", "the provider takes text and not tokens")),
            _ => return Err(Rejected::new("input", "the provider takes one text a request")),
        };
        let mut out = Vec::with_capacity(64 + text.len());
        write::object(&mut out, |o| {
            o.str("inputText", text);
            o.opt_u64("dimensions", request.dimensions);
        });
        Ok(out)
    }

    fn decode_response<'a>(&self, body: &'a [u8]) -> Result<Embeddings<'a>, DecodeError> {
        let answer: Answer<'a> = read_lenient(body)?;
        let numbers = answer.embedding.ok_or_else(|| DecodeError::field("embedding", "is required"))?;
        Ok(Embeddings {
            model: None,
            vectors: vec![Vector::Numbers(Cow::Borrowed(numbers))],
            input_tokens: answer.tokens.and_then(|tokens| tokens.as_u64()),
        })
    }

    fn decode_error(&self, head: ErrorHead<'_>, body: &[u8]) -> ApiError {
        Converse.decode_error(head, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::UrlFacts;
    use crate::embeddings::{Embedder as _, EmbeddingReply, OpenAi};

    fn written(body: &str) -> Result<String, String> {
        let request = OpenAi.decode_request(body.as_bytes(), UrlFacts::default()).unwrap();
        let body = Titan.encode_request(&request, "amazon.titan-embed-text-v2:0", &mut Notes::new(false));
        body.map(|body| String::from_utf8(body).unwrap()).map_err(|rejected| rejected.to_string())
    }

    #[test]
    fn one_text_is_asked_for() {
        let one = written(r#"{"model":"m","input":"hé","dimensions":256,"encoding_format":"base64"}"#);
        assert_eq!(one.unwrap(), r#"{"inputText":"hé","dimensions":256}"#);
        assert_eq!(written(r#"{"model":"m","input":["a"]}"#).unwrap(), r#"{"inputText":"a"}"#);
        for refused in [r#"{"model":"m","input":["a","b"]}"#, r#"{"model":"m","input":[1,2]}"#] {
            assert!(written(refused).unwrap_err().starts_with("input: "), "{refused}");
        }
    }

    #[test]
    fn the_vector_comes_back() {
        let answer = Titan.decode_response(br#"{"embedding":[0.5,-1],"inputTextTokenCount":3}"#).unwrap();
        let reply = EmbeddingReply { model: "m".to_owned(), inputs: 1, ..EmbeddingReply::default() };
        let body = OpenAi.encode_response(&answer, &reply, &mut Notes::new(false)).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["data"][0]["embedding"], serde_json::json!([0.5, -1]));
        assert_eq!(body["usage"]["prompt_tokens"], 3);
        assert!(Titan.decode_response(b"{}").is_err());
    }
}
