use serde_json::{Value, json};

use super::*;

fn openapi(schema: Value) -> (Value, bool) {
    let subset = to_openapi(&schema.to_string()).unwrap();
    (serde_json::from_str(&subset.schema).unwrap(), subset.lossy)
}

fn standard(schema: Value) -> Value {
    let raw = serde_json::value::RawValue::from_string(schema.to_string()).unwrap();
    serde_json::from_str(from_openapi(&raw).get()).unwrap()
}

#[test]
fn references_are_written_out_and_all_of_is_merged() {
    let (schema, lossy) = openapi(json!({
        "$schema": "x", "title": "T", "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A"}, "b": {"allOf": [{"$ref": "#/$defs/A"}, {"required": ["y"], "properties": {"y": {"type": "string"}}}]}},
        "required": ["a", "gone"], "additionalProperties": false,
        "$defs": {"A": {"type": "object", "properties": {"x": {"type": "integer", "format": "int32"}}}},
    }));
    assert!(!lossy);
    assert_eq!(
        schema,
        json!({
            "type": "OBJECT",
            "properties": {
                "a": {"type": "OBJECT", "properties": {"x": {"type": "INTEGER", "format": "int32"}}},
                "b": {
                    "type": "OBJECT", "required": ["y"], "propertyOrdering": ["x", "y"],
                    "properties": {"x": {"type": "INTEGER", "format": "int32"}, "y": {"type": "STRING"}},
                },
            },
            "propertyOrdering": ["a", "b"], "required": ["a"],
        })
    );
}

#[test]
fn null_const_and_unions_find_their_words() {
    for (from, to) in [
        (json!({"type": ["string", "null"]}), json!({"type": "STRING", "nullable": true})),
        (json!({"type": ["string", "integer"]}), json!({"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]})),
        (json!({"const": "a"}), json!({"type": "STRING", "enum": ["a"]})),
        (json!({"enum": ["a", null]}), json!({"type": "STRING", "nullable": true, "enum": ["a"]})),
        (
            json!({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}], "description": "d"}),
            json!({"type": "INTEGER", "nullable": true, "minimum": 1, "description": "d"}),
        ),
        (
            json!({"oneOf": [{"type": "integer"}, {"type": "boolean"}]}),
            json!({"anyOf": [{"type": "INTEGER"}, {"type": "BOOLEAN"}]}),
        ),
        (json!({"type": "array"}), json!({"type": "ARRAY", "items": {}})),
        (
            json!({"items": {"type": "string"}, "maxItems": 3}),
            json!({"type": "ARRAY", "items": {"type": "STRING"}, "maxItems": 3}),
        ),
        (json!(true), json!({})),
    ] {
        assert_eq!(openapi(from.clone()), (to, false), "{from}");
    }
}

#[test]
fn what_has_no_word_is_left_out_and_said_so() {
    for schema in [
        json!({"type": "integer", "enum": [1, 2]}),
        json!({"type": "number", "exclusiveMinimum": 0}),
        json!({"type": "object", "additionalProperties": {"type": "string"}}),
        json!({"type": "string", "contentEncoding": "base64"}),
    ] {
        let (written, lossy) = openapi(schema.clone());
        assert!(lossy, "{schema}");
        assert_eq!(written.as_object().unwrap().len(), 1, "{written}");
    }
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let error = |schema: Value| to_openapi(&schema.to_string()).unwrap_err();
    assert_eq!(error(json!({"$ref": "#/$defs/A"})), SchemaError::Unresolved("#/$defs/A".to_owned()));
    assert_eq!(error(json!({"type": "object", "properties": {"a": {"$ref": "#"}}})), SchemaError::Recursive);
    assert_eq!(error(json!([])), SchemaError::Invalid);
    assert_eq!(to_openapi("{").unwrap_err(), SchemaError::Invalid);
}

#[test]
fn a_reference_may_be_followed_twice_but_not_inside_itself() {
    let base = json!({"type": "object", "properties": {"x": {"type": "string"}}});
    let (schema, _) = openapi(json!({
        "allOf": [{"$ref": "#/$defs/b"}, {"$ref": "#/$defs/b"}],
        "properties": {"y": {"$ref": "#/$defs/b"}},
        "$defs": {"b": base},
    }));
    assert_eq!(schema["properties"]["y"]["properties"]["x"]["type"], "STRING");
    let mut chain = serde_json::Map::new();
    (0..5000).for_each(|i| {
        chain.insert(format!("d{i}"), json!({"$ref": format!("#/$defs/d{}", i + 1)}));
    });
    let schema = json!({"$ref": "#/$defs/d0", "$defs": chain});
    assert_eq!(to_openapi(&schema.to_string()).unwrap_err(), SchemaError::TooLarge);
}

/// Each definition refers twice to the next: written out, their number doubles with each.
#[test]
fn references_that_multiply_are_stopped() {
    let mut defs = serde_json::Map::new();
    for i in 0..40 {
        let next = json!({"$ref": format!("#/$defs/d{}", i + 1)});
        defs.insert(format!("d{i}"), json!({"type": "object", "properties": {"a": next.clone(), "b": next}}));
    }
    defs.insert("d40".to_owned(), json!({"type": "string"}));
    let schema = json!({"$ref": "#/$defs/d0", "$defs": defs});
    assert_eq!(to_openapi(&schema.to_string()).unwrap_err(), SchemaError::TooLarge);
}

#[test]
fn openapi_becomes_json_schema() {
    let written = standard(json!({
        "type": "OBJECT",
        "properties": {
            "mime_type": {"type": "STRING", "nullable": true, "enum": ["a"]},
            "list": {"type": "ARRAY", "items": {"type": "INTEGER"}, "min_items": "2", "example": [1, 2]},
            "either": {"any_of": [{"type": "STRING"}, {"type": "NUMBER"}], "nullable": true},
        },
        "property_ordering": ["mime_type"], "required": ["list"],
    }));
    assert_eq!(
        written,
        json!({
            "type": "object",
            "properties": {
                "mime_type": {"type": ["string", "null"], "enum": ["a", null]},
                "list": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "examples": [[1, 2]]},
                "either": {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]},
            },
            "required": ["list"],
        })
    );
}

#[test]
fn json_schema_in_the_openapi_field_stays() {
    let schema = json!({"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "additionalProperties": false, "$defs": {"x_y": {}}});
    assert_eq!(standard(schema.clone()), schema);
}

#[test]
fn the_two_ways_lead_back() {
    let schema = json!({
        "type": "object",
        "properties": {"a": {"type": ["string", "null"], "maxLength": 3}, "b": {"type": "array", "items": {"type": "number"}}},
        "required": ["a", "b"],
    });
    assert_eq!(standard(openapi(schema.clone()).0), schema);
}
