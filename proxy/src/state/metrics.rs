//! What is told about the configuration in use.

use llm_snapshot::Digest;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Version {
    version: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

/// Series about the configuration in use. Clones show the same.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    version: Family<Version, Gauge>,
    applied: Gauge<f64, AtomicU64>,
    entries: Family<Kind, Gauge>,
    rejections: Gauge,
}

impl Metrics {
    /// Names the series in `registry`, which sets the prefix.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("config_version", "1 for the configuration in use", self.version.clone());
        registry.register(
            "config_last_applied_timestamp_seconds",
            "When a configuration was applied last, since the Unix epoch",
            self.applied.clone(),
        );
        registry.register("config_entries", "Objects in use", self.entries.clone());
        registry.register(
            "config_rejections",
            "Objects of the configuration in use that cannot be used as they are",
            self.rejections.clone(),
        );
    }

    pub(super) fn applied(&self, version: Digest, (providers, keys): (usize, usize), rejections: usize) {
        self.version.clear();
        self.version.get_or_create(&Version { version: version.short() }).set(1);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.applied.set(now.as_secs_f64());
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.entries.get_or_create(&Kind { kind: "provider" }).set(count(providers));
        self.entries.get_or_create(&Kind { kind: "key" }).set(count(keys));
        self.rejections.set(count(rejections));
    }
}
