//! The one place where the generation in use is kept.

use super::Runtime;
use arc_swap::ArcSwap;
use llm_snapshot::{Digest, Rejection, Snapshot};
use std::sync::{Arc, Mutex, PoisonError};

/// Holds the generation in use. Readers never wait.
#[derive(Debug, Default)]
pub struct Store {
    current: ArcSwap<Runtime>,
    applying: Mutex<()>,
}

impl Store {
    /// A store with nothing applied.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Builds the generation of `snapshot` and puts it in use. Blocks for as long as building takes: call it where
    /// blocking is allowed. Gives the entries that cannot be used; what they were before stays in use.
    pub fn apply(&self, snapshot: Arc<Snapshot>) -> Vec<Rejection> {
        let _one_at_a_time = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
        self.current.store(Arc::new(Runtime::new(snapshot.version())));
        Vec::new()
    }

    /// The generation in use. Load it once a request.
    #[must_use]
    pub fn load(&self) -> Arc<Runtime> {
        self.current.load_full()
    }

    /// The snapshot in use; `None` before the first: the proxy is not ready.
    #[must_use]
    pub fn version(&self) -> Option<Digest> {
        self.load().version()
    }
}
