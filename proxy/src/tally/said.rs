//! What a model said, as far as it is known when a provider does not tell how much it was.

use super::bpe::{self, scaled};
use super::strings;
use super::texts::Texts;
use crate::translate::provider_codec;
use bytes::Bytes;
use llm_protocol::Exchange;
use llm_snapshot::provider::Protocol;
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// Most bytes of a stream's text that are kept: about 4,000 tokens. What is said beyond is taken to be alike.
const KEPT: usize = 16 * 1024;
/// Longest escape in a JSON string, which may be cut at the end of what is kept: a pair of surrogates.
const ESCAPE: usize = 12;

/// What a model said.
#[derive(Debug)]
pub enum Said {
    /// In a stream.
    Heard(Heard),
    /// In the JSON of an answer.
    Answer {
        /// Of this protocol.
        protocol: Protocol,
        /// The JSON, or what is left of it.
        json: Vec<Bytes>,
        /// The length of all of it.
        all: u64,
    },
}

/// The text of a stream as it goes by.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    text: Vec<u8>,
    /// It is as it stands between the quotes of JSON.
    escaped: bool,
    all: u64,
}

static DELTA: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"delta\":"));
static PARTS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"parts\":"));
static TEXT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"text\":"));

impl Heard {
    /// Takes text.
    pub fn text(&mut self, text: &str) {
        self.take(text.as_bytes());
    }

    /// Finds the text in whole events of a stream. Nothing of them is read but the values of one key.
    pub fn listen(&mut self, protocol: Protocol, events: &[u8]) {
        self.escaped = true;
        let key = match protocol {
            Protocol::GenerateContent => &*PARTS,
            Protocol::Completions => &*TEXT,
            _ => &*DELTA,
        };
        let mut rest = events;
        while let Some(at) = key.find(rest) {
            rest = rest[at + key.needle().len()..].trim_ascii_start();
            let end = strings::said(rest, &mut |string| self.take(string));
            rest = &rest[end..];
        }
    }

    /// About how many tokens, by the length of the text. Costs nothing.
    #[must_use]
    pub fn rough(&self) -> u64 {
        bpe::rough(usize::try_from(self.all).unwrap_or(usize::MAX))
    }

    fn take(&mut self, text: &[u8]) {
        self.all += text.len() as u64;
        let room = KEPT.saturating_sub(self.text.len());
        self.text.extend_from_slice(&text[..room.min(text.len())]);
    }

    fn tokens(&self) -> u64 {
        let text = if self.escaped { unescaped(&self.text) } else { lossy(&self.text) };
        scaled(bpe::count(std::iter::once(&*text)), self.text.len() as u64, self.all)
    }
}

impl Said {
    /// The tokens, counted. Not for a worker of the runtime.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        let (protocol, json, all) = match self {
            Self::Heard(heard) => return heard.tokens(),
            Self::Answer { protocol, json, all } => (*protocol, json.concat(), *all),
        };
        let codec = provider_codec(protocol);
        let read = codec.and_then(|codec| codec.decode_response(&json, &Exchange::default()).ok());
        let tokens = match &read {
            Some(response) => Texts::of_response(response).counted(),
            // It broke off, or is several.
            None => {
                let mut text = Vec::new();
                strings::said(&json, &mut |string| text.extend_from_slice(string));
                bpe::count(std::iter::once(&*unescaped(&text)))
            }
        };
        scaled(tokens, json.len() as u64, all)
    }
}

/// The text of strings of JSON, one behind the other, whose end may be missing.
fn unescaped(strings: &[u8]) -> String {
    let read = |text: &[u8]| serde_json::from_slice::<String>(&[b"\"", text, b"\""].concat()).ok();
    let whole = |cut: usize| strings.get(..strings.len().checked_sub(cut)?).and_then(read);
    (0..=ESCAPE).find_map(whole).unwrap_or_else(|| lossy(strings))
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests;
