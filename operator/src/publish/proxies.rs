//! The fleet, shared: the server and the sessions change it, the status writer reads it.

use super::acks::{Change, Count, Fleet, StaleStream};
use llm_compile::Acks;
use llm_snapshot::{Digest, EntryId, Report, Snapshot};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often proxies that are gone or silent are looked for.
const TIDY: Duration = Duration::from_secs(1);

/// The proxies and what they acknowledged.
#[derive(Debug)]
pub struct Proxies {
    fleet: Mutex<Fleet>,
    changes: watch::Sender<Changes>,
}

/// Counts changes; who watches looks again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Acknowledged versions.
    pub versions: u64,
    /// Whatever concerns the statuses of many objects: the number of proxies, and rejections.
    pub fleet: u64,
}

impl Default for Proxies {
    fn default() -> Self {
        Self { fleet: Mutex::default(), changes: watch::Sender::new(Changes::default()) }
    }
}

impl Proxies {
    /// Wakes whenever anything changed.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Changes> {
        self.changes.subscribe()
    }

    /// See [`Fleet::join`].
    pub fn join(&self, name: &str, stream: &str, end: CancellationToken) {
        if self.fleet().join(name, stream, end, Instant::now()) {
            self.changed();
        }
    }

    /// See [`Fleet::leave`].
    pub fn leave(&self, name: &str, stream: &str) {
        self.fleet().leave(name, stream, Instant::now());
    }

    /// See [`Fleet::report`].
    ///
    /// # Errors
    /// [`StaleStream`].
    pub fn report(
        &self,
        report: Report,
        find: impl Fn(Digest) -> Option<Arc<Snapshot>>,
    ) -> Result<Change, StaleStream> {
        let change = self.fleet().report(report, find, Instant::now())?;
        match change {
            Change::None => {}
            Change::Version => self.changes.send_modify(|changes| changes.versions += 1),
            Change::Rejections => self.changed(),
        }
        Ok(change)
    }

    /// See [`Fleet::acks`].
    #[must_use]
    pub fn acks(&self, id: &EntryId, digest: Option<Digest>) -> Acks {
        self.fleet().acks(id, digest)
    }

    /// See [`Fleet::count`].
    #[must_use]
    pub fn count(&self, version: Option<Digest>) -> Count {
        self.fleet().count(version)
    }

    /// Forgets and cuts off in time, until `stop`. Starts empty whenever leadership changes: what was known is
    /// of another time.
    pub async fn run(&self, mut serving: watch::Receiver<bool>, stop: CancellationToken) {
        let mut tick = tokio::time::interval(TIDY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return self.fleet().clear(),
                changed = serving.changed() => {
                    if changed.is_err() || !*serving.borrow_and_update() {
                        self.fleet().clear();
                        self.changed();
                    }
                    if changed.is_err() {
                        return;
                    }
                }
                _ = tick.tick() => {
                    if self.fleet().tidy(Instant::now()) {
                        self.changed();
                    }
                }
            }
        }
    }

    fn fleet(&self) -> MutexGuard<'_, Fleet> {
        self.fleet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|changes| changes.fleet += 1);
    }
}
