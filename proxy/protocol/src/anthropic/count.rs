//! Token counting (TRANSLATION §10).

use crate::codec::{Encoded, Target, UrlFacts};
use crate::count::{self, ProviderCounter, TokenCounter};
use crate::ir::Request;
use crate::json::{DecodeError, write};
use crate::notes::{Notes, Rejected};

use super::request;
use super::write_request::{self, Purpose};

/// The endpoint that counts.
pub(super) struct Counter;

impl ProviderCounter for Counter {
    fn path(&self, _model: &str) -> String {
        "/v1/messages/count_tokens".to_owned()
    }

    fn encode_request(
        &self,
        request: &Request<'_>,
        target: &Target<'_>,
        notes: &mut Notes,
    ) -> Result<Encoded, Rejected> {
        write_request::encode(request, target, Purpose::Count, notes)
    }

    fn decode_response(&self, body: &[u8]) -> Result<u64, DecodeError> {
        count::input_tokens(body)
    }
}

impl TokenCounter for Counter {
    fn decode_request<'a>(&self, body: &'a [u8], _url: UrlFacts<'a>) -> Result<Request<'a>, DecodeError> {
        request::decode(body)
    }

    fn encode_response(&self, tokens: u64) -> Vec<u8> {
        let mut body = Vec::with_capacity(32);
        write::object(&mut body, |o| o.u64("input_tokens", tokens));
        body
    }
}
