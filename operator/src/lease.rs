//! Leader election by a Lease: one replica streams and writes, the others stand by.
//!
//! The holder renews with the resourceVersion it saw, so of two that try only one succeeds. A standby watches
//! the Lease: it takes over at once when the holder releases it, and otherwise when it has seen no renewal for
//! the whole duration, by its own clock. A holder that cannot renew steps down before that, by its own clock,
//! so that clocks that disagree never make two leaders.

mod term;

pub use term::{Step, Term};

use crate::kubernetes::{CallError, Failures, bounded, watch_error};
use futures_util::StreamExt as _;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::runtime::watcher::{self, watcher};
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How long giving the Lease back may take at the end.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(3);
/// Pause after the watch of the Lease broke, at first and at most.
const WATCH_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// Who takes part, and in what.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Name of the Lease.
    pub lease: String,
    /// Name of this replica.
    pub identity: String,
    /// How long the Lease lasts without renewal.
    pub duration: Duration,
}

/// Takes part in the election until `stop`, and tells through `leading` whether this replica leads. At the end
/// it says that it does not lead before it releases the Lease.
pub async fn run(
    api: Api<Lease>,
    candidate: Candidate,
    leading: watch::Sender<bool>,
    stop: CancellationToken,
) {
    let mut term = Term::new(candidate.identity.clone(), candidate.duration);
    let config = watcher::Config::default().fields(&format!("metadata.name={}", candidate.lease)).timeout(60);
    let mut events = pin!(watcher(api.clone(), config));
    let (mut watch_again, mut broken) = (Instant::now(), Failures::default());
    let mut unwritten = Failures::default();
    loop {
        let leads = term.leads();
        if leading.send_if_modified(|was| std::mem::replace(was, leads) != leads) {
            info!(identity = candidate.identity, leading = leads, "leadership changed");
        }
        let wake = match term.next(Instant::now()) {
            Step::Write => {
                write(&api, &candidate, &mut term, &mut unwritten).await;
                continue;
            }
            Step::StepDown(reason) => {
                warn!(reason, "stepping down");
                term.step_down();
                continue;
            }
            Step::Wait(until) => until,
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = sleep_until(wake) => {}
            event = after(watch_again, events.next()) => match event {
                Some(Ok(event)) => {
                    // The beginning of a list comes before the API server is asked.
                    if !matches!(event, watcher::Event::Init) {
                        broken.over();
                    }
                    observe(&mut term, event);
                }
                Some(Err(error)) => {
                    if broken.one_more() {
                        warn!(error = %watch_error(&error), "the watch of the Lease broke");
                    }
                    watch_again = Instant::now() + broken.pause(WATCH_PAUSE.0, WATCH_PAUSE.1);
                }
                None => break,
            },
        }
    }
    let held = term.leads();
    leading.send_replace(false);
    if held {
        release(&api, &candidate, &term).await;
    }
}

async fn sleep_until(until: Instant) {
    tokio::time::sleep_until(until.into()).await;
}

async fn after<T>(at: Instant, what: impl Future<Output = T>) -> T {
    sleep_until(at).await;
    what.await
}

fn observe(term: &mut Term, event: watcher::Event<Lease>) {
    match event {
        watcher::Event::Apply(lease) | watcher::Event::InitApply(lease) => {
            term.observe(Some(lease), Instant::now());
        }
        watcher::Event::Delete(_) => term.observe(None, Instant::now()),
        watcher::Event::InitDone => term.listed(Instant::now()),
        watcher::Event::Init => term.listing(),
    }
}

/// Takes or renews the Lease.
async fn write(api: &Api<Lease>, candidate: &Candidate, term: &mut Term, failures: &mut Failures) {
    let started = Instant::now();
    // An attempt that hangs must leave time for another before the Lease runs out.
    let limit = candidate.duration / 5;
    let problem = match tokio::time::timeout(limit, attempt(api, candidate, term)).await {
        Ok(Ok(Written::Mine(lease))) => {
            failures.over();
            return term.won(*lease, started);
        }
        Ok(Ok(Written::Beaten(lease))) => {
            term.observe(lease.map(|lease| *lease), Instant::now());
            None
        }
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("no answer in time".to_owned()),
    };
    if let Some(error) = problem
        && failures.one_more()
    {
        warn!(error, "the Lease cannot be written");
    }
    term.failed(Instant::now());
}

/// What came of an attempt.
enum Written {
    /// This is the Lease, and this replica holds it.
    Mine(Box<Lease>),
    /// Somebody was faster, or deleted it; this is there now.
    Beaten(Option<Box<Lease>>),
}

async fn attempt(api: &Api<Lease>, candidate: &Candidate, term: &Term) -> Result<Written, CallError> {
    match put(api, candidate, term).await {
        Ok(lease) => Ok(Written::Mine(Box::new(lease))),
        Err(error) if error.is_conflict() || error.is_not_found() => {
            Ok(Written::Beaten(bounded(api.get_opt(&candidate.lease)).await?.map(Box::new)))
        }
        Err(error) => Err(error),
    }
}

async fn put(api: &Api<Lease>, candidate: &Candidate, term: &Term) -> Result<Lease, CallError> {
    let now = MicroTime(Timestamp::now());
    let parameters = PostParams::default();
    match term.seen() {
        None => {
            let lease = Lease {
                metadata: ObjectMeta { name: Some(candidate.lease.clone()), ..ObjectMeta::default() },
                spec: Some(taken(&LeaseSpec::default(), candidate, now)),
            };
            bounded(api.create(&parameters, &lease)).await
        }
        Some(seen) => {
            let mut lease = seen.clone();
            lease.metadata.managed_fields = None;
            lease.spec = Some(taken(&seen.spec.clone().unwrap_or_default(), candidate, now));
            bounded(api.replace(&candidate.lease, &parameters, &lease)).await
        }
    }
}

/// The Lease as this replica writes it over `seen`.
fn taken(seen: &LeaseSpec, candidate: &Candidate, now: MicroTime) -> LeaseSpec {
    let mine = seen.holder_identity.as_deref() == Some(candidate.identity.as_str());
    let seconds = candidate.duration.as_millis().div_ceil(1_000).clamp(1, 86_400);
    LeaseSpec {
        holder_identity: Some(candidate.identity.clone()),
        lease_duration_seconds: i32::try_from(seconds).ok(),
        acquire_time: if mine { seen.acquire_time.clone() } else { Some(now.clone()) },
        renew_time: Some(now),
        lease_transitions: Some(seen.lease_transitions.unwrap_or(0).saturating_add(i32::from(!mine))),
        ..LeaseSpec::default()
    }
}

/// Gives the Lease back, so that a standby need not wait for it to run out.
async fn release(api: &Api<Lease>, candidate: &Candidate, term: &Term) {
    let Some(mut lease) = term.seen().cloned() else { return };
    lease.metadata.managed_fields = None;
    let transitions = lease.spec.as_ref().and_then(|spec| spec.lease_transitions);
    lease.spec = Some(LeaseSpec { lease_transitions: transitions, ..LeaseSpec::default() });
    let parameters = PostParams::default();
    let call = bounded(api.replace(&candidate.lease, &parameters, &lease));
    match tokio::time::timeout(RELEASE_TIMEOUT, call).await {
        Ok(Ok(_)) => info!("Lease released"),
        Ok(Err(error)) => warn!(%error, "the Lease was not released: it has to run out"),
        Err(_) => warn!("the Lease was not released in time: it has to run out"),
    }
}
