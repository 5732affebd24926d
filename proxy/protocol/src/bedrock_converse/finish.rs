//! Why answers end.

use crate::ir::Finish;

/// The words of `StopReason`.
const WORDS: [(&str, Finish); 9] = [
    ("end_turn", Finish::Stop),
    ("tool_use", Finish::ToolUse),
    ("max_tokens", Finish::Length),
    ("model_context_window_exceeded", Finish::Length),
    ("stop_sequence", Finish::StopSequence),
    ("guardrail_intervened", Finish::ContentFilter),
    ("content_filtered", Finish::ContentFilter),
    ("malformed_model_output", Finish::BadCall),
    ("malformed_tool_use", Finish::BadCall),
];

/// What was called in an answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Called {
    /// Tools of the client.
    pub(super) tools: bool,
    /// The one that stands for the answer's text.
    pub(super) json: bool,
}

/// What a word means. Whether tools were called decides over a word for a plain end.
pub(super) fn read(word: &str, called: Called) -> Finish {
    let known = WORDS.iter().find(|(known, _)| *known == word).map(|(_, finish)| *finish);
    match known {
        None | Some(Finish::Stop) if called.tools => Finish::ToolUse,
        Some(Finish::ToolUse) if called.json && !called.tools => Finish::Stop,
        known => known.unwrap_or(Finish::Unknown),
    }
}
