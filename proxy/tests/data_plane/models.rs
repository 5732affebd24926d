//! `/v1/models`: exactly what the key may use.

use crate::support::{Client, Proxy, get, key, model, provider, snapshot};
use llm_snapshot::provider::Visibility;
use serde_json::json;

async fn proxy() -> Proxy {
    let proxy = Proxy::empty().await;
    let mut all = provider("all", "http://all.invalid/v1");
    all.models = vec![model("b", "x"), model("a", "x"), model("gpt-*", "*"), model("org/model", "x")];
    let mut ours = provider("ours", "http://ours.invalid/v1");
    ours.models = vec![model("c", "x"), model("a", "y")];
    ours.visible_to = Visibility::Namespaces(["team-a".to_owned()].into());
    let mut idle = provider("idle", "http://idle.invalid/v1");
    (idle.weight, idle.models) = (0, vec![model("idle", "x")]);
    let mut restricted = key("restricted", "sk-restricted");
    restricted.allowed_models = Some(vec!["a".to_owned(), "gpt-4*".to_owned()]);
    let mut theirs = key("theirs", "sk-theirs");
    theirs.namespace = "team-b".to_owned();
    proxy.store.apply(snapshot(&[all, ours, idle], &[key("free", "sk-free"), restricted, theirs]));
    proxy
}

#[tokio::test]
async fn the_list_is_what_the_key_may_use() {
    let proxy = proxy().await;
    let table: [(&str, &[&str]); 3] = [
        ("sk-free", &["a", "b", "c", "org/model"]),
        ("sk-restricted", &["a"]),
        ("sk-theirs", &["a", "b", "org/model"]),
    ];
    for (key, names) in table {
        let answer =
            Client::connect(proxy.address).await.send(get("/v1/models").header("x-api-key", key)).await;
        let data: Vec<_> = names
            .iter()
            .map(|name| json!({"id": name, "object": "model", "created": 0, "owned_by": "llm-proxy"}))
            .collect();
        assert_eq!(answer.json(), json!({"object": "list", "data": data}), "{key}");
    }
}

#[tokio::test]
async fn a_model_is_there_when_it_may_be_used() {
    let proxy = proxy().await;
    let table = [
        ("sk-free", "a", true),
        ("sk-free", "gpt-4o", true),
        ("sk-free", "gpt-%34o", true),
        ("sk-free", "org/model", true),
        ("sk-free", "org%2Fmodel", true),
        ("sk-free", "nothing", false),
        ("sk-free", "idle", false),
        ("sk-free", "%ff", false),
        ("sk-restricted", "b", false),
        ("sk-restricted", "gpt-4o", true),
        ("sk-restricted", "gpt-5", false),
        ("sk-theirs", "c", false),
    ];
    for (key, name, there) in table {
        let request = get(&format!("/v1/models/{name}")).header("x-api-key", key);
        let answer = Client::connect(proxy.address).await.send(request).await;
        if there {
            let id = name.replace("%34", "4").replace("%2F", "/");
            assert_eq!((answer.status.as_u16(), answer.json()["id"].as_str().unwrap()), (200, id.as_str()));
        } else {
            assert_eq!(
                answer.error(),
                (404, "invalid_request_error".to_owned(), "model_not_found".to_owned()),
                "{key} {name}"
            );
        }
    }
}
