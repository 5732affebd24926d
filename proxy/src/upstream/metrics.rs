//! What the pools count, over all upstreams.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counters of the connections to providers. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Connections opened.
    pub opened: Counter,
    /// Requests sent on a connection that had carried one before.
    pub reused: Counter,
    /// Connections closed, by either side.
    pub closed: Counter,
    /// Connections open now, idle ones included.
    pub open: Gauge,
}

impl Metrics {
    /// Names the counters in `registry`, which sets the prefix.
    pub fn register(&self, registry: &mut Registry) {
        let counters = [
            ("upstream_connections_opened", "Connections to providers opened", &self.opened),
            (
                "upstream_connections_reused",
                "Requests sent to providers on a pooled connection",
                &self.reused,
            ),
            ("upstream_connections_closed", "Connections to providers closed", &self.closed),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        registry.register(
            "upstream_connections_open",
            "Connections to providers open now, idle ones included",
            self.open.clone(),
        );
    }

    /// Counts a connection as open until the guard is dropped.
    pub(super) fn open(&self) -> Open {
        self.opened.inc();
        self.open.inc();
        Open(self.clone())
    }
}

/// An open connection, as counted.
#[derive(Debug)]
pub(super) struct Open(Metrics);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.closed.inc();
        self.0.open.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_connection_is_counted_until_it_is_dropped() {
        let (metrics, mut registry) = (Metrics::default(), Registry::with_prefix("p"));
        metrics.register(&mut registry);
        metrics.reused.inc();
        let (first, _second) = (metrics.open(), metrics.open());
        drop(first);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let values: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            values,
            [
                "p_upstream_connections_opened_total 2",
                "p_upstream_connections_reused_total 1",
                "p_upstream_connections_closed_total 1",
                "p_upstream_connections_open 1",
            ]
        );
    }
}
