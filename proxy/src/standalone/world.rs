//! From the documents of all files to the world the compiler takes.

use super::LoadError;
use super::files::{self, File};
use super::manifest::{ConfigMap, Document, Head, List, Place, Secret, documents, read};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use llm_compile::world::Labels;
use llm_compile::{Data, Object, ObjectName, World};
use llm_snapshot::Kind;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

/// Namespace of objects that name none.
const DEFAULT_NAMESPACE: &str = "default";
/// The label every namespace has, with its own name (Kubernetes well-known labels).
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Takes an object of one kind in.
type Take = fn(&mut Builder, Identity<'_>, &Value) -> Result<(), String>;

/// The kinds there are: name, `apiVersion`, and what is done with one.
const KINDS: &[(&str, &str, Take)] = &[
    ("LLMProvider", llm_crds::API_VERSION, |builder, id, value| builder.object(Kind::Provider, id, value)),
    ("MasterKey", llm_crds::API_VERSION, |builder, id, value| builder.object(Kind::Key, id, value)),
    ("Secret", "v1", Builder::secret),
    ("ConfigMap", "v1", Builder::config_map),
    ("Namespace", "v1", Builder::namespace),
];
/// Fields of an LLMProvider or MasterKey beside its spec.
const BESIDE_SPEC: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];
/// Deepest list in a list.
const MAX_LISTS: usize = 4;

/// Which object.
#[derive(Clone, Copy)]
struct Identity<'a> {
    namespace: &'a str,
    name: &'a str,
    labels: Option<&'a Labels>,
}

/// Loads the objects of a file, or of the files in a folder. Blocks.
///
/// # Errors
/// [`LoadError`] with everything that is wrong, each with its file, the number of the document, and the field. What is
/// in a Secret is never told.
pub fn load(path: &Path) -> Result<World, LoadError> {
    build(&files::read(&files::stamp(path)?)?)
}

/// The world of these files.
pub(super) fn build(files: &[File]) -> Result<World, LoadError> {
    let mut builder = Builder::default();
    for document in files.iter().flat_map(documents) {
        match document {
            Ok(Document { place, value }) => builder.take(&place, &value, MAX_LISTS),
            Err(problem) => builder.error.add(problem),
        }
    }
    if builder.places.is_empty() && builder.error.problems.is_empty() {
        builder.error.add("there is no object in any file: write an LLMProvider and a MasterKey");
    }
    builder.finish()
}

#[derive(Default)]
struct Builder {
    world: World,
    /// Where each object is.
    places: HashMap<String, Place>,
    namespaces: BTreeMap<String, Labels>,
    error: LoadError,
}

impl Builder {
    fn take(&mut self, place: &Place, value: &Value, lists: usize) {
        if let Err(problem) = self.take_one(place, value, lists) {
            self.error.add(format!("{place}: {problem}"));
        }
    }

    fn take_one(&mut self, place: &Place, value: &Value, lists: usize) -> Result<(), String> {
        if !value.is_object() {
            return Err("is no object: write one with apiVersion, kind, metadata and spec".to_owned());
        }
        let head: Head = read(value)?;
        if head.kind == "List" && head.api_version == "v1" && lists > 0 {
            let list: List = read(value)?;
            list.items.iter().for_each(|item| self.take(place, item, lists - 1));
            return Ok(());
        }
        let Some((kind, api_version, take)) = KINDS.iter().find(|(kind, ..)| *kind == head.kind) else {
            let known: Vec<&str> = KINDS.iter().map(|(kind, ..)| *kind).collect();
            return Err(format!("kind: {} is not known here: use one of {}", head.kind, known.join(", ")));
        };
        if head.api_version != *api_version {
            return Err(format!("apiVersion: {} has no kind {kind}: write {api_version}", head.api_version));
        }
        let namespace = head.metadata.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
        let name = head.metadata.name.as_str();
        dns_name(name).map_err(|problem| format!("metadata.name: {problem}"))?;
        dns_name(namespace).map_err(|problem| format!("metadata.namespace: {problem}"))?;
        let called = match *kind {
            "Namespace" => format!("{kind} {name}"),
            _ => format!("{kind} {namespace}/{name}"),
        };
        if let Some(other) = self.places.insert(called.clone(), place.clone()) {
            return Err(format!("{called} is also in {other}: remove one of them"));
        }
        let identity = Identity { namespace, name, labels: head.metadata.labels.as_ref() };
        take(self, identity, value).map_err(|problem| format!("{called}: {problem}"))
    }

