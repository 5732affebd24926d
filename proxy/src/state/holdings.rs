//! What is held of each entry, and the step from one snapshot to the next.

use super::key::Key;
use super::provider::Provider;
use super::runtime::{Keys, Runtime};
use super::upstreams::Upstreams;
use crate::forward;
use crate::route::Table;
use llm_snapshot::{Body, Digest, Entry, EntryId, Rejection, Snapshot};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// The usable form of an entry.
#[derive(Clone, Debug)]
enum Form {
    Provider(Arc<Provider>),
    Key(Arc<Key>),
}

/// What is held of one entry.
#[derive(Debug)]
struct Held {
    /// The entry that was looked at last.
    digest: Digest,
    /// The last one that could be used.
    form: Option<Form>,
    /// Why the last one cannot be.
    rejected: Option<String>,
}

/// What is held of all entries.
#[derive(Debug)]
pub(super) struct Holdings {
    held: BTreeMap<EntryId, Held>,
    upstreams: Upstreams,
    keys: Arc<Keys>,
    routes: Arc<Table>,
}

/// What a step changed.
#[derive(Default)]
struct Changes {
    gone: Vec<Arc<Provider>>,
    come: Vec<Arc<Provider>>,
    keys: bool,
}

impl Changes {
    fn note(&mut self, before: Option<Form>, now: Option<&Form>) {
        self.keys |= matches!(before, Some(Form::Key(_))) || matches!(now, Some(Form::Key(_)));
        if let Some(Form::Provider(provider)) = before {
            self.gone.push(provider);
        }
        if let Some(Form::Provider(provider)) = now {
            self.come.push(provider.clone());
        }
    }
}

impl Holdings {
    pub(super) fn new(upstreams: Upstreams) -> Self {
        Self { held: BTreeMap::new(), upstreams, keys: Arc::default(), routes: Arc::default() }
    }

    /// Takes the step to `snapshot`. Entries that are the same keep their form.
    pub(super) fn step(&mut self, snapshot: &Snapshot, metrics: &forward::Metrics) -> Runtime {
        let mut changes = Changes::default();
        for id in self.superfluous(snapshot) {
            changes.note(self.held.remove(&id).and_then(|held| held.form), None);
        }
        for (id, entry) in self.different(snapshot) {
            self.replace(id, entry, &mut changes);
        }
        if !changes.gone.is_empty() || !changes.come.is_empty() {
            self.routes = Arc::new(self.routes.patched(&changes.gone, &changes.come));
            forget(&changes, metrics);
        }
        if changes.keys {
            self.keys = Arc::new(self.all_keys());
        }
        drop(changes);
        self.upstreams.sweep();
        Runtime { version: Some(snapshot.version()), keys: self.keys.clone(), routes: self.routes.clone() }
    }

    /// The entries that cannot be used as they are.
    pub(super) fn rejections(&self) -> Vec<Rejection> {
        let rejection = |(id, held): (&EntryId, &Held)| {
            let reason = held.rejected.clone()?;
            Some(Rejection { id: id.clone(), digest: held.digest, reason })
        };
        self.held.iter().filter_map(rejection).collect()
    }

    /// How many keys can be used.
    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }

    /// How many entries are held that are no keys.
    pub(super) fn providers(&self) -> usize {
        self.held.values().filter(|held| matches!(held.form, Some(Form::Provider(_)))).count()
    }

    fn superfluous(&self, snapshot: &Snapshot) -> Vec<EntryId> {
        if self.held.is_empty() {
            return Vec::new();
        }
        // Both are in order, so one walk finds what only one has.
        let mut wanted = snapshot.entries().keys().peekable();
        let mut stays = |id: &EntryId| {
            while wanted.next_if(|wanted| *wanted < id).is_some() {}
            wanted.peek() == Some(&id)
        };
        self.held.keys().filter(|id| !stays(id)).cloned().collect()
    }

    fn different<'s>(&self, snapshot: &'s Snapshot) -> Vec<(&'s EntryId, &'s Entry)> {
        let mut held = self.held.iter().peekable();
        let mut same = |id: &EntryId, entry: &Entry| {
            while held.next_if(|(held, _)| *held < id).is_some() {}
            held.peek().is_some_and(|(held, is)| *held == id && is.digest == entry.digest())
        };
        let entries = snapshot.entries().iter().map(|(id, entry)| (id, &**entry));
        entries.filter(|(id, entry)| !same(id, entry)).collect()
    }

    fn replace(&mut self, id: &EntryId, entry: &Entry, changes: &mut Changes) {
        let before = self.held.remove(id).and_then(|held| held.form);
        let built = build(id, entry, before.as_ref(), &mut self.upstreams);
        let held = match built {
            Ok(form) => {
                changes.note(before, Some(&form));
                Held { digest: entry.digest(), form: Some(form), rejected: None }
            }
            Err(reason) => Held { digest: entry.digest(), form: before, rejected: Some(reason) },
        };
        self.held.insert(id.clone(), held);
    }

    fn all_keys(&self) -> Keys {
        let mut keys = Keys::with_capacity_and_hasher(self.held.len(), Default::default());
        for held in self.held.values() {
            if let Some(Form::Key(key)) = &held.form {
                // The control plane never sends one digest twice; should it, the first in order has it.
                keys.entry(key.sha256).or_insert_with(|| key.clone());
            }
        }
        keys
    }
}

fn build(
    id: &EntryId,
    entry: &Entry,
    before: Option<&Form>,
    upstreams: &mut Upstreams,
) -> Result<Form, String> {
    let before = before.and_then(|form| match form {
        Form::Provider(provider) => Some(&**provider),
        Form::Key(_) => None,
    });
    match entry.read(id).map_err(|error| error.to_string())? {
        Body::Key(key) => Ok(Form::Key(Arc::new(Key::new(id.clone(), key)))),
        Body::Provider(provider) => Provider::new(id.clone(), provider, before, upstreams)
            .map(|provider| Form::Provider(Arc::new(provider)))
            .map_err(|error| error.to_string()),
    }
}

/// Drops the series of what nobody offers any more.
fn forget(changes: &Changes, metrics: &forward::Metrics) {
    let stay: HashSet<_> = changes.come.iter().map(|provider| Arc::as_ptr(&provider.series)).collect();
    let offers = changes.come.iter().flat_map(|provider| &provider.offers);
    let offered: HashSet<_> = offers.map(|offer| Arc::as_ptr(&offer.series)).collect();
    for provider in &changes.gone {
        if !stay.contains(&Arc::as_ptr(&provider.series)) {
            metrics.forget_provider(&provider.name);
        }
        for offer in &provider.offers {
            if !offered.contains(&Arc::as_ptr(&offer.series)) {
                metrics.forget_model(&provider.name, &offer.name, &offer.series);
            }
        }
    }
}
