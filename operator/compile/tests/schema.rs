//! What the CustomResourceDefinitions refuse, the compiler refuses too: files have no API server. The schema is
//! walked, so that a bound that is added there and not here fails a test.

#[path = "schema/bounds.rs"]
mod bounds;
#[path = "schema/rules.rs"]
mod rules;

use llm_compile::{Data, Object, ObjectName, Options, Reason, Verdict, World, compile};
use llm_snapshot::{Kind, Snapshot};
use serde_json::{Value, json};
use std::sync::Arc;

/// Examples that together have every field of both kinds.
pub(crate) fn examples() -> Vec<(&'static str, Kind, Value)> {
    let compatible = json!({
        "type": "OpenAICompatible",
        "suspend": false,
        "endpoint": {"url": "https://llm.example.com/v1"},
        "protocols": ["ChatCompletions", "Responses"],
        "credentials": [{"secretRef": {"name": "openai", "key": "apiKey"}, "weight": 2}],
        "weight": 50,
        "priority": 1,
        "models": [{"name": "gpt", "upstream": "gpt-2026", "aliases": ["chat"], "priority": 2}],
        "timeouts": {"connect": "1s", "firstByte": "10s", "streamIdle": "5s", "total": "1m"},
        "headers": {"set": [{"name": "X-Project", "value": "p"}], "forward": ["x-trace"], "remove": ["x-gone"]},
        "tls": {"caBundle": {"configMapRef": {"name": "ca", "key": "ca.crt"}}, "insecureSkipVerify": false,
            "serverName": "llm.example.com"},
        "allowedKeys": {"from": "Selector", "selector": {"matchLabels": {"team": "a"},
            "matchExpressions": [{"key": "env", "operator": "In", "values": ["prod"]}]}},
    });
    let mock = json!({
        "type": "Mock",
        "models": [{"name": "mock"}],
        "mock": {"latency": "10ms", "tokensPerSecond": 10, "reply": "hello", "errorPercent": 1, "fault": "Hang"},
    });
    let azure = json!({
        "type": "AzureOpenAI",
        "endpoint": {"url": "https://name.openai.azure.com"},
        "azure": {"apiVersion": "2025-04-01-preview"},
        "credentials": [{"secretRef": {"name": "openai", "key": "apiKey"}}],
        "promptCaching": {"mode": "Auto", "minTokens": 2048},
        "streamUsage": false,
        "strict": true,
        "translation": {"showReasoning": true, "fetchUrls": true, "webSearch": true, "singleSystem": true},
        "models": [{"name": "gpt", "capabilities": {
            "maxOutput": 1000, "maxStop": 4, "sampling": "Never", "temperatureWithTopP": false, "thinking": ["Effort"],
            "efforts": ["low", "high"], "budget": {"min": 1024, "max": 32000}, "schema": true, "schemaWithTools": false,
            "jsonSchemaFields": true, "forcedTool": "Never", "instructions": "Developer", "midSystem": false,
            "toolResultMedia": true}}],
    });
    let bedrock = json!({
        "type": "Bedrock",
        "bedrock": {"region": "us-east-1", "guardrail": {"id": "gr4z0abc", "version": "1", "trace": "Enabled"}},
        "credentials": [{"secretRef": {"name": "openai", "key": "apiKey"}}],
        "models": [{"name": "claude", "upstream": "us.anthropic.claude-sonnet-4-5-20250929-v1:0"}],
    });
    let vertex = json!({
        "type": "VertexAI",
        "vertex": {"project": "example.com:my-project", "region": "europe-west1"},
        "models": [{"name": "gemini-*"}],
    });
    let own = json!({
        "disabled": false,
        "secretRef": {"name": "checkout", "key": "key"},
        "expiresAt": "2030-01-01T00:00:00Z",
        "allowedModels": ["gpt*"],
        "deniedModels": ["*-preview"],
    });
    let generated = json!({"generate": {"secretName": "generated"}});
    vec![
        ("llmproviders.yaml", Kind::Provider, compatible),
        ("llmproviders.yaml", Kind::Provider, mock),
        ("llmproviders.yaml", Kind::Provider, azure),
        ("llmproviders.yaml", Kind::Provider, bedrock),
        ("llmproviders.yaml", Kind::Provider, vertex),
        ("masterkeys.yaml", Kind::Key, own),
        ("masterkeys.yaml", Kind::Key, generated),
    ]
}

/// The verdict on one object with this spec, in a world that has what the examples refer to.
pub(crate) fn verdict(kind: Kind, spec: &Value) -> Verdict {
    let mut world = World::default();
    world.set_object(Arc::new(Object::new(kind, "team-a", "one", Arc::new(spec.clone()))));
    let mut secret = |name: &str, key: &str, value: &str| {
        world.secrets.insert(ObjectName::new("team-a", name), Arc::new(Data::new([(key, value)])));
    };
    secret("openai", "apiKey", "sk-provider");
    secret("checkout", "key", "sk-0123456789abcdef");
    let authority = include_bytes!("../testdata/authority.pem").to_vec();
    let ca = Data::new([("ca.crt", authority)]);
    world.config_maps.insert(ObjectName::new("team-a", "ca"), Arc::new(ca));
    let compiled = compile(&world, &Snapshot::default(), Options::CLUSTER);
    let verdict = compiled.verdicts.into_values().next().expect("one object, one verdict");
    Verdict::clone(&verdict)
}

/// Asserts that the spec is refused with a message that names `field`.
pub(crate) fn refused(kind: Kind, spec: &Value, field: &str) {
    let verdict = verdict(kind, spec);
    let told = format!("{}: {}", verdict.accepted.reason, verdict.accepted.message);
    assert_eq!(verdict.accepted.reason, Reason::InvalidSpec, "{told}\n{spec}");
    assert!(told.contains(field), "{field} is not named: {told}\n{spec}");
    assert_eq!(verdict.serving.digest(), None);
}

#[test]
fn the_examples_are_accepted() {
    for (_, kind, spec) in examples() {
        let verdict = verdict(kind, &spec);
        assert_eq!(verdict.accepted.reason, Reason::Accepted, "{}", verdict.accepted.message);
        assert_eq!(verdict.accepted.message, "the spec is valid");
        let pending = spec.get("generate").is_some();
        let expected = if pending { Reason::Pending } else { Reason::ResolvedRefs };
        assert_eq!(verdict.resolved_refs.reason, expected, "{}", verdict.resolved_refs.message);
    }
}

#[test]
fn a_spec_of_the_wrong_shape_is_refused() {
    for kind in [Kind::Provider, Kind::Key] {
        for spec in [json!("text"), json!(3), json!([1]), json!(true)] {
            refused(kind, &spec, "spec");
        }
    }
    refused(Kind::Provider, &json!(null), "spec");
    refused(Kind::Provider, &json!({}), "type");
    refused(Kind::Key, &json!({}), "secretRef");
}
