//! Events on transitions, as `kubectl describe` shows them. They are for people: one that cannot be recorded
//! is dropped, a flood is cut off, and warnings go first.

use super::metrics::StatusMetrics;
use crate::kubernetes::{FIELD_MANAGER, bounded, resource};
use crate::pace::Pace;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use llm_compile::Object;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// Events recorded a second, and at once.
const RATE: (f64, f64) = (20.0, 100.0);
/// Events of each type that may wait.
const WAITING: usize = 512;

/// An Event about an object.
#[derive(Debug)]
struct Notice {
    about: ObjectReference,
    event: llm_compile::Event,
}

/// Takes Events in.
#[derive(Clone, Debug)]
pub struct Events {
    warnings: mpsc::Sender<Notice>,
    others: mpsc::Sender<Notice>,
    metrics: StatusMetrics,
}

impl Events {
    /// Starts recording, as the replica `instance`, until `stop`.
    #[must_use]
    pub fn start(client: Client, instance: String, metrics: StatusMetrics, stop: CancellationToken) -> Self {
        let (warnings, waiting_warnings) = mpsc::channel(WAITING);
        let (others, waiting_others) = mpsc::channel(WAITING);
        let reporter = Reporter { controller: FIELD_MANAGER.to_owned(), instance: Some(instance) };
        let recorder = Recorder::new(client, reporter);
        let counters = metrics.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = record(recorder, waiting_warnings, waiting_others, counters) => {}
            }
        });
        Self { warnings, others, metrics }
    }

    /// Records what happened to `object`.
    pub fn tell(&self, object: &Object, events: Vec<llm_compile::Event>) {
        for event in events {
            let queue = match event.type_ {
                llm_compile::EventType::Warning => &self.warnings,
                llm_compile::EventType::Normal => &self.others,
            };
            if queue.try_send(Notice { about: reference(object), event }).is_err() {
                self.metrics.event("dropped");
            }
        }
    }
}

async fn record(
    recorder: Recorder,
    mut warnings: mpsc::Receiver<Notice>,
    mut others: mpsc::Receiver<Notice>,
    metrics: StatusMetrics,
) {
    let mut pace = Pace::new(RATE.0, RATE.1, Instant::now());
    loop {
        let notice = tokio::select! {
            biased;
            notice = warnings.recv() => notice,
            notice = others.recv() => notice,
        };
        let Some(Notice { about, event }) = notice else { return };
        if let Err(wait) = pace.take(Instant::now()) {
            tokio::time::sleep(wait).await;
        }
        let event = Event {
            type_: match event.type_ {
                llm_compile::EventType::Normal => EventType::Normal,
                llm_compile::EventType::Warning => EventType::Warning,
            },
            reason: event.reason,
            note: Some(event.message),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        match bounded(recorder.publish(&event, &about)).await {
            Ok(()) => metrics.event("recorded"),
            Err(error) => {
                metrics.event("failed");
                debug!(%error, "an Event was not recorded");
            }
        }
    }
}

fn reference(object: &Object) -> ObjectReference {
    let resource = resource(object.kind);
    ObjectReference {
        api_version: Some(resource.api_version),
        kind: Some(resource.kind),
        namespace: Some(object.namespace.clone()),
        name: Some(object.name.clone()),
        uid: Some(object.uid.clone()),
        ..ObjectReference::default()
    }
}
