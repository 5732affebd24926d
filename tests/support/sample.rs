//! Objects as tests need them, as JSON.

use serde_json::{Value, json};

/// An object of ours.
#[must_use]
pub fn object(kind: &str, namespace: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": llm_crds::API_VERSION, "kind": kind, "spec": spec,
        "metadata": {"namespace": namespace, "name": name}})
}

/// A Secret with one key.
#[must_use]
pub fn secret(namespace: &str, name: &str, key: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": namespace, "name": name},
        "stringData": {key: value}})
}

/// An LLMProvider of type OpenAICompatible at `url` with one model of this name.
#[must_use]
pub fn provider(namespace: &str, name: &str, url: &str, model: &str) -> Value {
    let spec = json!({"type": "OpenAICompatible", "endpoint": {"url": url}, "models": [{"name": model}]});
    object("LLMProvider", namespace, name, spec)
}

/// An LLMProvider of type Mock that says `reply`, with one model of this name.
#[must_use]
pub fn mock(namespace: &str, name: &str, model: &str, reply: &str) -> Value {
    let spec = json!({"type": "Mock", "mock": {"reply": reply}, "models": [{"name": model}]});
    object("LLMProvider", namespace, name, spec)
}

/// A MasterKey that takes its key from `key` of the Secret of the same name.
#[must_use]
pub fn key(namespace: &str, name: &str) -> Value {
    object("MasterKey", namespace, name, json!({"secretRef": {"name": name, "key": "key"}}))
}

/// The same object with `value` at `path` of its spec (`/weight`, `/models/0/upstream`); absent maps on the way must
/// be there already.
#[must_use]
pub fn with(mut object: Value, path: &str, value: Value) -> Value {
    let (parent, last) = path.rsplit_once('/').unwrap_or(("", path));
    if let Some(at) = object["spec"].pointer_mut(parent) {
        match (at, last.parse::<usize>()) {
            (Value::Array(list), Ok(index)) if index < list.len() => list[index] = value,
            (at, _) => at[last] = value,
        }
    }
    object
}
