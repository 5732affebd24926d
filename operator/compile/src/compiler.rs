//! The compiler: what every object becomes, remembered between runs, put together to a snapshot.

use crate::verdict::Verdict;
use crate::world::World;
use llm_snapshot::{EntryId, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How strictly to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What to do about fields this version does not know.
    pub unknown_fields: UnknownFields,
}

/// What to do about unknown fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownFields {
    /// Say so in the message of Accepted. For Kubernetes, where the API server has pruned what its schema does
    /// not know, and a newer schema may know more than this version.
    #[default]
    Warn,
    /// Do not accept the object. For files, where a typing error would go unnoticed.
    Reject,
}

/// What a world becomes.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    /// Everything the proxies serve by.
    pub snapshot: Snapshot,
    /// One verdict an object. An `Arc` that is the same as last time is the same verdict.
    pub verdicts: BTreeMap<EntryId, Arc<Verdict>>,
}

/// Compiles `world`. An object that is bad now, or whose references do not resolve, keeps its entry from
/// `last_good`. The same arguments give the same bytes.
#[must_use]
pub fn compile(world: &World, last_good: &Snapshot, options: Options) -> Compiled {
    Compiler::new(options).compile(world, last_good)
}

/// A compiler that remembers. Gives what [`compile`] gives.
#[derive(Debug, Default)]
pub struct Compiler {
    #[expect(dead_code)]
    options: Options,
}

impl Compiler {
    /// A compiler that remembers nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// Compiles `world`; see [`compile`].
    #[must_use]
    pub fn compile(&mut self, _world: &World, last_good: &Snapshot) -> Compiled {
        Compiled { snapshot: last_good.clone(), verdicts: BTreeMap::new() }
    }
}
