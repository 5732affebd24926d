//! From a verdict and the acknowledgements of the proxies to the status of the object.

use crate::verdict::Verdict;
use llm_crds::status::{LLMProviderStatus, MasterKeyStatus};
use llm_snapshot::Kind;
use serde::Serialize;
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
        use serde::Deserialize as _;
        let status = status.unwrap_or(&Value::Null);
        match kind {
            Kind::Provider => Self::Provider(LLMProviderStatus::deserialize(status).unwrap_or_default()),
            Kind::Key => Self::Key(MasterKeyStatus::deserialize(status).unwrap_or_default()),
        }
    }
}

/// What to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// The whole status.
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
    /// What, for people.
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
/// changes, and the expiry of keys, depend on it.
#[must_use]
pub fn patch(_verdict: &Verdict, _acks: &Acks, _previous: &Status, _now: i64) -> Option<Patch> {
    None
}
