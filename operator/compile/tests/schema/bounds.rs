//! Every bound of the schema, broken one at a time.

use crate::{examples, refused};
use llm_snapshot::Kind;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A place in a document, and how the schema describes it.
struct At<'a> {
    pointer: String,
    field: String,
    schema: &'a Value,
    value: &'a Value,
}

#[test]
fn every_bound_of_the_schema_holds_here_too() {
    let crds = llm_crds::schema::crds();
    let mut broken = 0;
    for (file, kind, spec) in examples() {
        let crd = crds.iter().find(|crd| crd.file == file).unwrap();
        let schema = crd.document.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec").unwrap();
        let mut places = Vec::new();
        walk(At { pointer: String::new(), field: "spec".into(), schema, value: &spec }, &mut places);
        for at in &places {
            for wrong in wrong_values(at.schema, at.value) {
                break_it(kind, &spec, at, wrong);
                broken += 1;
            }
            for required in at.schema["required"].as_array().into_iter().flatten() {
                let mut without = at.value.clone();
                without.as_object_mut().unwrap().remove(required.as_str().unwrap());
                let mut spec = spec.clone();
                *spec.pointer_mut(&at.pointer).unwrap() = without;
                refused(kind, &spec, required.as_str().unwrap());
                broken += 1;
            }
        }
    }
    assert!(broken > 200, "only {broken} bounds were broken");
}

#[test]
fn the_examples_have_every_field() {
    let mut there = BTreeSet::new();
    let mut all = BTreeSet::new();
    let crds = llm_crds::schema::crds();
    for (file, _, spec) in examples() {
        let crd = crds.iter().find(|crd| crd.file == file).unwrap();
        let schema = crd.document.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec").unwrap();
        let mut places = Vec::new();
        walk(At { pointer: String::new(), field: "spec".into(), schema, value: &spec }, &mut places);
        there.extend(places.into_iter().map(|at| format!("{file} {}", at.field.replace("[0]", ""))));
        fields(schema, &format!("{file} spec"), &mut all);
    }
    let missing: Vec<_> = all.difference(&there).collect();
    assert!(missing.is_empty(), "no example has {missing:?}");
}

/// Every place the document and the schema have.
fn walk<'a>(at: At<'a>, places: &mut Vec<At<'a>>) {
    if let (Some(properties), Some(object)) = (at.schema["properties"].as_object(), at.value.as_object()) {
        for (name, value) in object {
            let schema =
                properties.get(name).unwrap_or_else(|| panic!("no {}.{name} in the schema", at.field));
            let pointer = format!("{}/{name}", at.pointer);
            walk(At { pointer, field: format!("{}.{name}", at.field), schema, value }, places);
        }
    }
    if let Some(first) = at.value.get(0) {
        let (pointer, field) = (format!("{}/0", at.pointer), format!("{}[0]", at.field));
        walk(At { pointer, field, schema: &at.schema["items"], value: first }, places);
    }
    if let (Some(schema), Some(object)) = (at.schema.get("additionalProperties"), at.value.as_object()) {
        for (name, value) in object {
            let pointer = format!("{}/{name}", at.pointer);
            walk(At { pointer, field: format!("{}.{name}", at.field), schema, value }, places);
        }
    }
    places.push(at);
}

/// Every field of the schema.
fn fields(schema: &Value, field: &str, all: &mut BTreeSet<String>) {
    all.insert(field.to_owned());
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        fields(schema, &format!("{field}.{name}"), all);
    }
    if let Some(items) = schema.get("items") {
        fields(items, field, all);
    }
}

/// Values the schema does not allow in place of `value`.
fn wrong_values(schema: &Value, value: &Value) -> Vec<Value> {
    let number = |key: &str| schema[key].as_u64().map(|number| number as usize);
    let mut wrong = vec![if value.is_boolean() { json!("text") } else { json!(true) }];
    if let Some(max) = number("maxLength") {
        wrong.push(json!("a".repeat(max + 1)));
    }
    if number("minLength").is_some_and(|min| min > 0) {
        wrong.push(json!(""));
    }
    if schema.get("pattern").is_some() || schema["format"] == "date-time" {
        wrong.push(json!("\u{e9}\n"));
    }
    if schema.get("enum").is_some() {
        wrong.push(json!("NoSuchThing"));
    }
    if let Some(max) = number("maximum") {
        wrong.push(json!(max + 1));
    }
    if let Some(min) = schema["minimum"].as_i64() {
        wrong.push(json!(min - 1));
    }
    if let (Some(max), Some(first)) = (number("maxItems"), value.get(0)) {
        wrong.push(json!((0..=max).map(|number| distinct(first, number)).collect::<Vec<_>>()));
    }
    if number("minItems").is_some_and(|min| min > 0) {
        wrong.push(json!([]));
    }
    if let (Some("set" | "map"), Some(first)) = (schema["x-kubernetes-list-type"].as_str(), value.get(0)) {
        wrong.push(json!([first, first]));
    }
    if let Some(max) = number("maxProperties") {
        wrong.push((0..=max).map(|number| (format!("label{number}"), json!("x"))).collect());
    }
    wrong
}

/// `value`, different for each `number` where it is a text or has a name.
fn distinct(value: &Value, number: usize) -> Value {
    match value {
        Value::String(text) if number > 0 && !text.starts_with(char::is_uppercase) => {
            json!(format!("{text}{number}"))
        }
        Value::Object(object) if object.contains_key("name") => {
            let mut object = object.clone();
            object.insert("name".into(), distinct(&object["name"], number));
            object.remove("aliases");
            Value::Object(object)
        }
        other => other.clone(),
    }
}

fn break_it(kind: Kind, spec: &Value, at: &At<'_>, wrong: Value) {
    let mut spec = spec.clone();
    *spec.pointer_mut(&at.pointer).expect("a place of the spec") = wrong;
    refused(kind, &spec, &at.field);
}
