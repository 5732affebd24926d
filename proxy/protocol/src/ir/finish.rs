//! Why an answer ended.

/// Why an answer ended (TRANSLATION §7). Whether tools were called decides before the provider's word does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Finish {
    /// It was complete.
    Stop,
    /// It calls tools.
    ToolUse,
    /// The token limit.
    Length,
    /// A stop text, where the provider tells it from `Stop`.
    StopSequence,
    /// A filter of the provider.
    ContentFilter,
    /// The model declined.
    Refusal,
    /// The provider paused a long turn; sending it back continues.
    Pause,
    /// The model made a call that the provider could not parse.
    BadCall,
    /// A word not known here.
    Unknown,
}

impl Finish {
    /// Whether the answer broke off where it was: what came last of it may be a piece.
    pub const fn breaks_off(self) -> bool {
        matches!(self, Finish::Length | Finish::ContentFilter | Finish::Refusal)
    }

    /// The name used by fixtures and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Finish::Stop => "stop",
            Finish::ToolUse => "tool_use",
            Finish::Length => "length",
            Finish::StopSequence => "stop_sequence",
            Finish::ContentFilter => "content_filter",
            Finish::Refusal => "refusal",
            Finish::Pause => "pause",
            Finish::BadCall => "bad_call",
            Finish::Unknown => "unknown",
        }
    }
}
