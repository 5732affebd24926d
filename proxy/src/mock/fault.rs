//! Which requests fail: a percentage, spread evenly.

use std::sync::atomic::{AtomicU64, Ordering};

/// Says of each request whether it fails. Out of any 100 in a row exactly the percentage do, as far apart as
/// possible, the same ones each time.
#[derive(Debug)]
pub(super) struct Failures {
    percent: u64,
    requests: AtomicU64,
}

impl Failures {
    pub(super) fn new(percent: u32) -> Self {
        Self { percent: u64::from(percent.min(100)), requests: AtomicU64::new(0) }
    }

    /// Whether the next request fails: whether it takes the failures due from one whole number to the next.
    pub(super) fn next(&self) -> bool {
        let before = self.requests.fetch_add(1, Ordering::Relaxed) % 100;
        (before + 1) * self.percent / 100 > before * self.percent / 100
    }
}
