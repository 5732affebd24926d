//! A client key in the form requests use it.

use crate::route::glob;
use llm_snapshot::{Digest, EntryId};
use std::sync::Arc;

/// A client key. The key itself is not known, only its digest.
#[derive(Debug)]
pub struct Key {
    /// Its entry.
    pub id: EntryId,
    /// Namespace of the MasterKey.
    pub namespace: Arc<str>,
    /// Start of the digest, in hexadecimal: tells keys of one MasterKey apart in logs.
    pub short: String,
    /// SHA-256 of the key.
    pub sha256: Digest,
    /// Refused whatever else holds.
    pub disabled: bool,
    /// Refused from this moment on, in seconds since the Unix epoch.
    pub expires_at: Option<i64>,
    allowed: Option<Vec<String>>,
    denied: Vec<String>,
}

impl Key {
    pub(super) fn new(id: EntryId, stated: llm_snapshot::Key) -> Self {
        Self {
            namespace: stated.namespace.into(),
            short: stated.sha256.short(),
            sha256: stated.sha256,
            disabled: stated.disabled,
            expires_at: stated.expires_at,
            allowed: stated.allowed_models,
            denied: stated.denied_models,
            id,
        }
    }

    /// `NAMESPACE/NAME` of the MasterKey.
    #[must_use]
    pub fn name(&self) -> &str {
        self.id.object()
    }

    /// Whether it may use every model.
    #[must_use]
    pub fn allows_all(&self) -> bool {
        self.allowed.is_none() && self.denied.is_empty()
    }

    /// Whether it may use the model of that public name.
    #[must_use]
    pub fn allows(&self, model: &str) -> bool {
        let covers = |glob: &String| glob::matches(glob, model);
        self.allowed.as_ref().is_none_or(|allowed| allowed.iter().any(covers))
            && !self.denied.iter().any(covers)
    }
}
