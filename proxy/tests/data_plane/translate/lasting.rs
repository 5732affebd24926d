//! Translated streams that last: silence, and the end of the proxy.

use super::said::events;
use super::speakers::{SPEAKERS, Speaker, recorded};
use crate::support::client::Coming;
use crate::support::fake::sse;
use crate::support::{Client, Fake, Proxy};
use bytes::Bytes;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A proxy whose provider has said something to each client that asks, and then no more.
async fn silent() -> (Proxy, Fake) {
    let kept = Arc::<Mutex<Vec<_>>>::default();
    let fake = Fake::start(move |_| {
        let (parts, response) = sse();
        let stream = recorded("anthropic_messages", "stream-cut-eof", "response.sse").unwrap();
        parts.send(Ok(Bytes::from(stream))).unwrap();
        kept.lock().unwrap().push(parts);
        async move { response }
    })
    .await;
    let proxy = Proxy::serving(&[Speaker::Messages.provider("a", &fake)]).await;
    (proxy, fake)
}

/// A stream of the client, read up to the provider's last words.
async fn begun(client: Speaker, proxy: &Proxy) -> (Client, Coming) {
    let (path, body) = client.question(true);
    let mut connection = Client::connect(proxy.address).await;
    let mut coming = connection.start(client.request(&path, &body)).await;
    coming.read_to("Hel").await;
    (connection, coming)
}

#[tokio::test]
async fn a_client_that_hears_nothing_is_told_that_the_stream_goes_on() {
    let (proxy, _fake) = silent().await;
    let clients = SPEAKERS.into_iter().filter(|client| *client != Speaker::Messages);
    let told = clients.map(async |client| {
        let sign = match client {
            // Google's client for Python takes a comment for JSON.
            Speaker::Gemini => {
                concat!(
                    r#"data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"index":0}]}"#,
                    "\n\n"
                )
            }
            _ => ": keep-alive\n\n",
        };
        let (_connection, mut coming) = begun(client, &proxy).await;
        (coming.read_to(sign).await, sign)
    });
    for (told, sign) in futures_util::future::join_all(told).await {
        assert!(told.ends_with(sign), "{told}");
    }
}

#[tokio::test]
async fn at_the_deadline_streams_end_in_an_error_of_the_clients_protocol() {
    let (mut proxy, fake) = silent().await;
    let mut streams = Vec::new();
    for client in [Speaker::Chat, Speaker::Gemini] {
        streams.push((client, begun(client, &proxy).await));
    }
    let app = proxy.app.take().unwrap();
    let draining =
        tokio::spawn(async move { app.shutdown(Duration::ZERO, Duration::from_millis(100)).await });
    for (client, (_connection, coming)) in streams {
        let (text, proper) = coming.rest().await;
        let last = events(&text).pop().unwrap();
        let word = if client == Speaker::Chat { &last["error"]["code"] } else { &last["error"]["status"] };
        let expected = if client == Speaker::Chat { "overloaded" } else { "UNAVAILABLE" };
        assert!(proper && word == expected, "{client:?} {text}");
    }
    draining.await.unwrap();
    fake.left_alone().await;
    let log = proxy.log(2).await;
    assert!(log.iter().all(|line| line["outcome"] == "shutting_down"), "{log:?}");
}
