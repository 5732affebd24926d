//! When to dial again. Pure, but for the jitter.

use super::Timing;
use std::time::Duration;

/// Counts failures in a row.
#[derive(Debug)]
pub(super) struct Backoff {
    failures: u32,
    timing: Timing,
}

impl Backoff {
    pub(super) fn new(timing: Timing) -> Self {
        Self { failures: 0, timing }
    }

    /// The wait after a stream that lived so long. One that lived is no failure; one that ends at once, time and again,
    /// is.
    pub(super) fn after_stream(&mut self, lived: Duration) -> Duration {
        if lived >= self.timing.last_wait {
            self.failures = 0;
        }
        self.next(self.timing.last_wait)
    }

    /// The wait after no address streamed; whether one is a `standby`.
    pub(super) fn after_miss(&mut self, standby: bool) -> Duration {
        self.next(if standby { self.timing.standby_wait } else { self.timing.last_wait })
    }

    fn next(&mut self, longest: Duration) -> Duration {
        let wait = self.timing.first_wait.saturating_mul(1 << self.failures.min(16)).min(longest);
        self.failures = self.failures.saturating_add(1);
        // So that proxies that lost the operator together do not come back together.
        wait.mul_f64(0.5 + rand::random::<f64>() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(wait: Duration, millis: u64) -> bool {
        (millis / 2..=millis).contains(&(wait.as_millis() as u64))
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::new(Timing::default());
        for millis in [50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000] {
            let wait = backoff.after_miss(false);
            assert!(within(wait, millis), "{wait:?} for {millis}");
        }
        for _ in 0..100 {
            backoff.after_miss(false);
        }
        let wait = backoff.after_miss(true);
        assert!(within(wait, 1_000), "{wait:?} of a standby");
    }

    #[test]
    fn a_stream_that_lived_begins_anew_and_one_that_did_not_does_not() {
        let mut backoff = Backoff::new(Timing::default());
        for millis in [50, 100, 200] {
            let wait = backoff.after_stream(Duration::from_secs(1));
            assert!(within(wait, millis), "{wait:?} for {millis}");
        }
        let wait = backoff.after_stream(Duration::from_secs(60));
        assert!(within(wait, 50), "{wait:?}");
    }

    #[test]
    fn waits_differ() {
        let waits: std::collections::HashSet<Duration> =
            (0..20).map(|_| Backoff::new(Timing::default()).after_miss(false)).collect();
        assert!(waits.len() > 10);
    }
}
