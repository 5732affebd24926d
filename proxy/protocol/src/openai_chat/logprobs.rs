//! How likely tokens were, as both of OpenAI's protocols say it.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::ir::{Logprob, Token};
use crate::json::record::record;
use crate::json::write::{self, Object};
use crate::json::{Num, Str, compact};

record! {
    /// A token, and what else could have stood there.
    struct Entry<'a> {
        token: Str<'a>,
        logprob: Num<'a>,
        bytes: &'a RawValue,
        top_logprobs: Vec<Other<'a>>,
    }
}

record! {
    /// A token that could have stood there.
    struct Other<'a> {
        token: Str<'a>,
        logprob: Num<'a>,
        bytes: &'a RawValue,
    }
}

record! {
    /// Those of a choice.
    struct OfChoice<'a> {
        content: &'a RawValue,
        refusal: &'a RawValue,
    }
}

/// Tokens of what a choice says, and of its refusal.
#[derive(Debug, Default)]
pub(super) struct Said<'a> {
    pub(super) text: Vec<Logprob<'a>>,
    pub(super) refusal: Vec<Logprob<'a>>,
}

/// Reads those of a choice.
pub(super) fn of_choice(raw: Option<&RawValue>) -> Said<'_> {
    let Some(raw) = raw.filter(|raw| raw.get() != "null") else { return Said::default() };
    let lists: OfChoice<'_> = serde_json::from_str(raw.get()).unwrap_or_default();
    Said { text: read(lists.content), refusal: read(lists.refusal) }
}

/// Writes those of a choice: items of its two lists, of which either may be empty.
pub(super) fn write_choice(o: &mut Object<'_>, text: &[u8], refusal: &[u8]) {
    if text.is_empty() && refusal.is_empty() {
        return o.null("logprobs");
    }
    o.object("logprobs", |o| {
        for (key, items) in [("content", text), ("refusal", refusal)] {
            if items.is_empty() { o.null(key) } else { o.items(key, items) }
        }
    });
}

/// Reads a list of tokens; one that cannot be read says nothing.
pub(crate) fn read(raw: Option<&RawValue>) -> Vec<Logprob<'_>> {
    let Some(raw) = raw.filter(|raw| raw.get() != "[]") else { return Vec::new() };
    let entries: Vec<Entry<'_>> = serde_json::from_str(raw.get()).unwrap_or_default();
    entries.into_iter().filter_map(entry).collect()
}

fn entry(entry: Entry<'_>) -> Option<Logprob<'_>> {
    let top = entry.top_logprobs.into_iter().flatten();
    Some(Logprob {
        token: token(entry.token, entry.logprob, entry.bytes)?,
        top: top.filter_map(|other| token(other.token, other.logprob, other.bytes)).collect(),
    })
}

fn token<'a>(
    text: Option<Str<'a>>,
    logprob: Option<Num<'a>>,
    bytes: Option<&'a RawValue>,
) -> Option<Token<'a>> {
    let bytes = bytes.filter(|raw| raw.get().starts_with('[')).map(|raw| compact(raw.get()));
    Some(Token { text: text?.0, logprob: Cow::Borrowed(logprob?.0), bytes })
}

/// Adds tokens to the items of a list, with commas between them.
pub(crate) fn append(items: &mut Vec<u8>, logprobs: &[Logprob<'_>]) {
    for logprob in logprobs {
        if !items.is_empty() {
            items.push(b',');
        }
        write::object(items, |o| {
            write_token(o, &logprob.token);
            o.list("top_logprobs", |l| {
                logprob.top.iter().for_each(|token| l.object(|o| write_token(o, token)));
            });
        });
    }
}

/// Writes the members of a token. Responses wants bytes of every one: where the provider says none, those of its text.
fn write_token(o: &mut Object<'_>, token: &Token<'_>) {
    o.str("token", &token.text);
    o.raw("logprob", &token.logprob);
    match &token.bytes {
        Some(bytes) => o.raw("bytes", bytes),
        None => o.list("bytes", |l| token.text.bytes().for_each(|byte| write::number(l.item(), byte.into()))),
    }
}
