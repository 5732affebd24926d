//! The world as the watches tell it, changed in place. Pure: whoever feeds it does the I/O.

use super::{Item, Key, Scope, Source, Update, What, refs};
use llm_compile::world::Labels;
use llm_compile::{Data, Object, ObjectName, Status, World};
use llm_snapshot::EntryId;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Weak};

/// A name a spec uses.
type Reference = (Source, ObjectName);

/// The world, and what is needed to keep only what is named in it.
#[derive(Debug, Default)]
pub struct Model {
    world: Arc<World>,
    /// What each object names.
    references: HashMap<EntryId, BTreeSet<Reference>>,
    /// How many objects name it.
    named: HashMap<Reference, usize>,
    /// Named, not held, and asked for.
    asked: HashMap<Reference, Arc<()>>,
    /// Lists under way.
    lists: HashMap<Scope, List>,
    /// Watches whose list has begun at least once.
    begun: HashSet<Scope>,
    /// Watches whose list was complete at least once.
    complete: HashSet<Scope>,
}

/// A list under way.
#[derive(Debug, Default)]
struct List {
    items: Vec<Item>,
    /// Everything listed, also what nobody named at that moment and so was not kept.
    seen: HashSet<Key>,
}

/// A Secret or ConfigMap to ask the API server for.
#[derive(Clone, Debug)]
pub struct Want {
    /// Which resource.
    pub source: Source,
    /// Which object.
    pub name: ObjectName,
    waits: Weak<()>,
}

impl Want {
    /// Whether the model still waits for the answer.
    #[must_use]
    pub fn wanted(&self) -> bool {
        self.waits.strong_count() > 0
    }
}

/// What an update did.
#[derive(Debug, Default)]
pub struct Effect {
    /// The world is different: compile.
    pub changed: bool,
    /// Ask for these.
    pub wants: Vec<Want>,
    /// Statuses of objects, as the API server has them now, with their resourceVersions.
    pub statuses: Vec<(EntryId, Option<Observed>)>,
}

/// The status of an object, as the API server has it.
#[derive(Clone, Debug)]
pub struct Observed {
    /// `metadata.uid` of the object.
    pub uid: String,
    /// `metadata.resourceVersion` of the object.
    pub resource_version: String,
    /// The status.
    pub status: Box<Status>,
}

impl Model {
    /// The world as it is now.
    #[must_use]
    pub fn world(&self) -> Arc<World> {
        self.world.clone()
    }

