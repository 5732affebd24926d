//! The one place where the generation in use is kept.

use super::holdings::Holdings;
use super::metrics::Metrics;
use super::runtime::Runtime;
use super::upstreams::Upstreams;
use crate::cloud::Own;
use crate::{forward, upstream};
use arc_swap::ArcSwap;
use llm_snapshot::{Digest, Rejection, Snapshot};
use std::sync::{Arc, Mutex, PoisonError};

/// Holds the generation in use. Readers never wait.
#[derive(Debug)]
pub struct Store {
    current: ArcSwap<Runtime>,
    /// What the next generation is built from. One is built at a time.
    building: Mutex<Building>,
    metrics: Metrics,
    requests: forward::Metrics,
}

#[derive(Debug)]
struct Building {
    holdings: Holdings,
    /// The generation before the one in use. Requests that still have it will mostly be done with it when the next
    /// one comes, so that it is freed there and not on the way of a request.
    retired: Arc<Runtime>,
}

impl Default for Store {
    fn default() -> Self {
        Self::new(Metrics::default(), forward::Metrics::default(), upstream::Metrics::default())
    }
}

impl Store {
    /// A store with nothing applied.
    #[must_use]
    pub fn new(metrics: Metrics, requests: forward::Metrics, upstreams: upstream::Metrics) -> Self {
        let holdings = Holdings::new(Upstreams::new(upstreams));
        let building = Mutex::new(Building { holdings, retired: Arc::default() });
        Self { current: ArcSwap::default(), building, metrics, requests }
    }

    /// Lets providers use these identities of the workload from the next generation on.
    pub fn use_own(&self, own: Own) {
        let mut building = self.building.lock().unwrap_or_else(PoisonError::into_inner);
        building.holdings.upstreams_mut().own = own;
    }

    /// Builds the generation of `snapshot` and puts it in use. Blocks for as long as building takes: call it where
    /// blocking is allowed. Gives the entries that cannot be used as they are; of those, what could be used before
    /// stays in use.
    pub fn apply(&self, snapshot: Arc<Snapshot>) -> Vec<Rejection> {
        let mut building = self.building.lock().unwrap_or_else(PoisonError::into_inner);
        let holdings = &mut building.holdings;
        let version = snapshot.version();
        let runtime = holdings.step(snapshot, &self.requests);
        let rejections = holdings.rejections();
        self.metrics.applied(version, holdings.count(), rejections.len());
        building.retired = self.current.swap(Arc::new(runtime));
        rejections
    }

    /// The generation in use. Load it once a request.
    #[must_use]
    pub fn load(&self) -> Arc<Runtime> {
        self.current.load_full()
    }

    /// The snapshot in use; `None` before the first: the proxy is not ready.
    #[must_use]
    pub fn version(&self) -> Option<Digest> {
        self.current.load().version()
    }
}

#[cfg(test)]
mod tests;
