//! Generated keys: for each MasterKey that wants one, a Secret with the variables SDKs read.
//!
//! The Secret is the only place of the key. It is made when it is missing, which is also how a key is renewed:
//! delete the Secret. What is derived in it is corrected; a Secret that belongs to someone else is left alone.

mod plan;

pub use plan::{Plan, Urls, plan};

use crate::cycle::Published;
use crate::kubernetes::{CallError, MANAGED_BY, MANAGED_BY_LABEL, bounded, owner};
use futures_util::StreamExt as _;
use futures_util::stream;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use llm_compile::{Object, ObjectName, Reason};
use llm_snapshot::Kind;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Secrets written at the same time.
const CONCURRENCY: usize = 8;
/// Secrets written before the newest state is looked at again.
const ROUND: usize = 256;
/// How often all Secrets are checked at most; missing ones are made at once.
const CHECK: Duration = Duration::from_secs(2);

/// Counters of generated keys.
#[derive(Clone, Debug)]
pub struct KeyMetrics(Family<[(&'static str, &'static str); 1], Counter>);

impl KeyMetrics {
    /// Registers them.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let secrets = Family::default();
        registry.register(
            "generated_secrets",
            "Secrets of generated keys, by what was done",
            secrets.clone(),
        );
        Self(secrets)
    }

    fn did(&self, what: &'static str) {
        self.0.get_or_create(&[("action", what)]).inc();
    }
}

/// Delivers generated keys.
pub struct Delivery {
    /// The API server.
    pub client: Client,
    /// What there is.
    pub published: watch::Receiver<Option<Arc<Published>>>,
    /// Whether this replica leads and serves.
    pub serving: watch::Receiver<bool>,
    /// Where clients find the proxies.
    pub urls: Urls,
    /// Counters.
    pub metrics: KeyMetrics,
}

/// Something to do for a MasterKey.
struct Task {
    object: Arc<Object>,
    secret: String,
    plan: Plan,
}

impl Delivery {
    /// Delivers while this replica leads, until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.work() => {}
        }
    }

    async fn work(&mut self) {
        let mut check = Instant::now();
        loop {
            if self.serving.wait_for(|serving| *serving).await.is_err() {
                return;
            }
            let published = self.published.borrow_and_update().clone();
            let all = Instant::now() >= check;
            if all {
                check = Instant::now() + CHECK;
            }
            let tasks = published.map(|published| self.tasks(&published, all)).unwrap_or_default();
            let full = tasks.len() == ROUND;
            let done: Vec<bool> = stream::iter(tasks)
                .map(|task| self.perform(task))
                .buffer_unordered(CONCURRENCY)
                .collect()
                .await;
            if full && done.iter().any(|done| *done) {
                continue;
            }
            let failed = done.iter().any(|done| !done);
            let wake = if failed { Instant::now() + Duration::from_secs(1) } else { check };
            tokio::select! {
                changed = self.published.changed() => if changed.is_err() { return },
                () = tokio::time::sleep_until(wake.into()) => {}
            }
        }
    }

    /// What there is to do. Every compilation tells which Secrets are missing; only `all` looks into the others.
    fn tasks(&self, published: &Published, all: bool) -> Vec<Task> {
        let wanted = published.verdicts.iter().filter(|(id, verdict)| {
            // The cheap question first: nearly always the answer is no.
            (all || verdict.resolved_refs.reason == Reason::Pending)
                && verdict.accepted.holds()
                && id.kind() == Some(Kind::Key)
        });
        wanted
            .filter_map(|(id, _)| {
                let object = published.world.objects.get(id)?;
                let secret = object.spec.pointer("/generate/secretName")?.as_str()?.to_owned();
                let data = published.world.secrets.get(&ObjectName::new(&object.namespace, &secret));
                let plan = plan(&object.uid, data.map(Arc::as_ref), &self.urls)?;
                Some(Task { object: object.clone(), secret, plan })
            })
            .take(ROUND)
            .collect()
    }

    /// Does it; tells whether it is done, by whomever.
    async fn perform(&self, task: Task) -> bool {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &task.object.namespace);
        let (what, result) = match task.plan {
            Plan::Create => ("created", self.create(&api, &task).await),
            Plan::Correct => ("corrected", self.correct(&api, &task).await),
        };
        match result {
            Ok(()) => {
                self.metrics.did(what);
                info!(key = %task.object.id, secret = task.secret, what, "generated key");
                true
            }
            // Somebody was faster; the watch tells who.
            Err(error) if error.is_conflict() || error.is_not_found() => true,
            Err(error) => {
                self.metrics.did("failed");
                warn!(key = %task.object.id, secret = task.secret, %error, "generated key not written");
                false
            }
        }
    }

    async fn create(&self, api: &Api<Secret>, task: &Task) -> Result<(), CallError> {
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(task.secret.clone()),
                labels: Some(BTreeMap::from([(MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned())])),
                owner_references: Some(vec![owner(&task.object.name, &task.object.uid)]),
                ..ObjectMeta::default()
            },
            data: Some(bytes(self.urls.complete(BTreeMap::new()))),
            ..Secret::default()
        };
        bounded(api.create(&PostParams::default(), &secret)).await.map(drop)
    }

    /// Corrects the Secret as it is now, unless it has come to belong to someone else meanwhile.
    async fn correct(&self, api: &Api<Secret>, task: &Task) -> Result<(), CallError> {
        let mut secret = bounded(api.get(&task.secret)).await?;
        let owned =
            secret.metadata.owner_references.iter().flatten().any(|owner| owner.uid == task.object.uid);
        if !owned {
            return Ok(());
        }
        let data = secret.data.take().unwrap_or_default().into_iter().map(|(key, value)| (key, value.0));
        secret.data = Some(bytes(self.urls.complete(data.collect())));
        secret.metadata.managed_fields = None;
        // The resourceVersion that was read goes along: a change in between is a conflict.
        bounded(api.replace(&task.secret, &PostParams::default(), &secret)).await.map(drop)
    }
}

fn bytes(data: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, ByteString> {
    data.into_iter().map(|(key, value)| (key, ByteString(value))).collect()
}
