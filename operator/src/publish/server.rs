//! The config server: TLS connections, each bounded in size, time and number.

use super::routes::Desk;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

/// Connections at the same time.
const MAX_CONNECTIONS: usize = 4_096;
/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request's head may take, and a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Largest head of a request, in bytes; a token is a few KiB.
const MAX_HEAD: usize = 32 * 1024;
/// How long connections may take to end when the operator does.
const GOODBYE: Duration = Duration::from_secs(2);

/// Serves until `stop`, then ends every connection.
pub async fn serve(listener: TcpListener, tls: Arc<ServerConfig>, desk: Desk, stop: CancellationToken) {
    let acceptor = TlsAcceptor::from(tls);
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let connections = TaskTracker::new();
    loop {
        let (socket, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: pause rather than spin.
                    warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let Ok(permit) = room.clone().try_acquire_owned() else {
            warn!(%peer, "too many connections: refused");
            continue;
        };
        let (acceptor, desk, stop) = (acceptor.clone(), desk.clone(), stop.clone());
        connections.spawn(async move {
            if let Err(error) = connection(socket, acceptor, desk, stop).await {
                debug!(%peer, %error, "connection failed");
            }
            drop(permit);
        });
    }
    connections.close();
    if tokio::time::timeout(GOODBYE, connections.wait()).await.is_err() {
        debug!("some connections did not end in time");
    }
}

/// Why a connection ended early.
#[derive(Debug, thiserror::Error)]
enum ConnectionError {
    #[error("TLS handshake: {0}")]
    Handshake(#[source] std::io::Error),
    #[error("TLS handshake: too slow")]
    SlowHandshake,
    #[error("HTTP: {0}")]
    Http(#[from] hyper::Error),
    #[error("closed: the proxy does not read")]
    Stalled,
}

async fn connection(
    socket: TcpStream,
    acceptor: TlsAcceptor,
    desk: Desk,
    stop: CancellationToken,
) -> Result<(), ConnectionError> {
    // Lines are small and wanted now. Without it they are only later.
    let _ = socket.set_nodelay(true);
    let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(socket));
    let socket = handshake.await.map_err(|_| ConnectionError::SlowHandshake)?;
    let socket = TokioIo::new(socket.map_err(ConnectionError::Handshake)?);
    let cut = CancellationToken::new();
    let service = {
        let cut = cut.clone();
        service_fn(move |request| desk.clone().answer(request, cut.clone()))
    };
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_header_size(MAX_HEAD);
    let mut serving = std::pin::pin!(http.serve_connection(socket, service));
    tokio::select! {
        served = serving.as_mut() => return Ok(served?),
        () = cut.cancelled() => return Err(ConnectionError::Stalled),
        () = stop.cancelled() => {}
    }
    serving.as_mut().graceful_shutdown();
    match tokio::time::timeout(GOODBYE, serving).await {
        Ok(served) => Ok(served?),
        Err(_) => Err(ConnectionError::Stalled),
    }
}

#[cfg(test)]
mod tests;
