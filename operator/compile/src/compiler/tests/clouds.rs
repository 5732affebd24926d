use super::*;
use llm_snapshot::provider::{AwsAccessKey, Cloud, GuardrailTrace};

fn bedrock(key: &str) -> Value {
    json!({"type": "Bedrock", "bedrock": {"region": "eu-west-1"}, "models": [{"name": "m"}],
        "credentials": [{"secretRef": {"name": "aws", "key": key}}]})
}

fn aws(world: &mut World, values: &[(&str, &str)]) {
    world.secrets.insert(ObjectName::new("team-a", "aws"), Arc::new(Data::new(values.iter().copied())));
}

fn credential(compiled: &Compiled) -> String {
    let Upstream::Http(http) = compiled.provider("p").upstream else { panic!("no HTTP API") };
    assert_eq!(http.base_url, "https://bedrock-runtime.eu-west-1.amazonaws.com");
    assert_eq!(http.cloud, Some(Cloud::Bedrock { region: "eu-west-1".to_owned() }));
    http.credentials[0].value.expose().to_owned()
}

#[test]
fn an_access_key_is_read_whole() {
    let mut world = world([provider("p", bedrock("accessKeyId"))]);
    let mut values = vec![("accessKeyId", "AKID"), ("secretAccessKey", "canary")];
    aws(&mut world, &values);
    let key: AwsAccessKey = serde_json::from_str(&credential(&fresh(&world))).unwrap();
    assert_eq!((key.access_key_id.as_str(), key.secret_access_key.expose()), ("AKID", "canary"));
    assert_eq!(key.session_token, None);
    values.push(("sessionToken", "session"));
    aws(&mut world, &values);
    let key: AwsAccessKey = serde_json::from_str(&credential(&fresh(&world))).unwrap();
    assert_eq!(key.session_token.unwrap().expose(), "session");
}

#[test]
fn a_guardrail_goes_with_the_requests() {
    let mut spec = bedrock("apiKey");
    assert_eq!(
        fresh(&world([provider("p", spec.clone())])).of_provider("p").accepted.reason,
        Reason::Accepted
    );
    spec["bedrock"]["guardrail"] = json!({"id": "gr4z0abc", "version": "DRAFT", "trace": "EnabledFull"});
    let mut world = world([provider("p", spec)]);
    aws(&mut world, &[("apiKey", "ABSK")]);
    let guardrail = fresh(&world).provider("p").options.guardrail.unwrap();
    assert_eq!((guardrail.id.as_str(), guardrail.version.as_str()), ("gr4z0abc", "DRAFT"));
    assert_eq!(guardrail.trace, GuardrailTrace::EnabledFull);
}

#[test]
fn half_an_access_key_is_told() {
    let mut world = world([provider("p", bedrock("accessKeyId"))]);
    aws(&mut world, &[("accessKeyId", "AKID")]);
    let compiled = fresh(&world);
    let told = &compiled.of_provider("p").resolved_refs;
    assert_eq!(told.reason, Reason::RefKeyNotFound);
    assert!(told.message.contains("secretAccessKey") && !told.message.contains("AKID"), "{}", told.message);
}

#[test]
fn any_other_key_is_an_api_key() {
    let mut world = world([provider("p", bedrock("apiKey"))]);
    aws(&mut world, &[("apiKey", "ABSK")]);
    assert_eq!(credential(&fresh(&world)), "ABSK");
}

#[test]
fn vertex_takes_the_key_of_a_service_account_or_none() {
    let spec = |more: Value| {
        let mut spec = json!({"type": "VertexAI", "vertex": {"project": "p", "region": "global"},
            "models": [{"name": "m"}]});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        spec
    };
    let named = json!({"credentials": [{"secretRef": {"name": "aws", "key": "key.json"}}]});
    let mut world = world([provider("none", spec(json!({}))), provider("named", spec(named))]);
    aws(&mut world, &[("key.json", r#"{"client_email":"canary"}"#)]);
    let compiled = fresh(&world);
    let told = &compiled.of_provider("named").resolved_refs;
    assert_eq!(told.reason, Reason::InvalidValue);
    assert!(!told.message.contains("canary"), "{}", told.message);
    let federation = r#"{"type":"external_account","client_email":"a","private_key":"b","token_uri":"c",
        "credential_source":{"file":"/canary"}}"#;
    aws(&mut world, &[("key.json", federation)]);
    let compiled = fresh(&world);
    let told = &compiled.of_provider("named").resolved_refs;
    assert_eq!(told.reason, Reason::InvalidValue);
    for part in ["external_account", "spec.credentials", "--google-credentials-file"] {
        assert!(told.message.contains(part) && !told.message.contains("canary"), "{}", told.message);
    }
    let Upstream::Http(http) = compiled.provider("none").upstream else { panic!("no HTTP API") };
    assert_eq!(http.base_url, "https://aiplatform.googleapis.com/v1");
    assert!(http.credentials.is_empty() && http.cloud.is_some());
}
