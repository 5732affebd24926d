//! Token counting: what a request would cost to read, without an answer (TRANSLATION §10).

use crate::codec::{Encoded, Target, UrlFacts};
use crate::error::ApiError;
use crate::ir::Request;
use crate::json::record::record;
use crate::json::{DecodeError, Num, read};
use crate::notes::{Notes, Rejected};

/// A protocol's endpoint that counts tokens, as it is spoken with providers. A protocol without one (Chat
/// Completions) has none of these: the proxy then estimates.
///
/// The request is that for an answer, as far as it matters; errors are those of the protocol's codec.
pub trait ProviderCounter: Sync {
    /// Path below the provider's base URL, model name included where the path holds it.
    fn path(&self, model: &str) -> String;

    /// Writes a request for a provider.
    ///
    /// # Errors
    /// As [`crate::ProviderCodec::encode_request`].
    fn encode_request(
        &self,
        request: &Request<'_>,
        target: &Target<'_>,
        notes: &mut Notes,
    ) -> Result<Encoded, Rejected>;

    /// Reads a provider's answer: the tokens of the request, cached ones included.
    ///
    /// # Errors
    /// The body is not what the protocol promises: 502.
    fn decode_response(&self, body: &[u8]) -> Result<u64, DecodeError>;

    /// Whether an error says that this model cannot be counted for at this provider, or not with this credential,
    /// whatever is counted: the proxy then estimates.
    fn cannot(&self, _error: &ApiError) -> bool {
        false
    }
}

/// A protocol's endpoint that counts tokens, of clients too: both directions.
pub trait TokenCounter: ProviderCounter {
    /// Reads a client's request.
    ///
    /// # Errors
    /// As [`crate::Codec::decode_request`].
    fn decode_request<'a>(&self, body: &'a [u8], url: UrlFacts<'a>) -> Result<Request<'a>, DecodeError>;

    /// Writes the answer for a client.
    fn encode_response(&self, tokens: u64) -> Vec<u8>;
}

record! {
    /// The answer of OpenAI's and Anthropic's endpoints.
    struct Counted<'a> {
        input_tokens: Num<'a>,
    }
}

/// The tokens in an answer that has them in `input_tokens`.
pub(crate) fn input_tokens(body: &[u8]) -> Result<u64, DecodeError> {
    let counted: Counted<'_> = read(body)?;
    let tokens = counted.input_tokens.as_ref().and_then(Num::as_u64);
    tokens.ok_or_else(|| DecodeError::field("input_tokens", "is required"))
}
