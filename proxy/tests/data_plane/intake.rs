//! Request bodies: limits, and clients that still send when they are refused.

use crate::support::client::{get, soon};
use crate::support::{Client, Fake, KEY, MAX_BODY, Proxy, Seen, json, post, provider};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn serving() -> (Fake, Proxy) {
    let fake = Fake::start(async |seen: Seen| json(200, format!("{{\"length\":{}}}", seen.body.len()))).await;
    let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    (fake, proxy)
}

fn document(length: usize) -> String {
    let frame = r#"{"model":"m","x":""}"#;
    format!("{{\"model\":\"m\",\"x\":\"{}\"}}", "x".repeat(length - frame.len()))
}

#[tokio::test]
async fn bodies_up_to_the_limit_are_taken() {
    let (_fake, proxy) = serving().await;
    let limit = usize::try_from(MAX_BODY).unwrap();
    let answer = proxy.ask("/v1/chat/completions", &document(limit)).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, format!("{{\"length\":{limit}}}")));
    let answer = proxy.ask("/v1/chat/completions", &document(limit + 1)).await;
    assert_eq!(answer.error(), (413, "invalid_request_error".to_owned(), "request_too_large".to_owned()));
    assert!(answer.text().contains(&limit.to_string()), "{}", answer.text());
}

/// Writes all of a request, however large, and only then reads: as simple clients do.
async fn write_then_read(proxy: &Proxy, head: &str, parts: impl Iterator<Item = Vec<u8>>) -> String {
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    soon(async {
        stream.write_all(head.as_bytes()).await.unwrap();
        for part in parts {
            stream.write_all(&part).await.unwrap();
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    })
    .await
}

fn assert_refused(answer: &str, status: u16, code: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(answer.ends_with('}') && answer.contains(&format!("\"code\":\"{code}\"")), "{answer}");
}

#[tokio::test]
async fn a_client_that_sends_all_of_a_body_too_large_still_reads_its_answer() {
    let (fake, proxy) = serving().await;
    let length = 20 * 1024 * 1024;
    let part = || std::iter::repeat_n(vec![b'x'; 64 * 1024], length / (64 * 1024));
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\nauthorization: Bearer {KEY}\r\ncontent-length: {length}\r\n\r\n"
    );
    assert_refused(&write_then_read(&proxy, &head, part()).await, 413, "request_too_large");
    // The same without a length.
    let head = head.replace(&format!("content-length: {length}"), "transfer-encoding: chunked");
    let chunks = part().map(|part| [b"10000\r\n", &*part, b"\r\n"].concat()).chain([b"0\r\n\r\n".to_vec()]);
    assert_refused(&write_then_read(&proxy, &head, chunks).await, 413, "request_too_large");
    // And when it is refused for another reason before its body was read.
    let head = format!("POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\ncontent-length: {length}\r\n\r\n");
    assert_refused(&write_then_read(&proxy, &head, part()).await, 401, "missing_api_key");
    assert!(fake.seen().is_empty());
}

#[tokio::test]
async fn a_body_in_many_parts_is_put_together() {
    let (fake, proxy) = serving().await;
    let body = document(100_000);
    let chunk = |part: &[u8]| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\nx-api-key: {KEY}\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let parts: Vec<Vec<u8>> = body.as_bytes().chunks(777).map(chunk).chain([b"0\r\n\r\n".to_vec()]).collect();
    let answer = write_then_read(&proxy, &head, parts.into_iter()).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("{\"length\":100000}"), "{answer}");
    assert_eq!(fake.seen()[0].body, body);
    assert_eq!(fake.seen()[0].header("content-length"), "100000");
}

#[tokio::test]
async fn a_refusal_does_not_end_the_connection_when_the_body_was_read() {
    let (_fake, proxy) = serving().await;
    let mut client = Client::connect(proxy.address).await;
    for body in ["{", "{\"model\":\"nothing\"}", "{\"model\":\"m\"}"] {
        let request = post("/v1/chat/completions", body).header("x-api-key", KEY);
        client.send(request).await;
    }
    assert!(!client.connection.is_finished());
}

#[tokio::test]
async fn a_refusal_before_the_body_was_read_says_that_the_connection_ends() {
    let (_fake, proxy) = serving().await;
    let sent = |path: &str, key: &str| post(path, document(1000)).header("x-api-key", key);
    for (path, key, connection) in [
        ("/v1/chat/completions", "sk-unknown", "close"),
        ("/v1/nothing", KEY, "close"),
        ("/v1/models", KEY, "close"),
        ("/v1/chat/completions", KEY, ""),
    ] {
        let answer = Client::connect(proxy.address).await.send(sent(path, key)).await;
        assert_eq!(answer.header("connection"), connection, "{path} {key}");
    }
    let answer = Client::connect(proxy.address).await.send(get("/v1/models")).await;
    assert_eq!((answer.status.as_u16(), answer.header("connection")), (401, ""));
}

#[tokio::test]
async fn a_client_that_leaves_within_its_body_is_no_request() {
    let (fake, proxy) = serving().await;
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\nx-api-key: {KEY}\r\ncontent-length: 100\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    drop(stream);
    let line = &proxy.log(1).await[0];
    assert_eq!((&line["outcome"], &line["status"]), (&"cancelled".into(), &serde_json::Value::Null));
    assert!(fake.seen().is_empty());
    assert_eq!(proxy.series("llm_proxy_active_requests").await, 0.0);
}

#[tokio::test]
async fn what_is_no_http_is_turned_away() {
    let (_fake, proxy) = serving().await;
    for garbage in [
        "\u{16}\u{3}\u{1}hello",
        "GET\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET / HTTP/1.1\r\nbad header\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(proxy.address).await.unwrap();
        stream.write_all(garbage.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // Either way of ending will do.
        let _ = soon(stream.read_to_end(&mut answer)).await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{garbage:?}: {answer}");
    }
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    let _ = stream.write_all(b"GET / HTTP/1.1\r\n").await;
    for _ in 0..200 {
        let _ = stream.write_all(format!("x-{}: {}\r\n", 1, "y".repeat(1000)).as_bytes()).await;
    }
    let _ = stream.write_all(b"\r\n").await;
    let mut answer = [0; 12];
    let _ = soon(stream.read_exact(&mut answer)).await;
    assert_eq!(&answer, b"HTTP/1.1 431");
    assert_eq!(proxy.get("/livez").await.status, 200);
}
