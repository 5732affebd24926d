//! What clients talk to.

pub mod auth;
pub mod body;
pub mod endpoint;
pub mod envelope;
pub mod error;
pub mod health;
mod intake;
pub mod models;
pub mod multipart;
pub mod request_id;
pub mod scan;
pub mod server;
pub mod service;
mod socket;
pub mod stored;
pub mod tls;

pub use service::{Api, Settings};
