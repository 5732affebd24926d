//! What the tests and the demo are made of: a control plane, the programs as processes, a fake provider, an HTTP
//! client, and waiting for conditions. Everything listens on loopback, on free ports.

pub mod cluster;
pub mod config_stream;
pub mod credentials;
pub mod fake;
pub mod http;
pub mod last_good;
pub mod load;
pub mod manifest;
pub mod objects;
pub mod process;
pub mod programs;
pub mod sample;
pub mod scripted_operator;
pub mod sse;
pub mod stage;
pub mod wait;

/// Errors are told as they come: whoever reads them is looking at a failed test.
pub type Result<T, E = anyhow::Error> = std::result::Result<T, E>;
