//! Codecs of the LLM wire protocols over one neutral form.
//!
//! Pure: bytes and values in, bytes and values out; time and randomness come in as arguments. A client's request is
//! decoded by its protocol's [`Codec`] into [`ir::Request`] and encoded by the provider's; the answer goes the other
//! way. There is no code for pairs of protocols.
//!
//! What a target cannot carry becomes a warning or a rejection in [`Notes`]; fields only one protocol has ride in
//! [`ir::Ext`] under the rules of its [`facts::Facts`].

pub mod account;
pub mod anthropic;
pub mod aws_eventstream;
pub mod bedrock_converse;
pub mod capabilities;
pub mod codec;
pub mod count;
pub mod custom;
pub mod embeddings;
pub mod error;
pub mod facts;
mod fault;
pub mod gemini;
pub mod ids;
mod instructed;
pub mod ir;
pub mod json;
pub mod models;
pub mod names;
pub mod notes;
pub mod openai_chat;
pub mod openai_completions;
pub mod openai_responses;
pub mod percent;
pub mod protocol;
mod schema;
mod signer;
pub mod sse;
pub mod state;
pub mod stream;

pub use codec::{Codec, Encoded, Exchange, ProviderCodec, Reply, Target, UrlFacts};
pub use count::{ProviderCounter, TokenCounter};
pub use error::{ApiError, ErrorHead, ErrorKind};
pub use json::DecodeError;
pub use models::{ModelEntry, ModelList};
pub use notes::{Notes, Rejected};
pub use protocol::{CODECS, Protocol, codec, provider_codec};
pub use stream::{Framing, StreamDecoder, StreamEncoder, StreamReader};
