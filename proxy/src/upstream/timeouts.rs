//! Time limits of one attempt.

use llm_snapshot::provider;
use std::time::Duration;

/// Longest time limit there is. Keeps sums of instants and limits in range, whatever was configured.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Time limits of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands, name resolution and TLS included.
    pub connect: Duration,
    /// From the last byte of the request sent to the first byte of the response.
    pub first_byte: Duration,
    /// Of silence between two parts of the response body. The time in which nobody asked for more does not count.
    pub stream_idle: Duration,
    /// From the start of the attempt to the end of the response body.
    pub total: Duration,
}

impl From<&provider::Timeouts> for Timeouts {
    fn from(timeouts: &provider::Timeouts) -> Self {
        let limit = |ms| Duration::from_millis(ms).min(LONGEST);
        Self {
            connect: limit(timeouts.connect_ms),
            first_byte: limit(timeouts.first_byte_ms),
            stream_idle: limit(timeouts.stream_idle_ms),
            total: limit(timeouts.total_ms),
        }
    }
}
