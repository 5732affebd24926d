//! Why answers end (TRANSLATION §7).

use serde_json::value::RawValue;

use crate::ir::Finish;

use super::wire::StopDetails;

/// The words a provider says.
const WORDS: [(&str, Finish); 7] = [
    ("end_turn", Finish::Stop),
    ("tool_use", Finish::ToolUse),
    ("max_tokens", Finish::Length),
    ("model_context_window_exceeded", Finish::Length),
    ("stop_sequence", Finish::StopSequence),
    ("refusal", Finish::Refusal),
    ("pause_turn", Finish::Pause),
];

/// What a provider's word means. Whether tools were called decides over a word for a plain end.
pub(super) fn read(word: &str, calls: bool) -> Finish {
    let known = WORDS.iter().find(|(known, _)| *known == word).map(|(_, finish)| *finish);
    match known {
        None | Some(Finish::Stop) if calls => Finish::ToolUse,
        known => known.unwrap_or(Finish::Unknown),
    }
}

/// What an answer of another protocol holds that decides over why it ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signs {
    /// It calls tools.
    pub(super) calls: bool,
    /// It declines.
    pub(super) refuses: bool,
    /// The text that stopped it is known.
    pub(super) stop_text: bool,
}

/// The word for why an answer ended; the warning of what it cannot say.
pub(super) fn word(finish: Finish, signs: Signs) -> (&'static str, Option<&'static str>) {
    match finish {
        Finish::Stop | Finish::StopSequence | Finish::Unknown if signs.calls => ("tool_use", None),
        Finish::Stop if signs.refuses => ("refusal", None),
        Finish::StopSequence if signs.stop_text => ("stop_sequence", None),
        // A provider that hides which text it was: so do we.
        Finish::Stop | Finish::StopSequence => ("end_turn", None),
        Finish::ToolUse | Finish::BadCall => ("tool_use", None),
        Finish::Length => ("max_tokens", None),
        Finish::ContentFilter | Finish::Refusal => ("refusal", None),
        Finish::Pause => ("pause_turn", None),
        Finish::Unknown => ("end_turn", Some("finish_unknown_changed")),
    }
}

/// The provider's own word for the token limit: there are two.
pub(super) fn own(native: &str, finish: Finish) -> Option<&'static str> {
    let known = WORDS.iter().find(|(known, meaning)| *known == native && *meaning == Finish::Length);
    known.filter(|_| finish == Finish::Length).map(|(known, _)| *known)
}

/// The explanation of a refusal.
pub(super) fn explanation<'a>(details: Option<&'a RawValue>) -> Option<std::borrow::Cow<'a, str>> {
    let details: StopDetails<'a> = crate::json::lenient(details?.get()).ok()?;
    details.explanation.map(|text| text.0)
}
