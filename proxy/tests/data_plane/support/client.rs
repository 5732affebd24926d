//! A client: one connection, whole answers or parts as they come.

use super::PATIENCE;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{} {}", self.status, self.text()))
    }

    /// Status and OpenAI's `type` and `code` of an error.
    pub(crate) fn error(&self) -> (u16, String, String) {
        let error = &self.json()["error"];
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
        assert!(error.as_object().unwrap().contains_key("param"), "{error}");
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        (self.status.as_u16(), text("type"), text("code"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A keep-alive connection.
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    /// Ends with the connection.
    pub(crate) connection: JoinHandle<()>,
}

/// A response as it comes.
pub(crate) struct Coming(pub(crate) Response<Incoming>);

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream).await
    }

    /// Over any transport.
    pub(crate) async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        Self { sender, connection: tokio::spawn(async move { drop(connection.await) }) }
    }

    /// Sends a request and gives the response once its head is there.
    pub(crate) async fn start(&mut self, request: http::request::Builder) -> Coming {
        Coming(self.try_start(request).await.unwrap())
    }

    /// As [`Client::start`], for connections that may end.
    pub(crate) async fn try_start(
        &mut self,
        request: http::request::Builder,
    ) -> Result<Response<Incoming>, hyper::Error> {
        let body = request.extensions_ref().and_then(|all| all.get::<Bytes>()).cloned().unwrap_or_default();
        let request: Request<Full<Bytes>> =
            request.header("host", "proxy.test").body(Full::new(body)).unwrap();
        soon(async {
            self.sender.ready().await?;
            self.sender.send_request(request).await
        })
        .await
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&mut self, request: http::request::Builder) -> Answer {
        self.start(request).await.whole().await
    }
}

impl Coming {
    /// The next part of the body; `None` at its end.
    pub(crate) async fn part(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        let frame = soon(self.0.body_mut().frame()).await?;
        Some(frame.map(|frame| frame.into_data().unwrap()))
    }

    /// Reads until the text was seen, and gives what was.
    pub(crate) async fn read_to(&mut self, text: &str) -> String {
        let mut seen = String::new();
        while !seen.contains(text) {
            let part = self.part().await.unwrap_or_else(|| panic!("no {text} in {seen}")).unwrap();
            seen.push_str(std::str::from_utf8(&part).unwrap());
        }
        seen
    }

    /// What comes up to the end of the body, and whether it was a proper one.
    pub(crate) async fn rest(mut self) -> (String, bool) {
        let mut seen = Vec::new();
        loop {
            match self.part().await {
                Some(Ok(part)) => seen.extend_from_slice(&part),
                end => return (String::from_utf8(seen).unwrap(), end.is_none()),
            }
        }
    }

    /// The body, and what comes after it.
    pub(crate) async fn trailed(self) -> (String, Option<HeaderMap>) {
        let collected = soon(self.0.into_body().collect()).await.unwrap();
        let trailers = collected.trailers().cloned();
        (String::from_utf8(collected.to_bytes().to_vec()).unwrap(), trailers)
    }

    pub(crate) async fn whole(self) -> Answer {
        let (head, body) = self.0.into_parts();
        let body = soon(body.collect()).await.unwrap().to_bytes();
        Answer { status: head.status, headers: head.headers, body }
    }
}

/// A POST of JSON. The body rides in the extensions until it is sent.
pub(crate) fn post(path: &str, body: impl Into<Bytes>) -> http::request::Builder {
    let request = Request::builder().method("POST").uri(path).header("content-type", "application/json");
    request.extension::<Bytes>(body.into())
}

/// A GET.
pub(crate) fn get(path: &str) -> http::request::Builder {
    Request::builder().uri(path)
}

/// What `future` gives, which is soon.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("too late")
}
