//! Load: wrk for plain requests, own connections for streams.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The key every benchmark configuration knows.
pub(crate) const KEY: &str = "sk-benchmark-key-000000";

/// A chat request of about 1 KiB.
pub(crate) fn body(streamed: bool) -> String {
    let text = "Please look at the following and tell me what stands out. ".repeat(15);
    let stream = if streamed { ",\"stream\":true" } else { "" };
    format!(r#"{{"model":"bench-model","messages":[{{"role":"user","content":"{text}"}}]{stream}}}"#)
}

/// Requests that wrk got answered with `connections` in `duration` from `port`. Any answer but 200 is an error.
pub(crate) fn wrk(scratch: &Path, port: u16, connections: usize, duration: Duration) -> Result<u64> {
    let script = scratch.join("request.lua");
    let body = body(false);
    std::fs::write(
        &script,
        format!(
            "wrk.method = 'POST'\nwrk.body = [[{body}]]\nwrk.headers['content-type'] = 'application/json'\n\
             wrk.headers['authorization'] = 'Bearer {KEY}'\n\
             function done(s, l) io.write(string.format('RESULT %d %d\\n', s.requests, \
             s.errors.status + s.errors.connect + s.errors.read + s.errors.write + s.errors.timeout)) end\n"
        ),
    )?;
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{connections}"), &format!("-d{}s", duration.as_secs()), "-s"])
        .arg(&script)
        .arg(format!("http://127.0.0.1:{port}/v1/chat/completions"))
        .output()
        .context("cannot run wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let result = text.lines().find_map(|line| line.strip_prefix("RESULT ")).context("wrk gave no result")?;
    let numbers: Result<Vec<f64>, _> = result.split_whitespace().map(str::parse).collect();
    let [requests, errors] = numbers?[..] else { bail!("wrk said {result}") };
    if errors > 0.0 || requests == 0.0 {
        bail!("{errors} of {requests} requests failed: {text}");
    }
    Ok(requests as u64)
}

/// `connections` streams at once, each `rounds` times. Every stream must end in `[DONE]`.
pub(crate) async fn streams(port: u16, connections: usize, rounds: usize) -> Result<()> {
    let tasks: Vec<_> = (0..connections).map(|_| tokio::spawn(stream_rounds(port, rounds))).collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn stream_rounds(port: u16, rounds: usize) -> Result<()> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
    socket.set_nodelay(true)?;
    let request = request(true);
    let mut buffer = vec![0; 64 * 1024];
    for _ in 0..rounds {
        socket.write_all(request.as_bytes()).await?;
        let mut tail = Vec::new();
        loop {
            let read = socket.read(&mut buffer).await?;
            if read == 0 {
                bail!("stream was cut: {}", String::from_utf8_lossy(&tail));
            }
            tail.extend_from_slice(&buffer[..read]);
            if tail.ends_with(b"\r\n0\r\n\r\n") {
                break;
            }
            let keep = tail.len().saturating_sub(256);
            tail.drain(..keep);
        }
        if !String::from_utf8_lossy(&tail).contains("[DONE]") {
            bail!("stream did not end in [DONE]: {}", String::from_utf8_lossy(&tail));
        }
    }
    Ok(())
}

/// A whole request as bytes.
pub(crate) fn request(streamed: bool) -> String {
    let body = body(streamed);
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {KEY}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
