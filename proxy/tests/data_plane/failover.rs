//! The next candidate answers when one cannot, as long as nothing was sent to the client.

use crate::support::fake::{broken, refusing, sse};
use crate::support::{Client, Fake, KEY, Proxy, json, post, provider};
use bytes::Bytes;
use llm_snapshot::Provider;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn second(fake: &Fake) -> Provider {
    let mut second = provider("second", &fake.url());
    second.models[0].priority = 1;
    second
}

fn first(url: &str) -> Provider {
    let mut first = provider("first", url);
    first.timeouts.first_byte_ms = 300;
    first.timeouts.connect_ms = 300;
    first
}

async fn good() -> Fake {
    Fake::start(|_| async { json(200, "{\"good\":true}") }).await
}

/// Asks a proxy whose first candidate fails. Gives the answer, and the log line.
async fn beyond(url: &str) -> (u16, String, serde_json::Value) {
    let good = good().await;
    let proxy = Proxy::serving(&[first(url), second(&good)]).await;
    let body = format!("{{\"model\":\"m\",\"messages\":\"{}\"}}", "x".repeat(100_000));
    let answer = proxy.ask("/v1/chat/completions", &body).await;
    assert_eq!(good.seen().pop().unwrap().body, body, "the second attempt has the whole body");
    assert_eq!(proxy.series("llm_proxy_failovers_total{provider=\"team-a/first\"}").await, 1.0);
    let mut log = proxy.log(1).await;
    (answer.status.as_u16(), answer.text(), log.remove(0))
}

async fn goes_on(what: &str, url: &str) {
    let (status, text, log) = beyond(url).await;
    assert_eq!((status, text.as_str()), (200, "{\"good\":true}"), "{what}");
    assert_eq!((&log["attempts"], &log["provider"]), (&2.into(), &"team-a/second".into()), "{what}");
}

#[tokio::test]
async fn statuses_that_speak_of_the_provider_lead_on() {
    for status in [301, 302, 307, 401, 402, 403, 408, 409, 429, 500, 502, 503, 504, 529] {
        let fake = Fake::start(move |_| async move { json(status, "{\"bad\":true}") }).await;
        goes_on(&status.to_string(), &fake.url()).await;
    }
}

#[tokio::test]
async fn statuses_that_speak_of_the_request_do_not() {
    for status in [400, 404, 413, 415, 422] {
        let (bad, good) =
            (Fake::start(move |_| async move { json(status, "{\"bad\":true}") }).await, good().await);
        let proxy = Proxy::serving(&[first(&bad.url()), second(&good)]).await;
        let answer = proxy.chat("m").await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (status, "{\"bad\":true}"));
        assert!(good.seen().is_empty());
    }
}

#[tokio::test]
async fn connections_that_fail_lead_on() {
    goes_on("refused", &refusing().await).await;
    goes_on("no such host", "http://no-such-host.invalid/v1").await;
    goes_on("no tls", &good().await.url().replace("http:", "https:")).await;
    let closing = Fake::raw(|stream| async move { drop(stream) }).await;
    goes_on("closed at once", &closing.url()).await;
}

#[tokio::test]
async fn answers_that_do_not_come_or_are_none_lead_on() {
    let hanging = Fake::start(|_| std::future::pending()).await;
    goes_on("hanging", &hanging.url()).await;
    let garbage = Fake::raw(|mut stream| async move {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH\r\n\r\n").await;
    })
    .await;
    goes_on("garbage", &garbage.url()).await;
    let partly = Fake::raw(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-le").await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    })
    .await;
    goes_on("half a head", &partly.url()).await;
    for body in ["", "SSH-2.0-OpenSSH", "OK", "<html>"] {
        let wrong = Fake::start(move |_| async move { json(200, body) }).await;
        goes_on(body, &wrong.url()).await;
        let proxy = Proxy::serving(&[provider("alone", &wrong.url())]).await;
        assert_eq!(proxy.chat("m").await.status, 502, "{body}");
    }
    let padded = Fake::start(|_| async { json(200, " \n {\"choices\":[{}]}") }).await;
    let proxy = Proxy::serving(&[provider("padded", &padded.url())]).await;
    let answer = proxy.chat("m").await;
    assert_eq!((answer.text().as_str(), answer.header("content-length")), (" \n {\"choices\":[{}]}", "19"));
}

#[tokio::test]
async fn a_stream_that_breaks_before_its_first_event_leads_on() {
    let breaking = |_| async {
        let (parts, response) = sse();
        parts.send(Err(broken())).unwrap();
        response
    };
    goes_on("a broken stream", &Fake::start(breaking).await.url()).await;
    goes_on("an empty stream", &Fake::start(|_| async { sse().1 }).await.url()).await;
}

#[tokio::test]
async fn nothing_is_tried_again_once_the_stream_began() {
    let breaking = |_| async {
        let (parts, response) = sse();
        parts.send(Ok(Bytes::from_static(b"data: {}\n\n"))).unwrap();
        parts.send(Err(broken())).unwrap();
        response
    };
    let (bad, good) = (Fake::start(breaking).await, good().await);
    let proxy = Proxy::serving(&[first(&bad.url()), second(&good)]).await;
    let text = proxy.chat("m").await.text();
    assert!(text.starts_with("data: {}\n\ndata: {\"error\":"), "{text}");
    assert!(good.seen().is_empty());
    assert_eq!(proxy.log(1).await[0]["attempts"], 1);
}

#[tokio::test]
async fn each_candidate_is_tried_once_and_the_last_answer_counts() {
    let fakes = [500, 503, 500]
        .map(|status| Fake::start(move |_| async move { json(status, format!("{{\"s\":{status}}}")) }));
    let fakes = futures_util::future::join_all(fakes).await;
    let mut providers: Vec<Provider> = Vec::new();
    for (number, fake) in fakes.iter().enumerate() {
        let mut provider = provider(&format!("p{number}"), &fake.url());
        provider.models[0].priority = u32::from(number == 1);
        providers.push(provider);
    }
    let proxy = Proxy::serving(&providers).await;
    let answer = proxy.chat("m").await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (503, "{\"s\":503}"));
    assert!(fakes.iter().all(|fake| fake.seen().len() == 1));
    assert_eq!(proxy.log(1).await[0]["attempts"], 3);
}

