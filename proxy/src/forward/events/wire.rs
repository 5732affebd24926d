//! What of events is read: the counts, and what tells of the end.

use super::choices::Choice;
use crate::forward::usage::Counts;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// What may be in an event of Chat Completions and Completions.
#[derive(Deserialize)]
pub(super) struct Chunk<'c> {
    pub(super) usage: Option<Counts>,
    pub(super) error: Option<IgnoredAny>,
    #[serde(borrow)]
    pub(super) choices: Option<Vec<Choice<'c>>>,
}

/// What may be in an event of Messages.
#[derive(Deserialize)]
pub(super) struct Message<'m> {
    pub(super) r#type: String,
    #[serde(borrow)]
    pub(super) message: Option<Answer<'m>>,
    #[serde(borrow)]
    pub(super) delta: Option<Ending<'m>>,
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
    #[serde(borrow, default)]
    pub(super) candidates: Vec<Choice<'p>>,
    pub(super) prompt_feedback: Option<Feedback>,
    pub(super) usage_metadata: Option<Counts>,
    pub(super) error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Feedback {
    pub(super) block_reason: Option<IgnoredAny>,
}

/// What may be in an event of Responses.
#[derive(Deserialize)]
pub(super) struct Event<'e> {
    pub(super) r#type: String,
    #[serde(borrow)]
    pub(super) response: Option<Answer<'e>>,
}

#[derive(Deserialize)]
pub(super) struct Answer<'a> {
    pub(super) usage: Option<Counts>,
    #[serde(borrow)]
    pub(super) stop_reason: Option<&'a RawValue>,
}

impl Chunk<'_> {
    pub(super) fn is_usage_only(&self) -> bool {
        self.usage.is_some() && self.error.is_none() && self.choices.as_ref().is_some_and(Vec::is_empty)
    }
}
