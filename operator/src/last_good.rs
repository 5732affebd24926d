//! The last good snapshot, kept in Secrets: for proxies that start while no operator runs, and for the next
//! leader, so that an object that went bad meanwhile keeps its last good form.

use crate::cycle::Published;
use crate::kubernetes::{CallError, FIELD_MANAGER, MANAGED_BY, MANAGED_BY_LABEL, bounded};
use crate::watch::SNAPSHOT_SECRET_TYPE;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, ObjectMeta, Patch, PatchParams};
use llm_snapshot::{Digest, Snapshot, archive};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{info, warn};

/// Slots written in turn.
const SLOTS: [char; 2] = ['a', 'b'];
/// Shards of one slot: the proxies mount exactly these Secrets.
const SHARDS: usize = 4;
/// Key of the Secret that holds the shard.
const KEY: &str = "shard";
/// From the beginning of a write to the beginning of the next.
const BETWEEN: Duration = Duration::from_secs(2);

/// Counters of what is kept.
#[derive(Clone, Debug)]
pub struct KeepMetrics(Family<[(&'static str, &'static str); 1], Counter>);

impl KeepMetrics {
    /// Registers them.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let writes = Family::default();
        registry.register("last_good_writes", "Writes of the last good snapshot", writes.clone());
        Self(writes)
    }
}

/// What is kept, and where the next write goes.
#[derive(Debug, Default)]
pub struct Kept {
    /// The newest complete snapshot.
    pub snapshot: Option<Snapshot>,
    version: Option<Digest>,
    sequence: u64,
    /// Index of the slot that holds the newest complete snapshot.
    slot: usize,
    /// Secrets that exist.
    names: BTreeSet<String>,
}

fn name(slot: usize, shard: usize) -> String {
    format!("llm-proxy-snapshot-{}-{shard}", SLOTS[slot % SLOTS.len()])
}

/// Reads what is kept.
///
/// # Errors
/// When the API server does not answer. What is damaged counts as not there.
pub async fn read(secrets: &Api<Secret>) -> Result<Kept, CallError> {
    let mut shards: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut names = BTreeSet::new();
    for slot in 0..SLOTS.len() {
        let mut found = Vec::new();
        for shard in 0..SHARDS {
            let Some(secret) = bounded(secrets.get_opt(&name(slot, shard))).await? else { continue };
            names.insert(name(slot, shard));
            found.extend(secret.data.unwrap_or_default().remove(KEY).map(|bytes| bytes.0));
        }
        shards.push(found);
    }
    Ok(Kept { names, ..newest(&shards) })
}

/// The newest complete snapshot among the shards of each slot. If the newest is damaged, the other slot's.
fn newest(shards: &[Vec<Vec<u8>>]) -> Kept {
    let sequence = shards.iter().flatten().filter_map(|shard| archive::sequence(shard)).max().unwrap_or(0);
    let complete =
        shards.iter().enumerate().filter(|(_, shards)| !shards.is_empty()).filter_map(|(slot, shards)| {
            match archive::unpack(shards.iter().map(Vec::as_slice)) {
                Ok((sequence, snapshot)) => Some((sequence, slot, snapshot)),
                Err(error) => {
                    warn!(slot = %SLOTS[slot], %error, "a kept snapshot cannot be used");
                    None
                }
            }
        });
    match complete.max_by_key(|(sequence, ..)| *sequence) {
        Some((_, slot, snapshot)) => {
            let version = Some(snapshot.version());
            Kept { snapshot: Some(snapshot), version, sequence, slot, names: BTreeSet::new() }
        }
        None => Kept { sequence, ..Kept::default() },
    }
}

/// Keeps the last good snapshot.
pub struct Keeper {
    /// Secrets of the operator's namespace.
    pub secrets: Api<Secret>,
    /// What is published.
    pub published: watch::Receiver<Option<Arc<Published>>>,
    /// Counters.
    pub metrics: KeepMetrics,
}

