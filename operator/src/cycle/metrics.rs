//! What compiling costs, and what it finds.

use llm_compile::Verdict;
use llm_snapshot::{Digest, EntryId, Kind, Snapshot};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const BUCKETS: [f64; 9] = [0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 1.0];
const KINDS: [(Kind, &str); 2] = [(Kind::Provider, "LLMProvider"), (Kind::Key, "MasterKey")];

/// Counters of the compile step.
#[derive(Clone, Debug)]
pub struct CycleMetrics {
    duration: Histogram,
    changes: Counter,
    objects: Family<[(&'static str, &'static str); 2], Gauge>,
    entries: Gauge,
    version: Family<[(&'static str, String); 1], Gauge>,
    last: Arc<Mutex<Option<Digest>>>,
}

impl CycleMetrics {
    /// Registers them.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            duration: Histogram::new(BUCKETS),
            changes: Counter::default(),
            objects: Family::default(),
            entries: Gauge::default(),
            version: Family::default(),
            last: Arc::default(),
        };
        registry.register_with_unit(
            "compile_duration",
            "Time of one compilation, and their number",
            Unit::Seconds,
            metrics.duration.clone(),
        );
        registry.register(
            "snapshot_changes",
            "Compilations that gave a new snapshot",
            metrics.changes.clone(),
        );
        registry.register(
            "objects",
            "Objects by kind and whether they are accepted",
            metrics.objects.clone(),
        );
        registry.register("snapshot_entries", "Entries of the snapshot", metrics.entries.clone());
        registry.register("snapshot_info", "The version of the snapshot", metrics.version.clone());
        metrics
    }

    /// A compilation is done.
    pub fn compiled(&self, took: Duration, snapshot: &Snapshot, verdicts: &BTreeMap<EntryId, Arc<Verdict>>) {
        self.duration.observe(took.as_secs_f64());
        self.entries.set(i64::try_from(snapshot.entries().len()).unwrap_or(i64::MAX));
        let mut counts = [[0i64; 2]; KINDS.len()];
        for (id, verdict) in verdicts {
            let kind = id.kind();
            if let Some(row) = KINDS.iter().position(|(known, _)| Some(*known) == kind) {
                counts[row][usize::from(verdict.accepted.holds())] += 1;
            }
        }
        for ((_, name), [refused, accepted]) in KINDS.iter().zip(counts) {
            for (label, count) in [("true", accepted), ("false", refused)] {
                self.objects.get_or_create(&[("kind", name), ("accepted", label)]).set(count);
            }
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != Some(snapshot.version()) {
            *last = Some(snapshot.version());
            self.changes.inc();
            self.version.clear();
            self.version.get_or_create(&[("version", snapshot.version().short())]).set(1);
        }
    }
}
