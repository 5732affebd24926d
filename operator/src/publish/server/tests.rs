//! The config server over real TLS sockets, as a proxy sees it; only who decides about tokens is scripted.

mod client;

use super::*;
use crate::publish::metrics::PublishMetrics;
use crate::publish::{Authenticator, Denied, Proxies, Publisher, Timing};
use crate::tls;
use client::{Client, report};
use futures_util::future::BoxFuture;
use llm_snapshot::{Digest, Entry, EntryId, Kind, Message, Report, Snapshot};
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::time::SystemTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;

/// Accepts a few tokens.
struct Script;

impl Authenticator for Script {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<(), Denied>> {
        let answer = match token {
            "good" => Ok(()),
            "other" => Err(Denied::Forbidden),
            "away" => Err(Denied::Unavailable),
            _ => Err(Denied::Unauthenticated),
        };
        Box::pin(async move { answer })
    }
}

/// A running server.
struct Scene {
    address: SocketAddr,
    authority: String,
    publisher: Arc<Publisher>,
    proxies: Arc<Proxies>,
    serving: watch::Sender<bool>,
    stop: CancellationToken,
}

impl Scene {
    async fn start() -> Self {
        Self::start_with(Timing::default()).await
    }

    async fn start_with(timing: Timing) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let authority = tls::Authority::make(SystemTime::now()).unwrap();
        let certificate = Arc::new(tls::CurrentCertificate::default());
        certificate.keep(&authority, &["localhost".to_owned()], SystemTime::now()).unwrap();
        let (publisher, proxies) = (Arc::new(Publisher::default()), Arc::new(Proxies::default()));
        let (serving, stop) = (watch::Sender::new(true), CancellationToken::new());
        let desk = Desk {
            authenticator: Arc::new(Script),
            publisher: publisher.clone(),
            proxies: proxies.clone(),
            serving: serving.subscribe(),
            timing,
            metrics: PublishMetrics::new(&mut Registry::default()),
        };
        tokio::spawn(serve(listener, tls::config(certificate).unwrap(), desk, stop.clone()));
        let authority = authority.certificate().to_owned();
        Self { address, authority, publisher, proxies, serving, stop }
    }

    async fn client(&self) -> Client {
        Client::connect(self.address, &self.authority).await
    }

    /// The status of a request without a body.
    async fn status(&self, method: &str, path: &str, token: Option<&str>) -> u16 {
        self.client().await.request(method, path, token, "").await.0
    }

    fn publish(&self, values: &[(&str, &str)]) -> Arc<Snapshot> {
        let snapshot = snapshot(values);
        self.publisher.publish(snapshot.clone());
        snapshot
    }
}

fn id(name: &str) -> EntryId {
    EntryId::new(Kind::Provider, "ns", name)
}

fn snapshot(values: &[(&str, &str)]) -> Arc<Snapshot> {
    let entry = |(name, value): &(&str, &str)| (id(name), Arc::new(Entry::of(value).unwrap()));
    Arc::new(Snapshot::new(values.iter().map(entry).collect()))
}

const STREAM: &str = "/v1/config/stream?proxy=p&stream=s";
const REPORT: &str = "/v1/config/report";

#[tokio::test]
async fn a_stream_begins_with_everything_and_goes_on_with_what_changes() {
    let scene = Scene::start().await;
    let first = scene.publish(&[("a", "1"), ("b", "1")]);
    let mut stream = scene.client().await.stream(STREAM).await;
    assert_eq!(stream.next().await, Some(Message::Snapshot((*first).clone())));
    let second = scene.publish(&[("a", "2"), ("b", "1")]);
    let Some(Message::Delta(delta)) = stream.next().await else { panic!("no delta") };
    assert_eq!(delta.set.len(), 1);
    assert_eq!(first.apply(&delta).unwrap(), *second);
}

