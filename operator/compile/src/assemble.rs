//! From what every object becomes by itself to the snapshot: last good forms, and keys that are there twice.

use crate::compiler::{Compiled, Known};
use crate::key;
use crate::object::Form;
use crate::verdict::{Judgement, KeyFacts, Reason, Serving, Verdict};
use crate::world::Object;
use llm_snapshot::{Body, Digest, Entry, Key, Snapshot};
use std::collections::HashMap;
use std::collections::hash_map::Entry as Claim;
use std::sync::Arc;

/// Puts the snapshot together, and leaves each object's verdict in `known`, which is in order of identity.
pub(crate) fn assemble(known: &mut [Known], last_good: &Snapshot) -> Compiled {
    let mut placed: Vec<Placed> = Vec::with_capacity(known.len());
    placed.resize_with(known.len(), Placed::default);
    let mut claims: HashMap<Digest, &Object> = HashMap::with_capacity(known.len());
    for index in oldest_first(known) {
        placed[index] = place(&known[index], last_good, &mut claims);
    }
    // Lists in order first: building a map from one is several times faster than inserting into it.
    let mut entries = Vec::with_capacity(known.len());
    let mut verdicts = Vec::with_capacity(known.len());
    for (known, placed) in known.iter_mut().zip(placed) {
        let verdict = current_verdict(known, &placed);
        let id = &verdict.id;
        entries.extend(placed.entry.map(|entry| (id.clone(), entry)));
        verdicts.push((id.clone(), verdict));
    }
    Compiled {
        snapshot: Snapshot::new(entries.into_iter().collect()),
        verdicts: verdicts.into_iter().collect(),
    }
}

/// The verdict on an object: the last one, when it still says the truth.
fn current_verdict(known: &mut Known, placed: &Placed) -> Arc<Verdict> {
    let verdict = match known.verdict.take() {
        Some(last) if !known.fresh && placed.is_current() && matches!(last.serving, Serving::Current(_)) => {
            last
        }
        last => {
            let verdict = verdict(known, placed);
            last.filter(|last| **last == verdict).unwrap_or_else(|| Arc::new(verdict))
        }
    };
    known.fresh = false;
    known.verdict = Some(verdict.clone());
    verdict
}

/// Where an object ended up.
#[derive(Default)]
struct Placed {
    entry: Option<Arc<Entry>>,
    last_good: bool,
    models: Option<u32>,
    key: Option<KeyFacts>,
    conflict: Option<String>,
}

impl Placed {
    /// Whether it is the object's form by itself, and there is one.
    fn is_current(&self) -> bool {
        self.entry.is_some() && !self.last_good && self.conflict.is_none()
    }
}

/// The order in which keys claim their digests: the older wins, whatever the order of names.
fn oldest_first(known: &[Known]) -> impl Iterator<Item = usize> + use<> {
    let mut order: Vec<(i64, usize)> =
        known.iter().enumerate().map(|(index, known)| (known.object.created, index)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, index)| index)
}

fn place<'a>(known: &'a Known, last_good: &Snapshot, claims: &mut HashMap<Digest, &'a Object>) -> Placed {
    let object = known.object.as_ref();
    match &known.outcome.form {
        Form::Suspended => Placed::default(),
        Form::Provider(entry, names) => {
            Placed { entry: Some(entry.clone()), models: Some(*names), ..Placed::default() }
        }
        Form::Key(entry, digest, facts) => match claim(object, *digest, claims) {
            Ok(()) => Placed { entry: Some(entry.clone()), key: Some(facts.clone()), ..Placed::default() },
            Err(older) => {
                let message = format!(
                    "MasterKey {}/{} is older and holds the same key: give this one a key of its own",
                    older.namespace, older.name
                );
                Placed { conflict: Some(message), ..before(object, None, last_good, claims) }
            }
        },
        Form::KeyRules(rules) => before(object, Some(rules), last_good, claims),
        Form::None => before(object, None, last_good, claims),
    }
}

/// The last good form, for a key under its present `rules` where there are any.
fn before<'a>(
    object: &'a Object,
    rules: Option<&Key>,
    last_good: &Snapshot,
    claims: &mut HashMap<Digest, &'a Object>,
) -> Placed {
    let Some(entry) = last_good.get(&object.id) else { return Placed::default() };
    match entry.read(&object.id) {
        Ok(Body::Provider(provider)) => Placed {
            entry: Some(entry.clone()),
            last_good: true,
            models: u32::try_from(provider.models.len()).ok(),
            ..Placed::default()
        },
        Ok(Body::Key(last)) => {
            let key =
                rules.map_or_else(|| last.clone(), |rules| Key { sha256: last.sha256, ..rules.clone() });
            let entry = if key == last { Some(entry.clone()) } else { Entry::of(&key).ok().map(Arc::new) };
            match (entry, claim(object, key.sha256, claims)) {
                (Some(entry), Ok(())) => Placed {
                    entry: Some(entry),
                    last_good: true,
                    key: Some(key::facts(&key)),
                    ..Placed::default()
                },
                _ => Placed::default(),
            }
        }
        // Made by a version that wrote something else: nothing this one can vouch for.
        Err(_) => Placed::default(),
    }
}

/// Claims the digest of a key for `object`, or tells who has it.
fn claim<'a>(
    object: &'a Object,
    digest: Digest,
    claims: &mut HashMap<Digest, &'a Object>,
) -> Result<(), &'a Object> {
    match claims.entry(digest) {
        Claim::Occupied(older) => Err(older.get()),
        Claim::Vacant(free) => {
            free.insert(object);
            Ok(())
        }
    }
}

fn verdict(known: &Known, placed: &Placed) -> Verdict {
    let outcome = &known.outcome;
    let digest = placed.entry.as_ref().map(|entry| entry.digest());
    let serving = match digest {
        Some(digest) if placed.last_good => Serving::LastGood(digest),
        Some(digest) => Serving::Current(digest),
        None if matches!(outcome.form, Form::Suspended) => Serving::Suspended,
        None => Serving::Nothing,
    };
    let conflict =
        placed.conflict.as_ref().map(|message| Judgement::new(Reason::KeyConflict, message.clone()));
    Verdict {
        id: known.object.id.clone(),
        generation: known.object.generation,
        accepted: conflict.unwrap_or_else(|| outcome.accepted.clone()),
        resolved_refs: outcome.resolved_refs.clone(),
        serving,
        models: placed.models,
        key: placed.key.clone(),
    }
}
