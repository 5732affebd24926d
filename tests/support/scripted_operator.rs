//! A scripted operator: speaks the config stream protocol to a real proxy, and sends what a test wants, wrong
//! messages too.

use crate::Result;
use crate::wait::PATIENCE;
use anyhow::Context as _;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use llm_snapshot::{Message, Report};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{Receiver, Sender, UnboundedReceiver, UnboundedSender, channel, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A running operator. It ends when it is dropped.
pub struct ScriptedOperator {
    address: SocketAddr,
    streams: UnboundedReceiver<Stream>,
    reports: UnboundedReceiver<Report>,
    answers: Arc<Answers>,
    task: JoinHandle<()>,
}

/// A stream a proxy opened.
pub struct Stream {
    /// The version the proxy says it holds, as it was written; `None`: it asks for everything.
    pub held: Option<String>,
    lines: Sender<String>,
}

/// The statuses requests are answered with.
struct Answers {
    stream: AtomicU16,
    report: AtomicU16,
}

#[derive(Clone)]
struct Out {
    streams: UnboundedSender<Stream>,
    reports: UnboundedSender<Report>,
    answers: Arc<Answers>,
}

impl ScriptedOperator {
    /// Starts one on a free port of loopback, with a certificate for `localhost` that it writes to `ca`.
    ///
    /// # Errors
    /// When there is no port, or the certificate cannot be made.
    pub async fn start(ca: &Path) -> Result<Self> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        std::fs::write(ca, made.cert.pem())?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (stream_sender, streams) = unbounded_channel();
        let (report_sender, reports) = unbounded_channel();
        let answers = Arc::new(Answers { stream: AtomicU16::new(200), report: AtomicU16::new(204) });
        let out = Out { streams: stream_sender, reports: report_sender, answers: answers.clone() };
        let task = tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(tls)), out));
        Ok(Self { address, streams, reports, answers, task })
    }

    /// Its URL, as proxies dial it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// From now on streams are answered with this status.
    pub fn answer_streams(&self, status: u16) {
        self.answers.stream.store(status, Ordering::Relaxed);
    }

    /// From now on reports are answered with this status.
    pub fn answer_reports(&self, status: u16) {
        self.answers.report.store(status, Ordering::Relaxed);
    }

    /// The next stream a proxy opens.
    ///
    /// # Errors
    /// When none does.
    pub async fn stream(&mut self) -> Result<Stream> {
        let next = tokio::time::timeout(PATIENCE, self.streams.recv()).await.context("no proxy dials")?;
        next.context("the operator ended")
    }

    /// The next report that `wanted` holds of.
    ///
    /// # Errors
    /// When none comes.
    pub async fn report(&mut self, wanted: impl Fn(&Report) -> bool) -> Result<Report> {
        let search = async {
            loop {
                let report = self.reports.recv().await.context("the operator ended")?;
                if wanted(&report) {
                    return Ok(report);
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.context("no such report")?
    }
}

impl Drop for ScriptedOperator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stream {
    /// Sends a message.
    ///
    /// # Errors
    /// When the proxy hung up.
    pub async fn send(&self, message: &Message) -> Result<()> {
        self.send_line(&serde_json::to_string(message)?).await
    }

    /// Sends a line as it is.
    ///
    /// # Errors
    /// When the proxy hung up.
    pub async fn send_line(&self, line: &str) -> Result<()> {
        self.lines.send(format!("{line}\n")).await.context("the proxy hung up")
    }

    /// Waits until the proxy hangs up.
    ///
    /// # Errors
    /// When it does not.
    pub async fn hung_up(&self) -> Result<()> {
        tokio::time::timeout(PATIENCE, self.lines.closed()).await.context("the proxy stays")
    }
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, out: Out) {
    while let Ok((socket, _)) = listener.accept().await {
        let (tls, out) = (tls.clone(), out.clone());
        tokio::spawn(async move {
            let Ok(transport) = tls.accept(socket).await else { return };
            let service = service_fn(move |request| answered(request, out.clone()));
            // A proxy that goes away is no news here.
            drop(http1::Builder::new().serve_connection(TokioIo::new(transport), service).await);
        });
    }
}

async fn answered(request: Request<Incoming>, out: Out) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    if head.uri.path() == "/v1/config/stream" {
        let status = out.answers.stream.load(Ordering::Relaxed);
        if status != 200 {
            return Ok(respond(status, Full::new(Bytes::new()).boxed_unsync()));
        }
        let (lines, receiver) = channel(1024);
        let held = query(head.uri.query().unwrap_or_default(), "held");
        let _test_over = out.streams.send(Stream { held, lines });
        return Ok(respond(200, streaming(receiver)));
    }
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    if let Ok(report) = serde_json::from_slice(&bytes) {
        let _test_over = out.reports.send(report);
    }
    Ok(respond(out.answers.report.load(Ordering::Relaxed), Full::new(Bytes::new()).boxed_unsync()))
}

fn respond(status: u16, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    response
}

fn streaming(receiver: Receiver<String>) -> Body {
    let lines = futures_util::stream::unfold(receiver, |mut receiver| async move {
        let line = receiver.recv().await?;
        Some((line, receiver))
    });
    StreamBody::new(lines.map(|line| Ok(Frame::data(Bytes::from(line))))).boxed_unsync()
}

fn query(query: &str, name: &str) -> Option<String> {
    let (_, value) =
        query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?;
    Some(value.to_owned()).filter(|value| !value.is_empty())
}
