//! The data plane in process, with fake providers and clients over real sockets.

// Tests may panic; clippy takes only the functions marked as tests for tests.
#![allow(clippy::unwrap_used)]

mod bedrock;
mod cancel;
mod counting;
mod drain;
mod errors;
mod failover;
mod forwarding;
mod intake;
mod keys;
mod models;
mod observing;
mod passing;
mod streams;
mod support;
mod swap;
mod tls;
mod translate;
mod vertex;
