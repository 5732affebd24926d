//! Speaking back: what this proxy holds, after every change and every few seconds.

use super::Timing;
use super::connection::{Connection, ConnectionError, Peer};
use super::credentials::{CredentialError, Credentials};
use super::log::Complaints;
use super::metrics::Metrics;
use crate::config::Operator;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use llm_snapshot::Report;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How soon a report that failed is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// Reports about one stream.
#[derive(Debug)]
pub(super) struct Reporter {
    pub(super) operator: Operator,
    pub(super) peer: Peer,
    pub(super) latest: watch::Receiver<Option<Report>>,
    pub(super) metrics: Metrics,
    pub(super) timing: Timing,
}

/// Why a report did not arrive.
#[derive(Debug, thiserror::Error)]
enum ReportError {
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("the report has no JSON form")]
    Json(#[from] serde_json::Error),
    #[error("the operator answers with {0}")]
    Status(StatusCode),
}

impl Reporter {
    /// Reports until the operator says that the stream is not the current one of this proxy, or the stream is over.
    pub(super) async fn run(mut self) {
        let mut connection = None;
        let mut complaints = Complaints::default();
        let mut due = interval(self.timing.report);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                changed = self.latest.changed() => if changed.is_err() { return },
                _ = due.tick() => {}
            }
            let Some(report) = self.latest.borrow_and_update().clone() else { continue };
            due.reset();
            match self.deliver(&mut connection, &report).await {
                Ok(()) => complaints.forget(),
                Err(ReportError::Status(StatusCode::CONFLICT)) => return,
                Err(error) => {
                    connection = None;
                    complaints.tell("a report did not reach the operator", &error);
                    self.metrics.report_failed();
                    due.reset_at(Instant::now() + RETRY.min(self.timing.report));
                }
            }
        }
    }

    /// Sends `report`, on the connection there is if it still works.
    async fn deliver(&self, connection: &mut Option<Connection>, report: &Report) -> Result<(), ReportError> {
        let credentials = Credentials::read(&self.operator).await?;
        let body = Bytes::from(serde_json::to_vec(report)?);
        if let Some(mut open) = connection.take()
            && let Ok(status) = self.post(&mut open, body.clone(), &credentials).await
        {
            *connection = Some(open);
            return accepted(status);
        }
        let mut fresh = Connection::open(&self.peer, &credentials, self.timing).await?;
        let status = self.post(&mut fresh, body, &credentials).await?;
        *connection = Some(fresh);
        accepted(status)
    }

    async fn post(
        &self,
        connection: &mut Connection,
        body: Bytes,
        credentials: &Credentials,
    ) -> Result<StatusCode, ConnectionError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static("/v1/config/report");
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let response = connection.send(request, credentials, self.timing).await?;
        Ok(response.status())
    }
}

fn accepted(status: StatusCode) -> Result<(), ReportError> {
    if status.is_success() { Ok(()) } else { Err(ReportError::Status(status)) }
}
