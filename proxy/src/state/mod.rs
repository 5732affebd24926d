//! What is served by, and how it changes: off to the side, then at once.

pub mod headers;
mod holdings;
pub mod key;
pub mod metrics;
pub mod provider;
pub mod runtime;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod shards;
pub mod store;
mod upstreams;

pub use key::Key;
pub use metrics::Metrics;
pub use provider::{Offer, Provider};
pub use runtime::Runtime;
pub use store::Store;
pub(crate) use upstreams::Upstreams;
