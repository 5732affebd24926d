//! Requests, responses, and which connection they go over.

mod broken;
mod time;

use super::*;
use crate::upstream::testing::{HELLO, PATIENT, Server, eventually, http, post};
use http_body_util::BodyExt;
use std::sync::Arc;
use tokio::sync::Barrier;

/// Sends a request and reads all of the response.
pub(super) async fn ask(upstream: &Upstream) -> Bytes {
    upstream.send(post("ping"), &PATIENT).await.unwrap().into_body().collect().await.unwrap().to_bytes()
}

#[tokio::test]
async fn a_request_goes_out_as_it_is_and_the_response_comes_back_as_it_is() {
    let (seen, mut saw) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(move |_, mut peer| {
        let seen = seen.clone();
        async move {
            seen.send(peer.request().await.unwrap()).unwrap();
            peer.send("HTTP/1.1 418 Teapot\r\nX-One: 1\r\nx-two: 2\r\ncontent-length: 4\r\n\r\npong").await;
        }
    })
    .await;
    let base = format!("http://{}/base/v1/", server.address);
    let upstream = Upstream::new(&http(&base, Default::default()), &Metrics::default()).unwrap();
    let mut request = post("ping");
    *request.uri_mut() = "/chat/completions?trace=1".parse().unwrap();
    for (name, value) in
        [("x-mine", "1"), ("host", "elsewhere"), ("content-length", "9"), ("transfer-encoding", "x")]
    {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let response = upstream.send(request, &PATIENT).await.unwrap();
    assert_eq!(
        saw.recv().await.unwrap(),
        format!(
            "POST /base/v1/chat/completions?trace=1 HTTP/1.1\r\nx-mine: 1\r\nhost: {}\r\ncontent-length: 4\r\n\r\nping",
            server.address
        )
    );
    assert_eq!(response.status(), 418);
    assert_eq!(response.headers()["x-one"], "1");
    assert_eq!(response.headers()["x-two"], "2");
    assert_eq!(http_body::Body::size_hint(response.body()).exact(), Some(4));
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "pong");
}

#[tokio::test]
async fn one_request_after_the_other_shares_a_connection() {
    let server = Server::answering(HELLO).await;
    let (upstream, metrics) = server.upstream();
    for _ in 0..10 {
        assert_eq!(ask(&upstream).await, "hello");
    }
    assert_eq!((server.connections(), server.requests()), (1, 10));
    assert_eq!((metrics.opened.get(), metrics.reused.get(), metrics.open.get()), (1, 9, 1));
    drop(upstream);
    assert_eq!((metrics.closed.get(), metrics.open.get()), (1, 0));
}

#[tokio::test]
async fn requests_at_once_wait_for_no_connection_of_another() {
    let all = Arc::new(Barrier::new(8));
    let server = Server::start(move |_, mut peer| {
        let all = all.clone();
        async move {
            peer.request().await.unwrap();
            // Answers come only when all eight requests are here.
            all.wait().await;
            peer.send(HELLO).await;
            peer.closed().await;
        }
    })
    .await;
    let (upstream, metrics) = server.upstream();
    let upstream = Arc::new(upstream);
    let asking = (0..8).map(|_| {
        let upstream = upstream.clone();
        tokio::spawn(async move { ask(&upstream).await })
    });
    for asked in asking.collect::<Vec<_>>() {
        assert_eq!(asked.await.unwrap(), "hello");
    }
    assert_eq!((server.connections(), metrics.open.get()), (8, 8));
}

#[tokio::test]
async fn a_connection_goes_back_at_the_end_of_its_body_and_not_before() {
    let server = Server::answering("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n").await;
    let (upstream, _) = server.upstream();
    let first = upstream.send(post(""), &PATIENT).await.unwrap();
    let second = upstream.send(post(""), &PATIENT).await.unwrap();
    assert_eq!(server.connections(), 2);
    drop((first, second));

    let server = Server::start(|_, mut peer| async move {
        while peer.request().await.is_some() {
            peer.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n").await;
            tokio::task::yield_now().await;
            peer.send("3\r\ntwo\r\n").await;
            tokio::task::yield_now().await;
            peer.send("0\r\n\r\n").await;
        }
    })
    .await;
    let (upstream, metrics) = server.upstream();
    for _ in 0..5 {
        assert_eq!(ask(&upstream).await, "onetwo");
    }
    assert_eq!((server.connections(), metrics.reused.get()), (1, 4));
}

