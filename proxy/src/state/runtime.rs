//! One generation: everything a request needs to know.

use super::key::Key;
use super::shards::{Shards, Spread};
use crate::route::Table;
use llm_snapshot::Digest;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Keys by the digest of the key.
pub(super) type Keys = Shards<Digest, Arc<Key>, BuildHasherDefault<FirstBytes>>;

/// One generation of the configuration, built and never changed. A request pins one and uses no other.
#[derive(Debug, Default)]
pub struct Runtime {
    pub(super) version: Option<Digest>,
    pub(super) keys: Arc<Keys>,
    pub(super) routes: Arc<Table>,
}

impl Runtime {
    /// The snapshot it was built from; `None` before the first.
    #[must_use]
    pub fn version(&self) -> Option<Digest> {
        self.version
    }

    /// The key whose SHA-256 is `digest`. What the look-up's time could tell is about digests, which nobody can
    /// steer; the final comparison takes the same time wherever a difference is.
    #[must_use]
    pub fn key(&self, digest: &Digest) -> Option<&Arc<Key>> {
        self.keys.get(digest).filter(|key| bool::from(key.sha256.0.ct_eq(&digest.0)))
    }

    /// Who offers which model.
    #[must_use]
    pub fn routes(&self) -> &Table {
        &self.routes
    }
}

impl Spread for Digest {
    fn spread(&self) -> usize {
        // Other bytes than those its hash is made of.
        usize::from(self.0[31])
    }
}

/// Takes the first bytes of a digest for its hash: a digest is as even as a hash gets.
#[derive(Clone, Debug, Default)]
pub(super) struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    /// The length that comes before the bytes says nothing.
    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
