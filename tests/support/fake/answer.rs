//! The answers of the fake provider, in the form of OpenAI's Chat Completions and Models.

use super::behaviour::Behaviour;
use super::{Echo, fixture};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::Response;
use hyper::body::Frame;
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Body of an answer: may break.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Pieces a streamed answer comes in.
const PIECES: usize = 10;

/// `open` is held until the answer is finished or given up.
pub(super) async fn give(
    behaviour: &Behaviour,
    path: &str,
    echo: &Echo,
    streaming: bool,
    open: Arc<()>,
) -> Response<Body> {
    match behaviour {
        Behaviour::Hang => {
            let () = std::future::pending().await;
            drop(open);
            status(500)
        }
        Behaviour::Status(code) => status(*code),
        Behaviour::Garbage => whole(200, "text/html", "<html><body>It works!</body></html>".into()),
        Behaviour::Fixture(name) => match fixture::read(name) {
            Ok(recorded) => whole(recorded.status, &recorded.content_type, recorded.body),
            Err(error) => whole(500, "text/plain", format!("{error:#}").into()),
        },
        _ if path.ends_with("/models") => models(echo),
        Behaviour::Ok if streaming => events(echo, Duration::ZERO, Ending::Whole, open),
        Behaviour::Slow(pause) if streaming => events(echo, *pause, Ending::Whole, open),
        Behaviour::Cut if streaming => events(echo, Duration::from_millis(5), Ending::Cut, open),
        Behaviour::Stall if streaming => events(echo, Duration::from_millis(5), Ending::Stall, open),
        Behaviour::Cut | Behaviour::Stall => broken(),
        Behaviour::Slow(pause) => {
            tokio::time::sleep(*pause).await;
            drop(open);
            completion(echo)
        }
        Behaviour::Ok => completion(echo),
    }
}

fn whole(status: u16, content_type: &str, body: Bytes) -> Response<Body> {
    let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
    Response::builder().status(status).header("content-type", content_type).body(body).unwrap_or_else(|_| {
        Response::new(http_body_util::Empty::new().map_err(|never| match never {}).boxed_unsync())
    })
}

fn status(code: u16) -> Response<Body> {
    let error = json!({"error": {"message": format!("the fake was told to answer {code}"), "type": "fake_error",
        "param": null, "code": format!("fake_{code}")}});
    let mut response = whole(code, "application/json", error.to_string().into());
    if code == 429 {
        response.headers_mut().insert("retry-after", hyper::header::HeaderValue::from_static("7"));
    }
    response
}

fn models(echo: &Echo) -> Response<Body> {
    let list =
        json!({"object": "list", "data": [{"id": "fake", "object": "model", "owned_by": echo.behaviour}]});
    whole(200, "application/json", list.to_string().into())
}

fn content(echo: &Echo) -> String {
    serde_json::to_string(echo).unwrap_or_default()
}

fn completion(echo: &Echo) -> Response<Body> {
    let answer = json!({"id": "chatcmpl-fake", "object": "chat.completion", "created": 1_700_000_000,
        "model": echo.model, "usage": {"prompt_tokens": 3, "completion_tokens": 10, "total_tokens": 13},
        "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": content(echo)}}]});
    whole(200, "application/json", answer.to_string().into())
}

/// A body that promises more than it brings.
fn broken() -> Response<Body> {
    let pieces =
        stream::iter([Ok(Bytes::from_static(b"{\"id\":")), Err(cut())]).map(|piece| piece.map(Frame::data));
    let mut response = whole(200, "application/json", Bytes::new());
    *response.body_mut() = StreamBody::new(pieces).boxed_unsync();
    response
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Whole,
    Cut,
    Stall,
}

fn events(echo: &Echo, pause: Duration, ending: Ending, open: Arc<()>) -> Response<Body> {
    let mut events = pieces(&content(echo)).iter().map(|piece| chunk(echo, piece)).collect::<Vec<_>>();
    if ending == Ending::Whole {
        events.push(Ok(format!("data: {}\n\n", event(echo, &json!({}), Some("stop"))).into()));
        events.push(Ok("data: [DONE]\n\n".into()));
    } else {
        events.truncate(PIECES / 2);
    }
    if ending == Ending::Cut {
        events.push(Err(cut()));
    }
    let paced = stream::iter(events).enumerate().then(move |(index, event)| async move {
        if index > 0 && !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        event.map(Frame::data)
    });
    let last = stream::once(async move {
        if ending == Ending::Stall {
            let () = std::future::pending().await;
        }
        drop(open);
    });
    let body = StreamBody::new(paced.chain(last.filter_map(|()| async { None })));
    let mut response = whole(200, "text/event-stream", Bytes::new());
    *response.body_mut() = body.boxed_unsync();
    response
}

fn chunk(echo: &Echo, piece: &str) -> io::Result<Bytes> {
    Ok(format!("data: {}\n\n", event(echo, &json!({"content": piece}), None)).into())
}

fn event(echo: &Echo, delta: &Value, finish: Option<&str>) -> Value {
    json!({"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": echo.model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
}

/// The text in [`PIECES`] pieces of about the same length.
fn pieces(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(characters.len().div_ceil(PIECES).max(1)).map(|piece| piece.iter().collect()).collect()
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the fake was told to break the connection")
}