#[tokio::test]
async fn a_response_without_a_body_frees_its_connection_at_once() {
    for head in ["HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"] {
        let server = Server::answering(head).await;
        let (upstream, _) = server.upstream();
        let unread = upstream.send(post(""), &PATIENT).await.unwrap();
        assert!(http_body::Body::is_end_stream(unread.body()));
        upstream.send(post(""), &PATIENT).await.unwrap();
        assert_eq!(server.connections(), 1, "{head}");
    }
}

#[tokio::test(start_paused = true)]
async fn connections_closed_while_idle_cost_nothing_but_a_new_one() {
    let (close, closing) = tokio::sync::watch::channel(false);
    let all = Arc::new(Barrier::new(3));
    let server = Server::start(move |number, mut peer| {
        let (mut closing, all) = (closing.clone(), all.clone());
        async move {
            peer.request().await.unwrap();
            if number < 3 {
                all.wait().await;
            }
            peer.send(HELLO).await;
            closing.wait_for(|close| *close && number < 3).await.unwrap();
        }
    })
    .await;
    let (upstream, metrics) = server.upstream();
    let asked = tokio::join!(ask(&upstream), ask(&upstream), ask(&upstream));
    assert_eq!(asked, ("hello".into(), "hello".into(), "hello".into()));
    close.send(true).unwrap();
    // Paused time moves on when there is nothing else to do: the connections are closed by then.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(metrics.open.get(), 3, "nobody has looked yet");
    assert_eq!(ask(&upstream).await, "hello");
    assert_eq!((server.connections(), server.requests()), (4, 4), "each request was sent once");
    assert_eq!((metrics.reused.get(), metrics.open.get()), (0, 1));
}

#[tokio::test]
async fn a_request_of_which_something_was_sent_is_not_sent_again() {
    let server = Server::start(|_, mut peer| async move {
        peer.request().await.unwrap();
        peer.send(HELLO).await;
        peer.head().await.unwrap();
    })
    .await;
    let (upstream, metrics) = server.upstream();
    ask(&upstream).await;
    let error = upstream.send(post("ping"), &PATIENT).await.unwrap_err();
    assert!(matches!(error, SendError::Broken { sent: true, .. }), "{error:?}");
    assert!(error.sent());
    assert_eq!((server.connections(), metrics.open.get()), (1, 0));
}

#[tokio::test]
async fn a_connection_that_cannot_go_on_is_not_kept() {
    let cases = [
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello and more",
    ];
    for response in cases {
        let server = Server::answering(response).await;
        let (upstream, metrics) = server.upstream();
        assert_eq!((ask(&upstream).await, ask(&upstream).await), ("hello".into(), "hello".into()));
        assert_eq!((server.connections(), metrics.reused.get()), (2, 0), "{response}");
    }
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_cancelled() {
    let (closed, mut was_closed) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(move |number, mut peer| {
        let closed = closed.clone();
        async move {
            peer.request().await.unwrap();
            if number == 1 {
                peer.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n").await;
            }
            peer.closed().await;
            closed.send(number).unwrap();
        }
    })
    .await;
    let (upstream, metrics) = server.upstream();
    let mut request = Box::pin(upstream.send(post(""), &PATIENT));
    tokio::select! {
        _ = &mut request => panic!("there is no answer"),
        () = eventually("the request is there", || server.requests() == 1) => {}
    }
    drop(request);
    assert_eq!(was_closed.recv().await, Some(0));
    let mut body = upstream.send(post(""), &PATIENT).await.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "one");
    drop(body);
    assert_eq!(was_closed.recv().await, Some(1));
    assert_eq!(metrics.open.get(), 0);
}

