//! Every CEL rule of the schema, broken once.

use crate::{examples, refused, verdict};
use llm_compile::Reason;
use llm_snapshot::Kind;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The message of the rule, the type or source of the example it is broken in, what to put where, and the field
/// the compiler names.
type Broken = (&'static str, &'static str, fn() -> Vec<(&'static str, Value)>, &'static str);

const BROKEN: &[Broken] = &[
    (
        "endpoint.url is required for types OpenAICompatible and AzureOpenAI",
        "OpenAICompatible",
        || vec![("/endpoint", Value::Null), ("/tls", Value::Null)],
        "spec.endpoint.url",
    ),
    (
        "endpoint does not apply to type Mock: remove it",
        "Mock",
        || vec![("/endpoint", json!({"url": "http://localhost"}))],
        "spec.endpoint",
    ),
    (
        "mock applies to type Mock only: remove it or change type",
        "OpenAICompatible",
        || vec![("/mock", json!({}))],
        "spec.mock",
    ),
    (
        "credentials needs at least one entry for types OpenAI, AzureOpenAI, Anthropic and Gemini",
        "OpenAICompatible",
        || vec![("/type", json!("OpenAI")), ("/credentials", json!([]))],
        "spec.credentials",
    ),
    (
        "credentials do not apply to type Mock: remove them",
        "Mock",
        || vec![("/credentials", json!([{"secretRef": {"name": "openai", "key": "apiKey"}}]))],
        "spec.credentials",
    ),
    (
        "protocols of type Mock can only be [ChatCompletions]",
        "Mock",
        || vec![("/protocols", json!(["ChatCompletions", "Embeddings"]))],
        "spec.protocols",
    ),
    (
        "azure goes with type AzureOpenAI, and only with it",
        "AzureOpenAI",
        || vec![("/azure", Value::Null)],
        "spec.azure",
    ),
    (
        "bedrock goes with type Bedrock, and only with it",
        "Bedrock",
        || vec![("/bedrock", Value::Null)],
        "spec.bedrock",
    ),
    (
        "vertex goes with type VertexAI, and only with it",
        "VertexAI",
        || vec![("/vertex", Value::Null)],
        "spec.vertex",
    ),
    (
        "credentials of types Bedrock and VertexAI may be left out only without endpoint",
        "VertexAI",
        || vec![("/endpoint", json!({"url": "https://vertex.example.com/v1"}))],
        "spec.credentials",
    ),
    (
        "protocols do not apply to types Bedrock and VertexAI: remove them",
        "Bedrock",
        || vec![("/protocols", json!(["ChatCompletions"]))],
        "spec.protocols",
    ),
    (
        "capabilities.budget.min must not be more than capabilities.budget.max",
        "AzureOpenAI",
        || vec![("/models/0/capabilities/budget/min", json!(40_000))],
        "spec.models[0].capabilities.budget.min",
    ),
    (
        "tls applies to https endpoints only: change endpoint.url or remove tls",
        "OpenAICompatible",
        || vec![("/endpoint/url", json!("http://llm.example.com/v1"))],
        "spec.tls",
    ),
    (
        "credentials needs one entry with a weight above 0",
        "OpenAICompatible",
        || vec![("/credentials/0/weight", json!(0))],
        "spec.credentials",
    ),
    (
        "upstream may end in * only when name does",
        "OpenAICompatible",
        || vec![("/models/0/upstream", json!("gpt-*"))],
        "spec.models[0].upstream",
    ),
    (
        "aliases do not go with a name that ends in *: list each model, or drop the aliases",
        "OpenAICompatible",
        || vec![("/models/0/name", json!("gpt-*"))],
        "spec.models[0].aliases",
    ),
    (
        "timeouts must be more than 0",
        "OpenAICompatible",
        || vec![("/timeouts/streamIdle", json!("0s"))],
        "spec.timeouts.streamIdle",
    ),
    (
        "timeouts.firstByte must not be longer than timeouts.total (default 10m)",
        "OpenAICompatible",
        || vec![("/timeouts/firstByte", json!("2m"))],
        "spec.timeouts.firstByte",
    ),
    (
        "timeouts.connect must not be longer than timeouts.total (default 10m)",
        "OpenAICompatible",
        || vec![("/timeouts/connect", json!("2m"))],
        "spec.timeouts.connect",
    ),
    (
        "headers.set cannot name a header of the connection itself",
        "OpenAICompatible",
        || vec![("/headers/set/0/name", json!("Content-Length"))],
        "spec.headers.set[0].name",
    ),
    (
        "headers.set cannot name authorization: put the key in a Secret and name it in credentials",
        "OpenAICompatible",
        || vec![("/headers/set/0/name", json!("Authorization"))],
        "spec.headers.set[0].name",
    ),
    (
        "tls.caBundle and tls.insecureSkipVerify exclude each other",
        "OpenAICompatible",
        || vec![("/tls/insecureSkipVerify", json!(true))],
        "spec.tls.insecureSkipVerify",
    ),
    (
        "allowedKeys.selector goes with from: Selector, and only with it",
        "OpenAICompatible",
        || vec![("/allowedKeys/from", json!("All"))],
        "spec.allowedKeys.selector",
    ),
    (
        "values goes with operator In or NotIn, and only with them",
        "OpenAICompatible",
        || vec![("/allowedKeys/selector/matchExpressions/0/operator", json!("Exists"))],
        "spec.allowedKeys.selector.matchExpressions[0].values",
    ),
    (
        "exactly one of secretRef and generate is required",
        "secretRef",
        || vec![("/generate", json!({"secretName": "checkout"}))],
        "spec.generate",
    ),
];

/// Rules only an update can break.
fn of_updates(rule: &Value) -> bool {
    rule["rule"].as_str().is_some_and(|rule| rule.contains("oldSelf"))
}

#[test]
fn every_rule_of_the_schema_is_broken_here() {
    let mut rules = Vec::new();
    for crd in llm_crds::schema::crds() {
        collect(&crd.document, &mut rules);
    }
    let of_schema: BTreeSet<&str> =
        rules.iter().filter(|rule| !of_updates(rule)).filter_map(|rule| rule["message"].as_str()).collect();
    let broken: BTreeSet<&str> = BROKEN.iter().map(|(message, ..)| *message).collect();
    assert_eq!(of_schema, broken);
}

fn collect(document: &Value, rules: &mut Vec<Value>) {
    match document {
        Value::Object(object) => {
            rules.extend(
                object
                    .get("x-kubernetes-validations")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .cloned(),
            );
            object.values().for_each(|value| collect(value, rules));
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, rules)),
        _ => {}
    }
}

