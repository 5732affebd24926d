//! Bedrock's Converse and ConverseStream, of providers only: no client speaks them.
//!
//! Source of every shape: the model of the API in AWS's own SDK, `bedrock-runtime/2023-09-30/service-2.json` of
//! botocore 1.44.5. What the models of Anthropic need beyond it goes into `additionalModelRequestFields`, in the
//! words of Messages. How a conversation is divided into messages, and what becomes of settings that a Claude does not
//! take, is as in Messages.

mod content;
mod count;
mod error;
mod facts;
mod finish;
mod media;
mod response;
mod stream_decode;
mod wire;
mod write_request;

#[cfg(test)]
mod tests;

use crate::anthropic::write_request::Purpose;
use crate::codec::{Encoded, Exchange, ProviderCodec, Target};
use crate::count::ProviderCounter;
use crate::error::{ApiError, ErrorHead};
use crate::facts::Facts;
use crate::ir::{Request, Response};
use crate::json::DecodeError;
use crate::notes::{Notes, Rejected};
use crate::percent;
use crate::protocol::Protocol;
use crate::stream::{Framing, StreamDecoder};

/// The protocol of this folder.
const THIS: Protocol = Protocol::BedrockConverse;

/// Bedrock's Converse and ConverseStream.
#[derive(Clone, Copy, Debug)]
pub struct Converse;

impl ProviderCodec for Converse {
    fn protocol(&self) -> Protocol {
        THIS
    }

    fn facts(&self) -> &'static Facts {
        &facts::FACTS
    }

    fn path(&self, model: &str, stream: bool) -> String {
        path_of(model, if stream { "converse-stream" } else { "converse" })
    }

    fn framing(&self) -> Framing {
        Framing::AwsEvents
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

/// The path of an operation on a model. The model is one segment, whatever characters its name or ARN holds.
pub(crate) fn path_of(model: &str, operation: &str) -> String {
    let mut path = String::from("/model/");
    percent::escape(&mut path, model, b"");
    path.push('/');
    path.push_str(operation);
    path
}

/// Whether a model is one of Anthropic's, by its id (`anthropic.claude-…`, `us.anthropic.claude-…`).
fn is_claude(model: &str) -> bool {
    model.contains("claude")
}
