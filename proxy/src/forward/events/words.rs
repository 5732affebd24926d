//! Words without which no event says anything of interest.

use llm_snapshot::provider::Protocol;
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// A word to look for.
pub(super) struct Word {
    finder: Finder<'static>,
    /// Values before which it says nothing, if it is a key.
    empty: &'static [&'static [u8]],
}

/// A word wherever it stands.
fn word(word: &'static str) -> Word {
    Word { finder: Finder::new(word), empty: &[] }
}

/// A key, in its quotes.
fn key(key: &'static str) -> Word {
    Word { finder: Finder::new(key), empty: &[b"null"] }
}

/// The key of why an answer ends. Some servers write an empty reason until there is one.
fn reason(key: &'static str) -> Word {
    Word { finder: Finder::new(key), empty: &[b"null", b"\"\""] }
}

static CHAT: LazyLock<[Word; 3]> = LazyLock::new(|| [word("[DONE]"), key("\"usage\""), key("\"error\"")]);
static FINISH: LazyLock<Word> = LazyLock::new(|| reason("\"finish_reason\""));
static MESSAGES: LazyLock<[Word; 4]> =
    LazyLock::new(|| [word("message_stop"), key("\"usage\""), key("\"error\""), reason("\"stop_reason\"")]);
static GEMINI: LazyLock<[Word; 4]> = LazyLock::new(|| {
    [key("\"usageMetadata\""), reason("\"finishReason\""), key("\"blockReason\""), key("\"error\"")]
});
static RESPONSES: LazyLock<[Word; 4]> = LazyLock::new(|| {
    [word("response.completed"), word("response.incomplete"), word("response.failed"), key("\"error\"")]
});

/// Those of a protocol.
pub(super) fn of(protocol: Protocol) -> &'static [Word] {
    match protocol {
        Protocol::Responses => &*RESPONSES,
        Protocol::Messages => &*MESSAGES,
        Protocol::GenerateContent => &*GEMINI,
        _ => &*CHAT,
    }
}

/// Whether a chunk of Chat Completions may say why an answer ends.
pub(super) fn ends(events: &[u8]) -> bool {
    FINISH.is_in(events)
}

impl Word {
    /// Whether it says anything in these events.
    pub(super) fn is_in(&self, events: &[u8]) -> bool {
        if self.empty.is_empty() {
            return self.finder.find(events).is_some();
        }
        self.finder.find_iter(events).any(|at| {
            let value = value(events, at + self.finder.needle().len());
            value.is_some_and(|value| !self.empty.iter().any(|empty| value.starts_with(empty)))
        })
    }
}

/// The value of a key that ends there, and what follows it; `None`: it is no key.
pub(super) fn value(events: &[u8], end: usize) -> Option<&[u8]> {
    let rest = events[end..].trim_ascii_start();
    rest.strip_prefix(b":").map(<[u8]>::trim_ascii_start)
}
