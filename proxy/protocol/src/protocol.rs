//! The protocols, and the one table that says how each is spoken.

use crate::codec::Codec;

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
}

impl Protocol {
    /// Every protocol.
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
        }
    }

    /// The family whose models understand each other's opaque state; part of the tag on state (`xp1.<family>.`).
    pub const fn family(self) -> &'static str {
        match self {
            Protocol::OpenAiChat | Protocol::OpenAiResponses | Protocol::OpenAiCompletions => "openai",
            Protocol::Anthropic => "anthropic",
            Protocol::Gemini => "gemini",
        }
    }

    /// The protocol of that name.
    pub fn from_name(name: &str) -> Option<Protocol> {
        Protocol::ALL.into_iter().find(|p| p.name() == name)
    }
}

/// The table of codecs. A new protocol is a new folder and one row here.
pub static CODECS: &[&dyn Codec] = &[
    &crate::openai_chat::OpenAiChat,
    &crate::openai_responses::OpenAiResponses,
    &crate::anthropic::Anthropic,
    &crate::gemini::Gemini,
    &crate::openai_completions::OpenAiCompletions,
];

/// The codec of a protocol, if it has one.
pub fn codec(protocol: Protocol) -> Option<&'static dyn Codec> {
    CODECS.iter().copied().find(|codec| codec.protocol() == protocol)
}