#[tokio::test]
async fn a_proxy_that_comes_back_gets_what_it_lacks() {
    let scene = Scene::start().await;
    let first = scene.publish(&[("a", "1"), ("b", "1")]);
    let second = scene.publish(&[("a", "2"), ("b", "1")]);
    let held = |version: Digest| format!("{STREAM}&held={version}");
    let mut behind = scene.client().await.stream(&held(first.version())).await;
    let Some(Message::Delta(delta)) = behind.next().await else { panic!("no delta") };
    assert_eq!(first.apply(&delta).unwrap(), *second);
    let mut unknown = scene.client().await.stream(&held(Digest::of(b"?"))).await;
    assert!(matches!(unknown.next().await, Some(Message::Snapshot(_))));
    let mut current = scene.client().await.stream(&held(second.version())).await;
    assert_eq!(current.next().await, Some(Message::Ping { version: second.version() }));
}

#[tokio::test]
async fn a_quiet_stream_pings() {
    let timing = Timing { ping: Duration::from_millis(20), ..Timing::default() };
    let scene = Scene::start_with(timing).await;
    let version = scene.publish(&[("a", "1")]).version();
    let mut stream = scene.client().await.stream(STREAM).await;
    stream.next().await;
    for _ in 0..3 {
        assert_eq!(stream.next().await, Some(Message::Ping { version }));
    }
}

#[tokio::test]
async fn nobody_gets_anything_without_the_right_token() {
    let scene = Scene::start().await;
    scene.publish(&[("a", "canary")]);
    for (token, status) in [(None, 401), (Some("bad"), 401), (Some("other"), 403), (Some("away"), 503)] {
        for (method, path) in [("GET", STREAM), ("POST", REPORT)] {
            let (got, body) = scene.client().await.request(method, path, token, "{}").await;
            assert_eq!(got, status, "{token:?} {path}");
            assert!(!body.contains("canary"));
        }
    }
    assert_eq!(scene.proxies.count(None).total, 0);
}

#[tokio::test]
async fn a_replica_that_does_not_serve_says_so_and_lets_go() {
    let scene = Scene::start().await;
    scene.publish(&[("a", "1")]);
    let mut stream = scene.client().await.stream(STREAM).await;
    stream.next().await;
    scene.serving.send_replace(false);
    assert_eq!(stream.next().await, None, "the stream ends");
    let (status, body) = scene.client().await.request("GET", STREAM, Some("good"), "").await;
    assert_eq!(status, 503);
    assert!(body.contains("not the leader"), "{body}");
    assert_eq!(scene.status("POST", REPORT, Some("good")).await, 503);
}

#[tokio::test]
async fn wrong_requests_are_told_what_is_wrong() {
    let scene = Scene::start().await;
    for (method, path, status) in [
        ("GET", "/", 404),
        ("GET", "/metrics", 404),
        ("POST", STREAM, 405),
        ("GET", REPORT, 405),
        ("GET", "/v1/config/stream?proxy=p", 400),
        ("GET", "/v1/config/stream?proxy=a%20b&stream=s", 400),
        ("GET", "/v1/config/stream?proxy=p&stream=s&held=xyz", 400),
        ("POST", REPORT, 400),
    ] {
        assert_eq!(scene.status(method, path, Some("good")).await, status, "{method} {path}");
    }
}

#[tokio::test]
async fn reports_are_taken_from_the_present_stream_only() {
    let scene = Scene::start().await;
    let version = scene.publish(&[("a", "1")]);
    let mut stream = scene.client().await.stream(STREAM).await;
    stream.next().await;
    let mut client = scene.client().await;
    let mut send = async |report: &Report| client.report(report).await;
    assert_eq!(send(&report("p", "s", version.version())).await, 204);
    let acks = scene.proxies.acks(&id("a"), version.get(&id("a")).map(|entry| entry.digest()));
    assert_eq!((acks.total, acks.holding), (1, 1));
    assert_eq!(send(&report("p", "old", version.version())).await, 409);
    assert_eq!(send(&report("q", "s", version.version())).await, 409);
    assert_eq!(send(&report("../p", "s", version.version())).await, 400);
}

