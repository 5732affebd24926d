//! JSON Schema in the form that OpenAI takes where the answer is held to it (TRANSLATION §5): every object is closed
//! and requires all its properties; what was optional may be `null` instead.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::json::{Json, Tree, owned};

/// Members with which a schema cannot be held to.
const REFUSED: [&str; 20] = [
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "unevaluatedProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "unevaluatedItems",
];

/// Members of which one says what a value may be.
const SAYS: [&str; 5] = ["type", "anyOf", "$ref", "enum", "const"];

/// Members that say nothing about a value, and that the vendor refuses.
const SILENT: [&str; 3] = ["$schema", "default", "examples"];

/// Formats of strings that are held to; others are refused.
const FORMATS: [&str; 9] =
    ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// Formats of OpenAPI that say no more than the type does, or how a number is stored.
const STORED: [&str; 5] = ["enum", "int32", "int64", "float", "double"];

/// Brings a schema into the form; `None` if it says what that cannot express. One that is in it stays as it is.
pub(crate) fn to_strict(schema: &RawValue) -> Option<Json<'_>> {
    let tree = Tree::read(schema.get())?;
    let is_object = tree.get("type").and_then(Tree::text) == Some("object");
    if !is_object || tree.get("anyOf").is_some() {
        return None;
    }
    let mut changed = false;
    let strict = hold(tree, &mut changed)?;
    if !changed {
        return Some(Cow::Borrowed(schema));
    }
    let mut out = Vec::with_capacity(schema.get().len() + 64);
    strict.write(&mut out);
    Some(owned(out))
}

type Members<'a> = Vec<(Cow<'a, str>, Tree<'a>)>;

fn hold<'a>(tree: Tree<'a>, changed: &mut bool) -> Option<Tree<'a>> {
    let Tree::Object(members) = tree else { return None };
    if !members.iter().any(|(key, _)| SAYS.contains(&key.as_ref())) {
        return None;
    }
    let has_type = |kind: &str| members.iter().any(|(key, value)| key == "type" && is_type(value, kind));
    let is_object = has_type("object") || members.iter().any(|(key, _)| key == "properties");
    let required: Vec<String> = match members.iter().find(|(key, _)| key == "required") {
        Some((_, Tree::List(names))) => names.iter().filter_map(Tree::text).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let mut kept: Members<'a> = Vec::with_capacity(members.len() + 2);
    let mut names = None;
    let mut closed = false;
    for (key, value) in members {
        match key.as_ref() {
            refused if REFUSED.contains(&refused) => return None,
            silent if SILENT.contains(&silent) => *changed = true,
            "format" => match value.text() {
                Some(format) if FORMATS.contains(&format) => kept.push((key, value)),
                Some(format) if STORED.contains(&format) => *changed = true,
                _ => return None,
            },
            "required" if is_object => {}
            "additionalProperties" if is_object => {
                // A map, whose keys are not known.
                if value != falsehood() {
                    return None;
                }
                closed = true;
            }
            "properties" => {
                let held = properties(value, &required, changed)?;
                names = Some(held.iter().map(|(name, _)| Tree::Text(name.clone())).collect::<Vec<_>>());
                kept.push((key, Tree::Object(held)));
            }
            "$defs" | "definitions" => {
                let Tree::Object(schemas) = value else { return None };
                let held: Option<Members<'a>> =
                    schemas.into_iter().map(|(name, one)| Some((name, hold(one, changed)?))).collect();
                kept.push((key, Tree::Object(held?)));
            }
            "items" => kept.push((key, hold(value, changed)?)),
            "anyOf" => {
                let Tree::List(list) = value else { return None };
                let held: Option<Vec<_>> = list.into_iter().map(|one| hold(one, changed)).collect();
                kept.push((key, Tree::List(held?)));
            }
            _ => kept.push((key, value)),
        }
    }
    if is_object {
        if names.is_none() {
            *changed = true;
            kept.push((Cow::Borrowed("properties"), Tree::Object(Vec::new())));
        }
        let names = names.unwrap_or_default();
        *changed |= !closed || names.len() != required.len();
        kept.push((Cow::Borrowed("required"), Tree::List(names)));
        kept.push((Cow::Borrowed("additionalProperties"), falsehood()));
    }
    Some(Tree::Object(kept))
}

/// Properties, those not required allowed to be `null`.
fn properties<'a>(tree: Tree<'a>, required: &[String], changed: &mut bool) -> Option<Members<'a>> {
    let Tree::Object(members) = tree else { return None };
    let mut held = Vec::with_capacity(members.len());
    for (name, schema) in members {
        let schema = hold(schema, changed)?;
        if required.iter().any(|known| *known == name) {
            held.push((name, schema));
        } else {
            *changed = true;
            held.push((name, nullable(schema)));
        }
    }
    Some(held)
}

