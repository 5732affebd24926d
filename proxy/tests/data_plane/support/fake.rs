//! A provider that does as the test says.

use super::until;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The body of an answer: may break.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A request as the provider got it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A provider on a port of loopback.
pub(crate) struct Fake {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    open: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Fake {
    /// A provider that answers each request as `answer` says.
    pub(crate) async fn start<A, F>(answer: A) -> Self
    where
        A: Fn(Seen) -> F + Clone + Send + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let requests = seen.clone();
        Self::over(seen, move |stream| {
            let (answer, requests) = (answer.clone(), requests.clone());
            async move {
                let service = service_fn(move |request: http::Request<Incoming>| {
                    let (answer, requests) = (answer.clone(), requests.clone());
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await?.to_bytes();
                        let seen = Seen { path: head.uri.to_string(), headers: head.headers, body };
                        requests.lock().unwrap().push(seen.clone());
                        Ok::<_, hyper::Error>(answer(seen).await)
                    }
                });
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            }
        })
        .await
    }

    /// A provider that does with each connection as `handle` says.
    pub(crate) async fn raw<H, F>(handle: H) -> Self
    where
        H: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::over(Arc::default(), handle).await
    }

    async fn over<H, F>(seen: Arc<Mutex<Vec<Seen>>>, handle: H) -> Self
    where
        H: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let open = Arc::<AtomicUsize>::default();
        let counter = open.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let (handled, counter) = (handle(stream), counter.clone());
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    handled.await;
                    counter.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, seen, open, task }
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests there were.
    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// Waits until no connection is open.
    pub(crate) async fn left_alone(&self) {
        until("the end of all connections", || self.open.load(Ordering::SeqCst) == 0).await;
    }

    /// Waits until there were as many requests.
    pub(crate) async fn asked(&self, times: usize) {
        until(&format!("request {times}"), || self.count() >= times).await;
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A JSON answer.
pub(crate) fn json(status: u16, body: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed_unsync();
    Response::builder().status(status).header("content-type", "application/json").body(body).unwrap()
}

/// A stream of events, and where to put its parts. Dropping the end ends it; an error breaks it.
pub(crate) fn sse() -> (mpsc::UnboundedSender<io::Result<Bytes>>, Response<Body>) {
    let (parts, queue) = mpsc::unbounded_channel::<io::Result<Bytes>>();
    let frames = stream::unfold(queue, |mut queue| async {
        let part = queue.recv().await?;
        // What was said before is sent before this is.
        tokio::task::yield_now().await;
        Some((part.map(Frame::data), queue))
    });
    let response = Response::builder().header("content-type", "text/event-stream; charset=utf-8");
    (parts, response.body(StreamBody::new(frames).boxed_unsync()).unwrap())
}

/// A stream of these parts, whole.
pub(crate) fn sse_of(parts: &[&str]) -> Response<Body> {
    let (sender, response) = sse();
    for part in parts {
        sender.send(Ok(Bytes::copy_from_slice(part.as_bytes()))).unwrap();
    }
    response
}

/// What a stream breaks with.
pub(crate) fn broken() -> io::Error {
    io::Error::other("the fake breaks off")
}

/// A provider where nobody listens.
pub(crate) async fn refusing() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    format!("http://{}/v1", listener.local_addr().unwrap())
}