impl Keeper {
    /// Writes whatever is newest, at most every two seconds; the first change after a pause at once. Does not
    /// end by itself.
    pub async fn run(&mut self, kept: &mut Kept) {
        loop {
            let begun = Instant::now();
            self.flush(kept).await;
            tokio::time::sleep_until(begun + BETWEEN).await;
            let newest = |published: &Option<Arc<Published>>| {
                published.as_ref().is_some_and(|published| Some(published.snapshot.version()) != kept.version)
            };
            if self.published.wait_for(newest).await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Writes what is newest now, if it is not kept yet.
    pub async fn flush(&mut self, kept: &mut Kept) {
        let Some(published) = self.published.borrow_and_update().clone() else { return };
        if Some(published.snapshot.version()) == kept.version {
            return;
        }
        let result = match self.write(kept, published.snapshot.clone()).await {
            Ok(()) => "ok",
            Err(error) => {
                warn!(%error, "the last good snapshot was not kept");
                "failed"
            }
        };
        self.metrics.0.get_or_create(&[("result", result)]).inc();
    }

    async fn write(&self, kept: &mut Kept, snapshot: Arc<Snapshot>) -> Result<(), KeepError> {
        let (sequence, slot) = (kept.sequence + 1, (kept.slot + 1) % SLOTS.len());
        let version = snapshot.version();
        let packed = tokio::task::spawn_blocking(move || archive::pack(&snapshot, sequence)).await;
        let shards = packed.map_err(|_| KeepError::Pack)?.map_err(|_| KeepError::Pack)?;
        if shards.len() > SHARDS {
            return Err(KeepError::TooLarge(shards.len()));
        }
        // A write that fails half-way uses its sequence up, so that no two writes share one.
        kept.sequence = sequence;
        let count = shards.len();
        for (index, shard) in shards.into_iter().enumerate() {
            let name = name(slot, index);
            self.put(&name, shard).await?;
            kept.names.insert(name);
        }
        (kept.version, kept.slot) = (Some(version), slot);
        for left_over in (count..SHARDS).map(|shard| name(slot, shard)) {
            if kept.names.remove(&left_over) {
                self.remove(&left_over).await;
            }
        }
        info!(version = version.short(), slot = %SLOTS[slot], sequence, shards = count, "last good snapshot kept");
        Ok(())
    }

    async fn put(&self, name: &str, shard: Vec<u8>) -> Result<(), CallError> {
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                labels: Some(BTreeMap::from([(MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned())])),
                ..ObjectMeta::default()
            },
            type_: Some(SNAPSHOT_SECRET_TYPE.to_owned()),
            data: Some(BTreeMap::from([(KEY.to_owned(), ByteString(shard))])),
            ..Secret::default()
        };
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        bounded(self.secrets.patch(name, &parameters, &Patch::Apply(&secret))).await.map(drop)
    }

    async fn remove(&self, name: &str) {
        match bounded(self.secrets.delete(name, &DeleteParams::default())).await {
            Ok(_) => {}
            Err(error) if error.is_not_found() => {}
            // It is of an older write than the rest of its slot, and so harmless.
            Err(error) => warn!(secret = name, %error, "a left-over shard was not removed"),
        }
    }
}

/// Why a snapshot was not kept.
#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error("{0}")]
    Call(#[from] CallError),
    #[error("it cannot be compressed")]
    Pack,
    #[error("it needs {0} Secrets, and there are {SHARDS}")]
    TooLarge(usize),
}

#[cfg(test)]
mod tests {
    use super::*;
    use llm_snapshot::{Entry, EntryId, Kind};

    fn snapshot(value: u64) -> Snapshot {
        let id = EntryId::new(Kind::Key, "ns", "k");
        Snapshot::new(BTreeMap::from([(id, Arc::new(Entry::of(&value).unwrap()))]))
    }

    fn shards(value: u64, sequence: u64) -> Vec<Vec<u8>> {
        archive::pack(&snapshot(value), sequence).unwrap()
    }

    #[test]
    fn the_newest_complete_slot_counts_and_the_other_is_next() {
        let kept = newest(&[shards(1, 7), shards(2, 8)]);
        assert_eq!((kept.snapshot, kept.sequence, kept.slot), (Some(snapshot(2)), 8, 1));
        let kept = newest(&[shards(1, 9), shards(2, 8)]);
        assert_eq!((kept.snapshot, kept.sequence, kept.slot), (Some(snapshot(1)), 9, 0));
    }

    #[test]
    fn a_damaged_slot_is_passed_over_and_its_sequence_not_used_again() {
        let mut damaged = shards(2, 8);
        damaged[0].truncate(60);
        let kept = newest(&[shards(1, 7), damaged]);
        assert_eq!((kept.snapshot, kept.sequence, kept.slot), (Some(snapshot(1)), 8, 0));
    }

    #[test]
    fn nothing_kept_is_nothing_known() {
        let kept = newest(&[Vec::new(), vec![b"nonsense".to_vec()]]);
        assert_eq!((kept.snapshot, kept.sequence), (None, 0));
        assert_eq!(name(0, 3), "llm-proxy-snapshot-a-3");
        assert_eq!(name(1, 0), "llm-proxy-snapshot-b-0");
    }
}
