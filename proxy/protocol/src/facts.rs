//! Facts of a protocol as tables: its own names for things, what it cannot carry, and the rules for fields that only
//! it has. Rejections, warnings and the generated table in the docs all read these.

use crate::ir::{Block, Content, NONE, Scope, Turn};
use crate::json::compact;
use crate::json::record::{camel, is_snake};
use crate::protocol::Protocol;

/// A setting of the neutral request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// The most tokens to answer with.
    MaxOutput,
    /// Temperature.
    Temperature,
    /// Nucleus mass.
    TopP,
    /// Candidates a token.
    TopK,
    /// Stop texts.
    Stop,
    /// How many answers, if more than one.
    N,
    /// Seed.
    Seed,
    /// Frequency penalty.
    FrequencyPenalty,
    /// Presence penalty.
    PresencePenalty,
    /// Bias by token.
    LogitBias,
    /// Log probabilities.
    Logprobs,
    /// Tools.
    Tools,
    /// Which tools.
    ToolChoice,
    /// No parallel calls.
    ParallelTools,
    /// The form of the answer.
    Output,
    /// Reasoning.
    Thinking,
    /// The end user.
    EndUser,
    /// Metadata.
    Metadata,
    /// Service tier.
    ServiceTier,
    /// Verbosity.
    Verbosity,
    /// Whether the provider keeps the answer.
    Store,
}

/// What becomes of something a target cannot carry (TRANSLATION §1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It only tunes: dropped with a warning; refused when strict.
    Drop,
    /// It changes what the model sees or the client gets back: refused.
    Refuse,
}

/// What becomes of an extension field in another protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// Its meaning is in the neutral form already, or it has none for anybody else.
    Carried,
    /// As [`Fate::Drop`].
    Drop,
    /// As [`Fate::Refuse`].
    Refuse,
}

/// The rule for a field the neutral form has no place for.
#[derive(Debug)]
pub struct ExtRule {
    /// The kind of node it sits on.
    pub scope: Scope,
    /// The sub-object that holds it; empty for the node itself.
    pub inside: &'static str,
    /// Its name.
    pub key: &'static str,
    /// What becomes of it.
    pub otherwise: Otherwise,
    /// Values, as compact JSON, that say no more than leaving it out. `null` always is one.
    pub defaults: &'static [&'static str],
    /// Protocols that have the same field in the same place and take its value as it is.
    pub same_in: &'static [Protocol],
}

impl ExtRule {
    /// A rule without defaults and twins.
    pub const fn new(scope: Scope, inside: &'static str, key: &'static str, otherwise: Otherwise) -> Self {
        ExtRule { scope, inside, key, otherwise, defaults: &[], same_in: &[] }
    }

    /// With values that say nothing.
    pub const fn unless(mut self, defaults: &'static [&'static str]) -> Self {
        self.defaults = defaults;
        self
    }

    /// Whether a value says no more than leaving the field out.
    pub(crate) fn says_nothing(&self, value: &str) -> bool {
        !self.defaults.is_empty() && self.defaults.contains(&compact(value).as_ref())
    }

    /// With protocols that take it as it is.
    pub const fn same_in(mut self, protocols: &'static [Protocol]) -> Self {
        self.same_in = protocols;
        self
    }
}

/// Facts of one protocol.
#[derive(Debug)]
pub struct Facts {
    /// The list of messages: `messages`, `input`, `contents`.
    pub messages: &'static str,
    /// The list of parts in a message: `content`, `parts`.
    pub parts: &'static str,
    /// The list of tool calls in a message, if apart from the parts; empty if among them.
    pub calls: &'static str,
    /// Instructions outside the list of messages; empty if there is no such place.
    pub system: &'static str,
    /// Its names of the neutral settings; those it lacks are absent.
    pub names: &'static [(Field, &'static str)],
    /// What it cannot carry as a target.
    pub lacks: &'static [(Field, Fate)],
    /// Rules of its own fields. A field without a rule is dropped with a warning.
    pub extensions: &'static [ExtRule],
}

impl Facts {
    /// Its name of a setting.
    pub fn name(&self, field: Field) -> &'static str {
        self.names.iter().find(|(known, _)| *known == field).map_or("", |(_, name)| name)
    }

    /// The rule of a field. A rule for a key in camelCase is also that of its snake_case spelling, which protobuf's
    /// JSON admits (Gemini).
    pub fn rule(&self, scope: Scope, inside: &str, key: &str) -> Option<&'static ExtRule> {
        let of = |key: &str| {
            let fits = |rule: &&ExtRule| rule.scope == scope && rule.key == key && rule.inside == inside;
            self.extensions.iter().find(fits)
        };
        of(key).or_else(|| is_snake(key).then(|| of(&camel(key)))?)
    }

    /// The path of a turn: `messages[2]`.
    pub fn turn_path(&self, turn: &Turn<'_>) -> String {
        match turn.at {
            NONE => self.system.to_owned(),
            at => format!("{}[{at}]", self.messages),
        }
    }

    /// The path of a block: `messages[2].content[0]`.
    pub fn block_path(&self, turn: &Turn<'_>, block: &Block<'_>) -> String {
        let call = matches!(block.content, Content::ToolCall(_)) && !self.calls.is_empty();
        let list = if call { self.calls } else { self.parts };
        let turn_path = self.turn_path(turn);
        match block.at {
            NONE => format!("{turn_path}.{list}"),
            at if turn.at == NONE => format!("{turn_path}[{at}]"),
            at => format!("{turn_path}.{list}[{at}]"),
        }
    }
}
