//! How providers of type Mock answer.

use crate::duration::Duration;
use serde::{Deserialize, Serialize};

/// How a Mock provider answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Mock {
    /// Time to the first token.
    pub latency: Duration,
    /// Speed of a streamed answer, in tokens a second; 0 sends all at once.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100_000)))]
    pub tokens_per_second: u32,
    /// What it says; when absent it repeats the last user message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = 16_384)))]
    pub reply: Option<String>,
    /// Percentage of requests that fail, spread evenly.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub error_percent: u32,
    /// How a failing request fails.
    pub fault: Fault,
}

impl Default for Mock {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(0),
            tokens_per_second: 0,
            reply: None,
            error_percent: 0,
            fault: Fault::ServerError,
        }
    }
}

/// A way to fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Fault {
    /// Status 500 with an error body.
    #[default]
    ServerError,
    /// Status 429 with `Retry-After`.
    RateLimit,
    /// The connection breaks before the first byte.
    Disconnect,
    /// No answer until the first-byte timeout.
    Hang,
    /// A stream that ends in the middle; an answer that is not streamed fails with 500.
    Truncate,
}
