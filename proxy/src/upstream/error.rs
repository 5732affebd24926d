//! What can go wrong between the proxy and a provider, by what the next step depends on.
//!
//! Messages are for people and hold nothing of the request: no header, no body, no credential.

use std::io;

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The request has no form that could be sent, whatever the provider.
    #[error("the request cannot be sent")]
    Request(#[source] http::Error),
    /// The host has no address.
    #[error("the provider's host name does not resolve")]
    Resolve(#[source] io::Error),
    /// No address of the host takes a connection.
    #[error("the provider takes no connection")]
    Connect(#[source] io::Error),
    /// The connection stands, but TLS does not: a certificate that is not trusted, for example.
    #[error("no TLS with the provider")]
    Tls(#[source] io::Error),
    /// The connection did not stand in time.
    #[error("no connection to the provider in time")]
    ConnectTimeout,
    /// The request was sent and nothing came back in time.
    #[error("no first byte from the provider in time")]
    FirstByteTimeout,
    /// The whole attempt took too long before there was a response.
    #[error("no response from the provider within the total time")]
    TotalTimeout,
    /// The connection broke before there was a response.
    #[error("the provider broke the connection before it answered")]
    Broken {
        /// Whether the provider may have seen a part of the request.
        sent: bool,
        /// What happened, when the network tells.
        #[source]
        source: Option<hyper::Error>,
    },
    /// What came back is not HTTP, or its head is too large.
    #[error("the provider's answer is not an HTTP response")]
    Malformed(#[source] Option<hyper::Error>),
}

impl SendError {
    /// Whether the provider may have seen a part of the request. If not, sending it again repeats nothing.
    #[must_use]
    pub fn sent(&self) -> bool {
        match self {
            Self::Request(_) | Self::Resolve(_) | Self::Connect(_) | Self::Tls(_) | Self::ConnectTimeout => {
                false
            }
            Self::Broken { sent, .. } => *sent,
            Self::FirstByteTimeout | Self::TotalTimeout | Self::Malformed(_) => true,
        }
    }

    pub(super) fn of(error: hyper::Error, sent: bool) -> Self {
        if error.is_parse() {
            Self::Malformed(Some(error))
        } else {
            Self::Broken { sent, source: Some(error) }
        }
    }
}

/// Why a response body has no proper end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Nothing came for the stream-idle time.
    #[error("the provider went silent in the middle of its answer")]
    Idle,
    /// The attempt took longer than its total time.
    #[error("the provider's answer took longer than the total time")]
    Total,
    /// The connection ended, or what came is no HTTP body, before the body was whole.
    #[error("the provider's answer broke off")]
    Broken(#[source] Option<hyper::Error>),
}

/// Why no upstream can be made of what a provider says.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum BuildError {
    /// The base URL is not one.
    #[error("the base URL {0}")]
    Url(&'static str),
    /// The authorities' PEM is not one, or holds no certificate.
    #[error("the CA bundle {0}")]
    CaBundle(&'static str),
    /// The server name is neither a DNS name nor an address.
    #[error("the TLS server name is neither a DNS name nor an IP address")]
    ServerName,
    /// The TLS library refuses the settings.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}
