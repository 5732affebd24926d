//! Snapshots: everything a proxy serves by, at one moment.

use crate::message::Delta;
use crate::{Digest, Entry, EntryId};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Entries by identity, and the version they make: the digest of all identities and digests in order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Snapshot {
    version: Digest,
    entries: BTreeMap<EntryId, Arc<Entry>>,
}

/// Why a delta or snapshot was not taken. The answer to each is to ask for a whole snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The delta starts from a version that is not held.
    #[error("delta starts from {from:?}, but {held:?} is held")]
    StaleBase {
        /// Where the delta starts.
        from: Digest,
        /// What is held.
        held: Digest,
    },
    /// The result is not what the sender says.
    #[error("entries make {made:?}, not {claimed:?}")]
    DigestMismatch {
        /// What the entries make.
        made: Digest,
        /// What was claimed.
        claimed: Digest,
    },
}

impl Default for Snapshot {
    fn default() -> Self {
        Self::new(BTreeMap::new())
    }
}

impl Snapshot {
    /// The snapshot of these entries.
    #[must_use]
    pub fn new(entries: BTreeMap<EntryId, Arc<Entry>>) -> Self {
        Self { version: version(&entries), entries }
    }

    /// Digest of the whole.
    #[must_use]
    pub fn version(&self) -> Digest {
        self.version
    }

    /// The entries, in order of identity.
    #[must_use]
    pub fn entries(&self) -> &BTreeMap<EntryId, Arc<Entry>> {
        &self.entries
    }

    /// One entry.
    #[must_use]
    pub fn get(&self, id: &EntryId) -> Option<&Arc<Entry>> {
        self.entries.get(id)
    }

    /// What turns this snapshot into `next`.
    #[must_use]
    pub fn delta_to(&self, next: &Self) -> Delta {
        let mut set = BTreeMap::new();
        for (id, entry) in &next.entries {
            let same = |held: &Arc<Entry>| Arc::ptr_eq(held, entry) || held.digest() == entry.digest();
            if !self.entries.get(id).is_some_and(same) {
                set.insert(id.clone(), entry.clone());
            }
        }
        let unset = self.entries.keys().filter(|id| !next.entries.contains_key(*id)).cloned().collect();
        Delta { from: self.version, to: next.version, set, unset }
    }

    /// The snapshot after `delta`.
    ///
    /// # Errors
    /// When the delta starts elsewhere, or the result's digest is not the one it names; nothing is changed.
    pub fn apply(&self, delta: &Delta) -> Result<Self, ApplyError> {
        if delta.from != self.version {
            return Err(ApplyError::StaleBase { from: delta.from, held: self.version });
        }
        let mut entries = self.entries.clone();
        for id in &delta.unset {
            entries.remove(id);
        }
        entries.extend(delta.set.iter().map(|(id, entry)| (id.clone(), entry.clone())));
        Self::verified(entries, delta.to)
    }

    fn verified(entries: BTreeMap<EntryId, Arc<Entry>>, claimed: Digest) -> Result<Self, ApplyError> {
        let made = version(&entries);
        if made == claimed {
            Ok(Self { version: made, entries })
        } else {
            Err(ApplyError::DigestMismatch { made, claimed })
        }
    }
}

fn version(entries: &BTreeMap<EntryId, Arc<Entry>>) -> Digest {
    let mut text = Vec::with_capacity(entries.len() * 96);
    for (id, entry) in entries {
        text.extend_from_slice(id.as_str().as_bytes());
        text.push(0);
        text.extend_from_slice(&entry.digest().0);
    }
    Digest::of(&text)
}

impl<'de> Deserialize<'de> for Snapshot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            version: Digest,
            entries: BTreeMap<EntryId, Arc<Entry>>,
        }
        let wire = Wire::deserialize(deserializer)?;
        Self::verified(wire.entries, wire.version).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
