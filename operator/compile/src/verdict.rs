//! What the compiler thinks of an object.

use llm_snapshot::{Digest, EntryId};
use std::borrow::Cow;
use std::fmt;

/// What became of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Which object.
    pub id: EntryId,
    /// The generation of it that was looked at.
    pub generation: i64,
    /// Is the spec one that can be served? The message names the field and the fix.
    pub accepted: Judgement,
    /// Is everything it refers to there, and usable? The message names the reference, never a value.
    pub resolved_refs: Judgement,
    /// What the snapshot holds of it.
    pub serving: Serving,
    /// How many public model names it offers, aliases included; of a provider that is served.
    pub models: Option<u32>,
    /// Of a MasterKey that is served.
    pub key: Option<KeyFacts>,
}

/// What the snapshot holds of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// Its present form, with the digest of the entry.
    Current(Digest),
    /// The form it had before it, or something it refers to, went bad.
    LastGood(Digest),
    /// Nothing, because it is suspended.
    Suspended,
    /// Nothing, because it is bad and no good form of it is known.
    Nothing,
}

impl Serving {
    /// Digest of the object's entry in the snapshot, when there is one.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Current(digest) | Self::LastGood(digest) => Some(*digest),
            Self::Suspended | Self::Nothing => None,
        }
    }
}

/// What is known of a MasterKey in the form that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFacts {
    /// Its public identifier: the first 8 hexadecimal digits of the SHA-256 of the key.
    pub id: String,
    /// It is refused for now.
    pub disabled: bool,
    /// It is refused from then on, in seconds since the Unix epoch. Patch the status again at that moment.
    pub expires_at: Option<i64>,
}

/// One question answered: yes or no is in the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Why, for programs.
    pub reason: Reason,
    /// Why, for people.
    pub message: Cow<'static, str>,
}

impl Judgement {
    /// A judgement.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, message: message.into() }
    }

    /// Whether the answer is yes.
    #[must_use]
    pub fn holds(&self) -> bool {
        matches!(self.reason, Reason::Accepted | Reason::ResolvedRefs)
    }
}

/// Why a judgement is what it is: the `reason` of the conditions Accepted and ResolvedRefs. Names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Accepted: the spec can be served.
    Accepted,
    /// Not accepted: a field is wrong.
    InvalidSpec,
    /// Not accepted: an older MasterKey holds the same key.
    KeyConflict,
    /// Resolved: everything referred to is there and usable.
    ResolvedRefs,
    /// Not known whether resolved: the spec cannot be read.
    NotChecked,
    /// Not resolved: there is no such Secret or ConfigMap.
    RefNotFound,
    /// Not resolved: the Secret or ConfigMap has no such key.
    RefKeyNotFound,
    /// Not resolved: the value is there, and unusable.
    InvalidValue,
    /// Not resolved: the Secret a key is generated into belongs to someone else.
    SecretConflict,
    /// Not resolved yet: the operator has still to write the generated Secret.
    Pending,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
