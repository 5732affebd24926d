//! JSON Schema for models of Anthropic that hold their answer to it (TRANSLATION §5).
//!
//! The vendor takes shapes but few constraints, and only closed objects. A constraint it does not take becomes a line
//! of the description: the model still reads it, though nothing enforces it.

use std::borrow::Cow;

use crate::json::{Json, Tree, owned};

/// Members that are taken as they are.
const TAKEN: [&str; 8] = ["type", "enum", "const", "$ref", "required", "title", "default", "description"];

/// Members that say nothing about a value.
const SILENT: [&str; 5] = ["$schema", "$id", "$comment", "$anchor", "examples"];

/// Members that hold schemas: by name, in a list.
const NAMED: [&str; 3] = ["properties", "$defs", "definitions"];
const LISTED: [(&str, &str); 3] = [("anyOf", "anyOf"), ("allOf", "allOf"), ("oneOf", "anyOf")];

/// Formats of strings that are enforced.
const FORMATS: [&str; 10] =
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// A schema the vendor takes.
#[derive(Debug)]
pub(crate) struct Limited<'a> {
    /// The schema.
    pub(crate) schema: Json<'a>,
    /// Constraints became part of descriptions.
    pub(crate) moved: bool,
}

/// Adapts a schema. What is no schema stays as it is: the provider says what is wrong with it.
pub(crate) fn to_anthropic(schema: &str) -> Option<Limited<'static>> {
    let tree = Tree::read(schema)?;
    let mut moved = false;
    let mut out = Vec::with_capacity(schema.len() + 64);
    limit(tree, &mut moved).write(&mut out);
    Some(Limited { schema: owned(out), moved })
}

fn limit<'a>(tree: Tree<'a>, moved: &mut bool) -> Tree<'a> {
    let Tree::Object(members) = tree else { return tree };
    let is_object = members
        .iter()
        .any(|(key, value)| key == "properties" || key == "type" && value.text() == Some("object"));
    let mut kept: Vec<(Cow<'a, str>, Tree<'a>)> = Vec::with_capacity(members.len() + 1);
    let mut lines = Vec::new();
    for (key, value) in members {
        if key == "additionalProperties" && is_object {
            if value != closed() {
                lines.push(line(&key, &value));
            }
        } else if takes(&key, &value) {
            kept.push((key, value));
        } else if NAMED.contains(&key.as_ref()) {
            kept.push((key, each_member(value, moved)));
        } else if let Some((_, name)) = LISTED.iter().find(|(known, _)| *known == key) {
            kept.push((Cow::Borrowed(name), each_item(value, moved)));
        } else if key == "items" {
            kept.push((key, limit(value, moved)));
        } else if !SILENT.contains(&key.as_ref()) {
            lines.push(line(&key, &value));
        }
    }
    if is_object {
        kept.push((Cow::Borrowed("additionalProperties"), closed()));
    }
    if !lines.is_empty() {
        *moved = true;
        describe(&mut kept, &lines.join(", "));
    }
    Tree::Object(kept)
}

fn closed<'a>() -> Tree<'a> {
    Tree::Scalar(Cow::Borrowed("false"))
}

/// Whether a member is taken as it is.
fn takes(key: &str, value: &Tree<'_>) -> bool {
    match key {
        "format" => value.text().is_some_and(|format| FORMATS.contains(&format)),
        // A list that may not be empty, and no more.
        "minItems" => matches!(value, Tree::Scalar(number) if number == "0" || number == "1"),
        key => TAKEN.contains(&key),
    }
}

fn each_member<'a>(tree: Tree<'a>, moved: &mut bool) -> Tree<'a> {
    match tree {
        Tree::Object(members) => {
            Tree::Object(members.into_iter().map(|(key, value)| (key, limit(value, moved))).collect())
        }
        other => other,
    }
}

fn each_item<'a>(tree: Tree<'a>, moved: &mut bool) -> Tree<'a> {
    match tree {
        Tree::List(items) => Tree::List(items.into_iter().map(|item| limit(item, moved)).collect()),
        other => other,
    }
}

fn line(key: &str, value: &Tree<'_>) -> String {
    let mut text = Vec::new();
    value.write(&mut text);
    format!("{key}: {}", String::from_utf8_lossy(&text))
}

fn describe<'a>(members: &mut Vec<(Cow<'a, str>, Tree<'a>)>, lines: &str) {
    let text = members.iter_mut().find(|(key, _)| key == "description");
    match text {
        Some((_, Tree::Text(text))) => *text = Cow::Owned(format!("{text}\n\n{{{lines}}}")),
        Some((_, other)) => *other = Tree::Text(Cow::Owned(format!("{{{lines}}}"))),
        None => members.push((Cow::Borrowed("description"), Tree::Text(Cow::Owned(format!("{{{lines}}}"))))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn limited(schema: Value) -> (Value, bool) {
        let limited = to_anthropic(&schema.to_string()).unwrap();
        (serde_json::from_str(limited.schema.get()).unwrap(), limited.moved)
    }

    #[test]
    fn constraints_move_into_descriptions_and_objects_are_closed() {
        let (schema, moved) = limited(json!({
            "$schema": "x",
            "type": "object",
            "properties": {
                "age": {"type": "integer", "minimum": 1, "maximum": 9, "description": "years"},
                "mail": {"type": "string", "format": "email"},
                "phone": {"type": "string", "format": "phone"},
                "tags": {"type": "array", "minItems": 1, "items": {"oneOf": [{"type": "string", "maxLength": 3}]}},
                "map": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        }));
        assert!(moved);
        let expected = json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "age": {"type": "integer", "description": "years\n\n{maximum: 9, minimum: 1}"},
                "mail": {"type": "string", "format": "email"},
                "phone": {"type": "string", "description": "{format: \"phone\"}"},
                "tags": {"type": "array", "minItems": 1, "items": {"anyOf": [{"type": "string", "description": "{maxLength: 3}"}]}},
                "map": {"type": "object", "additionalProperties": false, "description": "{additionalProperties: {\"type\":\"string\"}}"},
            },
        });
        assert_eq!(schema, expected);
    }

    #[test]
    fn a_schema_within_the_limits_stays_as_it_is() {
        let schema = json!({
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/A"}, "minimum": {"type": "string"}},
            "required": ["a"],
            "additionalProperties": false,
            "$defs": {"A": {"enum": ["x"]}},
        });
        assert_eq!(limited(schema.clone()), (schema, false));
    }

    /// BerriAI/litellm#20005: a schema that refers to itself crashed the gateway.
    #[test]
    fn known_bug_13_a_circular_reference_is_left_to_the_provider() {
        let schema = json!({
            "$ref": "#/$defs/Node",
            "$defs": {"Node": {
                "type": "object",
                "properties": {"next": {"$ref": "#/$defs/Node"}},
                "additionalProperties": false,
            }},
        });
        assert_eq!(limited(schema.clone()), (schema, false));
    }

    #[test]
    fn what_is_no_schema_is_no_panic() {
        for text in
            ["true", "[]", "1", "{\"properties\":[1],\"anyOf\":{},\"items\":[],\"description\":1,\"not\":0}"]
        {
            assert!(to_anthropic(text).is_some());
        }
        assert!(to_anthropic("{").is_none());
    }
}
