//! What of events is read: the counts, and what tells of the end. A member of another type than it should be is as if it
//! were not there.

use crate::forward::usage::{Counts, lenient};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// What may be in an event of Chat Completions and Completions.
#[derive(Deserialize)]
pub(super) struct Chunk<'c> {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) usage: Option<Counts>,
    #[serde(borrow)]
    pub(super) choices: Option<&'c RawValue>,
}

/// What may be in an event of Messages.
#[derive(Deserialize)]
pub(super) struct Message<'m> {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) r#type: Option<String>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub(super) message: Option<Answer<'m>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub(super) delta: Option<Ending<'m>>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) usage: Option<Counts>,
}

#[derive(Deserialize)]
pub(super) struct Ending<'e> {
    #[serde(borrow)]
    pub(super) stop_reason: Option<&'e RawValue>,
}

/// What may be in a chunk of Gemini.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part<'p> {
    #[serde(borrow)]
    pub(super) candidates: Option<&'p RawValue>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) prompt_feedback: Option<Feedback>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) usage_metadata: Option<Counts>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Feedback {
    pub(super) block_reason: Option<IgnoredAny>,
}

/// What may be in an event of Responses.
#[derive(Deserialize)]
pub(super) struct Event<'e> {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) r#type: Option<String>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub(super) response: Option<Answer<'e>>,
}

#[derive(Deserialize)]
pub(super) struct Answer<'a> {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) usage: Option<Counts>,
    #[serde(borrow)]
    pub(super) stop_reason: Option<&'a RawValue>,
}

impl Chunk<'_> {
    /// Whether there are counts and nothing that was said.
    pub(super) fn is_usage_only(&self) -> bool {
        let is_empty = |list: &RawValue| {
            let inner = list.get().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            inner.is_some_and(|inner| inner.trim().is_empty())
        };
        self.usage.is_some() && self.choices.is_none_or(is_empty)
    }
}
