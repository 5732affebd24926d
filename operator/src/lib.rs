//! The control plane of llm-proxy: everything that talks to Kubernetes.
//!
//! `kubectl apply` → [`watch`] (what is known, changed in place) → [`cycle`] (a debounced compile step) →
//! [`publish`] (the config stream to the proxies, and their acknowledgements) → [`status`] (conditions and
//! Events). Beside that: [`lease`] (who leads) and [`reign`] (what the leader does first), [`keys`] (generated
//! keys), [`last_good`] (the snapshot kept for bad times), [`tls`] (the authority), [`health`]. [`app`] wires it.

pub mod app;
pub mod args;
pub mod cycle;
pub mod health;
pub mod keys;
pub mod kubernetes;
pub mod last_good;
pub mod lease;
pub mod log;
pub mod publish;
pub mod reign;
pub mod status;
pub mod tls;
pub mod watch;

mod pace;
