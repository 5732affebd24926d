//! Writes statuses: server-side apply of the status subresource, a few at a time, at a bounded rate, and only
//! where something is different.

use super::events::Events;
use super::metrics::StatusMetrics;
use super::observed::Statuses;
use super::queue::{Look, Pick, Queue};
use crate::cycle::Published;
use crate::kubernetes::{CallError, FIELD_MANAGER, Failures, bounded, resource};
use crate::pace::Pace;
use crate::publish::Proxies;
use crate::watch::model::Observed;
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use llm_compile::{Object, Status, Verdict};
use llm_snapshot::EntryId;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// Writes under way at the same time.
const CONCURRENCY: usize = 8;
/// Writes a second, and at once.
const RATE: (f64, f64) = (200.0, 200.0);
/// A new leader gives the proxies this long to find it before it counts them in every status: a proxy looks for
/// the leader at least every 5 seconds.
const GATHERING: Duration = Duration::from_secs(7);
/// Pause after a write that failed, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

/// The writer of statuses.
pub struct Writer {
    /// The API server.
    pub client: Client,
    /// What to write about.
    pub published: watch::Receiver<Option<Arc<Published>>>,
    /// What the proxies say.
    pub proxies: Arc<Proxies>,
    /// The statuses there are.
    pub statuses: Arc<Statuses>,
    /// Where Events go.
    pub events: Events,
    /// Whether this replica leads and serves.
    pub serving: watch::Receiver<bool>,
    /// Counters.
    pub metrics: StatusMetrics,
}

/// A write that is done.
struct Done {
    object: Arc<Object>,
    events: Vec<llm_compile::Event>,
    result: Result<Observed, CallError>,
}

/// One term of leadership.
struct Term {
    queue: Queue,
    pace: Pace,
    writes: JoinSet<Done>,
    seen: Option<Arc<Published>>,
    paused: Option<Instant>,
    failures: Failures,
}

