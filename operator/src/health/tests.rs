use super::*;
use crate::publish::Publisher;
use llm_snapshot::{Report, Snapshot};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A running server, and what it tells about.
struct Scene {
    address: std::net::SocketAddr,
    ready: watch::Sender<bool>,
    publisher: Publisher,
    proxies: Arc<Proxies>,
}

impl Scene {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ready, publisher, proxies) =
            (watch::Sender::new(false), Publisher::default(), Arc::<Proxies>::default());
        let mut registry = Registry::with_prefix("llm_operator");
        let leading = watch::Sender::new(true).subscribe();
        let gauges = Gauges::new(&mut registry, leading, publisher.subscribe(), proxies.clone());
        let first = ready.subscribe();
        let ready_conditions = vec![
            Condition { name: "patience", holds: Box::new(|| true) },
            Condition { name: "the first snapshot", holds: Box::new(move || *first.borrow()) },
        ];
        let health = Health { ready: ready_conditions, registry, gauges };
        tokio::spawn(serve(listener, Arc::new(health), CancellationToken::new()));
        Self { address, ready, publisher, proxies }
    }

    /// The whole answer.
    async fn ask(&self, request: &str) -> String {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let request = format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

#[tokio::test]
async fn a_replica_is_alive_before_it_is_ready_and_says_what_is_missing() {
    let scene = Scene::start().await;
    assert!(scene.ask("GET /livez").await.starts_with("HTTP/1.1 200"));
    let answer = scene.ask("GET /readyz").await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.ends_with("waiting for the first snapshot\n"),
        "{answer}"
    );
    scene.ready.send_replace(true);
    assert!(scene.ask("GET /readyz").await.starts_with("HTTP/1.1 200"));
    assert!(scene.ask("GET /").await.starts_with("HTTP/1.1 404"));
    assert!(scene.ask("POST /livez").await.starts_with("HTTP/1.1 405"));
}

#[tokio::test]
async fn metrics_tell_who_has_the_newest_snapshot() {
    let scene = Scene::start().await;
    scene.publisher.publish(Arc::default());
    for name in ["p1", "p2"] {
        scene.proxies.join(name, "s", CancellationToken::new());
    }
    let report = Report {
        proxy: "p1".to_owned(),
        stream: "s".to_owned(),
        version: Snapshot::default().version(),
        rejected: Vec::new(),
    };
    scene.proxies.report(report, |version| scene.publisher.find(version)).unwrap();
    let answer = scene.ask("GET /metrics").await;
    for line in [
        "llm_operator_leader 1",
        "llm_operator_proxies_connected 2",
        "llm_operator_proxies_acked 1",
        "llm_operator_proxies_lagging 1",
        "llm_operator_build_info{version=\"",
    ] {
        assert!(answer.contains(line), "{line}: {answer}");
    }
    assert!(answer.ends_with("# EOF\n"));
}
