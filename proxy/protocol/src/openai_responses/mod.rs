//! OpenAI Responses.

mod answer;
mod count;
mod echo;
mod error;
mod facts;
mod finish;
mod foreign;
mod item;
mod native;
mod request;
mod response;
mod stream_close;
mod stream_decode;
mod stream_done;
mod stream_encode;
mod stream_items;
mod stream_marks;
mod usage;
mod wire;
mod write_input;
mod write_item;
mod write_request;

#[cfg(test)]
mod tests;

use crate::codec::{Codec, Encoded, Exchange, ProviderCodec, Reply, Target, UrlFacts};
use crate::count::{ProviderCounter, TokenCounter};
use crate::error::{ApiError, ErrorHead};
use crate::facts::Facts;
use crate::ir::{Request, Response};
use crate::json::DecodeError;
use crate::notes::{Notes, Rejected};
use crate::openai_chat;
use crate::protocol::Protocol;
use crate::stream::{StreamDecoder, StreamEncoder};

use write_request::Purpose;

/// The protocol of this folder.
const THIS: Protocol = Protocol::OpenAiResponses;

/// OpenAI Responses.
#[derive(Clone, Copy, Debug)]
pub struct OpenAiResponses;

impl ProviderCodec for OpenAiResponses {
    fn protocol(&self) -> Protocol {
        THIS
    }

    fn facts(&self) -> &'static Facts {
        &facts::FACTS
    }

    fn path(&self, _model: &str, _stream: bool) -> String {
        "/v1/responses".to_owned()
    }

    fn encode_request(
        &self,
        request: &Request<'_>,
        target: &Target<'_>,
        notes: &mut Notes,
    ) -> Result<Encoded, Rejected> {
        let encoded = write_request::encode(request, target, Purpose::Answer, notes)?;
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
        openai_chat::error::decode(THIS, head, body)
    }

    fn counter(&self) -> Option<&'static dyn ProviderCounter> {
        Some(&count::Counter)
    }
}

impl Codec for OpenAiResponses {
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
        openai_chat::error::encode(THIS, error)
    }

    fn echo(&self, request: &Request<'_>) -> Vec<(&'static str, String)> {
        echo::of(request)
    }

    fn client_counter(&self) -> Option<&'static dyn TokenCounter> {
        Some(&count::Counter)
    }
}
