//! A schema of the OpenAPI subset written as JSON Schema.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::json::record::camel;
use crate::json::{Json, Tree, owned};

/// Writes a schema of the OpenAPI subset as JSON Schema: types in lower case, `nullable` as one more type,
/// keys in camelCase, properties in the order that `propertyOrdering` says. What is JSON Schema already stays as it is;
/// what is no schema is returned unchanged, for the provider to judge.
pub(crate) fn from_openapi(schema: &RawValue) -> Json<'_> {
    let Some(tree) = Tree::read(schema.get()) else { return Cow::Borrowed(schema) };
    let mut out = Vec::with_capacity(schema.get().len());
    rewrite(tree).write(&mut out);
    owned(out)
}

/// The word for the order in which properties are written, which JSON Schema does not have.
const ORDER: &str = "propertyOrdering";

/// The same for a schema in a field of JSON Schemas, where Google takes that word too; `None` if it is not there.
pub(crate) fn reordered(schema: &RawValue) -> Option<Json<'_>> {
    memchr::memmem::find(schema.get().as_bytes(), ORDER.as_bytes()).map(|_| from_openapi(schema))
}

fn rewrite(schema: Tree<'_>) -> Tree<'_> {
    let Tree::Object(members) = schema else { return schema };
    let mut nullable = false;
    let mut order = None;
    let mut out = Vec::with_capacity(members.len());
    for (key, value) in members {
        let name = camel(&key);
        let key = |name: &'static str| Cow::Borrowed(name);
        match (name.as_ref(), value) {
            ("nullable", value) => nullable = value == Tree::Scalar(Cow::Borrowed("true")),
            (ORDER, value) => order = Some(value),
            ("type", Tree::Text(kind)) if kind == "TYPE_UNSPECIFIED" => {}
            ("type", Tree::Text(kind)) => {
                out.push((key("type"), Tree::Text(Cow::Owned(kind.to_ascii_lowercase()))));
            }
            ("ref", value) => out.push((key("$ref"), value)),
            ("defs", value) => out.push((key("$defs"), each(value))),
            ("example", value) => out.push((key("examples"), Tree::List(vec![value]))),
            ("properties" | "$defs" | "definitions", value) => {
                out.push((Cow::Owned(name.into_owned()), each(value)))
            }
            ("items" | "additionalProperties" | "not", value) => {
                out.push((Cow::Owned(name.into_owned()), rewrite(value)));
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Tree::List(list)) => {
                let list = list.into_iter().map(rewrite).collect();
                out.push((Cow::Owned(name.into_owned()), Tree::List(list)));
            }
            // 64-bit integers are strings in protobuf's JSON.
            (
                "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties" | "maxProperties",
                Tree::Text(text),
            ) => {
                let is_count = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                let value = if is_count { Tree::Scalar(text) } else { Tree::Text(text) };
                out.push((Cow::Owned(name.into_owned()), value));
            }
            (_, value) => out.push((Cow::Owned(name.into_owned()), value)),
        }
    }
    if nullable {
        allow_null(&mut out);
    }
    let properties = out.iter_mut().find(|(key, _)| key == "properties").map(|(_, value)| value);
    if let (Some(Tree::List(names)), Some(Tree::Object(properties))) = (order, properties) {
        let places: HashMap<&str, usize> =
            names.iter().enumerate().filter_map(|(at, name)| Some((name.text()?, at))).collect();
        // Those not named come last, as they stand.
        properties.sort_by_key(|(name, _)| places.get(name.as_ref()).copied().unwrap_or(usize::MAX));
    }
    Tree::Object(out)
}

/// Rewrites the schemas of an object of schemas; its keys are names.
fn each(schemas: Tree<'_>) -> Tree<'_> {
    match schemas {
        Tree::Object(members) => {
            Tree::Object(members.into_iter().map(|(name, schema)| (name, rewrite(schema))).collect())
        }
        other => other,
    }
}

/// Adds `null` to the type, the alternatives and the values.
fn allow_null(members: &mut [(Cow<'_, str>, Tree<'_>)]) {
    for (key, value) in members {
        let null = || Tree::Text(Cow::Borrowed("null"));
        match (key.as_ref(), value) {
            ("type", value @ Tree::Text(_)) => {
                let kind = std::mem::replace(value, null());
                *value = Tree::List(vec![kind, null()]);
            }
            ("anyOf", Tree::List(list)) => list.push(Tree::Object(vec![(Cow::Borrowed("type"), null())])),
            ("enum", Tree::List(list)) => list.push(Tree::Scalar(Cow::Borrowed("null"))),
            _ => {}
        }
    }
}