/// The schema, or `null`.
fn nullable(schema: Tree<'_>) -> Tree<'_> {
    let Tree::Object(mut members) = schema else { return schema };
    let null = || Tree::Text(Cow::Borrowed("null"));
    let plain = !members.iter().any(|(key, _)| matches!(key.as_ref(), "$ref" | "const" | "anyOf"));
    if plain && members.iter().any(|(key, _)| key == "type") {
        for (key, value) in &mut members {
            match (key.as_ref(), value) {
                ("type", value @ Tree::Text(_)) if !is_type(value, "null") => {
                    let kind = std::mem::replace(value, null());
                    *value = Tree::List(vec![kind, null()]);
                }
                ("type", Tree::List(kinds)) if !kinds.contains(&null()) => kinds.push(null()),
                ("enum", Tree::List(values)) if !values.iter().any(Tree::is_null) => {
                    values.push(Tree::Scalar(Cow::Borrowed("null")));
                }
                _ => {}
            }
        }
        return Tree::Object(members);
    }
    if let Some((_, Tree::List(list))) = members.iter_mut().find(|(key, _)| key == "anyOf") {
        if !list.iter().any(|one| one.get("type").is_some_and(|kind| is_type(kind, "null"))) {
            list.push(null_schema());
        }
        return Tree::Object(members);
    }
    let either = Tree::List(vec![Tree::Object(members), null_schema()]);
    Tree::Object(vec![(Cow::Borrowed("anyOf"), either)])
}

fn null_schema<'a>() -> Tree<'a> {
    Tree::Object(vec![(Cow::Borrowed("type"), Tree::Text(Cow::Borrowed("null")))])
}

fn falsehood<'a>() -> Tree<'a> {
    Tree::Scalar(Cow::Borrowed("false"))
}

fn is_type(value: &Tree<'_>, kind: &str) -> bool {
    match value {
        Tree::Text(text) => text == kind,
        Tree::List(kinds) => kinds.iter().any(|one| one.text() == Some(kind)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn strict(schema: &Value) -> Option<Value> {
        let raw = RawValue::from_string(schema.to_string()).unwrap();
        to_strict(&raw).map(|json| serde_json::from_str(json.get()).unwrap())
    }

    #[test]
    fn objects_are_closed_and_require_everything() {
        let schema = json!({
            "$schema": "x",
            "type": "object",
            "properties": {
                "a": {"type": "string", "format": "date", "default": "x", "examples": ["x"]},
                "b": {"type": "integer", "format": "int32"},
                "c": {"enum": ["x"], "type": ["string"]},
                "d": {"$ref": "#/$defs/D"},
                "e": {"anyOf": [{"type": "string"}, {"type": "number"}]},
                "f": {"type": "array", "items": {"type": "object"}},
            },
            "required": ["b"],
            "$defs": {"D": {"type": "object", "properties": {"d": {"const": 1}}}},
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "a": {"type": ["string", "null"], "format": "date"},
                "b": {"type": "integer"},
                "c": {"enum": ["x", null], "type": ["string", "null"]},
                "d": {"anyOf": [{"$ref": "#/$defs/D"}, {"type": "null"}]},
                "e": {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]},
                "f": {
                    "type": ["array", "null"],
                    "items": {"type": "object", "properties": {}, "required": [], "additionalProperties": false},
                },
            },
            "required": ["a", "b", "c", "d", "e", "f"],
            "additionalProperties": false,
            "$defs": {"D": {
                "type": "object",
                "properties": {"d": {"anyOf": [{"const": 1}, {"type": "null"}]}},
                "required": ["d"],
                "additionalProperties": false,
            }},
        });
        assert_eq!(strict(&schema), Some(expected.clone()));
        assert_eq!(strict(&expected), Some(expected));
    }

    #[test]
    fn what_cannot_be_held_to_is_told() {
        let with = |property: Value| json!({"type": "object", "properties": {"a": property}});
        for schema in [
            json!(true),
            json!({}),
            json!({"type": "array", "items": {"type": "string"}}),
            json!({"type": "object", "anyOf": []}),
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            with(json!({})),
            with(json!(true)),
            with(json!({"type": "object", "additionalProperties": true})),
            with(json!({"oneOf": [{"type": "string"}]})),
            with(json!({"type": "string", "not": {"const": "x"}})),
            with(json!({"type": "string", "maxLength": 3})),
            with(json!({"type": "string", "format": "uri"})),
        ] {
            assert_eq!(strict(&schema), None, "{schema}");
        }
    }

    /// BerriAI/litellm#20005: a schema that refers to itself crashed the gateway.
    #[test]
    fn known_bug_13_a_circular_reference_is_kept() {
        let schema = json!({
            "type": "object",
            "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
            "required": ["next"],
            "additionalProperties": false,
        });
        assert_eq!(strict(&schema), Some(schema));
    }
}
