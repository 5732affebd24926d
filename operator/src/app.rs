//! Wiring: what knows whom, and in which order things begin and end.

use crate::args::Run;
use crate::cycle::{Cycle, metrics::CycleMetrics};
use crate::health::{self, Condition, Gauges, Health};
use crate::keys::{Delivery, KeyMetrics, Urls};
use crate::last_good::{KeepMetrics, Keeper};
use crate::lease::{self, Candidate};
use crate::publish::auth::Reviewer;
use crate::publish::metrics::PublishMetrics;
use crate::publish::{Desk, Proxies, Publisher, Timing, server};
use crate::reign::Reign;
use crate::status::events::Events;
use crate::status::metrics::StatusMetrics;
use crate::status::{Statuses, Writer};
use crate::tls::{self, CurrentCertificate, Upkeep};
use crate::watch::metrics::WatchMetrics;
use crate::watch::{Fetcher, Watches, scopes};
use anyhow::Context as _;
use kube::{Api, Client};
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

/// Updates that may wait for the compile step.
const UPDATES: usize = 1_024;
/// How long the parts may take to end.
const END: Duration = Duration::from_secs(5);

/// Runs the operator until `stop`.
///
/// # Errors
/// When there is no Kubernetes configuration, or a port cannot be bound. Later problems are tried again.
pub async fn run(args: Run, stop: CancellationToken) -> anyhow::Result<()> {
    let kubernetes =
        kube::Config::infer().await.context("no Kubernetes configuration (KUBECONFIG, or in a pod)")?;
    let client = Client::try_from(kubernetes).context("the Kubernetes configuration cannot be used")?;
    let config = bind(args.config_listen, "--config-listen").await?;
    let health = bind(args.health_listen, "--health-listen").await?;
    let (config_at, health_at) = (config.local_addr()?, health.local_addr()?);
    if let Some(file) = &args.port_file {
        announce(file, config_at, health_at).with_context(|| format!("--port-file {}", file.display()))?;
    }
    info!(version = env!("CARGO_PKG_VERSION"), config = %config_at, health = %health_at, "llm-operator starts");
    Operator::new(&args, client, stop).run(args, config, health).await
}

