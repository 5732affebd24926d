//! Counters of the config stream.

use super::auth::Denied;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

type Label = [(&'static str, &'static str); 1];

/// Counters of the config stream.
#[derive(Clone, Debug)]
pub struct PublishMetrics {
    messages: Family<Label, Counter>,
    streams: Family<Label, Counter>,
    reviews: Family<Label, Counter>,
    reports: Counter,
}

impl PublishMetrics {
    /// Registers them.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            messages: Family::default(),
            streams: Family::default(),
            reviews: Family::default(),
            reports: Counter::default(),
        };
        registry.register("messages_sent", "Snapshots and deltas sent to proxies", metrics.messages.clone());
        registry.register("streams_ended", "Config streams that ended, and how", metrics.streams.clone());
        registry.register("token_reviews", "Tokens reviewed by the API server", metrics.reviews.clone());
        registry.register("reports", "Reports taken from proxies", metrics.reports.clone());
        for kind in ["snapshot", "delta"] {
            drop(metrics.messages.get_or_create(&[("kind", kind)]));
        }
        metrics
    }

    /// A whole snapshot goes out.
    pub fn sent_snapshot(&self) {
        self.messages.get_or_create(&[("kind", "snapshot")]).inc();
    }

    /// A delta goes out.
    pub fn sent_delta(&self) {
        self.messages.get_or_create(&[("kind", "delta")]).inc();
    }

    /// A stream ended.
    pub fn ended(&self, how: &'static str) {
        self.streams.get_or_create(&[("how", how)]).inc();
    }

    /// A report was taken.
    pub fn reported(&self) {
        self.reports.inc();
    }

    /// A token was reviewed.
    pub fn reviewed(&self, denied: Option<Denied>) {
        let result = match denied {
            None => "accepted",
            Some(Denied::Unauthenticated) => "unauthenticated",
            Some(Denied::Forbidden) => "forbidden",
            Some(Denied::Unavailable) => "unavailable",
        };
        self.reviews.get_or_create(&[("result", result)]).inc();
    }
}
