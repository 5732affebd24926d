//! Counters of the watches.

use super::What;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Counters of the watches.
#[derive(Clone, Debug)]
pub struct WatchMetrics {
    errors: Family<[(&'static str, &'static str); 1], Counter>,
}

impl WatchMetrics {
    /// Registers them.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let errors = Family::default();
        registry.register("watch_errors", "Watches that broke and were taken up again", errors.clone());
        let metrics = Self { errors };
        for what in What::ALL {
            drop(metrics.errors.get_or_create(&[("resource", what.name())]));
        }
        metrics
    }

    /// A watch broke.
    pub fn failed(&self, what: What) {
        self.errors.get_or_create(&[("resource", what.name())]).inc();
    }
}