    /// Whether all these lists were complete once.
    #[must_use]
    pub fn complete<'a>(&self, scopes: impl IntoIterator<Item = &'a Scope>) -> bool {
        scopes.into_iter().all(|scope| self.complete.contains(scope))
    }

    /// Whether nothing named is still being asked for.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.asked.is_empty()
    }

    /// Takes an update in.
    pub fn take(&mut self, scope: &Scope, update: Update) -> Effect {
        let mut effect = Effect::default();
        match update {
            Update::ListBegins => {
                self.begun.insert(scope.clone());
                self.lists.insert(scope.clone(), List::default());
            }
            Update::Listed(item) => self.listed(scope, item),
            Update::ListEnds => self.replace(scope, &mut effect),
            Update::Set(item) => self.set(item, &mut effect),
            Update::Gone(key) => self.gone(&key, &mut effect),
            Update::Fetched(source, name, data) => {
                if self.asked.remove(&(source, name.clone())).is_some()
                    && let Some(data) = data
                {
                    self.set_data(source, name, data, &mut effect);
                }
            }
        }
        effect
    }

    fn listed(&mut self, scope: &Scope, item: Item) {
        let Some(list) = self.lists.get_mut(scope) else { return };
        list.seen.insert(item.key());
        let keep = match &item {
            Item::Data(source, name, _) => self.named.contains_key(&(*source, name.clone())),
            Item::Object(..) | Item::Namespace(..) => true,
        };
        if keep {
            list.items.push(item);
        }
    }

    /// Puts a complete list in the place of what was known of its scope.
    fn replace(&mut self, scope: &Scope, effect: &mut Effect) {
        let Some(List { items, seen }) = self.lists.remove(scope) else { return };
        self.complete.insert(scope.clone());
        for key in self.keys(scope) {
            if !seen.contains(&key) {
                self.gone(&key, effect);
            }
        }
        for item in items {
            self.set(item, effect);
        }
        // Named only after the list had gone by.
        let missed: Vec<Reference> = seen
            .into_iter()
            .filter_map(|key| match key {
                Key::Data(source, name) => Some((source, name)),
                Key::Object(_) | Key::Namespace(_) => None,
            })
            .filter(|reference| self.named.contains_key(reference) && !self.holds(reference))
            .collect();
        for reference in missed {
            self.ask(reference, effect);
        }
    }

    /// What is known of a scope.
    fn keys(&self, scope: &Scope) -> Vec<Key> {
        let here = |namespace: &str| scope.namespace.as_deref().is_none_or(|only| only == namespace);
        let data = |source: Source, held: &HashMap<ObjectName, Arc<Data>>| {
            held.keys()
                .filter(|name| here(name.to_string().split('/').next().unwrap_or_default()))
                .map(|name| Key::Data(source, name.clone()))
                .collect()
        };
        match scope.what {
            What::Objects(kind) => self
                .world
                .objects
                .values()
                .filter(|object| object.kind == kind && here(&object.namespace))
                .map(|object| Key::Object(object.id.clone()))
                .collect(),
            What::Data(Source::Secret) => data(Source::Secret, &self.world.secrets),
            What::Data(Source::ConfigMap) => data(Source::ConfigMap, &self.world.config_maps),
            What::Namespaces => {
                self.world.namespaces.keys().filter(|name| here(name)).cloned().map(Key::Namespace).collect()
            }
        }
    }

    fn set(&mut self, item: Item, effect: &mut Effect) {
        match item {
            Item::Object(object, status) => self.set_object(object, status, effect),
            Item::Data(source, name, data) => {
                // What the watch says is newer than any answer under way.
                self.asked.remove(&(source, name.clone()));
                self.set_data(source, name, data, effect);
            }
            Item::Namespace(name, labels) => self.set_namespace(name, labels, effect),
        }
    }

    fn set_object(&mut self, object: Object, status: Box<Status>, effect: &mut Effect) {
        let id = object.id.clone();
        let observed =
            Observed { uid: object.uid.clone(), resource_version: object.resource_version.clone(), status };
        effect.statuses.push((id.clone(), Some(observed)));
        let same = |known: &Arc<Object>| {
            known.uid == object.uid && known.generation == object.generation && known.spec == object.spec
        };
        // A change of the status alone is no change of the world.
        if self.world.objects.get(&id).is_some_and(same) {
            return;
        }
        effect.changed = true;
        let names = refs::of(&object.namespace, &object.spec);
        Arc::make_mut(&mut self.world).set_object(Arc::new(object));
        self.refer(&id, names, effect);
    }

    /// Notes what an object names now.
    fn refer(&mut self, id: &EntryId, names: BTreeSet<Reference>, effect: &mut Effect) {
        let before = if names.is_empty() {
            self.references.remove(id)
        } else {
            self.references.insert(id.clone(), names.clone())
        };
        for reference in &names {
            *self.named.entry(reference.clone()).or_default() += 1;
        }
        for reference in before.unwrap_or_default() {
            let left = self.named.get_mut(&reference).map_or(0, |count| {
                *count -= 1;
                *count
            });
            if left == 0 {
                self.named.remove(&reference);
                self.asked.remove(&reference);
                self.drop_data(&reference, effect);
            }
        }
        for reference in names {
            if !self.holds(&reference) && self.list_gone_by(reference.0) {
                self.ask(reference, effect);
            }
        }
    }

    fn set_data(&mut self, source: Source, name: ObjectName, data: Data, effect: &mut Effect) {
        if !self.named.contains_key(&(source, name.clone())) {
            return;
        }
        let held = match source {
            Source::Secret => &self.world.secrets,
            Source::ConfigMap => &self.world.config_maps,
        };
        if held.get(&name).is_some_and(|known| **known == data) {
            return;
        }
        effect.changed = true;
        self.data_mut(source).insert(name, Arc::new(data));
    }

    fn set_namespace(&mut self, name: String, labels: Labels, effect: &mut Effect) {
        if self.world.namespaces.get(&name).is_some_and(|known| **known == labels) {
            return;
        }
        effect.changed = true;
        Arc::make_mut(&mut self.world).namespaces.insert(name, Arc::new(labels));
    }

    fn gone(&mut self, key: &Key, effect: &mut Effect) {
        match key {
            Key::Object(id) => {
                effect.statuses.push((id.clone(), None));
                if self.world.objects.contains_key(id) {
                    effect.changed = true;
                    Arc::make_mut(&mut self.world).objects.remove(id);
                    self.refer(id, BTreeSet::new(), effect);
                }
            }
            Key::Data(source, name) => {
                let reference = (*source, name.clone());
                self.asked.remove(&reference);
                self.drop_data(&reference, effect);
            }
            Key::Namespace(name) => {
                if self.world.namespaces.contains_key(name) {
                    effect.changed = true;
                    Arc::make_mut(&mut self.world).namespaces.remove(name);
                }
            }
        }
    }

    fn drop_data(&mut self, reference: &Reference, effect: &mut Effect) {
        if self.holds(reference) {
            effect.changed = true;
            self.data_mut(reference.0).remove(&reference.1);
        }
    }

    fn holds(&self, (source, name): &Reference) -> bool {
        match source {
            Source::Secret => self.world.secrets.contains_key(name),
            Source::ConfigMap => self.world.config_maps.contains_key(name),
        }
    }

    fn data_mut(&mut self, source: Source) -> &mut HashMap<ObjectName, Arc<Data>> {
        let world = Arc::make_mut(&mut self.world);
        match source {
            Source::Secret => &mut world.secrets,
            Source::ConfigMap => &mut world.config_maps,
        }
    }

    /// Whether a list of this resource may already have passed by a name without keeping it.
    fn list_gone_by(&self, source: Source) -> bool {
        self.begun.iter().any(|scope| scope.what == What::Data(source))
    }

    fn ask(&mut self, reference: Reference, effect: &mut Effect) {
        if self.asked.contains_key(&reference) {
            return;
        }
        let waits = Arc::new(());
        effect.wants.push(Want {
            source: reference.0,
            name: reference.1.clone(),
            waits: Arc::downgrade(&waits),
        });
        self.asked.insert(reference, waits);
    }
}

#[cfg(test)]
mod tests;