impl Writer {
    /// Writes while this replica leads, until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                serving = self.serving.wait_for(|serving| *serving) => if serving.is_err() { return },
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.term() => {}
            }
        }
    }

    /// Writes until leadership ends; what is under way then is cut off.
    async fn term(&mut self) {
        let now = Instant::now();
        let mut term = Term {
            queue: Queue::default(),
            pace: Pace::new(RATE.0, RATE.1, now),
            writes: JoinSet::new(),
            seen: None,
            paused: None,
            failures: Failures::default(),
        };
        term.queue.sweep_from(now + GATHERING);
        let (mut serving, proxies) = (self.serving.clone(), self.proxies.clone());
        let mut changes = proxies.changes();
        let mut fleet = changes.borrow_and_update().fleet;
        self.published.mark_changed();
        loop {
            let wake = self.pump(&mut term);
            tokio::select! {
                _ = serving.wait_for(|serving| !*serving) => return,
                changed = self.published.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.news(&mut term);
                }
                _ = changes.changed() => {
                    term.queue.acknowledged(Instant::now());
                    let now = changes.borrow_and_update().fleet;
                    if std::mem::replace(&mut fleet, now) != now {
                        term.queue.regrouped(Instant::now());
                    }
                }
                () = self.statuses.foreign.notified() => {
                    self.statuses.take_foreign().into_iter().for_each(|id| term.queue.later(id));
                }
                Some(done) = term.writes.join_next() => self.done(&mut term, done),
                () = at(wake) => {}
            }
        }
    }

    /// Starts as many writes as may be under way, and tells when to look again.
    fn pump(&self, term: &mut Term) -> Option<Instant> {
        let now = Instant::now();
        if let Some(paused) = term.paused.filter(|paused| *paused > now) {
            return Some(paused);
        }
        let published = term.seen.clone()?;
        let unix = unix();
        while term.writes.len() < CONCURRENCY {
            if let Err(wait) = term.pace.take(now) {
                return Some(now + wait);
            }
            let all = || published.verdicts.keys().cloned().collect();
            match term.queue.next(now, unix, all, |id| self.look(&published, id, unix)) {
                Pick::Write(id, patch) => {
                    if let Some(object) = published.world.objects.get(&id) {
                        term.writes.spawn(write(self.client.clone(), object.clone(), patch));
                    }
                }
                Pick::Idle(wake) => {
                    term.pace.put_back();
                    return wake;
                }
                Pick::More => {
                    term.pace.put_back();
                    return Some(now);
                }
            }
        }
        None
    }

    fn look(&self, published: &Published, id: &EntryId, unix: i64) -> Option<Look> {
        let verdict = published.verdicts.get(id)?;
        let object = published.world.objects.get(id)?;
        let previous = self.statuses.get(id, &object.uid).unwrap_or_else(|| Status::read(object.kind, None));
        let acks = self.proxies.acks(id, verdict.serving.digest());
        let patch = llm_compile::patch(verdict, &acks, &previous, unix);
        Some(Look { patch, settled: acks.lagging.is_empty() })
    }

    /// Finds what changed in the newest publication.
    fn news(&mut self, term: &mut Term) {
        let now = Instant::now();
        let Some(newest) = self.published.borrow_and_update().clone() else { return };
        let seen = term.seen.take();
        let first = seen.is_none();
        // Both are in order: one walk through both, not thousands of look-ups.
        let mut before = seen.iter().flat_map(|seen| seen.verdicts.iter()).peekable();
        for (id, verdict) in newest.verdicts.iter() {
            while before.next_if(|(other, _)| *other < id).is_some() {}
            let same =
                |(other, known): &(&EntryId, &Arc<Verdict>)| *other == id && Arc::ptr_eq(known, verdict);
            if before.next_if(same).is_some() {
                continue;
            }
            if let Some(expiry) = verdict.key.as_ref().and_then(|key| key.expires_at) {
                term.queue.at(expiry, id.clone());
            }
            // With a new leader everything is new; what has a status can wait for the proxies to gather.
            if !first || !self.described(&newest, verdict) {
                term.queue.changed(id.clone(), now);
            }
        }
        term.seen = Some(newest);
    }

    /// Whether the object's status is about its present generation.
    fn described(&self, published: &Published, verdict: &Verdict) -> bool {
        let uid = published.world.objects.get(&verdict.id).map_or("", |object| object.uid.as_str());
        let observed = match self.statuses.get(&verdict.id, uid) {
            Some(Status::Provider(status)) => status.observed_generation,
            Some(Status::Key(status)) => status.observed_generation,
            None => None,
        };
        observed == Some(verdict.generation)
    }

    fn done(&self, term: &mut Term, done: Result<Done, tokio::task::JoinError>) {
        let Ok(Done { object, events, result }) = done else { return };
        let mut again = false;
        match result {
            Ok(observed) => {
                self.metrics.wrote(true);
                term.failures.over();
                self.statuses.wrote(&object.id, observed);
                self.events.tell(&object, events);
            }
            // Deleted, or deleted and made anew: the watch tells what to do.
            Err(error) if error.is_not_found() || error.is_conflict() => {
                debug!(object = %object.id, %error, "status not written");
            }
            Err(error) => {
                self.metrics.wrote(false);
                if term.failures.one_more() {
                    warn!(object = %object.id, %error, "status not written");
                }
                term.paused = Some(Instant::now() + term.failures.pause(PAUSE.0, PAUSE.1));
                again = true;
            }
        }
        term.queue.done(&object.id, again);
    }
}

async fn at(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake.into()).await,
        None => std::future::pending().await,
    }
}

/// Seconds since the epoch.
fn unix() -> i64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(passed.as_secs()).unwrap_or(i64::MAX)
}

async fn write(client: Client, object: Arc<Object>, patch: llm_compile::Patch) -> Done {
    let resource = resource(object.kind);
    let api: Api<DynamicObject> = Api::namespaced_with(client, &object.namespace, &resource);
    // With the uid, a status can never reach another object of the same name.
    let body = json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": object.name, "namespace": object.namespace, "uid": object.uid},
        "status": patch.status,
    });
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    let written = bounded(api.patch_status(&object.name, &parameters, &Patch::Apply(&body))).await;
    let result = written.map(|written| Observed {
        uid: written.metadata.uid.unwrap_or_default(),
        resource_version: written.metadata.resource_version.unwrap_or_default(),
        status: Box::new(Status::read(object.kind, written.data.get("status"))),
    });
    Done { object, events: patch.events, result }
}
