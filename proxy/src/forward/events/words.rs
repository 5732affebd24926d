//! Words without which no event says anything of interest.

use llm_snapshot::provider::Protocol;
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// A word to look for.
pub(super) struct Word {
    finder: Finder<'static>,
    /// Whether it says something, given what stands before and behind it.
    says: fn(&[u8], &[u8]) -> bool,
}

/// A word wherever it stands.
fn word(word: &'static str) -> Word {
    Word { finder: Finder::new(word), says: |_, _| true }
}

/// A key, in its quotes, of something.
fn key(key: &'static str) -> Word {
    Word { finder: Finder::new(key), says: |_, rest| value(rest).is_some_and(|value| !is_null(value)) }
}

/// The key of why an answer ends. Some servers write an empty reason until there is one.
fn reason(key: &'static str) -> Word {
    let says = |_: &[u8], rest: &[u8]| {
        value(rest).is_some_and(|value| !is_null(value) && !value.starts_with(b"\"\""))
    };
    Word { finder: Finder::new(key), says }
}

/// What events of errors have in all protocols: a key, a type, or the name of the event.
fn error() -> Word {
    let says = |before: &[u8], rest: &[u8]| match (before, rest) {
        ([.., b'"'], [b'"', rest @ ..]) => value(rest).is_none_or(|value| !is_null(value)),
        (before, [] | [b'\r' | b'\n' | b' ', ..]) => before.trim_ascii_end().ends_with(b"event:"),
        _ => false,
    };
    Word { finder: Finder::new("error"), says }
}

fn is_null(value: &[u8]) -> bool {
    value.starts_with(b"null")
}

static ERROR: LazyLock<Word> = LazyLock::new(error);
static CHAT: LazyLock<[Word; 3]> = LazyLock::new(|| [word("[DONE]"), key("\"usage\""), error()]);
static FINISH: LazyLock<Word> = LazyLock::new(|| reason("\"finish_reason\""));
static MESSAGES: LazyLock<[Word; 4]> =
    LazyLock::new(|| [word("message_stop"), key("\"usage\""), error(), reason("\"stop_reason\"")]);
static GEMINI: LazyLock<[Word; 4]> =
    LazyLock::new(|| [key("\"usageMetadata\""), reason("\"finishReason\""), key("\"blockReason\""), error()]);
static RESPONSES: LazyLock<[Word; 4]> = LazyLock::new(|| {
    [word("response.completed"), word("response.incomplete"), word("response.failed"), error()]
});

/// Whether these events, or this one, may tell of an error.
pub(crate) fn may_fail(events: &[u8]) -> bool {
    ERROR.is_in(events)
}

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
        let mut from = 0;
        // Where there is none, as nearly always, one search is faster than an iterator of searches.
        while let Some(at) = self.finder.find(&events[from..]) {
            let (start, end) = (from + at, from + at + self.finder.needle().len());
            if (self.says)(&events[..start], &events[end..]) {
                return true;
            }
            from = end;
        }
        false
    }
}

/// The value of the key that `rest` follows, and what follows that; `None`: it is no key.
pub(super) fn value(rest: &[u8]) -> Option<&[u8]> {
    rest.trim_ascii_start().strip_prefix(b":").map(<[u8]>::trim_ascii_start)
}
