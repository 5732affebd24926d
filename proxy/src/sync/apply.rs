//! Puts in use what the replica says, where blocking is allowed, one at a time.

use super::metrics::Metrics;
use super::replica::{Misfit, Replica, Step};
use crate::state::Store;
use bytes::Bytes;
use llm_snapshot::{Digest, Rejection, Snapshot};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Mutex;
use tracing::{info, warn};

/// What is held and reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holding {
    pub(super) version: Digest,
    pub(super) rejected: Vec<Rejection>,
}

/// The replica, and the store it is applied to. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Applier {
    state: Arc<Mutex<State>>,
    store: Arc<Store>,
    metrics: Metrics,
}

#[derive(Debug, Default)]
struct State {
    replica: Replica,
    rejected: Vec<Rejection>,
}

impl State {
    fn holding(&self) -> Option<Holding> {
        let held = self.replica.held()?;
        Some(Holding { version: held.version(), rejected: self.rejected.clone() })
    }
}

impl Applier {
    pub(super) fn new(store: Arc<Store>, metrics: Metrics) -> Self {
        Self { state: Arc::default(), store, metrics }
    }

    /// Where applying is counted.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What is held, if anything.
    pub(super) async fn holding(&self) -> Option<Holding> {
        self.state.lock().await.holding()
    }

    /// Takes a line of the stream.
    pub(super) async fn take(&self, line: Bytes) -> Result<Holding, Misfit> {
        let this = self.clone();
        let take = move || {
            let begun = Instant::now();
            let mut state = this.state.blocking_lock();
            if let Step::Apply(snapshot) = state.replica.step(&line)? {
                // A snapshot is megabytes of text, and has been read.
                drop(line);
                this.put(&mut state, snapshot, "stream", begun);
            }
            state.holding().ok_or(Misfit::Failed)
        };
        // Only a panic keeps it from an answer, and its message has been written where panics are.
        tokio::task::spawn_blocking(take).await.unwrap_or(Err(Misfit::Failed))
    }

    /// Applies `snapshot` if nothing is held yet; tells whether it did.
    pub(super) async fn take_first(&self, snapshot: Snapshot) -> bool {
        let this = self.clone();
        let take = move || {
            let begun = Instant::now();
            let mut state = this.state.blocking_lock();
            let first = state.replica.held().is_none();
            if first {
                this.put(&mut state, Arc::new(snapshot), "last_good", begun);
            }
            first
        };
        tokio::task::spawn_blocking(take).await.unwrap_or(false)
    }

    fn put(&self, state: &mut State, snapshot: Arc<Snapshot>, source: &'static str, begun: Instant) {
        let rejected = self.store.apply(snapshot.clone());
        for rejection in rejected.iter().filter(|rejection| !state.rejected.contains(rejection)) {
            warn!(object = rejection.id.as_str(), reason = rejection.reason, "an object cannot be used");
        }
        let version = snapshot.version();
        let objects = snapshot.entries().len();
        state.replica.hold(snapshot);
        state.rejected = rejected;
        self.metrics.applied(source, begun.elapsed());
        info!(
            version = version.short(),
            objects,
            rejected = state.rejected.len(),
            source,
            "configuration applied"
        );
    }
}
