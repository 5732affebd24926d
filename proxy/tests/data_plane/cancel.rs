//! A client that leaves takes the upstream call with it, at once.

use crate::support::fake::sse;
use crate::support::{Client, Fake, KEY, Proxy, post, provider};
use bytes::Bytes;

fn request() -> http::request::Builder {
    post("/v1/chat/completions", r#"{"model":"m","stream":true}"#).header("x-api-key", KEY)
}

#[tokio::test]
async fn before_the_response() {
    let fake = Fake::start(|_| std::future::pending()).await;
    let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    let mut client = Client::connect(proxy.address).await;
    let asking = tokio::spawn(async move { client.start(request()).await.0.status() });
    fake.asked(1).await;
    asking.abort();
    fake.left_alone().await;
    let line = &proxy.log(1).await[0];
    assert_eq!((&line["outcome"], &line["status"]), (&"cancelled".into(), &serde_json::Value::Null));
    assert_eq!((&line["attempts"], &line["provider"]), (&1.into(), &"team-a/a".into()));
    let labels = "protocol=\"chat_completions\",model=\"m\",provider=\"team-a/a\",code=\"499\"";
    assert_eq!(proxy.series(&format!("llm_proxy_requests_total{{{labels}}}")).await, 1.0);
    assert_eq!(proxy.series("llm_proxy_active_requests").await, 0.0);
}

#[tokio::test]
async fn between_head_and_first_event() {
    let fake = Fake::start(|_| async {
        let (parts, response) = sse();
        // Never ends, and says nothing.
        std::mem::forget(parts);
        response
    })
    .await;
    let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    let mut client = Client::connect(proxy.address).await;
    let asking = tokio::spawn(async move { client.start(request()).await.0.status() });
    fake.asked(1).await;
    asking.abort();
    fake.left_alone().await;
    assert_eq!(proxy.log(1).await[0]["outcome"], "cancelled");
}

#[tokio::test]
async fn in_the_middle_of_a_stream() {
    let fake = Fake::start(|_| async {
        let (parts, response) = sse();
        parts.send(Ok(Bytes::from_static(b"data: {}\n\n"))).unwrap();
        std::mem::forget(parts);
        response
    })
    .await;
    let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    let mut client = Client::connect(proxy.address).await;
    let mut coming = client.start(request()).await;
    assert_eq!(coming.part().await.unwrap().unwrap(), "data: {}\n\n");
    drop(coming);
    client.connection.abort();
    fake.left_alone().await;
    let line = &proxy.log(1).await[0];
    assert_eq!((&line["outcome"], &line["status"]), (&"cancelled".into(), &200.into()));
    assert_eq!(proxy.series("llm_proxy_errors_total{type=\"cancelled\"}").await, 1.0);
}
