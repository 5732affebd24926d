//! A provider that does to the letter what a test says, on real sockets.

use super::{Metrics, Timeouts, Upstream};
use bytes::Bytes;
use http::{Method, Request};
use llm_snapshot::provider::{Http, Tls};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio_rustls::TlsAcceptor;

/// Any connection.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// A listening socket, and what happened on it.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Server {
    /// Runs `script` for every connection, with its number from 0.
    pub(crate) async fn start<S, F>(script: S) -> Self
    where
        S: Fn(usize, Peer) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::start_with(None, script).await
    }

    /// The same behind TLS. A connection whose handshake fails is counted and closed.
    pub(crate) async fn start_with<S, F>(tls: Option<TlsAcceptor>, script: S) -> Self
    where
        S: Fn(usize, Peer) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let socket = TcpSocket::new_v4().unwrap();
        // Little, so that a large request does not fit in between.
        socket.set_recv_buffer_size(1 << 16).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(128).unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let server = Self { address, connections: connections.clone(), requests: requests.clone() };
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                socket.set_nodelay(true).unwrap();
                let number = connections.fetch_add(1, Ordering::SeqCst);
                let io: Box<dyn Io> = match &tls {
                    None => Box::new(socket),
                    Some(tls) => match tls.accept(socket).await {
                        Ok(stream) => Box::new(stream),
                        Err(_) => continue,
                    },
                };
                tokio::spawn(script(number, Peer { io, requests: requests.clone() }));
            }
        });
        server
    }

    /// A server that answers every request on every connection with the same bytes, until the other end closes.
    pub(crate) async fn answering(response: impl Into<Vec<u8>>) -> Self {
        let response: Arc<[u8]> = response.into().into();
        Self::start(move |_, mut peer| {
            let response = response.clone();
            async move {
                while peer.request().await.is_some() {
                    peer.send(&response).await;
                }
            }
        })
        .await
    }

    /// Connections accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Requests read to their end so far.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// An upstream that leads here, and its counters.
    pub(crate) fn upstream(&self) -> (Upstream, Metrics) {
        let metrics = Metrics::default();
        let http = http(&format!("http://{}", self.address), Tls::default());
        (Upstream::new(&http, &metrics).unwrap(), metrics)
    }
}

/// The server's end of a connection.
pub(crate) struct Peer {
    io: Box<dyn Io>,
    requests: Arc<AtomicUsize>,
}

impl Peer {
    /// Reads a request, its body included; `None` when the other end closed before its end.
    pub(crate) async fn request(&mut self) -> Option<String> {
        let mut request = self.head().await?;
        let length = request.lines().find_map(|line| line.strip_prefix("content-length: ")).map(str::parse);
        let mut body = vec![0; length.transpose().unwrap().unwrap_or(0)];
        self.io.read_exact(&mut body).await.ok()?;
        request.push_str(std::str::from_utf8(&body).unwrap());
        self.requests.fetch_add(1, Ordering::SeqCst);
        Some(request)
    }

    /// Reads the head of a request and none of its body.
    pub(crate) async fn head(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.io.read_u8().await.ok()?);
        }
        Some(String::from_utf8(head).unwrap())
    }

    /// Reads up to `most` bytes.
    pub(crate) async fn read(&mut self, most: usize) -> usize {
        self.io.read(&mut vec![0; most]).await.unwrap_or(0)
    }

    /// Sends bytes at once; does not care whether they arrive.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.io.write_all(bytes.as_ref()).await;
        let _ = self.io.flush().await;
    }

    /// Waits until the other end has closed.
    pub(crate) async fn closed(&mut self) {
        while self.read(65536).await > 0 {}
    }
}

/// What a provider's upstream is made of.
pub(crate) fn http(base_url: &str, tls: Tls) -> Http {
    Http { tls, ..Http::new(base_url) }
}

/// A request with a body.
pub(crate) fn post(body: impl Into<Bytes>) -> Request<Bytes> {
    Request::builder().method(Method::POST).uri("/chat/completions").body(body.into()).unwrap()
}

/// Limits that are out of the way, and far apart.
pub(crate) const PATIENT: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    first_byte: Duration::from_secs(60),
    stream_idle: Duration::from_secs(30),
    total: Duration::from_secs(600),
};

/// A whole response.
pub(crate) const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

/// Waits until `condition` holds.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("never came true: {what}");
}
