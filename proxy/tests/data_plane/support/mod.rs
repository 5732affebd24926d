//! A proxy in process, and what stands around it.

pub(crate) mod client;
pub(crate) mod fake;

pub(crate) use client::{Answer, Client, get, post};
pub(crate) use fake::{Fake, Seen, json};

use llm_proxy::access::AccessLog;
use llm_proxy::api::Settings;
use llm_proxy::app::{App, Parts};
use llm_proxy::state::Store;
use llm_proxy::tally::{Tally, Work};
use llm_snapshot::provider::*;
use llm_snapshot::{Digest, Entry, EntryId, Key, Kind, Provider, Rejection, Secret, Snapshot};
use rustls::ServerConfig;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

/// The key most tests use.
pub(crate) const KEY: &str = "sk-client-0123456789abcdef";
/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Most bytes of a request body.
pub(crate) const MAX_BODY: u64 = 256 * 1024;

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "{what} did not come about");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Has the vocabulary unpacked, which is done when the first tokens are counted, and takes its time in a slow build.
pub(crate) async fn vocabulary() {
    let count = || llm_proxy::tally::bpe::count(std::iter::once("hello world"));
    assert_eq!(tokio::task::spawn_blocking(count).await.unwrap(), 2);
}

/// An HTTP provider in `team-a`, for everybody, with one model `m` that it calls `m`.
pub(crate) fn provider(name: &str, url: &str) -> Provider {
    Provider {
        namespace: "team-a".to_owned(),
        name: name.to_owned(),
        upstream: Upstream::Http(Http {
            credentials: vec![credential(&format!("{name}-credential"))],
            ..Http::new(url)
        }),
        protocols: [
            Protocol::ChatCompletions,
            Protocol::Responses,
            Protocol::Completions,
            Protocol::Embeddings,
        ]
        .into(),
        weight: 1,
        models: vec![model("m", "m")],
        timeouts: Timeouts {
            connect_ms: 5000,
            first_byte_ms: 15_000,
            stream_idle_ms: 15_000,
            total_ms: 60_000,
        },
        headers: Headers::default(),
        visible_to: Visibility::All,
        options: Options::default(),
    }
}

/// A credential whose name is its value.
pub(crate) fn credential(value: &str) -> Credential {
    Credential { name: format!("team-a/{value}"), value: Secret::new(value), weight: 1 }
}

/// A model at priority 0.
pub(crate) fn model(name: &str, upstream: &str) -> Model {
    Model::new(name, upstream)
}

/// A key of `team-a`.
pub(crate) fn key(name: &str, secret: &str) -> Key {
    Key {
        namespace: "team-a".to_owned(),
        name: name.to_owned(),
        sha256: Digest::of(secret.as_bytes()),
        disabled: false,
        expires_at: None,
        allowed_models: None,
        denied_models: Vec::new(),
    }
}

/// The snapshot of these providers and keys.
pub(crate) fn snapshot(providers: &[Provider], keys: &[Key]) -> Arc<Snapshot> {
    let mut entries = BTreeMap::new();
    for provider in providers {
        let id = EntryId::new(Kind::Provider, &provider.namespace, &provider.name);
        entries.insert(id, Arc::new(Entry::of(provider).unwrap()));
    }
    for key in keys {
        let id = EntryId::new(Kind::Key, &key.namespace, &key.name);
        entries.insert(id, Arc::new(Entry::of(key).unwrap()));
    }
    Arc::new(Snapshot::new(entries))
}

/// A proxy in process.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<Store>,
    pub(crate) app: Option<App>,
    pub(crate) tally: Tally,
    log: Log,
}

/// What the access log wrote.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Proxy {
    /// A proxy with no configuration.
    pub(crate) async fn empty() -> Self {
        Self::empty_with(None).await
    }

    /// The same, with TLS or without.
    pub(crate) async fn empty_with(tls: Option<Arc<ServerConfig>>) -> Self {
        let log = Log::default();
        let mut parts = Parts::new(AccessLog::to(log.clone()).unwrap());
        parts.tls = tls;
        let (store, tally) = (parts.store.clone(), parts.books.tally.clone());
        let settings = Settings { max_body: MAX_BODY, expose_config_version: true };
        let app = App::start((Ipv4Addr::LOCALHOST, 0).into(), settings, parts).await.unwrap();
        Self { address: app.address(), store, app: Some(app), tally, log }
    }

    /// A proxy that serves these providers to [`KEY`].
    pub(crate) async fn serving(providers: &[Provider]) -> Self {
        let proxy = Self::empty().await;
        assert_eq!(proxy.apply(providers), []);
        proxy
    }

    /// Keeps the thread that counts from counting until what this gives is dropped.
    pub(crate) fn hold_counts(&self) -> mpsc::Sender<()> {
        let (held, until) = mpsc::channel();
        self.tally.count(Work::default(), move |_| until.recv().unwrap_or_default());
        held
    }

    /// Serves these providers to [`KEY`] from now on.
    pub(crate) fn apply(&self, providers: &[Provider]) -> Vec<Rejection> {
        self.store.apply(snapshot(providers, &[key("client", KEY)]))
    }

    /// A chat completion for the model, over a connection of its own.
    pub(crate) async fn chat(&self, model: &str) -> Answer {
        let body = serde_json::json!({"model": model, "messages": []}).to_string();
        self.ask("/v1/chat/completions", &body).await
    }

    /// A POST with [`KEY`], over a connection of its own.
    pub(crate) async fn ask(&self, path: &str, body: &str) -> Answer {
        let request = post(path, body.to_owned()).header("authorization", format!("Bearer {KEY}"));
        Client::connect(self.address).await.send(request).await
    }

    /// A GET with [`KEY`], over a connection of its own.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = get(path).header("authorization", format!("Bearer {KEY}"));
        Client::connect(self.address).await.send(request).await
    }

    /// The lines of the access log, when there are as many.
    pub(crate) async fn log(&self, lines: usize) -> Vec<serde_json::Value> {
        let read = || String::from_utf8(self.log.0.lock().unwrap().clone()).unwrap();
        until(&format!("{lines} lines of log"), || read().lines().count() >= lines).await;
        read().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The value of a series, by its name and labels as they are written; 0 when it is not there.
    pub(crate) async fn series(&self, series: &str) -> f64 {
        let metrics = self.get("/metrics").await.text();
        let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.trim().parse().unwrap())
    }
}
