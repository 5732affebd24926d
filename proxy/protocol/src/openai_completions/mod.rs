//! OpenAI's legacy completions: a client's way to ask any model (TRANSLATION §10). As a provider it takes
//! only requests of its own.

mod facts;
mod request;
mod response;
mod stream;
mod wire;

#[cfg(test)]
mod tests;

use crate::codec::{Codec, Encoded, Exchange, ProviderCodec, Reply, Target, UrlFacts};
use crate::error::{ApiError, ErrorHead};
use crate::facts::Facts;
use crate::ir::{Request, Response};
use crate::json::DecodeError;
use crate::notes::{Notes, Rejected};
use crate::openai_chat::error;
use crate::protocol::Protocol;
use crate::stream::{StreamDecoder, StreamEncoder};

/// The protocol of this folder.
const THIS: Protocol = Protocol::OpenAiCompletions;

/// OpenAI's legacy completions.
#[derive(Clone, Copy, Debug)]
pub struct OpenAiCompletions;

impl ProviderCodec for OpenAiCompletions {
    fn protocol(&self) -> Protocol {
        THIS
    }

    fn facts(&self) -> &'static Facts {
        &facts::FACTS
    }

    fn path(&self, _model: &str, _stream: bool) -> String {
        "/v1/completions".to_owned()
    }

    fn encode_request(
        &self,
        request: &Request<'_>,
        target: &Target<'_>,
        _notes: &mut Notes,
    ) -> Result<Encoded, Rejected> {
        request::encode(request, target)
    }

    fn decode_response<'a>(&self, body: &'a [u8], _exchange: &Exchange) -> Result<Response<'a>, DecodeError> {
        response::decode(body)
    }

    fn stream_decoder(&self, _exchange: Exchange) -> Box<dyn StreamDecoder> {
        Box::<stream::Decoder>::default()
    }

    fn decode_error(&self, head: ErrorHead<'_>, body: &[u8]) -> ApiError {
        error::decode(THIS, head, body)
    }
}

impl Codec for OpenAiCompletions {
    fn decode_request<'a>(&self, body: &'a [u8], _url: UrlFacts<'a>) -> Result<Request<'a>, DecodeError> {
        request::decode(body)
    }

    fn encode_response(&self, response: &Response<'_>, reply: &mut Reply, notes: &mut Notes) -> Vec<u8> {
        response::encode(response, reply, notes)
    }

    fn stream_encoder(&self, reply: Reply) -> Box<dyn StreamEncoder> {
        Box::new(stream::Encoder::new(reply))
    }

    fn encode_error(&self, error: &ApiError) -> (u16, Vec<u8>) {
        error::encode(THIS, error)
    }
}
