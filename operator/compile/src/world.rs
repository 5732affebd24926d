//! What there is to compile: the objects, and the Secrets, ConfigMaps and namespace labels they refer to.

use llm_snapshot::{EntryId, Kind};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

/// Everything the snapshot is made of. Whatever is shared by [`Arc`] and is the same `Arc` as last time is
/// taken as unchanged by [`Compiler`](crate::Compiler) without looking into it.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// LLMProviders and MasterKeys, each under its [`Object::id`].
    pub objects: BTreeMap<EntryId, Arc<Object>>,
    /// Secrets, those the objects name or more.
    pub secrets: HashMap<ObjectName, Arc<Data>>,
    /// ConfigMaps, those the objects name or more.
    pub config_maps: HashMap<ObjectName, Arc<Data>>,
    /// Labels of every namespace, by its name.
    pub namespaces: BTreeMap<String, Arc<Labels>>,
}

/// Labels of a namespace.
pub type Labels = BTreeMap<String, String>;

impl World {
    /// Adds an object, or replaces the one of its kind and name.
    pub fn set_object(&mut self, object: Arc<Object>) {
        self.objects.insert(object.id.clone(), object);
    }
}

/// An LLMProvider or a MasterKey, its spec as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Identity of the entry it becomes.
    pub id: EntryId,
    /// What it is.
    pub kind: Kind,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`; empty where there is no API server.
    pub uid: String,
    /// `metadata.generation`: the status repeats it.
    pub generation: i64,
    /// `metadata.creationTimestamp`, in seconds since the Unix epoch: of two keys that are the same, the
    /// older wins.
    pub created: i64,
    /// `metadata.resourceVersion`; for the caller, not compiled.
    pub resource_version: String,
    /// The spec, unread: an object this version cannot parse gets a verdict like any other.
    pub spec: Arc<Value>,
}

impl Object {
    /// An object with this spec, of generation 1, created at the epoch, without uid; set the other fields
    /// where there is an API server that knows them.
    #[must_use]
    pub fn new(kind: Kind, namespace: &str, name: &str, spec: Arc<Value>) -> Self {
        Self {
            id: EntryId::new(kind, namespace, name),
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: String::new(),
            generation: 1,
            created: 0,
            resource_version: String::new(),
            spec,
        }
    }
}

/// `NAMESPACE/NAME` of a Secret or ConfigMap. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName(Arc<str>);

impl ObjectName {
    /// The name of an object in a namespace.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self(format!("{namespace}/{name}").into())
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Data of a Secret or ConfigMap. `Debug` shows the keys only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Data {
    /// The data by key, decoded.
    pub values: BTreeMap<String, Vec<u8>>,
    /// Uids of its owner references: a generated key is read only from a Secret its MasterKey owns.
    pub owners: Vec<String>,
}

impl Data {
    /// Data with these values and no owner.
    #[must_use]
    pub fn new<K: Into<String>, V: Into<Vec<u8>>>(values: impl IntoIterator<Item = (K, V)>) -> Self {
        let values = values.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self { values, owners: Vec::new() }
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&String> = self.values.keys().collect();
        f.debug_struct("Data").field("keys", &keys).field("owners", &self.owners).finish()
    }
}
