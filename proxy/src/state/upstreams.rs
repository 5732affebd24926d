//! The upstreams in use, by identity: a provider that changes keeps its connections.

use crate::mock::MockProvider;
use crate::upstream::{BuildError, Identity, Metrics, Target, Upstream};
use llm_snapshot::provider;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// Every upstream some generation still uses.
#[derive(Debug, Default)]
pub(crate) struct Upstreams {
    metrics: Metrics,
    by_identity: HashMap<Identity, Weak<Upstream>>,
    /// Where tokens of the workload's own identity come from, if providers may use it.
    pub(super) metadata_server: Option<String>,
}

impl Upstreams {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self { metrics, by_identity: HashMap::new(), metadata_server: None }
    }

    /// What answers for a provider.
    pub(crate) fn target(&mut self, upstream: &provider::Upstream) -> Result<Target, BuildError> {
        let http = match upstream {
            provider::Upstream::Http(http) => http,
            provider::Upstream::Mock(mock) => return Ok(Target::Mock(Arc::new(MockProvider::new(mock)))),
        };
        let identity = Identity::of(http);
        if let Some(upstream) = self.by_identity.get(&identity).and_then(Weak::upgrade) {
            return Ok(Target::Http(upstream));
        }
        let upstream = Arc::new(Upstream::new(http, &self.metrics)?);
        self.by_identity.insert(identity, Arc::downgrade(&upstream));
        Ok(Target::Http(upstream))
    }

    /// Where tokens of the workload's own identity come from, if providers may use it.
    pub(crate) fn metadata_server(&self) -> Option<&str> {
        self.metadata_server.as_deref()
    }

    /// Forgets those that nobody uses any more.
    pub(super) fn sweep(&mut self) {
        self.by_identity.retain(|_, upstream| upstream.strong_count() > 0);
    }
}
