//! Embeddings: OpenAI's and Gemini's, each to the other (TRANSLATION §10), and of providers Amazon's Titan and those of
//! Vertex AI. Anthropic has none.

mod gemini;
mod openai;
mod titan;
mod vector;
mod vertex;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::codec::UrlFacts;
use crate::error::{ApiError, ErrorHead};
use crate::json::record::{Rest, camel};
use crate::json::{DecodeError, Json};
use crate::notes::{Notes, Rejected};

pub use gemini::Gemini;
pub use openai::OpenAi;
pub use titan::Titan;
pub use vertex::Vertex;

/// The table of embedding protocols that clients speak.
pub static EMBEDDERS: &[&dyn Embedder] = &[&OpenAi, &Gemini];

/// The embedding protocol of that name.
pub fn embedder(name: &str) -> Option<&'static dyn Embedder> {
    EMBEDDERS.iter().copied().find(|embedder| embedder.name() == name)
}

/// A protocol of embeddings as it is spoken with providers.
pub trait ProviderEmbedder: Sync {
    /// Its name in files, settings and messages; stable.
    fn name(&self) -> &'static str;

    /// Where requests go: path below the provider's base URL.
    fn path(&self, model: &str) -> String;

    /// Writes a request for a provider: as it was read for the same protocol, with the provider's name of the
    /// model.
    ///
    /// # Errors
    /// The provider takes no such input; in strict mode, anything would be lost: 400.
    fn encode_request(
        &self,
        request: &EmbeddingRequest<'_>,
        model: &str,
        notes: &mut Notes,
    ) -> Result<Vec<u8>, Rejected>;

    /// Reads a provider's response.
    ///
    /// # Errors
    /// The body is not what the protocol promises: 502.
    fn decode_response<'a>(&self, body: &'a [u8]) -> Result<Embeddings<'a>, DecodeError>;

    /// Reads a provider's error response.
    fn decode_error(&self, head: ErrorHead<'_>, body: &[u8]) -> ApiError;
}

/// A protocol of embeddings that clients speak too, both directions.
pub trait Embedder: ProviderEmbedder {
    /// Reads a client's request.
    ///
    /// # Errors
    /// The body is not JSON, or has no input: 400.
    fn decode_request<'a>(
        &self,
        body: &'a [u8],
        url: UrlFacts<'a>,
    ) -> Result<EmbeddingRequest<'a>, DecodeError>;

    /// Writes a response for a client.
    ///
    /// # Errors
    /// A vector is not what the provider's protocol promises: 502.
    fn encode_response(
        &self,
        answer: &Embeddings<'_>,
        reply: &EmbeddingReply,
        notes: &mut Notes,
    ) -> Result<Vec<u8>, DecodeError>;

    /// Writes an error for a client: status and body.
    fn encode_error(&self, error: &ApiError) -> (u16, Vec<u8>);
}

/// A request for embeddings.
#[derive(Debug)]
pub struct EmbeddingRequest<'a> {
    /// The protocol it was written in, by name.
    pub source: &'static str,
    /// The model, by the name the client uses.
    pub model: Cow<'a, str>,
    /// What to embed.
    pub inputs: Vec<Input<'a>>,
    /// Several may be asked for: the answer is a list where the protocol tells one from many.
    pub batch: bool,
    /// How many numbers each vector is to have.
    pub dimensions: Option<u64>,
    /// Vectors are wanted as base64 of little-endian 32-bit floats.
    pub base64: bool,
    /// Fields that only its protocol has: dropped with a warning elsewhere.
    extras: Vec<Cow<'a, str>>,
    /// Why no other protocol can carry the request: path and reason.
    only_own: Option<(&'static str, &'static str)>,
    /// The fields as they were, of the request, or of each request of a batch.
    fields: Vec<Rest<'a>>,
}

/// Something to embed.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// Tokens of the model's own vocabulary, or content other than text.
    Own(&'a RawValue),
}

/// The answer.
#[derive(Debug)]
pub struct Embeddings<'a> {
    /// The model that answered.
    pub model: Option<Cow<'a, str>>,
    /// A vector for each input, in order.
    pub vectors: Vec<Vector<'a>>,
    /// The tokens read; `None` if not told.
    pub input_tokens: Option<u64>,
}

/// A vector, as it came.
#[derive(Clone, Debug)]
pub enum Vector<'a> {
    /// A list of numbers.
    Numbers(Json<'a>),
    /// Base64 of little-endian 32-bit floats.
    Base64(Cow<'a, str>),
}

/// What the client asked that shapes its answer.
#[derive(Clone, Debug, Default)]
pub struct EmbeddingReply {
    /// The model name the client sees; empty: the provider's.
    pub model: String,
    /// Vectors are wanted as base64.
    pub base64: bool,
    /// The answer is a list where the protocol tells one from many.
    pub batch: bool,
    /// How many inputs there were.
    pub inputs: usize,
    /// An estimate of the tokens, for providers that do not tell.
    pub estimate: u64,
}

impl EmbeddingReply {
    /// The reply to a request.
    pub fn to(request: &EmbeddingRequest<'_>, estimate: u64) -> Self {
        EmbeddingReply {
            model: String::new(),
            base64: request.base64,
            batch: request.batch,
            inputs: request.inputs.len(),
            estimate,
        }
    }

    /// There is a vector for each input: a client takes them by their places.
    fn check(&self, answer: &Embeddings<'_>) -> Result<(), DecodeError> {
        let (vectors, inputs) = (answer.vectors.len(), self.inputs);
        if vectors == inputs {
            return Ok(());
        }
        Err(DecodeError::field("data", format!("holds {vectors} vectors for {inputs} inputs")))
    }

    /// The tokens to tell: those told, or the estimate and a warning.
    fn tokens(&self, answer: &Embeddings<'_>, notes: &mut Notes) -> u64 {
        answer.input_tokens.unwrap_or_else(|| {
            notes.tell("usage_estimated");
            self.estimate
        })
    }
}

impl EmbeddingRequest<'_> {
    /// Accounts for what another protocol cannot carry.
    fn account(&self, notes: &mut Notes) -> Result<(), Rejected> {
        self.only_carried()?;
        self.account_but(&[], notes)
    }

    /// Refuses what no other protocol can carry.
    fn only_carried(&self) -> Result<(), Rejected> {
        self.only_own.map_or(Ok(()), |(path, reason)| Err(Rejected::new(path, reason)))
    }

    /// Accounts for the fields that only the client's protocol has, but for those that are carried.
    fn account_but(&self, carried: &[&str], notes: &mut Notes) -> Result<(), Rejected> {
        for name in self.extras.iter().filter(|name| !carried.contains(&camel(name).as_ref())) {
            notes.warn(crate::notes::code(name, "dropped"), || name.to_string())?;
        }
        Ok(())
    }
}
