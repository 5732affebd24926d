//! From what the API server sends to what is kept. The rest, `managedFields` above all, is dropped at once.

use super::{Item, Key, Source};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::DynamicObject;
use kube::core::PartialObjectMeta;
use llm_compile::{Data, Object, ObjectName, Status};
use llm_snapshot::Kind;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What became of a received object.
#[derive(Clone, Debug)]
pub enum Converted {
    /// It is there.
    Is(Item),
    /// It is as good as gone: it is being deleted.
    Going(Key),
}

impl Converted {
    /// Its identity.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::Is(item) => item.key(),
            Self::Going(key) => key.clone(),
        }
    }
}

/// An LLMProvider or MasterKey. One that is being deleted counts as gone, though finalizers may keep it for a
/// while: who deletes a key wants it refused now.
#[must_use]
pub fn object(kind: Kind, mut received: DynamicObject) -> Option<Converted> {
    let meta = received.metadata;
    let (namespace, name) = (meta.namespace?, meta.name?);
    let mut take = |field: &str| received.data.get_mut(field).map(Value::take).unwrap_or_default();
    let (spec, status) = (take("spec"), take("status"));
    let object = Object {
        uid: meta.uid.unwrap_or_default(),
        generation: meta.generation.unwrap_or(1),
        created: meta.creation_timestamp.map_or(0, |time| time.0.as_second()),
        resource_version: meta.resource_version.unwrap_or_default(),
        ..Object::new(kind, &namespace, &name, Arc::new(spec))
    };
    if meta.deletion_timestamp.is_some() {
        return Some(Converted::Going(Key::Object(object.id)));
    }
    let status = Status::read(kind, Some(&status));
    Some(Converted::Is(Item::Object(object, Box::new(status))))
}

/// A Secret.
#[must_use]
pub fn secret(received: Secret) -> Option<Converted> {
    let values = received.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect();
    data(Source::Secret, received.metadata, values)
}

/// A ConfigMap; `data` and `binaryData` cannot hold the same key.
#[must_use]
pub fn config_map(received: ConfigMap) -> Option<Converted> {
    let text = received.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.into_bytes()));
    let binary = received.binary_data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0));
    data(Source::ConfigMap, received.metadata, text.chain(binary).collect())
}

fn data(source: Source, meta: ObjectMeta, values: BTreeMap<String, Vec<u8>>) -> Option<Converted> {
    let name = ObjectName::new(meta.namespace.as_deref()?, meta.name.as_deref()?);
    let owners = meta.owner_references.unwrap_or_default().into_iter().map(|owner| owner.uid).collect();
    Some(Converted::Is(Item::Data(source, name, Data { values, owners })))
}

/// A Namespace.
#[must_use]
pub fn namespace(received: PartialObjectMeta<Namespace>) -> Option<Converted> {
    let name = received.metadata.name?;
    Some(Converted::Is(Item::Namespace(name, received.metadata.labels.unwrap_or_default())))
}
