//! Reasoning: how hard, and whether it is shown.

use std::borrow::Cow;

/// What the client asks of the model's reasoning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thinking<'a> {
    /// The effort.
    pub effort: Option<Effort<'a>>,
    /// The most tokens to reason with. `Some(0)`: off.
    pub budget: Option<u64>,
    /// The model decides how much (Anthropic `adaptive`, Gemini budget −1).
    pub adaptive: bool,
    /// Show reasoning, or a summary of it; `None`: the provider's default.
    pub visible: Option<bool>,
    /// The kind of summary, where the protocol has kinds (Responses `auto`, `concise`, `detailed`).
    pub summary: Option<Cow<'a, str>>,
}

impl Thinking<'_> {
    /// Whether reasoning is asked for: an effort other than none, a budget above 0, or adaptive.
    pub fn is_on(&self) -> bool {
        let effort = self.effort.as_ref().is_some_and(|effort| *effort != Effort::None);
        effort || self.budget.is_some_and(|budget| budget > 0) || self.adaptive
    }

    /// The effort asked for, or the one nearest to the budget (TRANSLATION §6); `None` for the provider's default.
    pub fn nearest_effort(&self) -> Option<Effort<'_>> {
        match (&self.effort, self.budget) {
            (Some(effort), _) => Some(effort.clone()),
            (None, Some(budget)) => Some(effort_of_budget(budget)),
            (None, None) => None,
        }
    }
}

/// How hard to reason, least first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort<'a> {
    /// Not at all.
    None,
    /// Barely.
    Minimal,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Higher.
    XHigh,
    /// As hard as it can.
    Max,
    /// A word not known here, passed to the same family and refused nowhere.
    Other(Cow<'a, str>),
}

/// Words and thinking budgets in tokens of the efforts, least first (TRANSLATION §6).
const EFFORTS: [(&str, Effort<'static>, u64); 7] = [
    ("none", Effort::None, 0),
    ("minimal", Effort::Minimal, 1024),
    ("low", Effort::Low, 2048),
    ("medium", Effort::Medium, 8192),
    ("high", Effort::High, 16384),
    ("xhigh", Effort::XHigh, 32768),
    ("max", Effort::Max, 32768),
];

/// Below how many tokens a budget means that effort (TRANSLATION §6, reverse).
const BUDGETS: [(u64, Effort<'static>); 5] = [
    (1, Effort::None),
    (1536, Effort::Minimal),
    (4096, Effort::Low),
    (12288, Effort::Medium),
    (24576, Effort::High),
];

impl<'a> Effort<'a> {
    /// Reads the word.
    pub fn from_word(word: Cow<'a, str>) -> Self {
        let known = EFFORTS.iter().find(|(name, ..)| *name == word);
        known.map_or_else(|| Effort::Other(word), |(_, effort, _)| effort.clone())
    }

    /// The word.
    pub fn word(&self) -> &str {
        match self {
            Effort::Other(word) => word,
            known => EFFORTS.iter().find(|(_, effort, _)| effort == known).map_or("", |(name, ..)| name),
        }
    }

    /// The thinking budget that stands for it, in tokens; `None` for an unknown word.
    pub fn budget(&self) -> Option<u64> {
        EFFORTS.iter().find(|(_, effort, _)| effort == self).map(|(.., budget)| *budget)
    }
}

/// The accepted effort nearest to the one wanted: itself, else the next higher, else the highest.
pub(crate) fn nearest<'e>(wanted: &Effort<'e>, accepted: &'e [String]) -> Effort<'e> {
    if accepted.iter().any(|word| word == wanted.word()) {
        return wanted.clone();
    }
    let mut known = accepted.iter().map(|word| Effort::from_word(Cow::Borrowed(word.as_str())));
    let higher = known.clone().find(|effort| effort >= wanted);
    higher.or_else(|| known.next_back()).unwrap_or(Effort::Medium)
}

fn effort_of_budget(budget: u64) -> Effort<'static> {
    let found = BUDGETS.iter().find(|(below, _)| budget < *below);
    found.map_or(Effort::XHigh, |(_, effort)| effort.clone())
}
