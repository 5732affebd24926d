//! A token bucket: so many a second, a few more at once.

use std::time::{Duration, Instant};

/// A token bucket. Time comes in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    rate: f64,
    burst: f64,
    tokens: f64,
    at: Instant,
}

impl Pace {
    /// `rate` a second, `burst` at once; full.
    #[must_use]
    pub(crate) fn new(rate: f64, burst: f64, now: Instant) -> Self {
        Self { rate, burst, tokens: burst, at: now }
    }

    /// Takes a token, or tells how long until there is one.
    ///
    /// # Errors
    /// The time to wait.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate).min(self.burst);
        self.at = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.tokens) / self.rate))
    }

    /// Puts a token back that was not used.
    pub(crate) fn put_back(&mut self) {
        self.tokens += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let start = Instant::now();
        let mut pace = Pace::new(10.0, 3.0, start);
        for _ in 0..3 {
            assert_eq!(pace.take(start), Ok(()));
        }
        let wait = pace.take(start).unwrap_err();
        assert!(wait > Duration::from_millis(99) && wait < Duration::from_millis(101), "{wait:?}");
        assert!(pace.take(start + wait / 2).is_err());
        assert_eq!(pace.take(start + Duration::from_millis(101)), Ok(()));
        pace.put_back();
        assert_eq!(pace.take(start + Duration::from_millis(101)), Ok(()));
        let later = start + Duration::from_secs(60);
        assert_eq!((0..9).filter(|_| pace.take(later).is_ok()).count(), 3, "no more than a burst");
    }
}
