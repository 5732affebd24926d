//! Editions: one snapshot each, with its wire form made once for all proxies.

use bytes::Bytes;
use llm_snapshot::{Digest, Message, Snapshot};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::watch;

/// Snapshots remembered, so that a proxy that reconnects gets what changed and not everything.
const REMEMBERED: usize = 16;
/// Deltas to one edition that are kept; proxies that keep up all need the same one.
const DELTAS: usize = 8;

/// A snapshot as it is sent.
#[derive(Debug)]
pub struct Edition {
    snapshot: Arc<Snapshot>,
    whole: OnceLock<Bytes>,
    deltas: Mutex<VecDeque<(Digest, Bytes)>>,
}

impl Edition {
    fn new(snapshot: Arc<Snapshot>) -> Self {
        Self { snapshot, whole: OnceLock::new(), deltas: Mutex::default() }
    }

    /// The snapshot.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> Digest {
        self.snapshot.version()
    }

    /// The line that carries all of it.
    pub fn whole(&self) -> Bytes {
        self.whole.get_or_init(|| line(&Message::Snapshot((*self.snapshot).clone()))).clone()
    }

    /// The line that leads here from `base`.
    pub fn delta(&self, base: &Snapshot) -> Bytes {
        let mut deltas = self.deltas.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, made)) = deltas.iter().find(|(from, _)| *from == base.version()) {
            return made.clone();
        }
        let made = line(&Message::Delta(base.delta_to(&self.snapshot)));
        if deltas.len() == DELTAS {
            deltas.pop_front();
        }
        deltas.push_back((base.version(), made.clone()));
        made
    }
}

/// The line that says which version is the newest.
#[must_use]
pub fn ping(version: Digest) -> Bytes {
    line(&Message::Ping { version })
}

fn line(message: &Message) -> Bytes {
    // Messages are maps with text keys of data already in memory: writing them cannot fail.
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line.into()
}

/// The newest edition, and those before it.
#[derive(Debug)]
pub struct Publisher {
    latest: watch::Sender<Option<Arc<Edition>>>,
    recent: Mutex<VecDeque<Arc<Snapshot>>>,
}

impl Default for Publisher {
    fn default() -> Self {
        Self { latest: watch::Sender::new(None), recent: Mutex::default() }
    }
}

impl Publisher {
    /// Makes `snapshot` the newest edition, unless it is already.
    pub fn publish(&self, snapshot: Arc<Snapshot>) {
        let same = |edition: &Arc<Edition>| edition.version() == snapshot.version();
        if self.latest.borrow().as_ref().is_some_and(same) {
            return;
        }
        {
            let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            // The same version may come back, as when an edit is undone.
            recent.retain(|known| known.version() != snapshot.version());
            if recent.len() == REMEMBERED {
                recent.pop_front();
            }
            recent.push_back(snapshot.clone());
        }
        self.latest.send_replace(Some(Arc::new(Edition::new(snapshot))));
    }

    /// The newest edition, now and later.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<Edition>>> {
        self.latest.subscribe()
    }

    /// A snapshot of that version, if it is remembered.
    #[must_use]
    pub fn find(&self, version: Digest) -> Option<Arc<Snapshot>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().rev().find(|snapshot| snapshot.version() == version).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use llm_snapshot::{Entry, EntryId, Kind};

    pub(crate) fn snapshot(values: &[(&str, u64)]) -> Arc<Snapshot> {
        let entry = |(name, value): &(&str, u64)| {
            (EntryId::new(Kind::Key, "ns", name), Arc::new(Entry::of(value).unwrap()))
        };
        Arc::new(Snapshot::new(values.iter().map(entry).collect()))
    }

    fn read(line: &Bytes) -> Message {
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        serde_json::from_slice(line).unwrap()
    }

    #[test]
    fn lines_are_what_proxies_read() {
        let (old, new) = (snapshot(&[("a", 1), ("b", 1)]), snapshot(&[("a", 2)]));
        let edition = Edition::new(new.clone());
        assert_eq!(read(&edition.whole()), Message::Snapshot((*new).clone()));
        let Message::Delta(delta) = read(&edition.delta(&old)) else { panic!("no delta") };
        assert_eq!(old.apply(&delta).unwrap(), *new);
        assert_eq!(edition.delta(&old).as_ptr(), edition.delta(&old).as_ptr(), "made once");
        assert_eq!(read(&ping(new.version())), Message::Ping { version: new.version() });
    }

    #[test]
    fn recent_versions_are_found_and_old_ones_forgotten() {
        let publisher = Publisher::default();
        let versions: Vec<_> = (0..20).map(|n| snapshot(&[("a", n)])).collect();
        for version in &versions {
            publisher.publish(version.clone());
        }
        assert!(publisher.find(versions[19].version()).is_some());
        assert!(publisher.find(versions[4].version()).is_some());
        assert!(publisher.find(versions[3].version()).is_none());
    }

    #[test]
    fn publishing_the_same_again_wakes_nobody() {
        let publisher = Publisher::default();
        let mut latest = publisher.subscribe();
        publisher.publish(snapshot(&[("a", 1)]));
        assert!(latest.has_changed().unwrap());
        latest.mark_unchanged();
        publisher.publish(snapshot(&[("a", 1)]));
        assert!(!latest.has_changed().unwrap());
    }
}
