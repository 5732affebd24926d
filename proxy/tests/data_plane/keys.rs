//! Who may use what.

use crate::support::{Client, Fake, Proxy, json, key, model, post, provider, snapshot};
use llm_snapshot::provider::Visibility;

#[tokio::test]
async fn keys_work_wherever_an_sdk_puts_them() {
    let fake = Fake::start(|_| async { json(200, "{\"choices\":[{}]}") }).await;
    let proxy = Proxy::empty().await;
    proxy.store.apply(snapshot(&[provider("a", &fake.url())], &[key("k", "any form+of/key=")]));
    let body = r#"{"model":"m"}"#;
    let requests = [
        post("/v1/chat/completions", body).header("authorization", "Bearer any form+of/key="),
        post("/v1/chat/completions", body).header("authorization", "bearer any form+of/key="),
        post("/v1/chat/completions", body).header("x-api-key", "any form+of/key="),
        post("/v1/chat/completions", body).header("x-goog-api-key", "any form+of/key="),
        post("/v1/chat/completions?alt=sse&key=any%20form%2Bof%2Fkey%3D", body),
    ];
    for request in requests {
        assert_eq!(Client::connect(proxy.address).await.send(request).await.status, 200);
    }
    for seen in fake.seen() {
        assert_eq!(
            (seen.path.as_str(), seen.header("authorization")),
            ("/v1/chat/completions", "Bearer a-credential")
        );
        assert!(!format!("{seen:?}").contains("any form"), "{seen:?}");
    }
    let log = proxy.log(5).await;
    assert!(log.iter().all(|line| line["key"] == "team-a/k" && line["key_id"].as_str().unwrap().len() == 12));
}

#[tokio::test]
async fn namespaces_and_lists_of_models_decide() {
    let fake = Fake::start(async |seen: crate::support::Seen| json(200, seen.body)).await;
    let proxy = Proxy::empty().await;
    let mut ours = provider("ours", &fake.url());
    ours.models = vec![model("m", "ours"), model("m-preview", "ours")];
    ours.visible_to = Visibility::Namespaces(["team-a".to_owned()].into());
    let mut all = provider("all", &fake.url());
    all.models = vec![model("*", "all")];
    let mut restricted = key("restricted", "sk-restricted");
    restricted.allowed_models = Some(vec!["m*".to_owned()]);
    restricted.denied_models = vec!["*-preview".to_owned()];
    let mut theirs = key("theirs", "sk-theirs");
    theirs.namespace = "team-b".to_owned();
    proxy.store.apply(snapshot(&[ours, all], &[key("free", "sk-free"), restricted, theirs]));
    let ask = async |key: &str, name: &str| {
        let request =
            post("/v1/chat/completions", format!("{{\"model\":\"{name}\"}}")).header("x-api-key", key);
        let answer = Client::connect(proxy.address).await.send(request).await;
        if answer.status == 200 {
            answer.json()["model"].as_str().unwrap().to_owned()
        } else {
            answer.error().2
        }
    };
    let table = [
        ("sk-free", "m", "ours"),
        ("sk-free", "other", "all"),
        ("sk-restricted", "m", "ours"),
        ("sk-restricted", "m-other", "all"),
        ("sk-restricted", "m-preview", "model_not_allowed"),
        ("sk-restricted", "other", "model_not_allowed"),
        ("sk-theirs", "m", "all"),
    ];
    for (key, name, expected) in table {
        assert_eq!(ask(key, name).await, expected, "{key} {name}");
    }
}
