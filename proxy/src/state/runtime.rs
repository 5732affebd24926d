//! One generation: everything a request needs to know.

use llm_snapshot::Digest;

/// One generation of the configuration, built and never changed. A request pins one and uses no other.
#[derive(Debug, Default)]
pub struct Runtime {
    version: Option<Digest>,
}

impl Runtime {
    pub(super) fn new(version: Digest) -> Self {
        Self { version: Some(version) }
    }

    /// The snapshot it was built from; `None` before the first.
    #[must_use]
    pub fn version(&self) -> Option<Digest> {
        self.version
    }
}
