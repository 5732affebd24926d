//! Wires the parts together.

use crate::access::AccessLog;
use crate::api::tls::{Certificate, Files};
use crate::api::{Api, Settings, server};
use crate::config::{Config, Source};
use crate::drain::Drain;
use crate::forward::Books;
use crate::standalone::Standalone;
use crate::state::Store;
use crate::tally::Tally;
use crate::translate::Signatures;
use crate::{forward, standalone, state, sync, upstream};
use anyhow::Context as _;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use rustls::ServerConfig;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// How long the end waits for the last counts, and then for the last lines of the access log.
const LAST_LINES: Duration = Duration::from_secs(1);

/// The parts every request needs, with their series.
#[derive(Debug)]
pub struct Parts {
    /// What is served by. Empty until something is applied.
    pub store: Arc<Store>,
    /// Where accounts of requests go.
    pub books: Arc<Books>,
    /// All series.
    pub registry: Registry,
    /// How TLS is spoken with clients; `None`: they speak without.
    pub tls: Option<Arc<ServerConfig>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

impl Parts {
    /// The parts, with accounts of requests going to `log`.
    #[must_use]
    pub fn new(log: AccessLog) -> Self {
        let mut registry = Registry::with_prefix("llm_proxy");
        registry.register("build", "The program", Info::new(Build { version: env!("CARGO_PKG_VERSION") }));
        let (state, requests) = (state::Metrics::default(), forward::Metrics::default());
        let upstreams = upstream::Metrics::default();
        state.register(&mut registry);
        requests.register(&mut registry);
        upstreams.register(&mut registry);
        log.register(&mut registry);
        let tally = Tally::default();
        tally.register(&mut registry);
        let store = Arc::new(Store::new(state, requests.clone(), upstreams));
        Self { store, books: Arc::new(Books { metrics: requests, log, tally }), registry, tls: None }
    }

    /// Serves with the certificate in these files from here on.
    fn with_tls(&mut self, files: Files) -> anyhow::Result<()> {
        let certificate = Certificate::load(files)?;
        certificate.register(&mut self.registry);
        self.tls = Some(certificate.config()?);
        tokio::spawn(certificate.follow());
        Ok(())
    }
}

/// A proxy that listens.
#[derive(Debug)]
pub struct App {
    address: SocketAddr,
    drain: Arc<Drain>,
    listening: JoinHandle<()>,
}

impl App {
    /// Listens at `listen` (port 0: any) and serves by what is in the store.
    ///
    /// # Errors
    /// The address cannot be had.
    pub async fn start(listen: SocketAddr, settings: Settings, parts: Parts) -> std::io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let drain = Drain::new();
        let Parts { store, books, registry, tls } = parts;
        let signatures = Arc::new(Signatures::new(std::time::Instant::now()));
        let api = Arc::new(Api { store, books, registry, drain: drain.clone(), signatures, settings });
        let listening =
            tokio::spawn(server::listen(listener, tls.map(TlsAcceptor::from), api, drain.clone()));
        Ok(Self { address, drain, listening })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Goes away as [`Drain::run`] says.
    pub async fn shutdown(self, grace: Duration, deadline: Duration) {
        let stop = async || {
            self.listening.abort();
            // The port is free when the task is gone.
            let _ = self.listening.await;
        };
        self.drain.run(grace, deadline, stop).await;
    }
}

/// Keeps the store up to the source of the configuration from here on. Files are loaded before this returns.
fn follow(source: Source, parts: &mut Parts) -> anyhow::Result<()> {
    let store = parts.store.clone();
    match source {
        Source::File(path) => {
            let metrics = standalone::Metrics::default();
            metrics.register(&mut parts.registry);
            let named = format!("loading {} (--config, CONFIG_PATH)", path.display());
            let files = Standalone::start(path, store, metrics, Default::default()).context(named)?;
            tokio::spawn(files.run());
        }
        Source::Operator(operator) => {
            let metrics = sync::Metrics::default();
            metrics.register(&mut parts.registry);
            tokio::spawn(sync::run(operator, store, metrics, Default::default()));
        }
    }
    Ok(())
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// The configuration cannot be had, or the address.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let log = match config.access_log {
        true => AccessLog::to(std::io::stdout()).context("starting the access log")?,
        false => AccessLog::off(),
    };
    let mut parts = Parts::new(log.clone());
    parts.store.use_own(config.own);
    if let Some(files) = config.tls {
        parts.with_tls(files)?;
    }
    follow(config.source, &mut parts)?;
    let tally = parts.books.tally.clone();
    let app = App::start(config.listen, config.api, parts)
        .await
        .with_context(|| format!("listening at {} (--host, HOST, --port, PORT)", config.listen))?;
    tracing::info!(address = %app.address(), "listening");
    if let Some(path) = &config.port_file {
        std::fs::write(path, app.address().to_string())
            .with_context(|| format!("writing {} (--port-file, PORT_FILE)", path.display()))?;
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("shutting down");
    app.shutdown(config.drain_grace, config.drain_deadline).await;
    tally.flush(LAST_LINES);
    log.flush(LAST_LINES);
    tracing::info!("bye");
    Ok(())
}
