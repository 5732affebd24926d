//! Providers that answer wrongly, half, too early, or not at all.

use super::ask;
use crate::upstream::testing::{HELLO, PATIENT, Server, eventually, post};
use crate::upstream::{BodyError, SendError};
use bytes::Bytes;
use http_body_util::BodyExt;

/// Answers the first request with these bytes and closes, and all others properly.
async fn once(response: impl AsRef<[u8]>) -> Server {
    let response = response.as_ref().to_vec();
    Server::start(move |number, mut peer| {
        let response = response.clone();
        async move {
            while peer.request().await.is_some() {
                if number == 0 {
                    peer.send(&response).await;
                    return;
                }
                peer.send(HELLO).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn what_is_no_http_response_is_malformed() {
    let many_headers: String = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    let cases: [(&str, String); 10] = [
        ("text", "I am not HTTP\r\n\r\n".into()),
        ("binary", "\0\u{1}\u{2}\r\n\r\n".into()),
        ("status", "HTTP/1.1 abc OK\r\n\r\n".into()),
        ("HTTP/2", "HTTP/2 200\r\n\r\n".into()),
        ("header without a colon", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n".into()),
        ("length", "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n".into()),
        ("two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello".into()),
        ("large head", format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(100_000))),
        ("many headers", format!("HTTP/1.1 200 OK\r\n{many_headers}\r\n")),
        (
            "another protocol",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n".into(),
        ),
    ];
    for (name, response) in cases {
        let server = once(response).await;
        let (upstream, metrics) = server.upstream();
        let error = upstream.send(post(""), &PATIENT).await.unwrap_err();
        assert!(matches!(error, SendError::Malformed(_)), "{name}: {error:?}");
        assert!(error.sent(), "{name}");
        assert_eq!(metrics.open.get(), 0, "{name}");
        assert_eq!(ask(&upstream).await, "hello", "{name}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_head_is_whole_is_broken() {
    for part in ["", "HTTP/1.1 200 OK\r\ncontent-le"] {
        let server = once(part).await;
        let (upstream, _) = server.upstream();
        let error = upstream.send(post(""), &PATIENT).await.unwrap_err();
        assert!(matches!(error, SendError::Broken { sent: true, .. }), "{part:?}: {error:?}");
        assert_eq!(server.connections(), 1, "{part:?}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_after_what_came() {
    let cases = [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense\r\n",
    ];
    for response in cases {
        let server = once(response).await;
        let (upstream, metrics) = server.upstream();
        let mut body = upstream.send(post(""), &PATIENT).await.unwrap().into_body();
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "hello", "{response}");
        let error = body.frame().await.unwrap().unwrap_err();
        assert!(matches!(error, BodyError::Broken(Some(_))), "{response}: {error:?}");
        assert!(body.frame().await.is_none(), "{response}");
        assert_eq!(metrics.open.get(), 0, "{response}");
    }
}

#[tokio::test]
async fn a_body_without_a_length_ends_with_its_connection() {
    let server = once("HTTP/1.1 200 OK\r\n\r\nhello").await;
    let (upstream, metrics) = server.upstream();
    assert_eq!(ask(&upstream).await, "hello");
    assert_eq!(metrics.open.get(), 0);
}

#[tokio::test]
async fn interim_responses_are_not_the_response() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
    let server = Server::answering(format!("{interim}{HELLO}")).await;
    let (upstream, metrics) = server.upstream();
    for _ in 0..2 {
        let response = upstream.send(post(""), &PATIENT).await.unwrap();
        assert_eq!((response.status().as_u16(), response.headers().contains_key("link")), (200, false));
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
    }
    assert_eq!(metrics.reused.get(), 1);
}

/// More than the sockets between the two hold.
const LARGE: usize = 16 << 20;

#[tokio::test]
async fn an_answer_before_all_of_the_request_was_read_is_the_answer() {
    for closes in [false, true] {
        let server = Server::start(move |_, mut peer| async move {
            peer.head().await.unwrap();
            peer.send("HTTP/1.1 413 Too Large\r\ncontent-length: 5\r\n\r\nlarge").await;
            if !closes {
                // Reads nothing more.
                std::future::pending::<()>().await;
            }
        })
        .await;
        let (upstream, metrics) = server.upstream();
        let response = upstream.send(post(Bytes::from(vec![b'x'; LARGE])), &PATIENT).await.unwrap();
        assert_eq!(response.status(), 413);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "large");
        assert_eq!(metrics.open.get(), 0, "the connection has half a request on it");
    }
}

#[tokio::test]
async fn an_upload_that_breaks_is_no_answer() {
    let server = Server::start(|_, mut peer| async move {
        peer.head().await.unwrap();
        peer.read(1 << 20).await;
    })
    .await;
    let (upstream, _) = server.upstream();
    let error = upstream.send(post(Bytes::from(vec![b'x'; LARGE])), &PATIENT).await.unwrap_err();
    assert!(matches!(error, SendError::Broken { sent: true, .. }), "{error:?}");
}

#[tokio::test]
async fn nobody_listening_is_an_error_of_connecting() {
    let server = Server::answering(HELLO).await;
    let (upstream, _) = server.upstream();
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nobody = crate::upstream::testing::http(&format!("http://{free}"), Default::default());
    let nobody = crate::upstream::Upstream::new(&nobody, &Default::default()).unwrap();
    let error = nobody.send(post(""), &PATIENT).await.unwrap_err();
    assert!(matches!(error, SendError::Connect(_)) && !error.sent(), "{error:?}");
    // A label of more than 63 characters is no name; no resolver has to be asked.
    let nowhere =
        crate::upstream::testing::http(&format!("http://{}.test", "x".repeat(64)), Default::default());
    let nowhere = crate::upstream::Upstream::new(&nowhere, &Default::default()).unwrap();
    let error = nowhere.send(post(""), &PATIENT).await.unwrap_err();
    assert!(matches!(error, SendError::Resolve(_)) && !error.sent(), "{error:?}");
    assert_eq!(ask(&upstream).await, "hello");
    eventually("the request was seen", || server.requests() == 1).await;
}
