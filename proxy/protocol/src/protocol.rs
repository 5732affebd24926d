//! The protocols, and the one table that says how each is spoken.

use crate::codec::{Codec, ProviderCodec};

/// A wire protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// OpenAI Chat Completions.
    OpenAiChat,
    /// OpenAI Responses.
    OpenAiResponses,
    /// Anthropic Messages.
    Anthropic,
    /// Gemini generateContent.
    Gemini,
    /// OpenAI's legacy completions, of clients.
    OpenAiCompletions,
    /// Bedrock's Converse and ConverseStream, of providers.
    BedrockConverse,
}

impl Protocol {
    /// Every protocol that clients speak.
    pub const ALL: [Protocol; 5] = [
        Protocol::OpenAiChat,
        Protocol::OpenAiResponses,
        Protocol::Anthropic,
        Protocol::Gemini,
        Protocol::OpenAiCompletions,
    ];

    /// The protocol's name in files, settings and messages; stable.
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::OpenAiChat => "openai_chat",
            Protocol::OpenAiResponses => "openai_responses",
            Protocol::Anthropic => "anthropic_messages",
            Protocol::Gemini => "gemini_generate",
            Protocol::OpenAiCompletions => "openai_completions",
            Protocol::BedrockConverse => "bedrock_converse",
        }
    }

    /// The family whose models understand each other's opaque state; part of the tag on state (`xp1.<family>.`).
    pub const fn family(self) -> &'static str {
        match self {
            Protocol::OpenAiChat | Protocol::OpenAiResponses | Protocol::OpenAiCompletions => "openai",
            // Signatures of Claude are valid wherever it runs.
            Protocol::Anthropic | Protocol::BedrockConverse => "anthropic",
            Protocol::Gemini => "gemini",
        }
    }

    /// The protocol of that name.
    pub fn from_name(name: &str) -> Option<Protocol> {
        Protocol::ALL.into_iter().find(|p| p.name() == name)
    }
}

/// The table of codecs of protocols that clients speak. A new protocol is a new folder and one row here.
pub static CODECS: &[&dyn Codec] = &[
    &crate::openai_chat::OpenAiChat,
    &crate::openai_responses::OpenAiResponses,
    &crate::anthropic::Anthropic,
    &crate::gemini::Gemini,
    &crate::openai_completions::OpenAiCompletions,
];

/// Codecs of protocols that only providers speak.
pub static PROVIDER_CODECS: &[&dyn ProviderCodec] = &[&crate::bedrock_converse::Converse];

/// How a protocol is spoken with providers.
pub fn provider_codec(protocol: Protocol) -> Option<&'static dyn ProviderCodec> {
    let own = || PROVIDER_CODECS.iter().copied().find(|codec| codec.protocol() == protocol);
    codec(protocol).map(|codec| codec as &dyn ProviderCodec).or_else(own)
}

/// The codec of a protocol, if clients speak it.
pub fn codec(protocol: Protocol) -> Option<&'static dyn Codec> {
    CODECS.iter().copied().find(|codec| codec.protocol() == protocol)
}