    fn object(&mut self, kind: Kind, id: Identity<'_>, value: &Value) -> Result<(), String> {
        let known = |field: &&String| *field != "spec" && !BESIDE_SPEC.contains(&field.as_str());
        if let Some(field) = value.as_object().and_then(|object| object.keys().find(known)) {
            return Err(format!("{field}: there is no such field: correct the name or remove it"));
        }
        let spec = value.get("spec").ok_or("spec: is required")?;
        self.in_namespace(id.namespace);
        self.world.set_object(Arc::new(Object::new(kind, id.namespace, id.name, Arc::new(spec.clone()))));
        Ok(())
    }

    fn secret(&mut self, id: Identity<'_>, value: &Value) -> Result<(), String> {
        let secret: Secret = read(value)?;
        let mut values = decoded("data", secret.data)?;
        values.extend(plain(secret.string_data));
        self.in_namespace(id.namespace);
        self.world.secrets.insert(ObjectName::new(id.namespace, id.name), Arc::new(Data::new(values)));
        Ok(())
    }

    fn config_map(&mut self, id: Identity<'_>, value: &Value) -> Result<(), String> {
        let config_map: ConfigMap = read(value)?;
        let mut values = decoded("binaryData", config_map.binary_data)?;
        values.extend(plain(config_map.data));
        self.in_namespace(id.namespace);
        self.world.config_maps.insert(ObjectName::new(id.namespace, id.name), Arc::new(Data::new(values)));
        Ok(())
    }

    fn namespace(&mut self, id: Identity<'_>, _: &Value) -> Result<(), String> {
        let labels = id.labels.cloned().unwrap_or_default();
        self.in_namespace(id.name).extend(labels);
        Ok(())
    }

    /// A namespace is there when something is in it.
    fn in_namespace(&mut self, namespace: &str) -> &mut Labels {
        self.namespaces
            .entry(namespace.to_owned())
            .or_insert_with(|| Labels::from([(NAME_LABEL.to_owned(), namespace.to_owned())]))
    }

    fn finish(mut self) -> Result<World, LoadError> {
        self.world.namespaces =
            self.namespaces.into_iter().map(|(name, labels)| (name, Arc::new(labels))).collect();
        self.error.or(self.world)
    }
}

fn plain(values: Option<BTreeMap<String, String>>) -> impl Iterator<Item = (String, Vec<u8>)> {
    values.unwrap_or_default().into_iter().map(|(key, value)| (key, value.into_bytes()))
}

fn decoded(
    field: &str,
    values: Option<BTreeMap<String, String>>,
) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let decode = |(key, value): (String, String)| {
        let compact: String = value.split_ascii_whitespace().collect();
        match STANDARD.decode(compact) {
            Ok(value) => Ok((key, value)),
            Err(_) => Err(format!("{field}.{key}: is not base64: encode it, or write it under stringData")),
        }
    };
    values.unwrap_or_default().into_iter().map(decode).collect()
}

/// RFC 1123 subdomain, as names of objects are.
fn dns_name(name: &str) -> Result<(), &'static str> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let part = |part: &str| {
        let bytes = part.as_bytes();
        bytes.first().copied().is_some_and(inner)
            && bytes.last().copied().is_some_and(inner)
            && bytes.iter().all(|b| inner(*b) || *b == b'-')
    };
    if name.is_empty() {
        Err("is required")
    } else if name.len() > 253 || !name.split('.').all(part) {
        Err("must be lower-case letters, digits and -, in parts between dots, of at most 253 characters")
    } else {
        Ok(())
    }
}
