//! Going away: readiness first, then no new connections, and streams run on until the deadline.

use crate::support::fake::sse;
use crate::support::{Client, Fake, KEY, Proxy, get, post, provider, until};
use bytes::Bytes;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

type Parts = UnboundedSender<io::Result<Bytes>>;

const EVENT: &str = "data: {}\n\n";
const NEVER: Duration = Duration::from_secs(3600);

/// A proxy with a stream open: its client, and where its parts come from.
async fn streaming() -> (Proxy, crate::support::client::Coming, Parts, Fake, Client) {
    let (senders, mut queue) = tokio::sync::mpsc::unbounded_channel();
    let fake = Fake::start(move |_| {
        let (parts, response) = sse();
        parts.send(Ok(EVENT.into())).unwrap();
        senders.send(parts).unwrap();
        async move { response }
    })
    .await;
    let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    let mut client = Client::connect(proxy.address).await;
    let request = post("/v1/chat/completions", r#"{"model":"m","stream":true}"#).header("x-api-key", KEY);
    let mut coming = client.start(request).await;
    coming.read_to(EVENT).await;
    let parts = queue.recv().await.unwrap();
    (proxy, coming, parts, fake, client)
}

fn drain(proxy: &mut Proxy, grace: Duration, deadline: Duration) -> JoinHandle<()> {
    let app = proxy.app.take().unwrap();
    tokio::spawn(async move { app.shutdown(grace, deadline).await })
}

#[tokio::test]
async fn in_the_grace_period_requests_are_served_and_told_to_come_back_elsewhere() {
    let (mut proxy, ..) = streaming().await;
    let mut client = Client::connect(proxy.address).await;
    assert_eq!(client.send(get("/readyz")).await.status, 200);
    let draining = drain(&mut proxy, NEVER, NEVER);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while Client::connect(proxy.address).await.send(get("/readyz")).await.status != 503 {
        assert!(tokio::time::Instant::now() < deadline);
    }
    // On a connection that was open before, too.
    let answer = client.send(get("/livez")).await;
    assert_eq!((answer.status.as_u16(), answer.header("connection")), (200, "close"));
    assert_eq!(proxy.chat("nothing").await.status, 404, "a new connection is served");
    draining.abort();
}

#[tokio::test]
async fn streams_end_by_themselves_and_idle_connections_are_closed() {
    let (mut proxy, coming, parts, _fake, _client) = streaming().await;
    let mut idle = Client::connect(proxy.address).await;
    assert_eq!(idle.send(get("/livez")).await.status, 200);
    let draining = drain(&mut proxy, Duration::ZERO, NEVER);
    until("the idle connection's end", || idle.connection.is_finished()).await;
    let address = proxy.address;
    assert!(TcpStream::connect(address).await.is_err(), "it still listens");
    assert!(!draining.is_finished(), "it did not wait for the stream");
    parts.send(Ok("data: [DONE]\n\n".into())).unwrap();
    drop(parts);
    assert_eq!(coming.rest().await, ("data: [DONE]\n\n".to_owned(), true));
    draining.await.unwrap();
    assert_eq!(proxy.log(1).await[0]["outcome"], "ok");
}

#[tokio::test]
async fn at_the_deadline_streams_end_in_an_error_event() {
    let (mut proxy, coming, _parts, fake, _client) = streaming().await;
    let draining = drain(&mut proxy, Duration::ZERO, Duration::from_millis(100));
    let (text, proper) = coming.rest().await;
    assert!(proper && text.starts_with("data: {\"error\":") && text.ends_with("\n\n"), "{text:?}");
    assert!(text.contains("\"code\":\"shutting_down\""), "{text}");
    draining.await.unwrap();
    fake.left_alone().await;
    assert_eq!(proxy.log(1).await[0]["outcome"], "shutting_down");
}

#[tokio::test]
async fn at_the_deadline_requests_that_wait_are_refused() {
    let fake = Fake::start(|_| std::future::pending()).await;
    let mut proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    let mut client = Client::connect(proxy.address).await;
    let request = post("/v1/chat/completions", r#"{"model":"m"}"#).header("x-api-key", KEY);
    let asking = tokio::spawn(async move { client.send(request).await });
    fake.asked(1).await;
    let draining = drain(&mut proxy, Duration::ZERO, Duration::from_millis(100));
    let answer = asking.await.unwrap();
    assert_eq!(answer.error(), (503, "server_error".to_owned(), "shutting_down".to_owned()));
    draining.await.unwrap();
    fake.left_alone().await;
    let line = &proxy.log(1).await[0];
    assert_eq!((&line["outcome"], &line["status"]), (&"shutting_down".into(), &503.into()));
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_nobody_up() {
    let fake = Fake::start(|_| async {
        let (parts, response) = sse();
        tokio::spawn(async move {
            let part = Bytes::from([EVENT.as_bytes(); 10_000].concat());
            for _ in 0..1000 {
                if parts.send(Ok(part.clone())).is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            std::future::pending::<()>().await;
        });
        response
    })
    .await;
    let mut proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    let mut client = Client::connect(proxy.address).await;
    let request = post("/v1/chat/completions", r#"{"model":"m","stream":true}"#).header("x-api-key", KEY);
    let _unread = client.start(request).await;
    let draining = drain(&mut proxy, Duration::ZERO, Duration::from_millis(100));
    crate::support::client::soon(draining).await.unwrap();
    fake.left_alone().await;
}