/// With nowhere left to go, the client learns what is its business.
#[tokio::test]
async fn what_is_the_proxys_own_affair_becomes_a_502_or_504() {
    for status in [401, 402, 403] {
        let refusal = "{\"error\":{\"message\":\"bad key sk-upstream-canary\"}}";
        let answer = move |_| async move { json(status, refusal) };
        let fake = Fake::start(answer).await;
        let proxy = Proxy::serving(&[first(&fake.url())]).await;
        let answer = proxy.chat("m").await;
        assert_eq!(answer.error(), (502, "server_error".to_owned(), "upstream_auth".to_owned()));
        assert!(!answer.text().contains("canary"));
        assert_eq!(proxy.log(1).await[0]["outcome"], "upstream_auth");
    }
    let redirecting = |_| async {
        let mut response = json(307, "");
        response.headers_mut().insert("location", "http://elsewhere.invalid/".parse().unwrap());
        response
    };
    let redirecting = Fake::start(redirecting).await;
    let hanging = Fake::start(|_| std::future::pending()).await;
    let closing = Fake::raw(|mut stream| async move {
        let _ = stream.read(&mut [0; 16]).await;
    })
    .await;
    let table = [
        (redirecting.url(), 502, "upstream_error"),
        (refusing().await, 502, "upstream_unreachable"),
        ("http://no-such-host.invalid/v1".to_owned(), 502, "upstream_unreachable"),
        (closing.url(), 502, "upstream_error"),
        (hanging.url(), 504, "timeout"),
    ];
    for (url, status, code) in table {
        let proxy = Proxy::serving(&[first(&url)]).await;
        let answer = proxy.chat("m").await;
        assert_eq!(answer.error(), (status, "server_error".to_owned(), code.to_owned()), "{url}");
        assert!(!answer.headers.contains_key("location"));
    }
}

#[tokio::test]
async fn traffic_follows_the_weights_and_a_dead_ones_share_is_divided() {
    let fakes = [good().await, good().await, good().await];
    let weighted = |urls: &[String]| {
        let provider = |(number, url): (usize, &String)| {
            let mut provider = provider(&format!("p{number}"), url);
            provider.weight = [2, 1, 1, 0][number];
            provider
        };
        urls.iter().enumerate().map(provider).collect::<Vec<_>>()
    };
    let idle = good().await;
    let mut urls: Vec<String> = fakes.iter().chain([&idle]).map(Fake::url).collect();
    let proxy = Proxy::serving(&weighted(&urls)).await;
    let mut client = Client::connect(proxy.address).await;
    let mut ask = async |times: usize| {
        for _ in 0..times {
            let request = post("/v1/chat/completions", r#"{"model":"m"}"#)
                .header("authorization", format!("Bearer {KEY}"));
            assert_eq!(client.send(request).await.status, 200);
        }
    };
    let counts = || fakes.iter().map(|fake| fake.seen().len()).collect::<Vec<_>>();
    ask(100).await;
    assert_eq!((counts(), idle.seen().len()), (vec![50, 25, 25], 0));
    urls[0] = refusing().await;
    proxy.apply(&weighted(&urls));
    ask(100).await;
    assert_eq!((counts(), idle.seen().len()), (vec![50, 75, 75], 0));
}
