//! One endpoint of a provider, with the connections to it.

use super::address::Address;
use super::body::Body;
use super::connect::connect;
use super::connection::{Connection, Failure, Outgoing};
use super::error::{BuildError, SendError};
use super::exchange::Exchange;
use super::identity::Identity;
use super::metrics::Metrics;
use super::pool::Pool;
use super::timeouts::Timeouts;
use super::tls::Tls;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use llm_snapshot::provider;
use std::fmt;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

/// An endpoint and its connections. Dropping it closes the idle ones; those in use serve their response first.
pub struct Upstream {
    identity: Identity,
    address: Address,
    tls: Option<Tls>,
    pool: Arc<Pool>,
    metrics: Metrics,
}

impl Upstream {
    /// The upstream of a provider. Connects to nothing yet.
    ///
    /// # Errors
    /// [`BuildError`] when the URL or the TLS settings are unusable.
    pub fn new(http: &provider::Http, metrics: &Metrics) -> Result<Self, BuildError> {
        let address = Address::parse(&http.base_url)?;
        let tls = if address.https { Some(Tls::new(&http.tls, &address.host)?) } else { None };
        Ok(Self {
            identity: Identity::of(http),
            address,
            tls,
            pool: Arc::default(),
            metrics: metrics.clone(),
        })
    }

    /// The `Host` header of requests, and what stands before their paths.
    #[must_use]
    pub fn place(&self) -> (&str, &str) {
        self.address.place()
    }

    /// What it was made of.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Sends a request and waits for the head of its response.
    ///
    /// The request's URI is a path of the provider's API (`/chat/completions`), to which the base URL is added.
    /// Headers that belong to one connection only must be gone, but for those of host and framing, which are set
    /// here. The response's headers are as they came. Dropping the future cancels the request.
    ///
    /// # Errors
    /// [`SendError`]; [`SendError::sent`] tells whether the provider may have seen the request.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        timeouts: &Timeouts,
    ) -> Result<Response<Body>, SendError> {
        let total = Instant::now() + timeouts.total;
        let mut request = request.map(Full::new);
        self.address.complete(&mut request)?;
        // Each turn uses up one connection that the other end had closed while it was idle.
        while let Some(mut connection) = self.pool.take() {
            match connection.send(request, timeouts.first_byte, total).await {
                Ok(response) => {
                    self.metrics.reused.inc();
                    return self.begin(response, connection, timeouts, total);
                }
                Err(Failure::Failed(error)) => return Err(error),
                Err(Failure::Unsent(unsent, _)) => request = *unsent,
            }
        }
        Box::pin(self.send_anew(request, timeouts, total)).await
    }

    async fn send_anew(
        &self,
        request: Outgoing,
        timeouts: &Timeouts,
        total: Instant,
    ) -> Result<Response<Body>, SendError> {
        let connect_by = Instant::now() + timeouts.connect;
        let stream =
            timeout_at(connect_by.min(total), connect(&self.address, self.tls.as_ref())).await.map_err(
                |_| if total < connect_by { SendError::TotalTimeout } else { SendError::ConnectTimeout },
            )??;
        let mut connection = Box::new(Connection::new(stream, self.metrics.open()).await?);
        match connection.send(request, timeouts.first_byte, total).await {
            Ok(response) => self.begin(response, connection, timeouts, total),
            Err(Failure::Failed(error) | Failure::Unsent(_, error)) => Err(error),
        }
    }

    fn begin(
        &self,
        response: Response<Incoming>,
        connection: Box<Connection>,
        timeouts: &Timeouts,
        total: Instant,
    ) -> Result<Response<Body>, SendError> {
        // No request asks for another protocol, so this is no answer to one.
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(SendError::Malformed(None));
        }
        Ok(response.map(|incoming| {
            Body::from(Exchange::new(incoming, connection, self.pool.clone(), timeouts, total))
        }))
    }
}

/// Shows where it leads. A base URL with a user name or a query is never taken, so it is no secret.
impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upstream({:?})", self.address)
    }
}

#[cfg(test)]
mod tests;