#[tokio::test]
async fn parts_that_arrive_together_leave_together() {
    let chunk = format!("{:x}\r\n{}\r\n", 100, "x".repeat(100));
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let server = Server::answering(format!("{head}{}0\r\n\r\n", chunk.repeat(20))).await;
    let (upstream, metrics) = server.upstream();
    let mut body = upstream.send(post(""), &PATIENT).await.unwrap().into_body();
    assert_eq!(metrics.open.get(), 1);
    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(frame, "x".repeat(2000));
    assert!(http_body::Body::is_end_stream(&body), "the end was there too");
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_large_body_arrives_whole_whatever_its_framing() {
    let content: String = (0..60_000).map(|n| format!("{n:05}\n")).collect();
    let chunks: String = content
        .as_bytes()
        .chunks(7_777)
        .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), std::str::from_utf8(chunk).unwrap()))
        .collect();
    let framings = [
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{content}", content.len()),
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"),
    ];
    for framing in framings {
        let server = Server::answering(framing).await;
        let (upstream, metrics) = server.upstream();
        for _ in 0..2 {
            assert!(ask(&upstream).await == content);
        }
        assert_eq!(metrics.reused.get(), 1);
    }
}

/// Every frame is waited for by another task, on another thread perhaps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_between_threads() {
    let server = Server::start(|_, mut peer| async move {
        while peer.request().await.is_some() {
            peer.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
            for n in 0..30 {
                peer.send(format!("4\r\n{n:04}\r\n")).await;
                if n % 3 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            peer.send("0\r\n\r\n").await;
        }
    })
    .await;
    let (upstream, metrics) = server.upstream();
    let upstream = Arc::new(upstream);
    let expected: String = (0..30).map(|n| format!("{n:04}")).collect();
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let (upstream, expected) = (upstream.clone(), expected.clone());
            tokio::spawn(async move {
                for _ in 0..30 {
                    let mut body = upstream.send(post("ping"), &PATIENT).await.unwrap().into_body();
                    let mut read = Vec::new();
                    while let (rest, Some(frame)) = tokio::spawn(next(body)).await.unwrap() {
                        read.extend_from_slice(&frame);
                        body = rest;
                    }
                    assert_eq!(read, expected.as_bytes());
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(server.requests(), 16 * 30);
    assert_eq!(metrics.opened.get() + metrics.reused.get(), 16 * 30);
    assert!(server.connections() <= 16, "{}", server.connections());
}

async fn next(mut body: Body) -> (Body, Option<Bytes>) {
    let frame = body.frame().await.map(|frame| frame.unwrap().into_data().unwrap());
    (body, frame)
}

#[tokio::test]
async fn trailers_come_after_the_data() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n";
    let server = Server::answering(format!("{head}3\r\none\r\n0\r\nx-sum: 1\r\n\r\n")).await;
    let (upstream, metrics) = server.upstream();
    for _ in 0..2 {
        let body = upstream.send(post(""), &PATIENT).await.unwrap().into_body().collect().await.unwrap();
        assert_eq!(body.trailers().unwrap()["x-sum"], "1");
        assert_eq!(body.to_bytes(), "one");
    }
    assert_eq!(metrics.reused.get(), 1);
}

#[tokio::test]
async fn the_hot_path_has_a_small_future() {
    let server = Server::answering(HELLO).await;
    let (upstream, _) = server.upstream();
    let size = std::mem::size_of_val(&upstream.send(post(""), &PATIENT));
    assert!(size <= 1280, "{size} bytes");
}

#[test]
fn debug_shows_where_and_no_more() {
    let upstream =
        Upstream::new(&http("https://api.test/v1", Default::default()), &Metrics::default()).unwrap();
    let shown = format!("{upstream:?} {:?}", upstream.identity());
    assert!(shown.contains("api.test") && shown.contains("Identity(…)"), "{shown}");
    let secret = http("https://user:hunter2@api.test/v1", Default::default());
    let error = Upstream::new(&secret, &Metrics::default()).unwrap_err();
    let shown = format!("{error} {error:?} {:?}", Identity::of(&secret));
    assert!(!shown.contains("hunter2"), "{shown}");
}
