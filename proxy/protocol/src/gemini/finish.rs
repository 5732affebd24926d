//! Why answers end (TRANSLATION §7).

use crate::ir::Finish;

/// What the native word of a blocked prompt begins with: the reason follows.
pub(super) const BLOCKED: &str = "promptFeedback:";

/// The model called what was not declared: the call is passed on.
const UNEXPECTED: &str = "UNEXPECTED_TOOL_CALL";

/// Gemini's words. A stop that calls tools is a call.
const WORDS: [(&str, Finish); 16] = [
    ("STOP", Finish::Stop),
    ("MAX_TOKENS", Finish::Length),
    ("SAFETY", Finish::ContentFilter),
    ("RECITATION", Finish::ContentFilter),
    ("LANGUAGE", Finish::ContentFilter),
    ("BLOCKLIST", Finish::ContentFilter),
    ("PROHIBITED_CONTENT", Finish::ContentFilter),
    ("SPII", Finish::ContentFilter),
    ("MODEL_ARMOR", Finish::ContentFilter),
    ("MALFORMED_FUNCTION_CALL", Finish::BadCall),
    ("MALFORMED_RESPONSE", Finish::BadCall),
    ("TOO_MANY_TOOL_CALLS", Finish::BadCall),
    ("MISSING_THOUGHT_SIGNATURE", Finish::BadCall),
    (UNEXPECTED, Finish::BadCall),
    ("OTHER", Finish::Unknown),
    ("FINISH_REASON_UNSPECIFIED", Finish::Unknown),
];

/// Why an answer ended, by Gemini's word and whether it calls tools.
pub(super) fn of_word(word: &str, calls: bool) -> Finish {
    let known = WORDS.iter().find(|(known, _)| *known == word).map(|(_, finish)| *finish);
    match known {
        Some(Finish::Stop) if calls => Finish::ToolUse,
        Some(Finish::BadCall) if calls && word == UNEXPECTED => Finish::ToolUse,
        Some(finish) => finish,
        None if word.starts_with("IMAGE_") || word.starts_with(BLOCKED) => Finish::ContentFilter,
        None if calls => Finish::ToolUse,
        None => Finish::Unknown,
    }
}

/// The warning of an end that only Gemini tells from a plain call: of what was not declared.
pub(crate) fn warning(finish: Option<Finish>, native: &str) -> Option<&'static str> {
    let is_odd = finish == Some(Finish::ToolUse) && native == UNEXPECTED;
    is_odd.then_some("finish_unexpected_tool_call_changed")
}

/// Gemini's word for why an answer ended; the warning of what it cannot say. `native` is the provider's word,
/// taken where it is one of Gemini's. Calls decide over an end that is not known.
pub(super) fn word(finish: Finish, native: &str, calls: bool) -> (&str, Option<&'static str>) {
    let is_own = WORDS.iter().any(|(known, _)| *known == native) || native.starts_with("IMAGE_");
    match finish {
        _ if is_own => (native, None),
        Finish::Stop | Finish::ToolUse | Finish::StopSequence => ("STOP", None),
        Finish::Length => ("MAX_TOKENS", None),
        Finish::ContentFilter | Finish::Refusal => ("SAFETY", None),
        Finish::BadCall => ("MALFORMED_FUNCTION_CALL", None),
        Finish::Pause => ("STOP", Some("finish_pause_changed")),
        Finish::Unknown if calls => ("STOP", None),
        Finish::Unknown => ("OTHER", None),
    }
}
