//! The rules of the house, read off the manifests and the sources: which crate may use which, how long a source file
//! may be, that no source file lies about unused, and what may come from others.

// Tests may panic; clippy takes only the functions marked as tests for tests.
#![allow(clippy::unwrap_used)]

mod dependencies;
mod edges;
mod sources;
