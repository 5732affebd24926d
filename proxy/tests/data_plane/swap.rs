//! Requests and swaps at the same time: every request is of one generation.

use crate::support::fake::sse;
use crate::support::{Client, Fake, KEY, Proxy, Seen, credential, json, model, post, provider};
use llm_snapshot::Provider;
use llm_snapshot::provider::Upstream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A provider whose upstream model, header and credential all name the generation.
fn generation(url: &str, number: usize) -> Provider {
    let mut provider = provider("a", url);
    provider.models = vec![model("m", &format!("model-{number}"))];
    provider.headers.set = vec![("x-generation".to_owned(), number.to_string())];
    if let Upstream::Http(http) = &mut provider.upstream {
        http.credentials = vec![credential(&format!("credential-{number}"))];
    }
    provider
}

/// The generation of a request, which is the same wherever it shows.
fn one_generation(seen: &Seen) -> usize {
    let number: usize = seen.header("x-generation").parse().unwrap();
    assert_eq!(seen.json()["model"], format!("model-{number}"));
    assert_eq!(seen.header("authorization"), format!("Bearer credential-{number}"));
    number
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_mixes_two_generations_and_none_fails() {
    let fake = Fake::start(async |seen: Seen| {
        if seen.json()["stream"] != true {
            return json(200, "{\"choices\":[{}]}");
        }
        let (parts, response) = sse();
        tokio::spawn(async move {
            for _ in 0..5 {
                let _ = parts.send(Ok("data: {}\n\n".into()));
                tokio::task::yield_now().await;
            }
            let _ = parts.send(Ok("data: [DONE]\n\n".into()));
        });
        response
    })
    .await;
    let proxy = Arc::new(Proxy::serving(&[generation(&fake.url(), 0)]).await);
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..8)
        .map(|number| {
            let (address, stop) = (proxy.address, stop.clone());
            tokio::spawn(async move {
                let mut client = Client::connect(address).await;
                let streaming = number % 2 == 0;
                let body = format!("{{\"model\":\"m\",\"stream\":{streaming}}}");
                let mut answered = 0;
                while !stop.load(Ordering::Relaxed) {
                    let request = post("/v1/chat/completions", body.clone()).header("x-api-key", KEY);
                    let answer = client.send(request).await;
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    assert!(!streaming || answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    for number in 1..=300 {
        let (proxy, url) = (proxy.clone(), fake.url());
        let rejected =
            tokio::task::spawn_blocking(move || proxy.apply(&[generation(&url, number)])).await.unwrap();
        assert_eq!(rejected, []);
        // Every generation serves something.
        let before = fake.count();
        fake.asked(before + 2).await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut answered = 0;
    for client in clients {
        answered += client.await.unwrap();
    }
    let seen = fake.seen();
    assert_eq!(seen.len(), answered, "each request was sent once");
    let mut generations: Vec<usize> = seen.iter().map(one_generation).collect();
    generations.sort_unstable();
    generations.dedup();
    assert!(generations.len() > 250, "{} generations were seen", generations.len());
    // All of it went over connections that outlived the swaps.
    let opened = proxy.series("llm_proxy_upstream_connections_opened_total").await;
    assert!(opened < 100.0, "{opened} connections were opened");
}

#[tokio::test]
async fn a_stream_goes_on_with_what_it_began_with() {
    let (senders, mut queue) = tokio::sync::mpsc::unbounded_channel();
    let fake = Fake::start(move |_| {
        let (parts, response) = sse();
        parts.send(Ok("data: {}\n\n".into())).unwrap();
        senders.send(parts).unwrap();
        async move { response }
    })
    .await;
    let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    let mut client = Client::connect(proxy.address).await;
    let request = post("/v1/chat/completions", r#"{"model":"m","stream":true}"#).header("x-api-key", KEY);
    let coming = client.start(request).await;
    let parts = queue.recv().await.unwrap();
    proxy.apply(&[]);
    assert_eq!(proxy.chat("m").await.status, 404);
    parts.send(Ok("data: [DONE]\n\n".into())).unwrap();
    drop(parts);
    assert_eq!(coming.rest().await, ("data: {}\n\ndata: [DONE]\n\n".to_owned(), true));
}
