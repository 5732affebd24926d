//! What is written and counted about requests, and what must not be.

use crate::support::fake::sse_of;
use crate::support::{
    Client, Fake, KEY, Proxy, Seen, credential, get, json, key, model, post, provider, snapshot,
};
use llm_snapshot::provider::Upstream;

const USAGE: &str = r#"{"choices":[{}],"usage":{"prompt_tokens":9,"completion_tokens":7,
    "prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":5}}}"#;

#[tokio::test]
async fn a_request_is_one_line() {
    let fake = Fake::start(|_| async { json(200, USAGE) }).await;
    let mut a = provider("a", &fake.url());
    a.models = vec![model("gpt-*", "openai/*")];
    let proxy = Proxy::serving(&[a]).await;
    let answer = proxy.ask("/v1/chat/completions", r#"{"model":"gpt-5"}"#).await;
    let line = &proxy.log(1).await[0];
    assert_eq!(answer.text(), USAGE);
    let id = llm_snapshot::Digest::of(KEY.as_bytes()).short();
    for (name, expected) in [
        ("kind", serde_json::json!("access")),
        ("request_id", answer.header("x-request-id").into()),
        ("endpoint", "/v1/chat/completions".into()),
        ("key", "team-a/client".into()),
        ("key_id", id.into()),
        ("model", "gpt-5".into()),
        ("provider", "team-a/a".into()),
        ("upstream_model", "openai/5".into()),
        ("stream", false.into()),
        ("status", 200.into()),
        ("outcome", "ok".into()),
        ("attempts", 1.into()),
        ("ttft_ms", serde_json::Value::Null),
        ("input_tokens", 9.into()),
        ("cache_read_tokens", 4.into()),
        ("output_tokens", 7.into()),
        ("reasoning_tokens", 5.into()),
        ("tokens_counted_by", "provider".into()),
        ("request_bytes", 17.into()),
        ("response_bytes", USAGE.len().into()),
    ] {
        assert_eq!(line[name], expected, "{name}");
    }
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
    let time = line["time"].as_str().unwrap();
    assert!(time.starts_with("20") && time.ends_with('Z') && time.len() == 24, "{time}");
}

#[tokio::test]
async fn series_count_what_happened() {
    let fake = Fake::start(async |seen: Seen| match seen.json()["stream"] == true {
        true => sse_of(&["data: {}\n\n", "data: {\"usage\":{\"prompt_tokens\":1}}\n\ndata: [DONE]\n\n"]),
        false => json(200, USAGE),
    })
    .await;
    let mut a = provider("a", &fake.url());
    a.models = vec![model("gpt-*", "*")];
    let proxy = Proxy::serving(&[a.clone()]).await;
    for name in ["gpt-1", "gpt-2", "unheard-of", "never-seen"] {
        proxy.chat(name).await;
    }
    proxy.ask("/v1/chat/completions", r#"{"model":"gpt-3","stream":true}"#).await;
    proxy.log(5).await;
    let labels = "model=\"gpt-*\",provider=\"team-a/a\"";
    for (series, value) in [
        (format!("requests_total{{protocol=\"chat_completions\",{labels},code=\"200\"}}"), 3.0),
        (
            "requests_total{protocol=\"chat_completions\",model=\"\",provider=\"\",code=\"404\"}".to_owned(),
            2.0,
        ),
        ("request_duration_seconds_count{protocol=\"chat_completions\"}".to_owned(), 5.0),
        ("provider_latency_seconds_count{provider=\"team-a/a\"}".to_owned(), 3.0),
        ("time_to_first_token_seconds_count{provider=\"team-a/a\"}".to_owned(), 1.0),
        ("overhead_seconds_count".to_owned(), 3.0),
        (format!("tokens_total{{type=\"input\",{labels},counted_by=\"provider\"}}"), 19.0),
        (format!("tokens_total{{type=\"cache_read\",{labels},counted_by=\"provider\"}}"), 8.0),
        (format!("tokens_total{{type=\"output\",{labels},counted_by=\"provider\"}}"), 14.0),
        (format!("tokens_total{{type=\"reasoning\",{labels},counted_by=\"provider\"}}"), 10.0),
        ("token_counts_dropped_total".to_owned(), 0.0),
        ("errors_total{type=\"model_not_found\"}".to_owned(), 2.0),
        ("active_requests".to_owned(), 0.0),
        ("access_log_dropped_total".to_owned(), 0.0),
        ("config_entries{kind=\"provider\"}".to_owned(), 1.0),
        ("config_entries{kind=\"key\"}".to_owned(), 1.0),
        ("config_rejections".to_owned(), 0.0),
        (format!("config_version{{version=\"{}\"}}", proxy.store.version().unwrap().short()), 1.0),
        (format!("build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1.0),
    ] {
        assert_eq!(proxy.series(&format!("llm_proxy_{series}")).await, value, "{series}");
    }
    assert!(proxy.series("llm_proxy_config_last_applied_timestamp_seconds").await > 1e9);
    let metrics = proxy.get("/metrics").await;
    assert_eq!(metrics.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(
        !metrics.text().contains("unheard-of") && !metrics.text().contains("gpt-1"),
        "labels from clients"
    );

    // What nobody offers any more is not told any more; what stays, stays counted.
    a.models.push(model("other", "x"));
    proxy.apply(&[a]);
    let requests = format!("llm_proxy_requests_total{{protocol=\"chat_completions\",{labels},code=\"200\"}}");
    proxy.chat("gpt-1").await;
    proxy.log(6).await;
    assert_eq!(proxy.series(&requests).await, 4.0);
    proxy.apply(&[]);
    assert!(!proxy.get("/metrics").await.text().contains("team-a/a"));
}

/// Keys and credentials, however requests end.
#[tokio::test]
async fn no_secret_shows() {
    let fake = Fake::start(async |seen: Seen| match seen.json()["case"].as_str() {
        Some("refuse") => json(401, "{\"error\":{\"message\":\"bad key canary-upstream\"}}"),
        Some("cut") => sse_of(&["data: {}\n\n"]),
        _ => json(200, "{\"choices\":[{}]}"),
    })
    .await;
    let mut a = provider("a", &fake.url());
    if let Upstream::Http(http) = &mut a.upstream {
        http.credentials = vec![credential("canary-upstream")];
        http.credentials[0].name = "team-a/secret".to_owned();
    }
    a.headers.set = vec![("x-secret".to_owned(), "canary-header".to_owned())];
    let proxy = Proxy::empty().await;
    proxy.store.apply(snapshot(&[a], &[key("client", "canary-client")]));
    let chat =
        |body: &str| post("/v1/chat/completions", body.to_owned()).header("x-api-key", "canary-client");
    let requests = [
        chat("{\"model\":\"m\"}"),
        chat("{\"model\":\"m\",\"case\":\"refuse\"}"),
        chat("{\"model\":\"m\",\"case\":\"cut\"}"),
        chat("{\"model\":\"nothing\"}"),
        chat("{\"canary-client\":"),
        post("/v1/chat/completions?key=canary-client", "{\"model\":\"m\"}"),
        post("/v1/chat/completions?key=canary-wrong", "{\"model\":\"m\"}"),
        get("/v1/models?key=canary-client"),
        get("/canary-client?key=canary-client"),
        get("/v1/models").header("authorization", "Bearer canary-wrong"),
    ];
    let count = requests.len();
    let mut shown = Vec::new();
    for request in requests {
        let answer = Client::connect(proxy.address).await.send(request).await;
        shown.push(format!("{} {:?} {}", answer.status, answer.headers, answer.text()));
    }
    shown.extend(proxy.log(count).await.iter().map(ToString::to_string));
    shown.push(proxy.get("/metrics").await.text());
    shown.push(format!("{:?}", proxy.store));
    shown.push(format!("{:?}", proxy.store.load()));
    for text in &shown {
        assert!(!text.contains("canary"), "{text}");
    }
    // It can fail: the credential is where it belongs.
    assert_eq!(fake.seen()[0].header("authorization"), "Bearer canary-upstream");
}
