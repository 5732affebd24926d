//! A config server that does what a test tells it.

use super::*;
use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use llm_snapshot::Report;
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsAcceptor;

/// The token the servers take.
pub(super) const TOKEN: &str = "canary-token";

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// An authority that signs for `localhost`.
pub(super) struct Authority {
    issuer: rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer =
            rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    pub(super) fn pem(&self) -> String {
        self.issuer.pem()
    }

    fn tls(&self) -> TlsAcceptor {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(["localhost".to_owned()])
            .unwrap()
            .signed_by(&key, &self.issuer)
            .unwrap();
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A server. It is gone when it is dropped, and so are its connections.
pub(super) struct Server {
    address: SocketAddr,
    streams: UnboundedReceiver<Stream>,
    reports: UnboundedReceiver<Report>,
    answers: Arc<Answers>,
    connections: Option<tokio::task::JoinHandle<()>>,
}

/// What requests are answered with.
struct Answers {
    stream: AtomicU16,
    report: AtomicU16,
    asked: AtomicUsize,
    refused: AtomicUsize,
    streams: UnboundedSender<Stream>,
    reports: UnboundedSender<Report>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = &self.connections {
            task.abort();
        }
    }
}

/// A stream a client opened. It ends when it is dropped.
pub(super) struct Stream {
    query: String,
    lines: UnboundedSender<Bytes>,
}

impl Stream {
    pub(super) fn query(&self, name: &str) -> Option<String> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next()
    }

    pub(super) fn send(&self, message: &Message) {
        self.send_text(&format!("{}\n", serde_json::to_string(message).unwrap()));
    }

    pub(super) fn send_text(&self, text: &str) {
        let _client_gone = self.lines.send(Bytes::copy_from_slice(text.as_bytes()));
    }

    /// Waits until the client hangs up.
    pub(super) async fn hung_up(&self) {
        tokio::time::timeout(PATIENCE, self.lines.closed()).await.expect("the client stays");
    }
}

impl Server {
    pub(super) async fn start(authority: &Authority) -> Self {
        Self::start_at(authority, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    pub(super) async fn start_at(authority: &Authority, address: SocketAddr) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        let listener = socket.listen(64).unwrap();
        let address = listener.local_addr().unwrap();
        let (streams_in, streams) = unbounded_channel();
        let (reports_in, reports) = unbounded_channel();
        let answers = Arc::new(Answers {
            stream: AtomicU16::new(200),
            report: AtomicU16::new(204),
            asked: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            streams: streams_in,
            reports: reports_in,
        });
        let task = tokio::spawn(accept(listener, authority.tls(), answers.clone()));
        Self { address, streams, reports, answers, connections: Some(task) }
    }

    pub(super) fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn answer_streams(&self, status: u16) {
        self.answers.stream.store(status, Ordering::SeqCst);
    }

    pub(super) fn answer_reports(&self, status: u16) {
        self.answers.report.store(status, Ordering::SeqCst);
    }

    /// How many streams were asked for with the right token, whatever they were answered with.
    pub(super) fn asked(&self) -> usize {
        self.answers.asked.load(Ordering::SeqCst)
    }

    /// How many requests had no token, or not the right one.
    pub(super) fn refused(&self) -> usize {
        self.answers.refused.load(Ordering::SeqCst)
    }

    /// Closes the port and every connection.
    pub(super) async fn stop(mut self) {
        if let Some(task) = self.connections.take() {
            task.abort();
            let _aborted = task.await;
        }
    }

    pub(super) async fn stream(&mut self) -> Stream {
        tokio::time::timeout(PATIENCE, self.streams.recv()).await.expect("no client dials").expect("it runs")
    }

    /// The next report of this version.
    pub(super) async fn report(&mut self, snapshot: &Snapshot) -> Report {
        let search = async {
            loop {
                let report = self.reports.recv().await.expect("it runs");
                if report.version == snapshot.version() {
                    return report;
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.expect("no such report")
    }
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, answers: Arc<Answers>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let (tls, answers) = (tls.clone(), answers.clone());
        connections.spawn(async move {
            let Ok(socket) = tls.accept(socket).await else { return };
            let service = service_fn(move |request| answer(request, answers.clone()));
            drop(http1::Builder::new().serve_connection(TokioIo::new(socket), service).await);
        });
    }
}

async fn answer(request: Request<Incoming>, answers: Arc<Answers>) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let known = head.headers.get("authorization").is_some_and(|value| value == &format!("Bearer {TOKEN}"));
    let host = head.headers.get("host").is_some_and(|host| host.as_bytes().starts_with(b"localhost:"));
    if !known || !host {
        answers.refused.fetch_add(1, Ordering::SeqCst);
        return Ok(plain(401, "a token is required"));
    }
    if head.uri.path() == "/v1/config/stream" {
        answers.asked.fetch_add(1, Ordering::SeqCst);
        let status = answers.stream.load(Ordering::SeqCst);
        if status != 200 {
            return Ok(plain(status, "not now"));
        }
        let (lines, receiver) = unbounded_channel();
        let query = head.uri.query().unwrap_or_default().to_owned();
        let _test_over = answers.streams.send(Stream { query, lines });
        return Ok(Response::new(streaming(receiver)));
    }
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let status = answers.report.load(Ordering::SeqCst);
    if status == 204 {
        let _test_over = answers.reports.send(serde_json::from_slice(&body).unwrap());
    }
    Ok(plain(status, ""))
}

fn plain(status: u16, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())).boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn streaming(receiver: UnboundedReceiver<Bytes>) -> Body {
    let frames = stream::unfold(receiver, |mut receiver| async move {
        let line = receiver.recv().await?;
        Some((Ok(Frame::data(line)), receiver))
    });
    StreamBody::new(frames).boxed_unsync()
}
