//! Anthropic Messages.

mod block;
pub mod cache;
mod citations;
mod count;
mod error;
mod facts;
mod finish;
pub(crate) mod foreign;
mod media;
mod models;
mod native;
pub(crate) mod plan;
pub(crate) mod prompt;
mod request;
mod response;
mod stream_decode;
mod stream_encode;
pub(crate) mod turns;
mod usage;
mod wire;
pub(crate) mod write_request;

#[cfg(test)]
mod tests;

use crate::codec::{Codec, Encoded, Exchange, ProviderCodec, Reply, Target, UrlFacts};
use crate::count::{ProviderCounter, TokenCounter};
use crate::error::{ApiError, ErrorHead};
use crate::facts::Facts;
use crate::ir::{Request, Response};
use crate::json::DecodeError;
use crate::models::ModelList;
use crate::notes::{Notes, Rejected};
use crate::protocol::Protocol;
use crate::stream::{StreamDecoder, StreamEncoder};

use write_request::Purpose;

/// The protocol of this folder.
const THIS: Protocol = Protocol::Anthropic;

/// Anthropic Messages.
#[derive(Clone, Copy, Debug)]
pub struct Anthropic;

impl ProviderCodec for Anthropic {
    fn protocol(&self) -> Protocol {
        THIS
    }

    fn facts(&self) -> &'static Facts {
        &facts::FACTS
    }

    fn path(&self, _model: &str, _stream: bool) -> String {
        "/v1/messages".to_owned()
    }

    fn encode_request(
        &self,
        request: &Request<'_>,
        target: &Target<'_>,
        notes: &mut Notes,
    ) -> Result<Encoded, Rejected> {
        write_request::encode(request, target, Purpose::Answer, notes)
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

impl Codec for Anthropic {
    fn decode_request<'a>(&self, body: &'a [u8], _url: UrlFacts<'a>) -> Result<Request<'a>, DecodeError> {
        request::decode(body)
    }

    fn encode_response(&self, response: &Response<'_>, reply: &mut Reply, notes: &mut Notes) -> Vec<u8> {
        response::encode(response, reply, notes)
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