/// The parts that several others share.
struct Operator {
    client: Client,
    namespace: String,
    registry: Registry,
    publisher: Arc<Publisher>,
    proxies: Arc<Proxies>,
    statuses: Arc<Statuses>,
    published: watch::Sender<Option<Arc<crate::cycle::Published>>>,
    leading: watch::Sender<bool>,
    serving: watch::Sender<bool>,
    /// Ends everything but the election.
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Operator {
    fn new(args: &Run, client: Client, stop: CancellationToken) -> Self {
        Self {
            client,
            namespace: args.namespace.clone(),
            registry: Registry::with_prefix("llm_operator"),
            publisher: Arc::default(),
            proxies: Arc::default(),
            statuses: Arc::default(),
            published: watch::Sender::new(None),
            leading: watch::Sender::new(false),
            serving: watch::Sender::new(false),
            stop,
            tasks: TaskTracker::new(),
        }
    }

    async fn run(mut self, args: Run, config: TcpListener, health: TcpListener) -> anyhow::Result<()> {
        let (adopt, adoptions) = mpsc::channel(1);
        self.start_cycle(&args, adoptions);
        self.start_leader(&args, adopt);
        let ready = self.start_server(&args, config)?;
        let election = CancellationToken::new();
        let elected = tokio::spawn(lease::run(
            self.api(),
            Candidate {
                lease: args.lease_name.clone(),
                identity: args.identity.clone(),
                duration: args.lease_duration.std(),
            },
            self.leading.clone(),
            election.clone(),
        ));
        let (tasks, stop) = (self.tasks.clone(), self.stop.clone());
        self.start_health(health, ready);

        stop.cancelled().await;
        info!("ending");
        tasks.close();
        if tokio::time::timeout(END, tasks.wait()).await.is_err() {
            warn!("some parts did not end in time");
        }
        // Last: whoever takes over finds everything written.
        election.cancel();
        elected.await.context("the election failed")
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Watches and the compile step.
    fn start_cycle(&mut self, args: &Run, adoptions: mpsc::Receiver<crate::cycle::Adoption>) {
        let (sender, updates) = mpsc::channel(UPDATES);
        let objects_listed = watch::Sender::new(false);
        let watches = Watches {
            client: self.client.clone(),
            updates: sender.clone(),
            objects_listed: objects_listed.subscribe(),
            metrics: WatchMetrics::new(&mut self.registry),
            stop: self.stop.clone(),
        };
        let scopes = scopes(&args.watch_namespaces.0);
        for scope in &scopes {
            watches.start(scope.clone());
        }
        let cycle = Cycle {
            scopes,
            updates,
            fetcher: Fetcher::new(self.client.clone(), sender),
            objects_listed,
            adoptions,
            statuses: self.statuses.clone(),
            publisher: self.publisher.clone(),
            published: self.published.clone(),
            metrics: CycleMetrics::new(&mut self.registry),
        };
        self.tasks.spawn(cycle.run(self.stop.clone()));
    }

    /// What only the leader does.
    fn start_leader(&mut self, args: &Run, adoptions: mpsc::Sender<crate::cycle::Adoption>) {
        let keeper = Keeper {
            secrets: self.api(),
            published: self.published.subscribe(),
            metrics: KeepMetrics::new(&mut self.registry),
        };
        let (leading, serving) = (self.leading.subscribe(), self.serving.clone());
        self.tasks.spawn(Reign { leading, serving, adoptions, keeper }.run(self.stop.clone()));
        let delivery = Delivery {
            client: self.client.clone(),
            published: self.published.subscribe(),
            serving: self.serving.subscribe(),
            urls: Urls::new(args.public_url()),
            metrics: KeyMetrics::new(&mut self.registry),
        };
        self.tasks.spawn(delivery.run(self.stop.clone()));
        let metrics = StatusMetrics::new(&mut self.registry);
        let (client, instance) = (self.client.clone(), args.identity.clone());
        let writer = Writer {
            client: self.client.clone(),
            published: self.published.subscribe(),
            proxies: self.proxies.clone(),
            statuses: self.statuses.clone(),
            events: Events::start(client, instance, metrics.clone(), self.stop.clone()),
            serving: self.serving.subscribe(),
            metrics,
        };
        self.tasks.spawn(writer.run(self.stop.clone()));
    }

    /// TLS and the config server. Tells when there is a certificate.
    fn start_server(&mut self, args: &Run, listener: TcpListener) -> anyhow::Result<watch::Receiver<bool>> {
        let certificate = Arc::new(CurrentCertificate::default());
        let config = tls::config(certificate.clone()).context("TLS")?;
        let upkeep = Upkeep {
            secrets: self.api(),
            config_maps: self.api(),
            names: args.certificate_names(),
            certificate,
            leading: self.leading.subscribe(),
        };
        let ready = watch::Sender::new(false);
        let (mut first, is_ready) = (ready.subscribe(), ready.subscribe());
        self.tasks.spawn(upkeep.run(ready, self.stop.clone()));
        let metrics = PublishMetrics::new(&mut self.registry);
        let desk = Desk {
            authenticator: Arc::new(Reviewer::new(self.client.clone(), args.proxy_users(), metrics.clone())),
            publisher: self.publisher.clone(),
            proxies: self.proxies.clone(),
            serving: self.serving.subscribe(),
            timing: Timing::default(),
            metrics,
        };
        let proxies = self.proxies.clone();
        let (serving, stop) = (self.serving.subscribe(), self.stop.clone());
        self.tasks.spawn(async move { proxies.run(serving, stop).await });
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            // Connections wait in the backlog until there is something to shake hands with.
            let ready = tokio::select! {
                () = stop.cancelled() => false,
                ready = first.wait_for(|ready| *ready) => ready.is_ok(),
            };
            if ready {
                server::serve(listener, config, desk, stop).await;
            }
        });
        Ok(is_ready)
    }

    fn start_health(mut self, listener: TcpListener, certificate: watch::Receiver<bool>) {
        let published = self.published.subscribe();
        let gauges = Gauges::new(
            &mut self.registry,
            self.leading.subscribe(),
            self.publisher.subscribe(),
            self.proxies.clone(),
        );
        let condition = |name, holds| Condition { name, holds };
        let health = Health {
            ready: vec![
                condition("the first snapshot", Box::new(move || published.borrow().is_some())),
                condition("a certificate", Box::new(move || *certificate.borrow())),
            ],
            registry: self.registry,
            gauges,
        };
        self.tasks.spawn(health::serve(listener, Arc::new(health), self.stop));
    }
}

async fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{flag} {address}"))
}

/// Writes the bound addresses, whole or not at all: somebody waits for the file.
fn announce(file: &Path, config: SocketAddr, health: SocketAddr) -> std::io::Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = file.with_file_name(name);
    std::fs::write(&new, format!("config={config}\nhealth={health}\n"))?;
    std::fs::rename(new, file)
}
