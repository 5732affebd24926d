//! How likely tokens were: `logprobsResult` of a candidate.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::ir::{Logprob, Token};
use crate::json::record::record;
use crate::json::write::{List, Object};
use crate::json::{Num, Str};

/// The key of a candidate.
pub(super) const KEY: &str = "logprobsResult";

record! {
    struct Lists<'a> {
        chosen("chosenCandidates"): Vec<Chosen<'a>>,
        top("topCandidates"): Vec<Top<'a>>,
    }
}

record! {
    /// A token; tokens have numbers too, which mean nothing to anybody else.
    struct Chosen<'a> {
        token: Str<'a>,
        logprob("logProbability"): Num<'a>,
    }
}

record! {
    /// What could have stood in one place.
    struct Top<'a> {
        candidates: Vec<Chosen<'a>>,
    }
}

/// Reads the tokens of a candidate; what cannot be read says nothing.
pub(super) fn read(raw: Option<&RawValue>) -> Vec<Logprob<'_>> {
    let Some(raw) = raw else { return Vec::new() };
    let result: Lists<'_> = serde_json::from_str(raw.get()).unwrap_or_default();
    let mut top = result.top.into_iter().flatten();
    let mut others = || top.next().and_then(|top| top.candidates).into_iter().flatten().map(token).collect();
    let chosen = result.chosen.into_iter().flatten();
    chosen.map(|chosen| Logprob { token: token(chosen), top: others() }).collect()
}

/// A number that is 0 is left out.
fn token(chosen: Chosen<'_>) -> Token<'_> {
    Token {
        text: chosen.token.map_or(Cow::Borrowed(""), |text| text.0),
        logprob: Cow::Borrowed(chosen.logprob.map_or("0", |number| number.0)),
        bytes: None,
    }
}

/// Writes the tokens of a candidate, if there are any.
pub(super) fn write<'l, 'a: 'l>(o: &mut Object<'_>, logprobs: impl Iterator<Item = &'l Logprob<'a>> + Clone) {
    if logprobs.clone().next().is_none() {
        return;
    }
    o.object(KEY, |o| {
        o.list("chosenCandidates", |l| logprobs.clone().for_each(|one| write_token(l, &one.token)));
        if logprobs.clone().any(|one| !one.top.is_empty()) {
            o.list("topCandidates", |l| {
                for one in logprobs {
                    l.object(|o| {
                        o.list("candidates", |l| one.top.iter().for_each(|token| write_token(l, token)));
                    });
                }
            });
        }
    });
}

fn write_token(l: &mut List<'_>, token: &Token<'_>) {
    l.object(|o| {
        o.str("token", &token.text);
        o.raw("logProbability", &token.logprob);
    });
}
