//! Which Secrets and ConfigMaps a spec names, without knowing the spec.

use super::Source;
use llm_compile::ObjectName;
use serde_json::Value;
use std::collections::BTreeSet;

/// Field names that refer to a Secret or ConfigMap by `name`, wherever in the spec they are.
const REFERENCES: [(&str, Source); 2] = [("secretRef", Source::Secret), ("configMapRef", Source::ConfigMap)];
/// Deeper than any spec of ours; a spec that is deeper still is not one of ours.
const MAX_DEPTH: usize = 16;

/// The Secrets and ConfigMaps that `spec` of an object in `namespace` names. Found by the convention of the
/// field names, so that a new field that follows it is watched without a word here.
#[must_use]
pub fn of(namespace: &str, spec: &Value) -> BTreeSet<(Source, ObjectName)> {
    let mut found = BTreeSet::new();
    walk(namespace, spec, MAX_DEPTH, &mut found);
    note(namespace, Source::Secret, spec.pointer("/generate/secretName"), &mut found);
    found
}

/// Notes a name, when it can be one of a Secret or ConfigMap at all: it becomes part of a URL.
fn note(namespace: &str, source: Source, name: Option<&Value>, found: &mut BTreeSet<(Source, ObjectName)>) {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    let possible =
        |name: &&str| (1..=253).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('.');
    if let Some(name) = name.and_then(Value::as_str).filter(possible) {
        found.insert((source, ObjectName::new(namespace, name)));
    }
}

fn walk(namespace: &str, value: &Value, depth: usize, found: &mut BTreeSet<(Source, ObjectName)>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Value::Object(fields) => {
            for (field, inner) in fields {
                if let Some((_, source)) = REFERENCES.iter().find(|(name, _)| name == field) {
                    note(namespace, *source, inner.get("name"), found);
                }
                walk(namespace, inner, depth, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(namespace, item, depth, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(spec: &Value) -> Vec<String> {
        of("team-a", spec).iter().map(|(source, name)| format!("{source:?} {name}")).collect()
    }

    #[test]
    fn references_are_found_wherever_they_are() {
        let provider = json!({
            "credentials": [{"secretRef": {"name": "one", "key": "k"}}, {"secretRef": {"name": "two", "key": "k"}}],
            "tls": {"caBundle": {"configMapRef": {"name": "ca", "key": "ca.crt"}}},
        });
        assert_eq!(names(&provider), ["Secret team-a/one", "Secret team-a/two", "ConfigMap team-a/ca"]);
        assert_eq!(names(&json!({"secretRef": {"name": "own", "key": "k"}})), ["Secret team-a/own"]);
        assert_eq!(names(&json!({"generate": {"secretName": "made"}})), ["Secret team-a/made"]);
    }

    #[test]
    fn nonsense_names_nothing() {
        let mut deep = json!({"secretRef": {"name": "too-deep"}});
        for _ in 0..100 {
            deep = json!([deep]);
        }
        let named = |name: &str| json!({"secretRef": {"name": name}, "generate": {"secretName": name}});
        let paths = ["../../kube-system/secrets/x", "a/b", "..", "", "UPPER", "a?b", "a b"].map(named);
        let shapes = [json!(null), json!({"secretRef": "x"}), json!({"secretRef": {"name": 1}}), deep];
        for spec in paths.into_iter().chain(shapes) {
            assert!(names(&spec).is_empty(), "{spec}");
        }
    }
}
