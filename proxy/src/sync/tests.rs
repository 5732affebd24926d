//! The client against a scripted config server, over real TLS sockets.

mod scenarios;
mod server;
mod trouble;

use super::*;
use llm_snapshot::provider as p;
use llm_snapshot::{Digest, Entry, EntryId, Key, Kind, Message, Provider, Snapshot};
use server::{Authority, Server};
use std::path::PathBuf;
use std::time::Instant;
use tempfile::TempDir;

/// Everything quick, so that a test of a timeout takes a moment.
const FAST: Timing = Timing {
    connect: Duration::from_secs(2),
    answer: Duration::from_secs(5),
    silence: Duration::from_secs(10),
    report: Duration::from_millis(200),
    first_wait: Duration::from_millis(5),
    last_wait: Duration::from_millis(50),
    standby_wait: Duration::from_millis(20),
    last_good: Duration::from_millis(20),
};
/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

fn id(name: &str) -> EntryId {
    EntryId::new(Kind::Provider, "team-a", name)
}

fn mock(name: &str, weight: u32) -> Arc<Entry> {
    let mock = p::Mock {
        latency_ms: 0,
        tokens_per_second: 0,
        reply: None,
        error_percent: 0,
        fault: p::Fault::ServerError,
    };
    let provider = Provider {
        namespace: "team-a".into(),
        name: name.into(),
        upstream: p::Upstream::Mock(mock),
        protocols: [p::Protocol::ChatCompletions].into(),
        weight,
        models: vec![p::Model::new(name, name)],
        timeouts: p::Timeouts { connect_ms: 1, first_byte_ms: 1, stream_idle_ms: 1, total_ms: 1 },
        headers: p::Headers::default(),
        visible_to: p::Visibility::All,
        options: p::Options::default(),
    };
    Arc::new(Entry::of(&provider).unwrap())
}

/// A key and the mocks `a` and `b` of this weight.
fn snapshot(weight: u32) -> Snapshot {
    let key = Key {
        namespace: "shop".into(),
        name: "client".into(),
        sha256: Digest::of(b"key"),
        disabled: false,
        expires_at: None,
        allowed_models: None,
        denied_models: Vec::new(),
    };
    let key = (EntryId::new(Kind::Key, "shop", "client"), Arc::new(Entry::of(&key).unwrap()));
    Snapshot::new([key, (id("a"), mock("a", weight)), (id("b"), mock("b", weight))].into())
}

/// Files of a proxy, and the proxy's end of the stream, running.
struct Client {
    dir: TempDir,
    operator: Operator,
    store: Arc<Store>,
    metrics: Metrics,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Client {
    /// A client of these servers, with the token they take, not yet running.
    fn new(authority: &Authority, servers: &[&Server]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (ca, token) = (dir.path().join("ca.crt"), dir.path().join("token"));
        std::fs::write(&ca, authority.pem()).unwrap();
        std::fs::write(&token, format!("{}\n", server::TOKEN)).unwrap();
        let operator = Operator {
            urls: servers.iter().map(|server| server.url()).collect(),
            ca: Some(ca),
            token: Some(token),
            server_name: None,
            last_good: None,
            last_good_after: Duration::from_millis(50),
            proxy: "proxy-1".into(),
        };
        Self { dir, operator, store: Arc::default(), metrics: Metrics::default(), task: None }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&mut self, timing: Timing) {
        let run = run(self.operator.clone(), self.store.clone(), self.metrics.clone(), timing);
        self.task = Some(tokio::spawn(async move {
            run.await;
        }));
    }

    async fn has(&self, snapshot: &Snapshot) {
        self.until(|| self.store.version() == Some(snapshot.version())).await;
    }

    async fn until(&self, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds() {
            assert!(Instant::now() < deadline, "it does not happen; {:?}", self.metrics);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// One server with a client that follows it and has `snapshot(1)`.
async fn following(timing: Timing) -> (Server, Client, server::Stream) {
    let authority = Authority::new();
    let mut server = Server::start(&authority).await;
    let mut client = Client::new(&authority, &[&server]);
    client.run(timing);
    let stream = server.stream().await;
    assert_eq!(stream.query("held"), None);
    stream.send(&Message::Snapshot(snapshot(1)));
    client.has(&snapshot(1)).await;
    let report = server.report(&snapshot(1)).await;
    assert_eq!((report.proxy.as_str(), Some(report.stream)), ("proxy-1", stream.query("stream")));
    (server, client, stream)
}
