//! A client of the config server.

use bytes::{Buf as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use llm_snapshot::{Digest, Message, Report};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Longer than anything here takes; only a failure waits this long.
const DEADLINE: Duration = Duration::from_secs(20);

pub(super) async fn tls(address: SocketAddr, authority: &str) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let socket = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap()
}

pub(super) struct Client(SendRequest<Full<Bytes>>);

impl Client {
    pub(super) async fn connect(address: SocketAddr, authority: &str) -> Self {
        let (sender, connection) = handshake(TokioIo::new(tls(address, authority).await)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &str,
    ) -> Response<Incoming> {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        self.0.ready().await.unwrap();
        tokio::time::timeout(DEADLINE, self.0.send_request(request)).await.unwrap().unwrap()
    }

    /// Status and body of the answer.
    pub(super) async fn request(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &str,
    ) -> (u16, String) {
        let response = self.send(method, path, token, body).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    pub(super) async fn report(&mut self, report: &Report) -> u16 {
        let body = serde_json::to_string(report).unwrap();
        self.request("POST", super::REPORT, Some("good"), &body).await.0
    }

    pub(super) async fn stream(mut self, path: &str) -> Stream {
        let response = self.send("GET", path, Some("good"), "").await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/x-ndjson");
        Stream { body: response.into_body(), read: BytesMut::new(), _client: self }
    }
}

pub(super) fn report(proxy: &str, stream: &str, version: Digest) -> Report {
    Report { proxy: proxy.to_owned(), stream: stream.to_owned(), version, rejected: Vec::new() }
}

pub(super) struct Stream {
    body: Incoming,
    read: BytesMut,
    _client: Client,
}

impl Stream {
    /// The next message, or `None` at the end of the stream.
    pub(super) async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line = self.read.split_to(end);
                self.read.advance(1);
                return Some(serde_json::from_slice(&line).unwrap());
            }
            match tokio::time::timeout(DEADLINE, self.body.frame()).await.expect("the stream is silent") {
                Some(Ok(frame)) => self.read.extend_from_slice(&frame.into_data().unwrap()),
                Some(Err(_)) | None => return None,
            }
        }
    }
}

/// Waits until `holds`.
pub(super) async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
