//! Calls to providers: a request goes out, a response with a body comes back, and nothing outside tells how.
//!
//! A [`Target`] is either an [`Upstream`], an HTTP/1.1 endpoint with a pool of connections of its own, or a mock
//! that answers by itself. A connection is driven by the task that waits for its response, and goes back to the
//! pool at the end of the body. A request is sent again by itself only when nothing of it had been sent, which
//! happens when the other end has closed a pooled connection; everything else is the caller's to judge.

mod address;
mod alarm;
mod body;
mod client;
mod connect;
mod connection;
mod error;
mod exchange;
mod identity;
mod metrics;
mod pool;
mod relay;
mod timeouts;
mod tls;
mod wire;

#[cfg(test)]
pub(crate) mod testing;

pub use body::Body;
pub use client::Upstream;
pub use error::{BodyError, BuildError, SendError};
pub use identity::Identity;
pub use metrics::Metrics;
pub use timeouts::Timeouts;

use crate::mock::MockProvider;
use bytes::Bytes;
use http::{Request, Response};
use std::sync::Arc;

/// What answers for a provider.
#[derive(Clone, Debug)]
pub enum Target {
    /// An HTTP API.
    Http(Arc<Upstream>),
    /// The proxy itself.
    Mock(Arc<MockProvider>),
}

impl Target {
    /// The `Host` header of requests, and what stands before their paths; `None`: no request goes anywhere.
    #[must_use]
    pub fn place(&self) -> Option<(&str, &str)> {
        match self {
            Self::Http(upstream) => Some(upstream.place()),
            Self::Mock(_) => None,
        }
    }

    /// Sends a request and waits for the head of its response, as [`Upstream::send`] says.
    ///
    /// # Errors
    /// [`SendError`], of a mock as of an upstream.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        timeouts: &Timeouts,
    ) -> Result<Response<Body>, SendError> {
        match self {
            Self::Http(upstream) => upstream.send(request, timeouts).await,
            Self::Mock(mock) => Box::pin(mock.send(request, timeouts)).await,
        }
    }
}
