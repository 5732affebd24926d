//! What is told about reloads.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Result {
    result: &'static str,
}

/// Series about reloads. Clones show the same.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    reloads: Family<Result, Counter>,
}

impl Metrics {
    /// Names the series in `registry`, which sets the prefix.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "config_reloads",
            "Times the configuration files were read again",
            self.reloads.clone(),
        );
    }

    pub(super) fn reloaded(&self, result: &'static str) {
        self.reloads.get_or_create(&Result { result }).inc();
    }

    /// How many reloads ended so; for tests.
    #[cfg(test)]
    pub(super) fn count(&self, result: &'static str) -> u64 {
        self.reloads.get_or_create(&Result { result }).get()
    }
}
