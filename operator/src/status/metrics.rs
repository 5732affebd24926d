//! Counters of the way back.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

type Label = [(&'static str, &'static str); 1];

/// Counters of status writes and Events.
#[derive(Clone, Debug)]
pub struct StatusMetrics {
    writes: Family<Label, Counter>,
    events: Family<Label, Counter>,
}

impl StatusMetrics {
    /// Registers them.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self { writes: Family::default(), events: Family::default() };
        registry.register("status_writes", "Statuses written to the API server", metrics.writes.clone());
        registry.register("events", "Kubernetes Events", metrics.events.clone());
        metrics
    }

    /// A status was written, or not.
    pub fn wrote(&self, ok: bool) {
        self.writes.get_or_create(&[("result", if ok { "ok" } else { "failed" })]).inc();
    }

    /// What became of an Event.
    pub fn event(&self, result: &'static str) {
        self.events.get_or_create(&[("result", result)]).inc();
    }
}
