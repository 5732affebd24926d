//! Connections of clients: HTTP/1.1, with TLS or without, kept alive, each with one task and one timer.

use super::service::Api;
use super::socket::{Socket, Transport};
use crate::drain::{Drain, Phase};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::either::Either;

/// How often a connection is looked at. One that was idle, or in the middle of a request's head, at two looks in a
/// row is closed, and so is one whose request body did not move between them, or whose client took nothing of an
/// answer. Longer than clients keep idle connections, so that it is they who close them.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Time a client has for the beginning of TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Most bytes of a request's head, and of its body read at a time.
const MAX_BUFFER: usize = 64 * 1024;
/// Pause when the system has no connection to give, for want of file descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

const IDLE: u8 = 0;
const RECEIVING: u8 = 1;
const ANSWERING: u8 = 2;

/// What the parts of one connection tell each other.
#[derive(Debug, Default)]
pub struct Link {
    doing: AtomicU8,
    /// Requests begun.
    requests: AtomicU32,
    /// Reads from the client.
    pub(super) reads: AtomicU32,
    /// Writes to the client that went through.
    writes: AtomicU32,
    /// The last one did not.
    blocked: AtomicBool,
    /// The client may not have been read to the end: before the connection is closed, what it still sends is
    /// thrown away for a while, so that it gets to read the answer.
    pub(super) linger: AtomicBool,
}

/// A request is being served, until this is dropped.
#[derive(Debug)]
pub struct Busy(Arc<Link>);

impl Link {
    /// A request begins, and its body is read first.
    #[must_use]
    pub fn begin(self: &Arc<Self>) -> Busy {
        self.requests.fetch_add(1, Ordering::Relaxed);
        // Whatever came before was read to its end, or this would not have come.
        self.linger.store(false, Ordering::Relaxed);
        self.doing.store(RECEIVING, Ordering::Relaxed);
        Busy(self.clone())
    }

    /// The connection may end before the client has sent all it wants to.
    pub fn linger(&self) {
        self.linger.store(true, Ordering::Relaxed);
    }

    /// What must change between two looks, while it is the client's turn.
    fn progress(&self) -> Option<(u32, u32)> {
        let requests = self.requests.load(Ordering::Relaxed);
        match self.doing.load(Ordering::Relaxed) {
            IDLE => Some((requests, 0)),
            RECEIVING => Some((requests, self.reads.load(Ordering::Relaxed))),
            _ if self.blocked.load(Ordering::Relaxed) => {
                Some((requests, self.writes.load(Ordering::Relaxed)))
            }
            _ => None,
        }
    }

    /// A write went through, or could not.
    pub(super) fn wrote(&self, through: bool) {
        if through {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
        self.blocked.store(!through, Ordering::Relaxed);
    }
}

impl Busy {
    /// The request was read; now it is the proxy's turn.
    pub fn received(&self) {
        self.0.doing.store(ANSWERING, Ordering::Relaxed);
    }

    /// Whether it was read to its end.
    #[must_use]
    pub fn is_received(&self) -> bool {
        self.0.doing.load(Ordering::Relaxed) == ANSWERING
    }

    /// The connection.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.0
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.doing.store(IDLE, Ordering::Relaxed);
    }
}

/// Takes connections until dropped, all of them with TLS if there is an acceptor.
pub async fn listen(listener: TcpListener, tls: Option<TlsAcceptor>, api: Arc<Api>, drain: Arc<Drain>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, tls.clone(), api.clone(), drain.clone()));
            }
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether only the connection that was to be taken is to blame.
fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Begins TLS where it is asked for. Scanners and clients that speak without it are no news.
async fn begin(stream: TcpStream, tls: Option<TlsAcceptor>) -> Option<Transport> {
    // A connection that has no such option works as well.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else { return Some(Either::Left(stream)) };
    let stream = timeout(HANDSHAKE, tls.accept(stream)).await.ok()?.ok()?;
    Some(Either::Right(Box::new(stream)))
}

async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, api: Arc<Api>, drain: Arc<Drain>) {
    let registered = drain.register();
    let Some(stream) = begin(stream, tls).await else { return };
    let link = Arc::<Link>::default();
    let socket = TokioIo::new(Socket::new(stream, link.clone()));
    let service = service_fn(|request| api.serve(request, &link));
    let mut http = http1::Builder::new();
    http.max_buf_size(MAX_BUFFER).header_read_timeout(None);
    let mut connection = pin!(http.serve_connection(socket, service));
    let mut look = pin!(sleep(LOOK_EVERY));
    let mut seen = link.progress();
    let mut closing = false;
    poll_fn(|cx| {
        registered.wake_me(cx);
        let phase = drain.phase();
        if phase == Phase::Gone {
            return Poll::Ready(());
        }
        if phase >= Phase::Closing && !closing {
            closing = true;
            connection.as_mut().graceful_shutdown();
        }
        // Whatever breaks a connection breaks it for the client alone, and the requests on it know.
        if connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        while look.as_mut().poll(cx).is_ready() {
            let sees = link.progress();
            if sees.is_some() && sees == seen {
                return Poll::Ready(());
            }
            seen = sees;
            look.set(sleep_until(Instant::now() + LOOK_EVERY));
        }
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_connection_waits_for_decides_whether_it_may_be_still() {
        let link = Arc::<Link>::default();
        assert_eq!(link.progress(), Some((0, 0)), "idle");
        let busy = link.begin();
        assert_eq!(link.progress(), Some((1, 0)), "the client's turn to send");
        busy.received();
        assert_eq!(link.progress(), None, "a provider may think as long as it is allowed to");
        link.wrote(false);
        assert_eq!(link.progress(), Some((1, 0)), "the client's turn to read");
        link.wrote(true);
        assert_eq!(link.progress(), None);
        link.wrote(false);
        assert_eq!(link.progress(), Some((1, 1)), "it read something");
        drop(busy);
        assert_eq!(link.progress(), Some((1, 0)));
    }
}
