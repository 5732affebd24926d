//! OpenAI Chat Completions.

pub(crate) mod annotations;
mod decode_calls;
pub(crate) mod error;
mod facts;
pub(crate) mod foreign;
pub(crate) mod logprobs;
pub(crate) mod media;
mod message;
mod part;
mod request;
mod response;
pub(crate) mod settle;
mod stream_calls;
mod stream_decode;
mod stream_encode;
pub(crate) mod usage;
mod wire;
mod write_message;
pub(crate) mod write_request;
pub(crate) mod write_turns;

#[cfg(test)]
mod tests;

use crate::codec::{Codec, Encoded, Exchange, ProviderCodec, Reply, Target, UrlFacts};
use crate::error::{ApiError, ErrorHead};
use crate::facts::Facts;
use crate::ir::{Request, Response};
use crate::json::DecodeError;
use crate::notes::{Notes, Rejected};
use crate::protocol::Protocol;
use crate::stream::{StreamDecoder, StreamEncoder};

/// The protocol of this folder.
const THIS: Protocol = Protocol::OpenAiChat;

/// OpenAI Chat Completions.
#[derive(Clone, Copy, Debug)]
pub struct OpenAiChat;

impl ProviderCodec for OpenAiChat {
    fn protocol(&self) -> Protocol {
        THIS
    }

    fn facts(&self) -> &'static Facts {
        &facts::FACTS
    }

    fn path(&self, _model: &str, _stream: bool) -> String {
        "/v1/chat/completions".to_owned()
    }

    fn encode_request(
        &self,
        request: &Request<'_>,
        target: &Target<'_>,
        notes: &mut Notes,
    ) -> Result<Encoded, Rejected> {
        let encoded = write_request::encode(request, target, notes)?;
        Ok(Encoded { exchange: encoded.exchange.of(request), ..encoded })
    }

    fn decode_response<'a>(&self, body: &'a [u8], exchange: &Exchange) -> Result<Response<'a>, DecodeError> {
        let mut response = response::decode(body, exchange)?;
        exchange.judge(&mut response);
        Ok(response)
    }

    fn stream_decoder(&self, exchange: Exchange) -> Box<dyn StreamDecoder> {
        Box::new(stream_decode::Decoder::new(exchange))
    }

    fn decode_error(&self, head: ErrorHead<'_>, body: &[u8]) -> ApiError {
        error::decode(THIS, head, body)
    }
}

impl Codec for OpenAiChat {
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
        error::encode(THIS, error)
    }
}
