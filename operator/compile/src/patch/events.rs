//! Which changes of a condition are worth an Event.

use super::conditions::Draft;
use super::{Event, EventType};
use llm_crds::status::{Condition, ConditionStatus};

/// When the reason of a condition is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Whenever it is new.
    Always,
    /// When the condition did not hold before.
    AfterFalse,
    /// When the condition did not hold before, or the object is new.
    AfterFalseOrFirst,
}

/// Reasons by condition. Others (waiting, pending, no proxies) pass by themselves and are not told.
const EVENTS: &[(&str, &str, EventType, Told)] = &[
    ("Accepted", "InvalidSpec", EventType::Warning, Told::Always),
    ("Accepted", "KeyConflict", EventType::Warning, Told::Always),
    ("Accepted", "Accepted", EventType::Normal, Told::AfterFalse),
    ("ResolvedRefs", "RefNotFound", EventType::Warning, Told::Always),
    ("ResolvedRefs", "RefKeyNotFound", EventType::Warning, Told::Always),
    ("ResolvedRefs", "InvalidValue", EventType::Warning, Told::Always),
    ("ResolvedRefs", "SecretConflict", EventType::Warning, Told::Always),
    ("ResolvedRefs", "ResolvedRefs", EventType::Normal, Told::AfterFalse),
    ("Programmed", "RejectedByProxy", EventType::Warning, Told::Always),
    ("Programmed", "Suspended", EventType::Normal, Told::Always),
    ("Programmed", "Programmed", EventType::Normal, Told::AfterFalseOrFirst),
    ("Usable", "Disabled", EventType::Normal, Told::Always),
    ("Usable", "Expired", EventType::Warning, Told::Always),
    ("Usable", "Usable", EventType::Normal, Told::AfterFalse),
];

/// The event of a condition that was `before`, when there is something to tell.
pub(super) fn event(draft: &Draft, before: Option<&Condition>) -> Option<Event> {
    let same = |before: &Condition| before.status == draft.status && before.reason == draft.reason;
    if before.is_some_and(same) {
        return None;
    }
    let (_, _, type_, told) =
        EVENTS.iter().find(|(condition, reason, ..)| *condition == draft.type_ && *reason == draft.reason)?;
    let after_false = before.is_some_and(|before| before.status == ConditionStatus::False);
    let worth = match told {
        Told::Always => true,
        Told::AfterFalse => after_false,
        Told::AfterFalseOrFirst => after_false || before.is_none(),
    };
    worth.then(|| Event { type_: *type_, reason: draft.reason.clone(), message: draft.message.clone() })
}
