//! Tokens of answers whose provider tells none, in the client's own protocol: the bytes pass, and the proxy counts.

use crate::support::fake::{broken, sse};
use crate::support::{Client, Fake, KEY, Proxy, Seen, json, post, provider};
use bytes::Bytes;
use llm_snapshot::provider::{Protocol, Provider};
use serde_json::{Value, json as value};

/// The question of a recording of which OpenAI told 16 tokens.
const QUESTION: &str = "What is 4200 + 42?";
/// Its answer, of 12 tokens.
const ANSWER: &str = "\\(4200 + 42 = 4242\\).";

fn question(stream: bool) -> String {
    value!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": QUESTION}]}).to_string()
}

fn chunk(text: &str) -> String {
    let choice = value!({"index": 0, "delta": {"content": text}, "finish_reason": null});
    format!("data: {}\n\n", value!({"id": "c", "object": "chat.completion.chunk", "choices": [choice]}))
}

/// A provider that is not asked for the counts of streams.
fn silent(fake: &Fake) -> Provider {
    let mut silent = provider("a", &fake.url());
    silent.options.stream_usage = false;
    silent
}

/// The tokens of the only request, in the log and in metrics, with who counted them.
async fn counted(proxy: &Proxy) -> (Value, Value, Value) {
    let line = &proxy.log(1).await[0];
    for (kind, cached) in [("input", "cache_read"), ("output", "reasoning")] {
        let mut told = 0.0;
        for by in ["provider", "proxy"] {
            let labels = format!("model=\"m\",provider=\"team-a/a\",counted_by=\"{by}\"");
            told += proxy.series(&format!("llm_proxy_tokens_total{{type=\"{kind}\",{labels}}}")).await;
        }
        assert_eq!(told, line[format!("{kind}_tokens")].as_f64().unwrap_or(0.0), "{line}");
        // Nobody but the provider knows that.
        if line["tokens_counted_by"] == "proxy" && line["input_tokens"] == 16 {
            assert_eq!(line[format!("{cached}_tokens")], Value::Null, "{line}");
        }
    }
    (line["input_tokens"].clone(), line["output_tokens"].clone(), line["tokens_counted_by"].clone())
}

fn tokens(input: u64, output: u64, by: &str) -> (Value, Value, Value) {
    (input.into(), output.into(), by.into())
}

#[tokio::test]
async fn of_a_plain_answer() {
    let answer = value!({"choices": [{"message": {"role": "assistant", "content": ANSWER}}]}).to_string();
    let body = answer.clone();
    let fake = Fake::start(move |_| {
        let body = body.clone();
        async move { json(200, body) }
    })
    .await;
    let proxy = Proxy::serving(&[silent(&fake)]).await;
    let told = proxy.ask("/v1/chat/completions", &question(false)).await;
    assert_eq!((told.text(), told.header("x-llm-proxy-warnings")), (answer, ""));
    assert_eq!(counted(&proxy).await, tokens(16, 12, "proxy"));
}

#[tokio::test]
async fn of_a_stream_to_its_end() {
    let stream = [&chunk("\\(4200 +"), &chunk(" 42 = 42"), &chunk("42\\)."), "data: [DONE]\n\n"].concat();
    let whole = stream.clone();
    let fake = Fake::start(move |_| {
        let (parts, response) = sse();
        whole.as_bytes().chunks(77).for_each(|part| parts.send(Ok(Bytes::copy_from_slice(part))).unwrap());
        async move { response }
    })
    .await;
    let proxy = Proxy::serving(&[silent(&fake)]).await;
    assert_eq!(proxy.ask("/v1/chat/completions", &question(true)).await.text(), stream);
    assert_eq!(counted(&proxy).await, tokens(16, 12, "proxy"));
    assert_eq!(proxy.log(1).await[0]["outcome"], "ok");
}

#[tokio::test]
async fn of_a_stream_that_breaks_off() {
    let fake = Fake::start(|_| {
        let (parts, response) = sse();
        parts.send(Ok(chunk("hello ").into())).unwrap();
        parts.send(Ok(chunk("world").into())).unwrap();
        // It is not passed on, so it is not counted.
        parts.send(Ok(chunk("never heard")[..90].to_owned().into())).unwrap();
        parts.send(Err(broken())).unwrap();
        async move { response }
    })
    .await;
    let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    proxy.ask("/v1/chat/completions", &question(true)).await;
    assert_eq!(counted(&proxy).await, tokens(16, 2, "proxy"));
    assert_eq!(proxy.log(1).await[0]["outcome"], "upstream_incomplete");
}

