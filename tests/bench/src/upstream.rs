//! The provider both proxies forward to: a bare socket server that answers every request the same way.

use anyhow::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Chunks in one streamed answer.
pub(crate) const CHUNKS: usize = 200;
/// Pause between two chunks of a stream.
const PACE: Duration = Duration::from_millis(2);

const ANSWER: &str = r#"{"id":"chatcmpl-bench","object":"chat.completion","created":1,"model":"upstream-model","choices":[{"index":0,"message":{"role":"assistant","content":"A plain answer of a sentence or two, as long as a short reply of a model tends to be when it is asked something simple.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":180,"completion_tokens":26,"total_tokens":206}}"#;

/// Chunks written since the start.
pub(crate) type Counter = Arc<AtomicU64>;

/// Serves until the runtime ends; gives the port and the counter of chunks.
pub(crate) async fn serve() -> Result<(u16, Counter)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let chunks = Counter::default();
    let counter = chunks.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(connection(socket, counter.clone()));
        }
    });
    Ok((port, chunks))
}

async fn connection(mut socket: TcpStream, chunks: Counter) -> Option<()> {
    socket.set_nodelay(true).ok()?;
    let plain = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{ANSWER}",
        ANSWER.len()
    );
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        let (head, body) = loop {
            if let Some(found) = request_end(&buffer) {
                break found;
            }
            if socket.read_buf(&mut buffer).await.ok()? == 0 {
                return None;
            }
        };
        let streamed = buffer[head..body].windows(13).any(|window| window == b"\"stream\":true");
        buffer.drain(..body);
        if streamed {
            stream(&mut socket, &chunks).await?;
        } else {
            socket.write_all(plain.as_bytes()).await.ok()?;
        }
    }
}

/// Where the head and the body of the first request in `buffer` end, when it is all there.
fn request_end(buffer: &[u8]) -> Option<(usize, usize)> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&buffer[..head]).ok()?.to_ascii_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|value| value.trim().parse::<usize>().ok())
        .unwrap_or(0);
    (buffer.len() >= head + length).then_some((head, head + length))
}

async fn stream(socket: &mut TcpStream, chunks: &Counter) -> Option<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    socket.write_all(head.as_bytes()).await.ok()?;
    let mut pace = tokio::time::interval(PACE);
    for number in 0..CHUNKS {
        pace.tick().await;
        let event = format!(
            "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"upstream-model\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" word{number}\"}},\"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
        );
        let chunk = format!("{:x}\r\n{event}\r\n", event.len());
        socket.write_all(chunk.as_bytes()).await.ok()?;
        chunks.fetch_add(1, Ordering::Relaxed);
    }
    // Nobody has to count what is told.
    let end = "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"upstream-model\",\"choices\":[],\"usage\":{\"prompt_tokens\":180,\"completion_tokens\":200,\"total_tokens\":380}}\n\ndata: [DONE]\n\n";
    let last = format!("{:x}\r\n{end}\r\n0\r\n\r\n", end.len());
    socket.write_all(last.as_bytes()).await.ok()
}
