//! The body of a `keys/…` entry: a MasterKey, with the digest of the key instead of the key.

use crate::Digest;
use serde::{Deserialize, Serialize};

/// A client key as the proxies use it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Key {
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// SHA-256 of the key.
    pub sha256: Digest,
    /// Refused whatever else holds.
    pub disabled: bool,
    /// Refused from this moment on, in seconds since the Unix epoch.
    pub expires_at: Option<i64>,
    /// Globs of the models it may use; `None`: all.
    pub allowed_models: Option<Vec<String>>,
    /// Globs of the models it may not use; they win.
    pub denied_models: Vec<String>,
}
