//! Takes out of a provider's error messages what is nobody's business but its owner's: keys, what the provider is
//! authenticated with, and the ids of organisations and projects.

use crate::state::Provider;
use bytes::Bytes;
use std::borrow::Cow;

/// What stands in place of what was taken out.
const REDACTED: &str = "[redacted]";

/// What such a word begins with, and the fewest characters that follow.
const WORDS: [(&str, usize); 8] = [
    ("sk-", 8),
    ("AIza", 16),
    ("org-", 8),
    ("proj_", 8),
    ("projects/", 4),
    ("project_number:", 4),
    ("ya29.", 8),
    ("AKIA", 12),
];

/// Fewest characters of a credential that is looked for: a shorter one may be part of any word.
const SHORTEST: usize = 8;

/// The text of that provider without them; the same when there are none.
#[must_use]
pub fn redacted<'t>(text: &'t str, provider: Option<&Provider>) -> Cow<'t, str> {
    let mut own = Cow::Borrowed(text);
    let secrets = provider.into_iter().flat_map(Provider::secrets);
    for secret in secrets.filter(|secret| secret.len() >= SHORTEST) {
        if own.contains(secret) {
            own = Cow::Owned(own.replace(secret, REDACTED));
        }
    }
    match own {
        Cow::Borrowed(text) => without_words(text),
        Cow::Owned(text) => Cow::Owned(without_words(&text).into_owned()),
    }
}

/// The text without what looks like a key or an id.
fn without_words(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut done = 0;
    let mut at = 0;
    while let Some((start, word, fewest)) = next(text, at) {
        let from = start + word.len();
        let rest = &text[from..];
        let length = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
        let alone = !text[..start].ends_with(|c: char| c.is_ascii_alphanumeric());
        if alone && length >= fewest {
            // What it is, stays: a project is a project.
            out.push_str(&text[done..from]);
            out.push_str(REDACTED);
            done = from + length;
            at = done;
        } else {
            at = from;
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

/// The same of bytes; those that are no text stay.
#[must_use]
pub fn redacted_bytes(bytes: Bytes, provider: Option<&Provider>) -> Bytes {
    match std::str::from_utf8(&bytes).map(|text| redacted(text, provider)) {
        Ok(Cow::Owned(text)) => text.into(),
        _ => bytes,
    }
}

/// The next place where such a word may begin.
fn next(text: &str, at: usize) -> Option<(usize, &'static str, usize)> {
    let found = |(word, fewest): &(&'static str, usize)| {
        let start = at + memchr::memmem::find(&text.as_bytes()[at..], word.as_bytes())?;
        Some((start, *word, *fewest))
    };
    WORDS.iter().filter_map(found).min_by_key(|(start, ..)| *start)
}

/// Whether keys and ids have such characters; providers write stars for those they hide themselves.
fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '*' | '.')
}

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn keys_and_ids_are_taken_out_and_nothing_else() {
        let table = [
            (
                "Incorrect API key provided: sk-proj-abc123DEF456.",
                "Incorrect API key provided: sk-[redacted]",
            ),
            ("key sk-abcd*****wxyz is bad", "key sk-[redacted] is bad"),
            (
                "Rate limit in organization org-AbCdEf123456 on tokens",
                "Rate limit in organization org-[redacted] on tokens",
            ),
            ("project proj_abcdefgh1234, org-12345678", "project proj_[redacted], org-[redacted]"),
            (
                "consumer 'projects/123456789' of AIzaSyA1234567890abcdef",
                "consumer 'projects/[redacted]' of AIza[redacted]",
            ),
            ("a task-force and a desk-12345678", "a task-force and a desk-12345678"),
            ("ask sk-it, org-wide", "ask sk-it, org-wide"),
            ("nothing to see \u{e9}", "nothing to see \u{e9}"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(redacted(text, None), expected);
        }
    }
}
