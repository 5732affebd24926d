//! What is held of each entry, and the step from one snapshot to the next.

use super::key::Key;
use super::provider::Provider;
use super::runtime::{Keys, Runtime};
use super::upstreams::Upstreams;
use crate::forward;
use crate::route::Table;
use llm_snapshot::{Body, Entry, EntryId, Rejection, Snapshot};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// The usable form of an entry.
#[derive(Clone, Debug)]
enum Form {
    Provider(Arc<Provider>),
    Key(Arc<Key>),
}

/// What is held of all entries.
#[derive(Debug)]
pub(super) struct Holdings {
    /// The snapshot that was stepped to last.
    applied: Arc<Snapshot>,
    /// The last form of each entry that could be used.
    forms: BTreeMap<EntryId, Form>,
    /// Entries that cannot be used as they are.
    rejected: BTreeMap<EntryId, Rejection>,
    upstreams: Upstreams,
    keys: Arc<Keys>,
    routes: Arc<Table>,
}

/// What a step changed.
#[derive(Default)]
struct Changes {
    gone: Vec<Form>,
    come: Vec<Form>,
}

impl Holdings {
    pub(super) fn upstreams_mut(&mut self) -> &mut Upstreams {
        &mut self.upstreams
    }

    pub(super) fn new(upstreams: Upstreams) -> Self {
        Self {
            applied: Arc::default(),
            forms: BTreeMap::new(),
            rejected: BTreeMap::new(),
            upstreams,
            keys: Arc::default(),
            routes: Arc::default(),
        }
    }

    /// Takes the step to `snapshot`. Entries that are the same keep their form.
    pub(super) fn step(&mut self, snapshot: Arc<Snapshot>, metrics: &forward::Metrics) -> Runtime {
        let mut changes = Changes::default();
        let before = std::mem::replace(&mut self.applied, snapshot.clone());
        let (removed, different) = difference(&before, &snapshot);
        for id in removed {
            self.rejected.remove(id);
            changes.gone.extend(self.forms.remove(id));
        }
        for (id, entry) in different {
            self.replace(id, entry, &mut changes);
        }
        self.update_routes(&changes, metrics);
        self.update_keys(&changes);
        Runtime { version: Some(snapshot.version()), keys: self.keys.clone(), routes: self.routes.clone() }
    }

    /// The entries that cannot be used as they are.
    pub(super) fn rejections(&self) -> Vec<Rejection> {
        self.rejected.values().cloned().collect()
    }

    /// How many providers and keys can be used.
    pub(super) fn count(&self) -> (usize, usize) {
        let keys = self.keys.len();
        (self.forms.len().saturating_sub(keys), keys)
    }

    fn replace(&mut self, id: &EntryId, entry: &Entry, changes: &mut Changes) {
        match build(id, entry, self.forms.get(id), &mut self.upstreams) {
            Ok(form) => {
                self.rejected.remove(id);
                changes.come.push(form.clone());
                changes.gone.extend(self.forms.insert(id.clone(), form));
            }
            Err(reason) => {
                let rejection = Rejection { id: id.clone(), digest: entry.digest(), reason };
                self.rejected.insert(id.clone(), rejection);
            }
        }
    }

    fn update_routes(&mut self, changes: &Changes, metrics: &forward::Metrics) {
        let (gone, come) = (providers(&changes.gone), providers(&changes.come));
        if gone.is_empty() && come.is_empty() {
            return;
        }
        self.routes = Arc::new(self.routes.patched(&gone, &come));
        forget(&gone, &come, metrics);
        drop((gone, come));
        self.upstreams.sweep();
    }

    fn update_keys(&mut self, changes: &Changes) {
        let (gone, come) = (keys(&changes.gone), keys(&changes.come));
        if gone.is_empty() && come.is_empty() {
            return;
        }
        let next = Arc::make_mut(&mut self.keys);
        for key in gone {
            next.remove(&key.sha256);
        }
        let contested = come.into_iter().any(|key| next.insert(key.sha256, key.clone()).is_some());
        // The control plane never sends one digest twice. Should it, the first in order has it, whatever came when.
        if contested || next.len() < self.forms.values().filter(|form| matches!(form, Form::Key(_))).count() {
            let all: Vec<&Arc<Key>> = self.forms.values().filter_map(Form::key).collect();
            for key in all.into_iter().rev() {
                next.insert(key.sha256, key.clone());
            }
        }
    }
}

impl Form {
    fn key(&self) -> Option<&Arc<Key>> {
        match self {
            Self::Key(key) => Some(key),
            Self::Provider(_) => None,
        }
    }

    fn provider(&self) -> Option<&Arc<Provider>> {
        match self {
            Self::Provider(provider) => Some(provider),
            Self::Key(_) => None,
        }
    }
}

fn keys(forms: &[Form]) -> Vec<&Arc<Key>> {
    forms.iter().filter_map(Form::key).collect()
}

fn providers(forms: &[Form]) -> Vec<Arc<Provider>> {
    forms.iter().filter_map(Form::provider).cloned().collect()
}

/// The entries only `before` has, and those of `after` that are new or different. Both are in order, so one walk
/// finds them; and as a snapshot shares most of its entries with the one before, most of them need no second look.
fn difference<'b, 'a>(
    before: &'b Snapshot,
    after: &'a Snapshot,
) -> (Vec<&'b EntryId>, Vec<(&'a EntryId, &'a Entry)>) {
    let (mut removed, mut different) = (Vec::new(), Vec::new());
    let mut old = before.entries().iter().peekable();
    for (id, entry) in after.entries() {
        while let Some((earlier, _)) = old.next_if(|(held, _)| compare(held, id) == Ordering::Less) {
            removed.push(earlier);
        }
        let held = old.next_if(|(held, _)| compare(held, id) == Ordering::Equal);
        let same = |held: &Arc<Entry>| Arc::ptr_eq(held, entry) || held.digest() == entry.digest();
        if !held.is_some_and(|(_, held)| same(held)) {
            different.push((id, &**entry));
        }
    }
    removed.extend(old.map(|(id, _)| id));
    (removed, different)
}

fn compare(one: &EntryId, other: &EntryId) -> Ordering {
    if std::ptr::eq(one.as_str(), other.as_str()) { Ordering::Equal } else { one.cmp(other) }
}

fn build(
    id: &EntryId,
    entry: &Entry,
    before: Option<&Form>,
    upstreams: &mut Upstreams,
) -> Result<Form, String> {
    match entry.read(id).map_err(|error| error.to_string())? {
        Body::Key(key) => Ok(Form::Key(Arc::new(Key::new(id.clone(), key)))),
        Body::Provider(provider) => {
            let before = before.and_then(Form::provider).map(|provider| &**provider);
            let provider = Provider::new(id.clone(), *provider, before, upstreams);
            provider.map(|provider| Form::Provider(Arc::new(provider))).map_err(|error| error.to_string())
        }
    }
}

/// Drops the series of what nobody offers any more.
fn forget(gone: &[Arc<Provider>], come: &[Arc<Provider>], metrics: &forward::Metrics) {
    let stay: HashSet<_> = come.iter().map(|provider| Arc::as_ptr(&provider.series)).collect();
    let offers = come.iter().flat_map(|provider| &provider.offers);
    let offered: HashSet<_> = offers.map(|offer| Arc::as_ptr(&offer.series)).collect();
    for provider in gone {
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
