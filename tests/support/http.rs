//! A small HTTP/1.1 client: one connection, plain or TLS, whole answers or streams, everything bounded.

use crate::Result;
use crate::sse;
use crate::wait::{self, PATIENCE};
use anyhow::{Context as _, bail, ensure};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Largest answer that is read, in bytes.
const MAX_BODY: usize = 64 << 20;

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("{} {}", self.status, self.text()))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header as text, empty when it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Itself, when the status is this one.
    ///
    /// # Errors
    /// When it is another; the answer is in the error.
    pub fn expect(self, status: u16) -> Result<Self> {
        ensure!(self.status == status, "answered {}, not {status}: {}", self.status, self.text());
        Ok(self)
    }
}

/// A keep-alive connection.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Connection {
    /// Connects without TLS.
    ///
    /// # Errors
    /// When nothing listens there.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let socket = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
        socket.set_nodelay(true)?;
        Self::over(socket, address.to_string()).await
    }

    /// Takes over an established transport, TLS for example.
    ///
    /// # Errors
    /// When the HTTP handshake fails.
    pub async fn over<T>(transport: T, host: String) -> Result<Self>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = http1::handshake(TokioIo::new(transport)).await?;
        // Its errors come out at the sender or the body.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender, host })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When the connection breaks, or the answer is too long or too late.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer> {
        wait::soon("an answer", async {
            let (head, body) = self.start(request).await?.into_parts();
            let body = collect(body).await?;
            Ok(Answer { status: head.status, headers: head.headers, body })
        })
        .await
    }

    /// Sends a request and returns as soon as the head of the answer is there.
    ///
    /// # Errors
    /// When the connection breaks, or the head is too late.
    pub async fn start(&mut self, mut request: Request<Full<Bytes>>) -> Result<Response<Incoming>> {
        request.headers_mut().insert(HOST, self.host.parse()?);
        wait::soon("the head of an answer", async {
            self.sender.ready().await?;
            Ok(self.sender.send_request(request).await?)
        })
        .await
    }
}

async fn collect(mut body: Incoming) -> Result<Bytes> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            ensure!(whole.len() + data.len() <= MAX_BODY, "the answer is longer than {MAX_BODY} bytes");
            whole.extend_from_slice(&data);
        }
    }
    Ok(whole.freeze())
}

/// A GET request.
///
/// # Errors
/// When the path or key has characters a request cannot carry.
pub fn get(path: &str, key: Option<&str>) -> Result<Request<Full<Bytes>>> {
    build("GET", path, key, Bytes::new())
}

/// A POST request with a JSON body.
///
/// # Errors
/// When the path or key has characters a request cannot carry.
pub fn post(path: &str, key: Option<&str>, body: &Value) -> Result<Request<Full<Bytes>>> {
    build("POST", path, key, body.to_string().into())
}

/// A request with this body.
///
/// # Errors
/// When the path or key has characters a request cannot carry.
pub fn build(method: &str, path: &str, key: Option<&str>, body: Bytes) -> Result<Request<Full<Bytes>>> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(key) = key {
        request = request.header(AUTHORIZATION, format!("Bearer {key}"));
    }
    if method != "GET" {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    Ok(request.body(Full::new(body))?)
}

/// Sends one request over a connection of its own.
///
/// # Errors
/// As [`Connection::open`] and [`Connection::send`].
pub async fn once(address: SocketAddr, request: Request<Full<Bytes>>) -> Result<Answer> {
    Connection::open(address).await?.send(request).await
}

/// Body of a chat completion with one user message.
#[must_use]
pub fn chat(model: &str, stream: bool) -> Value {
    serde_json::json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "say something"}]})
}

/// What a streamed chat completion brought.
#[derive(Debug)]
pub struct Streamed {
    /// Headers of the answer.
    pub headers: HeaderMap,
    /// The events, `[DONE]` left out.
    pub events: Vec<Value>,
}

impl Streamed {
    /// The content of all deltas of the first choice, in one piece.
    #[must_use]
    pub fn content(&self) -> String {
        let delta = |event: &Value| event["choices"][0]["delta"]["content"].as_str().map(str::to_owned);
        self.events.iter().filter_map(delta).collect()
    }
}

/// Sends a streaming request and reads the events up to `[DONE]` and the end of the body.
///
/// # Errors
/// When the answer is not 200, the stream breaks, lacks its `[DONE]`, or is too long or too late.
pub async fn stream(connection: &mut Connection, request: Request<Full<Bytes>>) -> Result<Streamed> {
    let (head, mut body) = connection.start(request).await?.into_parts();
    if head.status != StatusCode::OK {
        bail!("answered {}: {}", head.status, String::from_utf8_lossy(&collect(body).await?));
    }
    let mut lines = sse::Lines::default();
    let mut events = Vec::new();
    let mut done = false;
    loop {
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await.context("the stream hangs")?;
        let Some(frame) = frame else { break };
        let frame = frame.with_context(|| format!("the stream was cut after {} events", events.len()))?;
        for data in frame.into_data().map(|bytes| lines.push(&bytes)).unwrap_or_default() {
            ensure!(!done, "{data} after [DONE]");
            if data == "[DONE]" {
                done = true;
            } else {
                events.push(serde_json::from_str(&data).with_context(|| data.clone())?);
            }
        }
        ensure!(events.len() < 100_000, "the stream does not end");
    }
    ensure!(done, "the stream ended after {} events without [DONE]", events.len());
    Ok(Streamed { headers: head.headers, events })
}
