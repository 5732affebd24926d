//! The control plane of llm-proxy.

pub mod args;
pub mod kubernetes;
pub mod log;
pub mod lease;
pub mod watch;
pub mod publish;
pub mod tls;
