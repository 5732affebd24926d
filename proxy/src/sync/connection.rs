//! One HTTP/1.1 connection over TLS to one address of an operator.

use super::Timing;
use super::credentials::Credentials;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Where an operator is, and what it must be called.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    /// `HOST:PORT` of the URL.
    pub(super) authority: HeaderValue,
    pub(super) server_name: ServerName<'static>,
}

/// Why there is no connection, or no answer on it.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionError {
    #[error("no connection: {0}")]
    Connect(#[source] io::Error),
    #[error("no connection in time")]
    ConnectTimeout,
    #[error("TLS failed: {0}")]
    Tls(#[source] io::Error),
    #[error("HTTP failed: {0}")]
    Http(#[from] hyper::Error),
    #[error("no answer in time")]
    AnswerTimeout,
}

/// A connection. It is closed when it is dropped.
#[derive(Debug)]
pub(super) struct Connection {
    peer: Peer,
    sender: SendRequest<Full<Bytes>>,
    _driver: Driver,
}

/// The task that moves the bytes.
#[derive(Debug)]
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Connection {
    /// Connects.
    pub(super) async fn open(
        peer: &Peer,
        credentials: &Credentials,
        timing: Timing,
    ) -> Result<Self, ConnectionError> {
        let tcp = timeout(timing.connect, TcpStream::connect(peer.address))
            .await
            .map_err(|_| ConnectionError::ConnectTimeout)?
            .map_err(ConnectionError::Connect)?;
        tcp.set_nodelay(true).map_err(ConnectionError::Connect)?;
        let tls = TlsConnector::from(credentials.tls.clone()).connect(peer.server_name.clone(), tcp);
        let tls = timeout(timing.answer, tls)
            .await
            .map_err(|_| ConnectionError::AnswerTimeout)?
            .map_err(ConnectionError::Tls)?;
        let (sender, connection) = http1::handshake(TokioIo::new(tls)).await?;
        // How it ends is seen by whoever uses it.
        let driver = tokio::spawn(async move { drop(connection.await) });
        Ok(Self { peer: peer.clone(), sender, _driver: Driver(driver) })
    }

    /// Where it leads.
    pub(super) fn peer(&self) -> SocketAddr {
        self.peer.address
    }

    /// Where it leads, for another connection to the same operator.
    pub(super) fn to(&self) -> &Peer {
        &self.peer
    }

    /// Sends a request with this proxy's token and waits for the head of the answer.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
        credentials: &Credentials,
        timing: Timing,
    ) -> Result<Response<Incoming>, ConnectionError> {
        let headers = request.headers_mut();
        headers.insert(HOST, self.peer.authority.clone());
        if let Some(token) = &credentials.token {
            headers.insert(AUTHORIZATION, token.clone());
        }
        let exchange = async {
            self.sender.ready().await?;
            self.sender.send_request(request).await
        };
        Ok(timeout(timing.answer, exchange).await.map_err(|_| ConnectionError::AnswerTimeout)??)
    }
}
