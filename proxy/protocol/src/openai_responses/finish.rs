//! Why an answer ended (TRANSLATION §7).

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::ir::Finish;
use crate::json::read_raw;

use super::wire;

/// What of an answer decides over the provider's word, or is told by it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signs {
    /// It calls tools.
    pub(super) calls: bool,
    /// It declines.
    pub(super) refuses: bool,
}

/// The provider's word: the status, and the reason of an incomplete answer.
pub(super) fn native<'a>(status: Cow<'a, str>, reason: Option<&str>) -> Cow<'a, str> {
    match reason {
        Some(reason) => Cow::Owned(format!("{status}:{reason}")),
        None => status,
    }
}

/// Reads a status; that of an answer which is not over says nothing.
pub(super) fn read(status: &str, reason: Option<&str>, signs: Signs) -> Option<Finish> {
    match status {
        "completed" if signs.calls => Some(Finish::ToolUse),
        "completed" if signs.refuses => Some(Finish::Refusal),
        "completed" => Some(Finish::Stop),
        "incomplete" => match reason {
            Some("content_filter") => Some(Finish::ContentFilter),
            // The reason may be missing.
            Some("max_output_tokens") | None => Some(Finish::Length),
            Some(_) if signs.calls => Some(Finish::ToolUse),
            Some(_) => Some(Finish::Unknown),
        },
        "in_progress" | "queued" => None,
        _ => Some(Finish::Unknown),
    }
}

/// Whether an item says that the rest of it did not come.
pub(super) fn cut(item: &RawValue) -> bool {
    let item: Option<wire::Status<'_>> = read_raw(item).ok();
    item.and_then(|item| item.status).is_some_and(|status| status.as_ref() == "incomplete")
}

/// How an end is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// `status`.
    pub(super) status: &'static str,
    /// `incomplete_details.reason`.
    pub(super) reason: Option<&'static str>,
    /// What the status cannot say.
    pub(super) warning: Option<&'static str>,
}

/// The words for why an answer ended. A refusal that says nothing is a filter's.
pub(super) fn word(finish: Finish, signs: Signs) -> End {
    let completed = |warning| End { status: "completed", reason: None, warning };
    let incomplete = |reason| End { status: "incomplete", reason: Some(reason), warning: None };
    match finish {
        Finish::Stop | Finish::StopSequence | Finish::ToolUse | Finish::BadCall => completed(None),
        Finish::Length => incomplete("max_output_tokens"),
        Finish::ContentFilter => incomplete("content_filter"),
        Finish::Refusal if signs.refuses => completed(None),
        Finish::Refusal => incomplete("content_filter"),
        Finish::Unknown if signs.calls => completed(None),
        Finish::Pause => completed(Some("finish_pause_changed")),
        Finish::Unknown => completed(Some("finish_unknown_changed")),
    }
}
