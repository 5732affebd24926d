//! The statuses the objects have, as far as this operator knows: seen by a watch, or written by itself.

use crate::watch::model::Observed;
use llm_compile::Status;
use llm_snapshot::EntryId;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Statuses by object.
#[derive(Debug, Default)]
pub struct Statuses {
    known: Mutex<Known>,
    /// Wakes when a watch saw a status that this operator did not write.
    pub foreign: Notify,
}

#[derive(Debug, Default)]
struct Known {
    statuses: HashMap<EntryId, Observed>,
    foreign: BTreeSet<EntryId>,
}

impl Statuses {
    /// Takes in what a watch saw; `None` is an object that is gone.
    pub fn observe(&self, seen: Vec<(EntryId, Option<Observed>)>) {
        let mut known = self.known();
        for (id, observed) in seen {
            match observed {
                Some(observed) => known.see(id, observed),
                None => {
                    known.statuses.remove(&id);
                }
            }
        }
        if !known.foreign.is_empty() {
            self.foreign.notify_one();
        }
    }

    /// Takes in what was written, as the API server answered. An object that a watch saw go stays gone.
    pub fn wrote(&self, id: &EntryId, written: Observed) {
        if let Some(held) = self.known().statuses.get_mut(id)
            && held.uid == written.uid
            && !older(&written, held)
        {
            *held = written;
        }
    }

    /// The status of the object with this uid.
    #[must_use]
    pub fn get(&self, id: &EntryId, uid: &str) -> Option<Status> {
        let known = self.known();
        known.statuses.get(id).filter(|held| held.uid == uid).map(|held| (*held.status).clone())
    }

    /// The objects whose status somebody else changed, since the last time.
    #[must_use]
    pub fn take_foreign(&self) -> BTreeSet<EntryId> {
        std::mem::take(&mut self.known().foreign)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn see(&mut self, id: EntryId, observed: Observed) {
        match self.statuses.get(&id) {
            // The watch is behind what was written: its turn comes.
            Some(held) if held.uid == observed.uid && older(&observed, held) => return,
            Some(held) if held.uid == observed.uid && held.status == observed.status => {}
            _ => {
                self.foreign.insert(id.clone());
            }
        }
        self.statuses.insert(id, observed);
    }
}

/// Whether `one` was before `other`. resourceVersions are numbers that grow (KEP-5504).
fn older(one: &Observed, other: &Observed) -> bool {
    match (one.resource_version.parse::<u64>(), other.resource_version.parse::<u64>()) {
        (Ok(one), Ok(other)) => one < other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use llm_snapshot::Kind;
    use serde_json::json;

    fn id() -> EntryId {
        EntryId::new(Kind::Provider, "ns", "p")
    }

    fn observed(uid: &str, version: u64, generation: i64) -> Observed {
        Observed {
            uid: uid.to_owned(),
            resource_version: version.to_string(),
            status: Box::new(Status::read(Kind::Provider, Some(&json!({"observedGeneration": generation})))),
        }
    }

    fn generation(statuses: &Statuses, uid: &str) -> Option<i64> {
        match statuses.get(&id(), uid)? {
            Status::Provider(status) => status.observed_generation,
            Status::Key(_) => None,
        }
    }

    fn seen(observed: Observed) -> Statuses {
        let statuses = Statuses::default();
        statuses.observe(vec![(id(), Some(observed))]);
        assert_eq!(statuses.take_foreign().len(), 1);
        statuses
    }

    #[test]
    fn a_watch_that_is_behind_does_not_undo_what_was_written() {
        let statuses = seen(observed("u", 9, 1));
        statuses.wrote(&id(), observed("u", 12, 2));
        statuses.observe(vec![(id(), Some(observed("u", 10, 1)))]);
        assert_eq!(generation(&statuses, "u"), Some(2));
        statuses.observe(vec![(id(), Some(observed("u", 12, 2)))]);
        assert!(statuses.take_foreign().is_empty(), "its own writing is no news");
    }

    #[test]
    fn what_somebody_else_writes_is_noticed() {
        let statuses = seen(observed("u", 12, 2));
        statuses.observe(vec![(id(), Some(observed("u", 13, 7)))]);
        assert_eq!(generation(&statuses, "u"), Some(7));
        assert_eq!(statuses.take_foreign().len(), 1);
        statuses.wrote(&id(), observed("u", 12, 2));
        assert_eq!(generation(&statuses, "u"), Some(7), "an answer that comes late");
    }

    #[test]
    fn an_object_made_anew_starts_without_status() {
        let statuses = seen(observed("old", 12, 2));
        assert_eq!(generation(&statuses, "new"), None);
        statuses.observe(vec![(id(), None)]);
        statuses.wrote(&id(), observed("old", 13, 2));
        assert_eq!(generation(&statuses, "old"), None, "gone stays gone");
    }
}
