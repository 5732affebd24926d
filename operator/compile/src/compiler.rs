//! The compiler: what every object becomes, remembered between runs, put together to a snapshot.

use crate::assemble;
use crate::object::{self, Outcome};
use crate::verdict::Verdict;
use crate::world::{Labels, Object, World};
use llm_snapshot::{EntryId, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How to read objects. The default is for a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What to do about fields this version does not know.
    pub unknown_fields: UnknownFields,
    /// Whether an operator makes the keys that MasterKeys ask for by `generate`.
    pub generates: bool,
}

impl Options {
    /// For objects of a cluster.
    pub const CLUSTER: Self = Self { unknown_fields: UnknownFields::Warn, generates: true };
    /// For objects in files.
    pub const FILES: Self = Self { unknown_fields: UnknownFields::Reject, generates: false };
}

impl Default for Options {
    fn default() -> Self {
        Self::CLUSTER
    }
}

/// What to do about unknown fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownFields {
    /// Say so in the message of Accepted. For Kubernetes, where the API server has pruned what its schema does
    /// not know, and a newer schema may know more than this version.
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
/// `last_good`; of a MasterKey whose key cannot be had, only the key itself is kept, so that what the spec
/// forbids is forbidden at once. The same arguments give the same bytes.
#[must_use]
pub fn compile(world: &World, last_good: &Snapshot, options: Options) -> Compiled {
    Compiler::new(options).compile(world, last_good)
}

/// A compiler that remembers. Gives what [`compile`] gives.
#[derive(Debug, Default)]
pub struct Compiler {
    options: Options,
    /// In order of identity.
    known: Vec<Known>,
    namespaces: BTreeMap<String, Arc<Labels>>,
}

/// What is remembered of an object.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) object: Arc<Object>,
    /// Boxed, since all that is known is moved on every run.
    pub(crate) outcome: Box<Outcome>,
    /// The outcome is newer than the verdict.
    pub(crate) fresh: bool,
    /// The last verdict.
    pub(crate) verdict: Option<Arc<Verdict>>,
}

impl Compiler {
    /// A compiler that remembers nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options, ..Self::default() }
    }

    /// Compiles `world`; see [`compile`].
    #[must_use]
    pub fn compile(&mut self, world: &World, last_good: &Snapshot) -> Compiled {
        self.refresh(world);
        assemble::assemble(&mut self.known, last_good)
    }

    /// Brings what is known up to `world`: both are in order of identity, so one walk along both does.
    fn refresh(&mut self, world: &World) {
        let labels_hold = same_labels(&self.namespaces, &world.namespaces);
        let mut before = std::mem::take(&mut self.known).into_iter().peekable();
        self.known.reserve(world.objects.len());
        for (id, object) in &world.objects {
            // Most objects are the very same as before: only for the others names need to be compared.
            let same = before.next_if(|known| Arc::ptr_eq(&known.object, object)).or_else(|| {
                while before.next_if(|known| known.object.id < *id).is_some() {}
                before.next_if(|known| known.object.id == *id)
            });
            let known = match same {
                Some(known) if known.holds(object, world, labels_hold) => known,
                stale => Known {
                    object: object.clone(),
                    outcome: Box::new(object::compile(object, world, self.options)),
                    fresh: true,
                    verdict: stale.and_then(|known| known.verdict),
                },
            };
            self.known.push(known);
        }
        if !labels_hold {
            self.namespaces.clone_from(&world.namespaces);
        }
    }
}

impl Known {
    /// Whether the outcome is still that of `object` in `world`.
    fn holds(&self, object: &Arc<Object>, world: &World, labels_hold: bool) -> bool {
        same_object(&self.object, object)
            && (labels_hold || !self.outcome.uses_labels)
            && self.outcome.uses.iter().all(|used| used.holds(world))
    }
}

fn same_object(one: &Arc<Object>, other: &Arc<Object>) -> bool {
    let same_spec = || Arc::ptr_eq(&one.spec, &other.spec) || one.spec == other.spec;
    Arc::ptr_eq(one, other)
        || (one.uid == other.uid
            && one.generation == other.generation
            && one.created == other.created
            && same_spec())
}

fn same_labels(one: &BTreeMap<String, Arc<Labels>>, other: &BTreeMap<String, Arc<Labels>>) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|((a, labels), (b, others))| a == b && (Arc::ptr_eq(labels, others) || labels == others))
}

#[cfg(test)]
mod tests;
