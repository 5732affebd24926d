//! From a JSON Schema to the structural form that CustomResourceDefinitions want: references inlined, no
//! `null`s, no keywords the API server does not know.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// Keywords that say nothing to the API server, or that it refuses.
const DROPPED: &[&str] = &["$schema", "title", "nullable"];
/// Formats the API server knows; it warns about others.
const FORMATS: &[&str] = &["date-time", "int32", "int64"];

/// The structural schema of `T`.
pub(super) fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::openapi3().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    simplify(&mut schema);
    schema
}

fn simplify(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    unwrap_optional(object);
    collapse_unit_variants(object);
    object.retain(|key, _| !DROPPED.contains(&key.as_str()));
    if object.get("format").and_then(Value::as_str).is_some_and(|format| !FORMATS.contains(&format)) {
        object.remove("format");
    }
    for key in ["properties", "definitions"] {
        if let Some(Value::Object(children)) = object.get_mut(key) {
            children.values_mut().for_each(simplify);
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(child) = object.get_mut(key) {
            simplify(child);
        }
    }
}

/// `Option<T>` comes as `anyOf: [T, null]` or as `allOf: [T]`; the CRD wants T itself.
fn unwrap_optional(object: &mut Map<String, Value>) {
    for key in ["anyOf", "allOf", "oneOf"] {
        let Some(Value::Array(choices)) = object.get(key) else { continue };
        let real: Vec<&Value> = choices
            .iter()
            .filter(|choice| choice.get("enum") != Some(&Value::Array(vec![Value::Null])))
            .collect();
        let [Value::Object(only)] = real[..] else { continue };
        let only = only.clone();
        object.remove(key);
        for (name, value) in only {
            object.entry(name).or_insert(value);
        }
    }
}

/// An enum whose variants have docs comes as `oneOf` single values; the CRD wants one `enum`.
fn collapse_unit_variants(object: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = object.get("oneOf") else { return };
    let mut values = Vec::new();
    let mut docs = Vec::new();
    for choice in choices {
        let Some([value]) = choice.get("enum").and_then(Value::as_array).map(Vec::as_slice) else { return };
        let doc = choice.get("description").and_then(Value::as_str).unwrap_or_default();
        docs.push(format!("{}: {doc}", value.as_str().unwrap_or_default()));
        values.push(value.clone());
    }
    let description = object.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = format!("{description}\n{}", docs.join("\n")).trim().to_owned();
    object.remove("oneOf");
    object.insert("type".into(), "string".into());
    object.insert("enum".into(), Value::Array(values));
    object.insert("description".into(), description.into());
}
