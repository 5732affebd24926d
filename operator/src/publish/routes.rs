//! The two requests there are.

use super::acks::{Change, clip};
use super::edition::Publisher;
use super::metrics::PublishMetrics;
use super::proxies::Proxies;
use super::query::{Query, is_name};
use super::reply::{self, Refusal, Reply};
use super::session::{End, Session, Timing};
use super::{Authenticator, Denied};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::AUTHORIZATION;
use hyper::{Method, Request};
use llm_snapshot::Report;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Largest body of a report, in bytes.
const MAX_REPORT: usize = 4 * 1024 * 1024;
/// How long the body of a report may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What answering takes.
#[derive(Clone)]
pub struct Desk {
    /// Decides about tokens.
    pub authenticator: Arc<dyn Authenticator>,
    /// The editions.
    pub publisher: Arc<Publisher>,
    /// The proxies.
    pub proxies: Arc<Proxies>,
    /// Whether this operator leads and has an edition to stream.
    pub serving: watch::Receiver<bool>,
    /// How long things may take.
    pub timing: Timing,
    /// Counters.
    pub metrics: PublishMetrics,
}

impl Desk {
    /// Answers. `connection` is the connection the request came by: cancelling it closes it at once.
    pub(super) async fn answer(
        self,
        request: Request<Incoming>,
        connection: CancellationToken,
    ) -> Result<Reply, Infallible> {
        Ok(self.route(request, connection).await.unwrap_or_else(Refusal::reply))
    }

    async fn route(
        self,
        request: Request<Incoming>,
        connection: CancellationToken,
    ) -> Result<Reply, Refusal> {
        match (request.uri().path(), request.method()) {
            ("/v1/config/stream", &Method::GET) => self.stream(&request, connection).await,
            ("/v1/config/report", &Method::POST) => self.report(request).await,
            ("/v1/config/stream" | "/v1/config/report", _) => Err(Refusal::Method),
            _ => Err(Refusal::NotFound),
        }
    }

    async fn stream(
        self,
        request: &Request<Incoming>,
        connection: CancellationToken,
    ) -> Result<Reply, Refusal> {
        let query = Query::read(request.uri().query().unwrap_or_default())?;
        self.admit(request).await?;
        let held = query.held.and_then(|version| self.publisher.find(version));
        let end = CancellationToken::new();
        let (session, body) =
            Session::new(self.publisher.subscribe(), held, end.clone(), self.timing, self.metrics.clone());
        // Before the answer goes out: the proxy's first report may follow at once.
        if let Some((name, stream)) = &query.proxy {
            info!(proxy = name, stream, "proxy connected");
            self.proxies.join(name, stream, end);
        }
        tokio::spawn(self.run(query.proxy, session, connection));
        Ok(reply::stream(body))
    }

    /// Runs a stream to its end.
    async fn run(mut self, proxy: Option<(String, String)>, session: Session, connection: CancellationToken) {
        let how = tokio::select! {
            how = session.run() => how,
            // An error means that the operator is ending.
            _ = self.serving.wait_for(|serving| !*serving) => End::Ended,
        };
        if how == End::Stalled {
            // What is stuck in the connection will never go: close it under the proxy.
            connection.cancel();
        }
        self.metrics.ended(match how {
            End::Closed => "closed",
            End::Ended => "ended",
            End::Stalled => "stalled",
        });
        if let Some((name, stream)) = &proxy {
            info!(proxy = name, stream, ?how, "proxy disconnected");
            self.proxies.leave(name, stream);
        }
    }

    async fn report(self, request: Request<Incoming>) -> Result<Reply, Refusal> {
        self.admit(&request).await?;
        let body = Limited::new(request.into_body(), MAX_REPORT);
        let body = match tokio::time::timeout(BODY_TIMEOUT, body.collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(Refusal::TooLarge),
            Ok(Err(_)) => return Err(Refusal::BadReport),
            Err(_) => return Err(Refusal::Slow),
        };
        let report: Report = serde_json::from_slice(&body).map_err(|_| Refusal::BadReport)?;
        if !is_name(&report.proxy) || !is_name(&report.stream) {
            return Err(Refusal::BadReport);
        }
        let (proxy, rejected) = (report.proxy.clone(), report.rejected.clone());
        let change = self.proxies.report(report, |version| self.publisher.find(version))?;
        for rejection in rejected.iter().filter(|_| change == Change::Rejections) {
            warn!(proxy, entry = %rejection.id, reason = clip(&rejection.reason), "entry rejected");
        }
        self.metrics.reported();
        Ok(reply::taken())
    }

    /// Whether this operator serves, and serves this one.
    async fn admit(&self, request: &Request<Incoming>) -> Result<(), Refusal> {
        if !*self.serving.borrow() {
            return Err(Refusal::NotLeading);
        }
        let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        Ok(self.authenticator.authenticate(token.ok_or(Denied::Unauthenticated)?).await?)
    }
}