/// A stream that begins so and goes on for ever, left by a client that has read all of it.
async fn left(path: &str, body: String, begin: String, protocol: Protocol) -> Proxy {
    let last = begin.clone();
    let fake = Fake::start(move |_| {
        let (parts, response) = sse();
        parts.send(Ok(begin.clone().into())).unwrap();
        std::mem::forget(parts);
        async move { response }
    })
    .await;
    let mut a = provider("a", &fake.url());
    a.protocols = [protocol].into();
    let proxy = Proxy::serving(&[a]).await;
    let mut client = Client::connect(proxy.address).await;
    let mut coming = client.start(post(path, body).header("x-api-key", KEY)).await;
    coming.read_to(&last).await;
    drop(coming);
    client.connection.abort();
    fake.left_alone().await;
    assert_eq!(proxy.log(1).await[0]["outcome"], "cancelled");
    proxy
}

#[tokio::test]
async fn of_a_stream_that_its_client_leaves() {
    let begin = [chunk("hello "), chunk("world")].concat();
    let proxy = left("/v1/chat/completions", question(true), begin, Protocol::ChatCompletions).await;
    assert_eq!(counted(&proxy).await, tokens(16, 2, "proxy"));
}

#[tokio::test]
async fn what_the_provider_told_by_then_is_its_own() {
    let events = [
        value!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
            "content": [], "usage": {"input_tokens": 30, "cache_read_input_tokens": 4, "output_tokens": 1}}}),
        value!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        value!({"type": "content_block_delta", "index": 0,
            "delta": {"type": "text_delta", "text": "hello world"}}),
    ];
    let event = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap());
    let begin: String = events.iter().map(event).collect();
    let body = value!({"model": "m", "max_tokens": 9, "stream": true,
        "messages": [{"role": "user", "content": QUESTION}]});
    let proxy = left("/v1/messages", body.to_string(), begin, Protocol::Messages).await;
    assert_eq!(counted(&proxy).await, tokens(34, 2, "proxy"));
    assert_eq!(proxy.log(1).await[0]["cache_read_tokens"], 4);
    let labels = "model=\"m\",provider=\"team-a/a\",counted_by";
    for (series, value) in [
        (format!("tokens_total{{type=\"input\",{labels}=\"provider\"}}"), 34.0),
        (format!("tokens_total{{type=\"output\",{labels}=\"proxy\"}}"), 2.0),
        (format!("tokens_total{{type=\"output\",{labels}=\"provider\"}}"), 0.0),
    ] {
        assert_eq!(proxy.series(&format!("llm_proxy_{series}")).await, value, "{series}");
    }
}

#[tokio::test]
async fn of_embeddings() {
    let fake = Fake::start(|_| async { json(200, r#"{"data":[{"embedding":[0.5]}]}"#) }).await;
    let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    proxy.ask("/v1/embeddings", r#"{"model":"m","input":["hello world","hello"]}"#).await;
    let (input, output, by) = counted(&proxy).await;
    assert_eq!((input, output, by), (3.into(), Value::Null, "proxy".into()));
}

/// Errors, and what is passed through without being looked into.
#[tokio::test]
async fn of_nothing_that_no_model_wrote() {
    let fake = Fake::start(|seen: Seen| async move {
        let mut response = json(if seen.path.contains("rerank") { 200 } else { 400 }, r#"{"results":[]}"#);
        if seen.path.contains("completions") && seen.json()["packed"] == true {
            *response.status_mut() = http::StatusCode::OK;
            response.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        }
        response
    })
    .await;
    let mut a = provider("a", &fake.url());
    a.protocols.insert(Protocol::Rerank);
    let proxy = Proxy::serving(&[a]).await;
    let requests = [
        ("/v1/chat/completions", r#"{"model":"m","messages":[]}"#),
        ("/v1/chat/completions", r#"{"model":"m","messages":[],"packed":true}"#),
        ("/v1/chat/completions", r#"{"model":"nothing","messages":[]}"#),
        ("/v1/rerank", r#"{"model":"m","query":"hello","documents":["world"]}"#),
    ];
    for (path, body) in requests {
        proxy.ask(path, body).await;
    }
    for line in proxy.log(requests.len()).await {
        let told = (&line["input_tokens"], &line["output_tokens"], &line["tokens_counted_by"]);
        assert_eq!(told, (&Value::Null, &Value::Null, &Value::Null), "{line}");
    }
    assert!(!proxy.get("/metrics").await.text().contains("llm_proxy_tokens_total{"));
}

/// The longest text there can be, of what is slowest to count. Its client does not wait for that.
#[tokio::test]
async fn of_a_hostile_prompt() {
    let fake = Fake::start(|_| async { json(200, r#"{"choices":[{"message":{"content":"hello"}}]}"#) }).await;
    let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    let hostile = "=".repeat(255 * 1024);
    let body = value!({"model": "m", "messages": [{"role": "user", "content": hostile}]}).to_string();
    for _ in 0..3 {
        assert_eq!(proxy.ask("/v1/chat/completions", &body).await.status, 200);
    }
    let log = proxy.log(3).await;
    // 64 of the character are one token.
    let told = |line: &Value| line["input_tokens"] == 255 * 1024 / 64 + 7 && line["output_tokens"] == 1;
    assert!(log.iter().all(told), "{log:?}");
}
