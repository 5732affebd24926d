//! The upstreams in use and the credentials that are renewed, by identity: a provider that changes keeps its
//! connections, and providers of one identity ask for its credentials once.

use crate::cloud::Own;
use crate::cloud::grant::Grant;
use crate::cloud::renewed::Renewed;
use crate::mock::MockProvider;
use crate::upstream::{BuildError, Identity, Metrics, Target, Upstream};
use llm_snapshot::{Digest, provider};
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// Every upstream some generation still uses.
#[derive(Debug, Default)]
pub(crate) struct Upstreams {
    metrics: Metrics,
    by_identity: HashMap<Identity, Weak<Upstream>>,
    renewed: HashMap<Digest, Weak<Renewed>>,
    /// The workload's own identities, as far as providers may use them.
    pub(super) own: Own,
}

impl Upstreams {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self { metrics, ..Self::default() }
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

    /// The credentials of a grant: those of everybody who has the same.
    pub(crate) fn renewed(&mut self, grant: Arc<dyn Grant>) -> Result<Arc<Renewed>, BuildError> {
        let identity = grant.identity();
        if let Some(renewed) = self.renewed.get(&identity).and_then(Weak::upgrade) {
            return Ok(renewed);
        }
        let places = grant.places().into_iter();
        let target = |place: &str| self.target(&provider::Upstream::Http(provider::Http::new(place)));
        let at = places.map(target).collect::<Result<Vec<_>, _>>()?;
        let renewed = Arc::new(Renewed::new(grant, at));
        self.renewed.insert(identity, Arc::downgrade(&renewed));
        Ok(renewed)
    }

    /// The workload's own identities, as far as providers may use them.
    pub(crate) fn own(&self) -> &Own {
        &self.own
    }

    /// Forgets those that nobody uses any more.
    pub(super) fn sweep(&mut self) {
        self.by_identity.retain(|_, upstream| upstream.strong_count() > 0);
        self.renewed.retain(|_, renewed| renewed.strong_count() > 0);
    }
}
