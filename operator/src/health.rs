//! /livez, /readyz and /metrics, over plain HTTP.

use crate::publish::{Edition, Proxies};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Connections at the same time.
const MAX_CONNECTIONS: usize = 64;
/// How long a request's head may take, and a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Something that has to be so before this replica is ready.
pub struct Condition {
    /// What is missing while it is not.
    pub name: &'static str,
    /// Whether it is.
    pub holds: Box<dyn Fn() -> bool + Send + Sync>,
}

/// What is told about this replica.
pub struct Health {
    /// All of it has to hold; a standby is ready too.
    pub ready: Vec<Condition>,
    /// All metrics.
    pub registry: Registry,
    /// Those that are read when asked for.
    pub gauges: Gauges,
}

/// Gauges that are read when asked for.
pub struct Gauges {
    leader: Gauge,
    connected: Gauge,
    acked: Gauge,
    lagging: Gauge,
    rejections: Gauge,
    leading: watch::Receiver<bool>,
    latest: watch::Receiver<Option<Arc<Edition>>>,
    proxies: Arc<Proxies>,
}

impl Gauges {
    /// Registers them.
    #[must_use]
    pub fn new(
        registry: &mut Registry,
        leading: watch::Receiver<bool>,
        latest: watch::Receiver<Option<Arc<Edition>>>,
        proxies: Arc<Proxies>,
    ) -> Self {
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let gauges = Self {
            leader: gauge("leader", "Whether this replica holds the Lease"),
            connected: gauge("proxies_connected", "Proxies with an open config stream"),
            acked: gauge("proxies_acked", "Proxies that acknowledged the newest snapshot"),
            lagging: gauge("proxies_lagging", "Proxies that did not acknowledge the newest snapshot"),
            rejections: gauge("rejections", "Entries that proxies cannot use, over all proxies"),
            leading,
            latest,
            proxies,
        };
        registry.register("build", "The program", Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]));
        gauges
    }

    fn read(&self) {
        let version = self.latest.borrow().as_ref().map(|edition| edition.version());
        let count = self.proxies.count(version);
        let set = |gauge: &Gauge, value: usize| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        self.leader.set(i64::from(*self.leading.borrow()));
        set(&self.connected, count.connected);
        set(&self.acked, count.acked);
        set(&self.lagging, count.total - count.acked);
        set(&self.rejections, count.rejections);
    }
}

/// Serves until `stop`.
pub async fn serve(listener: TcpListener, health: Arc<Health>, stop: CancellationToken) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let socket = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => socket,
                Err(error) => {
                    warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let Ok(permit) = room.clone().try_acquire_owned() else { continue };
        let health = health.clone();
        tokio::spawn(async move {
            let service =
                service_fn(|request| std::future::ready(Ok::<_, Infallible>(health.answer(&request))));
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
            // A client that goes away is no news.
            let _ = http.serve_connection(TokioIo::new(socket), service).await;
            drop(permit);
        });
    }
}

impl Health {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return reply(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET\n");
        }
        match request.uri().path() {
            "/livez" => reply(StatusCode::OK, TEXT, "ok\n"),
            "/readyz" => self.ready(),
            "/metrics" => self.metrics(),
            _ => reply(StatusCode::NOT_FOUND, TEXT, "not found\n"),
        }
    }

    fn ready(&self) -> Response<Full<Bytes>> {
        let missing: Vec<&str> = self
            .ready
            .iter()
            .filter(|condition| !(condition.holds)())
            .map(|condition| condition.name)
            .collect();
        match missing.is_empty() {
            true => reply(StatusCode::OK, TEXT, "ok\n"),
            false => {
                reply(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("waiting for {}\n", missing.join(", ")))
            }
        }
    }

    fn metrics(&self) -> Response<Full<Bytes>> {
        self.gauges.read();
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => reply(StatusCode::OK, METRICS, text),
            Err(_) => reply(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "metrics cannot be written\n"),
        }
    }
}

fn reply(status: StatusCode, type_: &'static str, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(text.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(type_));
    reply
}

#[cfg(test)]
mod tests;
