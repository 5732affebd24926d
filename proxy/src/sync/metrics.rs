//! What is told about the config stream.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Source {
    source: &'static str,
}

/// Series about the config stream. Clones show the same.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    connected: Gauge,
    ends: Family<Reason, Counter>,
    applies: Family<Source, Counter>,
    apply_seconds: Gauge<f64, AtomicU64>,
    reports_failed: Counter,
}

impl Metrics {
    /// Names the series in `registry`, which sets the prefix.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("config_stream_connected", "1 while an operator streams", self.connected.clone());
        registry.register("config_stream_ends", "Config streams that ended, by reason", self.ends.clone());
        registry.register(
            "config_applies",
            "Configurations applied, by where they came from",
            self.applies.clone(),
        );
        registry.register(
            "config_apply_seconds",
            "How long it took to read and apply the last configuration",
            self.apply_seconds.clone(),
        );
        registry.register(
            "config_reports_failed",
            "Reports to the operator that did not arrive",
            self.reports_failed.clone(),
        );
    }

    pub(super) fn connected(&self, connected: bool) {
        self.connected.set(i64::from(connected));
    }

    pub(super) fn ended(&self, reason: &'static str) {
        self.ends.get_or_create(&Reason { reason }).inc();
    }

    pub(super) fn applied(&self, source: &'static str, took: Duration) {
        self.applies.get_or_create(&Source { source }).inc();
        self.apply_seconds.set(took.as_secs_f64());
    }

    pub(super) fn report_failed(&self) {
        self.reports_failed.inc();
    }
}
