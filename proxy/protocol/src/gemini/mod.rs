//! Gemini generateContent, of the Gemini API and of Vertex AI.

mod count;
mod error;
mod facts;
pub(crate) mod finish;
mod foreign;
mod grounding;
mod logprobs;
mod message;
mod models;
mod part;
mod partial;
mod request;
mod response;
mod settings;
mod stream_decode;
mod stream_encode;
mod thinking;
mod tools;
mod usage;
mod wire;
mod write_config;
mod write_media;
mod write_native;
mod write_part;
mod write_request;
mod write_response;
mod write_result;
mod write_tools;
mod write_turns;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::codec::{Codec, Encoded, Exchange, ProviderCodec, Reply, Target, UrlFacts};
use crate::count::{ProviderCounter, TokenCounter};
use crate::error::{ApiError, ErrorHead};
use crate::facts::Facts;
use crate::ir::{Request, Response};
use crate::json::DecodeError;
use crate::models::ModelList;
use crate::notes::{Notes, Rejected};
use crate::percent;
use crate::protocol::Protocol;
use crate::stream::{StreamDecoder, StreamEncoder};

/// The protocol of this folder.
const THIS: Protocol = Protocol::Gemini;

/// Gemini generateContent.
#[derive(Clone, Copy, Debug)]
pub struct Gemini;

impl ProviderCodec for Gemini {
    fn protocol(&self) -> Protocol {
        THIS
    }

    fn facts(&self) -> &'static Facts {
        &facts::FACTS
    }

    fn path(&self, model: &str, stream: bool) -> String {
        path_of(model, if stream { "streamGenerateContent?alt=sse" } else { "generateContent" })
    }

    fn encode_request(
        &self,
        request: &Request<'_>,
        target: &Target<'_>,
        notes: &mut Notes,
    ) -> Result<Encoded, Rejected> {
        write_request::encode(request, target, notes)
    }

    fn decode_response<'a>(&self, body: &'a [u8], exchange: &Exchange) -> Result<Response<'a>, DecodeError> {
        response::decode(body, exchange)
    }

    fn stream_decoder(&self, exchange: Exchange) -> Box<dyn StreamDecoder> {
        Box::new(stream_decode::Decoder::new(exchange))
    }

    fn decode_error(&self, head: ErrorHead<'_>, body: &[u8]) -> ApiError {
        error::decode(head, body)
    }

    fn counter(&self) -> Option<&'static dyn ProviderCounter> {
        Some(&count::Counter)
    }
}

impl Codec for Gemini {
    fn decode_request<'a>(&self, body: &'a [u8], url: UrlFacts<'a>) -> Result<Request<'a>, DecodeError> {
        request::decode(body, url)
    }

    fn encode_response(&self, response: &Response<'_>, reply: &mut Reply, notes: &mut Notes) -> Vec<u8> {
        write_response::encode(response, reply, notes)
    }

    fn stream_encoder(&self, reply: Reply) -> Box<dyn StreamEncoder> {
        Box::new(stream_encode::Encoder::new(reply))
    }

    fn encode_error(&self, error: &ApiError) -> (u16, Vec<u8>) {
        error::encode(error)
    }

    fn model_list(&self) -> &'static dyn ModelList {
        &models::Models
    }

    fn client_counter(&self) -> Option<&'static dyn TokenCounter> {
        Some(&count::Counter)
    }
}

/// What names of models begin with that say of which kind they are.
const KINDS: [&str; 4] = ["models/", "tunedModels/", "publishers/", "projects/"];

/// The resource name of a model: `models/…`, unless the name says of which kind it is.
pub(crate) fn resource(model: &str) -> Cow<'_, str> {
    let has_kind = KINDS.iter().any(|kind| model.starts_with(kind));
    if has_kind { Cow::Borrowed(model) } else { Cow::Owned(format!("models/{model}")) }
}

/// The path of a method of a model. Characters that have a meaning in a path are escaped, and no segment
/// leads up.
pub(crate) fn path_of(model: &str, method: &str) -> String {
    let mut path = String::from("/v1beta");
    for segment in resource(model).split('/').filter(|segment| !matches!(*segment, "" | "." | "..")) {
        path.push('/');
        percent::escape(&mut path, segment, b"@");
    }
    path.push(':');
    path.push_str(method);
    path
}