#[tokio::test]
async fn a_second_stream_of_a_proxy_ends_the_first() {
    let scene = Scene::start().await;
    scene.publish(&[("a", "1")]);
    let mut first = scene.client().await.stream(STREAM).await;
    first.next().await;
    let mut second = scene.client().await.stream("/v1/config/stream?proxy=p&stream=t").await;
    assert!(second.next().await.is_some());
    assert_eq!(first.next().await, None);
    assert_eq!(scene.proxies.count(None).total, 1);
}

#[tokio::test]
async fn an_observer_watches_and_is_not_counted() {
    let scene = Scene::start().await;
    scene.publish(&[("a", "1")]);
    let mut stream = scene.client().await.stream("/v1/config/stream").await;
    assert!(matches!(stream.next().await, Some(Message::Snapshot(_))));
    assert_eq!(scene.proxies.count(None).total, 0);
}

#[tokio::test]
async fn a_slow_reader_gets_one_delta_to_the_newest() {
    const EDITS: usize = 100;
    let timing = Timing { write: Duration::from_secs(60), ..Timing::default() };
    let scene = Scene::start_with(timing).await;
    // Large enough that the sockets cannot hold half of them.
    let text = |n: usize| format!("{n:03}").repeat(100_000);
    let first = scene.publish(&[("a", &text(1))]);
    let mut stream = scene.client().await.stream(STREAM).await;
    stream.next().await;
    let mut held = (*first).clone();
    let mut newest = first;
    for n in 0..EDITS {
        newest = scene.publish(&[("a", &text(n))]);
        tokio::task::yield_now().await;
    }
    let mut deltas = 0;
    while held.version() != newest.version() {
        let Some(Message::Delta(delta)) = stream.next().await else { panic!("no delta") };
        held = held.apply(&delta).unwrap();
        deltas += 1;
    }
    assert!((1..EDITS / 2).contains(&deltas), "{deltas} deltas for {EDITS} edits");
}

#[tokio::test]
async fn a_proxy_that_does_not_read_is_cut_off() {
    let timing = Timing { write: Duration::from_millis(50), ..Timing::default() };
    let scene = Scene::start_with(timing).await;
    scene.publish(&[("a", &"x".repeat(64 * 1024 * 1024))]);
    let stream = scene.client().await.stream(STREAM).await;
    client::until("the stream is given up", || scene.proxies.count(None).connected == 0).await;
    drop(stream);
}

#[tokio::test]
async fn what_is_no_request_harms_nobody() {
    let scene = Scene::start().await;
    scene.publish(&[("a", "1")]);
    let mut plain = TcpStream::connect(scene.address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // An alert or a closed connection; never HTTP.
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"));

    let mut raw = client::tls(scene.address, &scene.authority).await;
    raw.write_all(b"\x00\xff nonsense \r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let _ = raw.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");

    let mut raw = client::tls(scene.address, &scene.authority).await;
    let head = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(64 * 1024));
    raw.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = raw.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");

    let large = "x".repeat(5 * 1024 * 1024);
    assert_eq!(scene.client().await.request("POST", REPORT, Some("good"), &large).await.0, 413);
    for body in ["", "{", "[]", "{\"proxy\":1}", "null"] {
        assert_eq!(scene.client().await.request("POST", REPORT, Some("good"), body).await.0, 400, "{body}");
    }
    let mut stream = scene.client().await.stream(STREAM).await;
    assert!(stream.next().await.is_some(), "it still serves");
}

#[tokio::test]
async fn the_end_of_the_operator_ends_the_streams() {
    let scene = Scene::start().await;
    scene.publish(&[("a", "1")]);
    let mut stream = scene.client().await.stream(STREAM).await;
    stream.next().await;
    scene.serving.send_replace(false);
    scene.stop.cancel();
    assert_eq!(stream.next().await, None);
    client::until("the port is closed", || std::net::TcpStream::connect(scene.address).is_err()).await;
}
