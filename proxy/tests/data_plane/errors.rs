//! Every error of the proxy's own, as clients see it.

use crate::support::{Client, Fake, KEY, Proxy, get, json, key, model, post, provider, snapshot};
use llm_snapshot::provider::{Protocol, Visibility};

/// A request, and status, type and code of its answer.
type Case = (http::request::Builder, u16, &'static str, &'static str);

const INVALID: &str = "invalid_request_error";

fn chat(body: &str) -> http::request::Builder {
    post("/v1/chat/completions", body.to_owned()).header("authorization", format!("Bearer {KEY}"))
}

async fn proxy() -> Proxy {
    let fake = Fake::start(|_| async { json(200, "{\"choices\":[{}]}") }).await;
    let proxy = Proxy::empty().await;
    let mut private = provider("private", &fake.url());
    private.models = vec![model("private", "m")];
    private.visible_to = Visibility::Namespaces(["team-z".to_owned()].into());
    let mut chat_only = provider("chat-only", &fake.url());
    chat_only.models = vec![model("chat-only", "m")];
    chat_only.protocols = [Protocol::ChatCompletions].into();
    let mut client = key("client", KEY);
    client.denied_models = vec!["den*".to_owned()];
    let (mut disabled, mut expired, mut expiring) =
        (key("a", "sk-off"), key("b", "sk-old"), key("c", "sk-new"));
    disabled.disabled = true;
    expired.expires_at = Some(1);
    expiring.expires_at = Some(i64::MAX);
    let mut denied = provider("denied", &fake.url());
    denied.models = vec![model("denied", "m"), model("m", "m")];
    let keys = [client, disabled, expired, expiring];
    assert_eq!(proxy.store.apply(snapshot(&[private, chat_only, denied], &keys)), []);
    proxy
}

#[tokio::test]
async fn errors_have_status_type_and_code() {
    let proxy = proxy().await;
    let with = |name: &str, value: &str| post("/v1/chat/completions", r#"{"model":"m"}"#).header(name, value);
    let table: [Case; 24] = [
        (post("/v1/chat/completions", r#"{"model":"m"}"#), 401, INVALID, "missing_api_key"),
        (get("/v1/models"), 401, INVALID, "missing_api_key"),
        (with("authorization", "Basic abc"), 401, INVALID, "missing_api_key"),
        (with("authorization", "Bearer sk-nobody"), 401, INVALID, "invalid_api_key"),
        (with("x-api-key", "sk-nobody"), 401, INVALID, "invalid_api_key"),
        (get("/v1/models?key=sk-nobody"), 401, INVALID, "invalid_api_key"),
        (with("x-goog-api-key", "sk-off"), 401, INVALID, "api_key_disabled"),
        (with("x-api-key", "sk-old"), 401, INVALID, "api_key_expired"),
        (chat(""), 400, INVALID, "invalid_json"),
        (chat("not json"), 400, INVALID, "invalid_json"),
        (chat("[]"), 400, INVALID, "invalid_json"),
        (chat("{\"model\":\"m\""), 400, INVALID, "invalid_json"),
        (chat("{\"model\":\"m\",\"model\":\"n\"}"), 400, INVALID, "invalid_json"),
        (chat("{}"), 400, INVALID, "missing_model"),
        (chat("{\"model\":7}"), 400, INVALID, "missing_model"),
        (chat("{\"model\":\"nothing\"}"), 404, INVALID, "model_not_found"),
        (chat("{\"model\":\"private\"}"), 404, INVALID, "model_not_found"),
        (chat(&format!("{{\"model\":\"{}\"}}", "m".repeat(9999))), 404, INVALID, "model_not_found"),
        (chat("{\"model\":\"denied\"}"), 403, "permission_error", "model_not_allowed"),
        (
            post("/v1/embeddings", r#"{"model":"chat-only"}"#).header("x-api-key", KEY),
            404,
            INVALID,
            "endpoint_not_supported",
        ),
        (get("/v1/nowhere"), 404, INVALID, "unknown_url"),
        (post("/", "{}"), 404, INVALID, "unknown_url"),
        (get("/v1/chat/completions"), 405, INVALID, "method_not_allowed"),
        (post("/v1/models", "{}"), 405, INVALID, "method_not_allowed"),
    ];
    let cases = table.len();
    for (request, status, r#type, code) in table {
        let what = format!("{:?}", request.uri_ref());
        let answer = Client::connect(proxy.address).await.send(request).await;
        assert_eq!(answer.error(), (status, r#type.to_owned(), code.to_owned()), "{what}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("x-request-id").len(), 32, "{what}");
        assert_eq!(answer.headers.contains_key("www-authenticate"), status == 401, "{what}");
        assert_eq!(answer.headers.contains_key("allow"), status == 405, "{what}");
    }
    let log = proxy.log(cases).await;
    assert!(log.iter().all(|line| line["attempts"] == 0), "{log:?}");
    let of = |code: &str| log.iter().filter(|line| line["outcome"] == code).count();
    assert_eq!((of("model_not_found"), of("invalid_api_key"), of("invalid_json")), (3, 3, 5));
    assert_eq!(proxy.series("llm_proxy_errors_total{type=\"model_not_found\"}").await, 3.0);
}

#[tokio::test]
async fn a_key_that_expires_later_works() {
    let proxy = proxy().await;
    let request = post("/v1/chat/completions", r#"{"model":"m"}"#).header("x-api-key", "sk-new");
    // The provider is gone by now: what counts is that it was asked.
    assert_eq!(Client::connect(proxy.address).await.send(request).await.status, 502);
}

#[tokio::test]
async fn without_a_configuration_nobody_is_turned_away_for_good() {
    let proxy = Proxy::empty().await;
    let answer = proxy.chat("m").await;
    assert_eq!(answer.error(), (503, "server_error".to_owned(), "not_ready".to_owned()));
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(proxy.get("/readyz").await.status, 503);
    assert_eq!(proxy.get("/livez").await.status, 200);
    proxy.apply(&[]);
    for path in ["/readyz", "/ready", "/livez", "/health"] {
        assert_eq!(proxy.get(path).await.status, 200, "{path}");
    }
    assert_eq!(proxy.chat("m").await.status, 404);
}
