//! A scripted proxy: speaks the config stream protocol, and reports what a test wants it to.

use crate::Result;
use crate::http::{Answer, Connection, build};
use crate::wait::{self, PATIENCE};
use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::StatusCode;
use hyper::body::Incoming;
use llm_snapshot::{Message, Rejection, Report, Snapshot};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Lines that may come before the one a test waits for.
const MAX_LINES: usize = 10_000;

/// How to reach an operator.
#[derive(Clone)]
pub struct Dialer {
    address: SocketAddr,
    tls: TlsConnector,
    /// Bearer token; none is sent when it is `None`.
    pub token: Option<String>,
}

/// An open stream, and what it brought.
#[derive(Debug)]
pub struct ScriptedProxy {
    name: String,
    stream: String,
    body: Incoming,
    pending: Vec<u8>,
    /// What is held.
    pub held: Snapshot,
}

impl Dialer {
    /// Trusts the authorities in the PEM file `ca` alone.
    ///
    /// # Errors
    /// When the file holds no certificate.
    pub fn new(address: SocketAddr, ca: &Path, token: Option<String>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(ca)? {
            roots.add(certificate?)?;
        }
        ensure!(!roots.is_empty(), "{} holds no certificate", ca.display());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { address, tls: TlsConnector::from(Arc::new(config)), token })
    }

    async fn connect(&self) -> Result<Connection> {
        let socket = TcpStream::connect(self.address).await?;
        let transport = self.tls.connect(ServerName::try_from("localhost")?, socket).await?;
        Connection::over(transport, "localhost".to_owned()).await
    }

    /// Asks for anything.
    ///
    /// # Errors
    /// When the operator cannot be reached.
    pub async fn ask(&self, method: &str, path: &str, body: Bytes) -> Result<Answer> {
        self.connect().await?.send(build(method, path, self.token.as_deref(), body)?).await
    }

    /// Waits until the operator leads: until it judges reports, and does not send them elsewhere.
    ///
    /// # Errors
    /// When it does not come to it.
    pub async fn until_leading(&self) -> Result<()> {
        let version = Snapshot::default().version();
        let nobody = Report { proxy: "nobody".into(), stream: "none".into(), version, rejected: Vec::new() };
        wait::until("the operator to lead", || async {
            let status = self.report(&nobody).await?;
            ensure!(status == StatusCode::CONFLICT, "it answered {status}");
            Ok(())
        })
        .await
    }

    /// Opens a stream as the proxy `name`.
    ///
    /// # Errors
    /// When the operator does not answer 200; its answer is in the error.
    pub async fn open(&self, name: &str) -> Result<ScriptedProxy> {
        let stream = format!("{:016x}", rand::random::<u64>());
        let path = format!("/v1/config/stream?proxy={name}&stream={stream}");
        let answer =
            self.connect().await?.start(build("GET", &path, self.token.as_deref(), Bytes::new())?).await?;
        if answer.status() != StatusCode::OK {
            let status = answer.status();
            let body = answer.into_body().collect().await?.to_bytes();
            bail!("answered {status}: {}", String::from_utf8_lossy(&body));
        }
        let body = answer.into_body();
        Ok(ScriptedProxy {
            name: name.to_owned(),
            stream,
            body,
            pending: Vec::new(),
            held: Snapshot::default(),
        })
    }

    /// Reports as that proxy: what it holds, or an older version, and what it rejects.
    ///
    /// # Errors
    /// When the operator cannot be reached.
    pub async fn report(&self, report: &Report) -> Result<StatusCode> {
        let body = serde_json::to_vec(report)?;
        Ok(self.ask("POST", "/v1/config/report", body.into()).await?.status)
    }
}

impl ScriptedProxy {
    /// The next message.
    ///
    /// # Errors
    /// When the stream ends, brings what is no message, or nothing at all.
    pub async fn message(&mut self) -> Result<Message> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                return serde_json::from_slice(&line).context("a line that is no message");
            }
            let frame =
                tokio::time::timeout(PATIENCE, self.body.frame()).await.context("the stream is silent")?;
            let frame = frame.context("the stream ended")??;
            if let Ok(data) = frame.into_data() {
                self.pending.extend_from_slice(&data);
            }
        }
    }

    /// Reads and applies messages until `done` holds of what is held.
    ///
    /// # Errors
    /// When the stream breaks, a delta does not fit, or it does not come to it.
    pub async fn until(&mut self, done: impl Fn(&Snapshot) -> bool) -> Result<()> {
        for _ in 0..MAX_LINES {
            match self.message().await? {
                Message::Snapshot(snapshot) => self.held = snapshot,
                Message::Delta(delta) => self.held = self.held.apply(&delta)?,
                Message::Ping { .. } => {}
            }
            if done(&self.held) {
                return Ok(());
            }
        }
        bail!("{MAX_LINES} messages, and not the one that was waited for")
    }

    /// A report that it holds what it holds, without `rejected`.
    #[must_use]
    pub fn report(&self, rejected: Vec<Rejection>) -> Report {
        Report {
            proxy: self.name.clone(),
            stream: self.stream.clone(),
            version: self.held.version(),
            rejected,
        }
    }
}