#[test]
fn a_broken_rule_is_refused() {
    for (message, example, changes, field) in BROKEN {
        let (_, kind, mut spec) = examples()
            .into_iter()
            .find(|(_, _, spec)| spec["type"] == *example || spec.get(example).is_some())
            .unwrap_or_else(|| panic!("no example {example} for {message}"));
        for (place, value) in changes() {
            put(&mut spec, place, value);
        }
        refused(kind, &spec, field);
    }
}

/// Rules that are only here: what CEL would not say well, or at too high a cost.
#[test]
fn rules_beyond_the_schema() {
    let compatible = || examples().remove(0).2;
    for (place, value, field) in [
        ("/models", json!([{"name": "a", "aliases": ["b"]}, {"name": "b"}]), "spec.models[1].name"),
        ("/models", json!([{"name": "a", "aliases": ["a"]}]), "spec.models[0].aliases[0]"),
        (
            "/headers/set",
            json!([{"name": "X-A", "value": ""}, {"name": "x-a", "value": ""}]),
            "spec.headers.set[1]",
        ),
        ("/headers/forward", json!(["Authorization"]), "spec.headers.forward[0]"),
        ("/headers/forward", json!(["x-trace", "connection"]), "spec.headers.forward[1]"),
        ("/headers/forward", json!(["x-api-key"]), "spec.headers.forward[0]"),
        ("/headers/forward", json!(["Cookie"]), "spec.headers.forward[0]"),
        ("/headers/set/0/name", json!("Proxy-Authenticate"), "spec.headers.set[0].name"),
        ("/headers/remove", json!(["x-gone", "Upgrade"]), "spec.headers.remove[1]"),
        ("/endpoint/url", json!("https://host:99999/v1"), "spec.endpoint.url"),
        ("/endpoint/url", json!("https://[::zz]/v1"), "spec.endpoint.url"),
        ("/azure", json!({"apiVersion": "2025-04-01"}), "spec.azure"),
        ("/bedrock", json!({"region": "us-east-1"}), "spec.bedrock"),
        ("/vertex", json!({"project": "p", "region": "global"}), "spec.vertex"),
    ] {
        let mut spec = compatible();
        put(&mut spec, place, value);
        refused(Kind::Provider, &spec, field);
    }
    // The proxies' own identity at AWS goes to AWS alone.
    let bedrock = |more: Value| {
        let mut spec =
            json!({"type": "Bedrock", "bedrock": {"region": "us-east-1"}, "models": [{"name": "m"}]});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        spec
    };
    assert_eq!(verdict(Kind::Provider, &bedrock(json!({}))).accepted.reason, Reason::Accepted);
    let elsewhere = json!({"endpoint": {"url": "https://bedrock.example.com"}});
    refused(Kind::Provider, &bedrock(elsewhere), "spec.credentials");
}

/// Puts a value into a place of which the parent is there; `null` removes it.
fn put(spec: &mut Value, place: &str, value: Value) {
    let (parent, name) = place.rsplit_once('/').expect("a JSON pointer");
    match spec.pointer_mut(parent).expect("a place of the spec") {
        Value::Object(object) if value.is_null() => drop(object.remove(name)),
        Value::Object(object) => drop(object.insert(name.to_owned(), value)),
        Value::Array(list) => list[name.parse::<usize>().expect("an index")] = value,
        _ => panic!("no {place}"),
    }
}
