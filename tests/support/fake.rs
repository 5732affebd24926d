//! A fake OpenAI-compatible provider over real sockets. The first segment of the path is how it behaves, so a
//! manifest chooses it with `endpoint.url`: `http://HOST:PORT/ok/v1`, `…/status-500/v1`, `…/cut/v1`.
//!
//! What it answers is a JSON object with the model, the credential and the headers it received ([`Echo`]), so that a
//! test sees which generation of the configuration a request was served by.

mod answer;
mod behaviour;
mod fixture;

pub use answer::Body;
pub use behaviour::Behaviour;

use crate::Result;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Requests that are remembered; older ones are forgotten.
const REMEMBERED: usize = 100_000;
/// Largest request that is read, in bytes.
const MAX_REQUEST: usize = 64 << 20;

/// What the provider saw of a request, and says in its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    /// How it was told to behave.
    pub behaviour: String,
    /// The model asked for.
    pub model: String,
    /// The bearer token.
    pub credential: String,
    /// Every header but the bearer token, names in lower case.
    pub headers: BTreeMap<String, String>,
}

/// One request the provider received.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Path behind the behaviour: `/v1/chat/completions`.
    pub path: String,
    /// What was said about it.
    pub echo: Echo,
    /// The body, byte for byte.
    pub body: Bytes,
}

/// A running provider. It ends when it is dropped.
#[derive(Debug)]
pub struct Provider {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    seen: Mutex<Vec<Seen>>,
    /// Held by every answer that is not finished.
    open: Arc<()>,
}

impl Provider {
    /// Starts one on a free port of loopback.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> Result<Self> {
        Self::listen((Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// Starts one at `address`.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn listen(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let task = tokio::spawn(accept(listener, state.clone()));
        Ok(Self { address, state, task })
    }

    /// Base URL of a provider that behaves so: `ok`, `slow-20`, `hang`, `status-500`, `garbage`, `cut`,
    /// `fixture-text-basic`.
    #[must_use]
    pub fn url(&self, behaviour: &str) -> String {
        format!("http://{}/{behaviour}/v1", self.address)
    }

    /// Every request so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many answers are not finished and not given up by the client.
    #[must_use]
    pub fn open(&self) -> usize {
        Arc::strong_count(&self.state.open) - 1
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        connections.spawn(serve(socket, state.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(socket: TcpStream, state: Arc<State>) {
    let service = service_fn(move |request| answered(request, state.clone()));
    // A client that goes away is no news.
    let _gone =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(socket), service).await;
}

async fn answered(request: Request<Incoming>, state: Arc<State>) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MAX_REQUEST).collect().await.map(http_body_util::Collected::to_bytes);
    let body = body.unwrap_or_default();
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (behaviour, path) = split(head.uri.path());
    let echo = Echo {
        behaviour: behaviour.to_owned(),
        model: json["model"].as_str().unwrap_or_default().to_owned(),
        credential: credential(&head.headers),
        headers: headers(&head.headers),
    };
    let seen = Seen { path: path.to_owned(), echo: echo.clone(), body };
    {
        let mut all = state.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() == REMEMBERED {
            all.drain(..REMEMBERED / 2);
        }
        all.push(seen);
    }
    let streaming = json["stream"].as_bool().unwrap_or(false);
    Ok(answer::give(&Behaviour::named(behaviour), path, &echo, streaming, state.open.clone()).await)
}

/// The behaviour and the rest of the path.
fn split(path: &str) -> (&str, &str) {
    let path = path.trim_start_matches('/');
    let end = path.find('/').unwrap_or(path.len());
    path.split_at(end)
}

fn credential(headers: &hyper::HeaderMap) -> String {
    let value = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.strip_prefix("Bearer ").unwrap_or(value).to_owned()
}

fn headers(headers: &hyper::HeaderMap) -> BTreeMap<String, String> {
    let shown = headers.iter().filter(|(name, _)| *name != "authorization");
    shown
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

#[cfg(test)]
mod tests;
