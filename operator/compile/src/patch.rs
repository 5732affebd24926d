//! From a verdict and the acknowledgements of the proxies to the status of the object.

mod conditions;
mod events;

use crate::verdict::Verdict;
use conditions::Draft;
use llm_crds::status::{Condition, LLMProviderStatus, MasterKeyStatus, SnapshotStatus};
use llm_snapshot::Kind;
use serde::{Deserialize as _, Serialize};
use serde_json::Value;

/// What the proxies say about one object. A proxy holds it when the version it acknowledged has exactly the
/// entry of the verdict, or, when the verdict has none, no entry of the object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acks {
    /// Proxies connected, and those that were until a few seconds ago.
    pub total: usize,
    /// How many of them hold it.
    pub holding: usize,
    /// Names of those that do not, and did not reject it either.
    pub lagging: Vec<String>,
    /// Names of those that cannot use it, each with the reason it gave.
    pub rejected: Vec<(String, String)>,
}

/// Status of an object of either kind, as the operator owns it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Status {
    /// Of an LLMProvider.
    Provider(LLMProviderStatus),
    /// Of a MasterKey.
    Key(MasterKeyStatus),
}

impl Status {
    /// Reads the status an object has now. One that cannot be read counts as none.
    #[must_use]
    pub fn read(kind: Kind, status: Option<&Value>) -> Self {
        let status = status.unwrap_or(&Value::Null);
        match kind {
            Kind::Provider => Self::Provider(LLMProviderStatus::deserialize(status).unwrap_or_default()),
            Kind::Key => Self::Key(MasterKeyStatus::deserialize(status).unwrap_or_default()),
        }
    }

    /// The conditions of it.
    #[must_use]
    pub fn conditions(&self) -> &[Condition] {
        match self {
            Self::Provider(status) => &status.conditions,
            Self::Key(status) => &status.conditions,
        }
    }

    /// The same with these conditions.
    fn with_conditions(mut self, conditions: Vec<Condition>) -> Self {
        match &mut self {
            Self::Provider(status) => status.conditions = conditions,
            Self::Key(status) => status.conditions = conditions,
        }
        self
    }
}

/// What to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// The whole status, as far as the operator owns it.
    pub status: Status,
    /// What happened, for people watching.
    pub events: Vec<Event>,
}

/// A Kubernetes Event to record about the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// How bad it is.
    pub type_: EventType,
    /// What, in CamelCase: the reason of the condition that changed.
    pub reason: String,
    /// What, for people; at most 1 KiB, as Events want it.
    pub message: String,
}

/// Types of Kubernetes Events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// All is well.
    Normal,
    /// Someone should look.
    Warning,
}

/// The status `verdict` and `acks` make, when it differs from `previous` in more than times, and the events
/// that tell the difference. `now` is in seconds since the Unix epoch; only the times of conditions whose status
/// changes, and the expiry of keys, depend on it. Conditions of other writers in `previous` are left alone.
#[must_use]
pub fn patch(verdict: &Verdict, acks: &Acks, previous: &Status, now: i64) -> Option<Patch> {
    let drafts = conditions::drafts(verdict, acks, now);
    let before =
        |draft: &Draft| previous.conditions().iter().find(|condition| condition.type_ == draft.type_);
    let next = drafts.iter().map(|draft| condition(draft, before(draft), verdict.generation, now)).collect();
    let owned = drafts.iter().filter_map(before).cloned().collect();
    let next = bare(verdict, acks).with_conditions(next);
    if next == previous.clone().with_conditions(owned) {
        return None;
    }
    let events = drafts.iter().filter_map(|draft| events::event(draft, before(draft))).collect();
    Some(Patch { status: next, events })
}

/// The status without its conditions.
fn bare(verdict: &Verdict, acks: &Acks) -> Status {
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let snapshot = verdict.serving.digest().map(|digest| SnapshotStatus {
        version: digest.short(),
        proxies_acked: count(acks.holding),
        proxies_total: count(acks.total),
    });
    let observed_generation = Some(verdict.generation);
    let conditions = Vec::new();
    match verdict.id.kind() {
        Some(Kind::Key) => {
            let key_id = verdict.key.as_ref().map(|key| key.id.clone());
            Status::Key(MasterKeyStatus { observed_generation, conditions, snapshot, key_id })
        }
        _ => {
            let models = verdict.models.map(|models| i32::try_from(models).unwrap_or(i32::MAX));
            Status::Provider(LLMProviderStatus { observed_generation, conditions, snapshot, models })
        }
    }
}

/// The condition of a draft. Its time is that of the last change of its status (Kubernetes API conventions).
fn condition(draft: &Draft, before: Option<&Condition>, generation: i64, now: i64) -> Condition {
    let unchanged = before.filter(|before| before.status == draft.status);
    Condition {
        type_: draft.type_.to_owned(),
        status: draft.status,
        observed_generation: Some(generation),
        last_transition_time: unchanged
            .map_or_else(|| conditions::moment(now), |before| before.last_transition_time.clone()),
        reason: draft.reason.clone(),
        message: draft.message.clone(),
    }
}

#[cfg(test)]
mod tests;
