//! What a request to a provider costs between the call and the end of its body, with the provider's end of the
//! socket in the same thread: `json` is 1 KiB each way, `stream` 100 events of 200 bytes, sent at once or one by one.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::{Method, Request};
use http_body_util::BodyExt;
use llm_proxy::upstream::{Metrics, Timeouts, Upstream};
use llm_snapshot::provider::Http;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

const EVENTS: usize = 100;
const REQUEST_BYTES: usize = 1024;

/// An upstream whose provider answers every request with these parts.
fn upstream(runtime: &Runtime, parts: Vec<Vec<u8>>) -> Upstream {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let base_url = format!("http://{}", listener.local_addr().expect("an address"));
    runtime.spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            socket.set_nodelay(true).expect("a socket");
            let mut buffer = vec![0; 4 * REQUEST_BYTES];
            // A request of this size on loopback is one read.
            while socket.read(&mut buffer).await.is_ok_and(|read| read > REQUEST_BYTES) {
                for part in &parts {
                    socket.write_all(part).await.expect("a reader");
                    tokio::task::yield_now().await;
                }
            }
        }
    });
    let http = Http::new(base_url);
    Upstream::new(&http, &Metrics::default()).expect("a base URL")
}

async fn exchange(upstream: &Upstream, body: &Bytes) -> usize {
    let limit = Duration::from_secs(60);
    let timeouts = Timeouts { connect: limit, first_byte: limit, stream_idle: limit, total: limit };
    let mut request = Request::new(body.clone());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = http::Uri::from_static("/chat/completions");
    let mut body = upstream.send(request, &timeouts).await.expect("a response").into_body();
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        read += frame.expect("a whole body").data_ref().map_or(0, Bytes::len);
    }
    read
}

fn benches(criterion: &mut Criterion) {
    let json = format!("HTTP/1.1 200 OK\r\ncontent-length: 1024\r\n\r\n{}", "x".repeat(1024)).into_bytes();
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let event = format!("c8\r\n{}\r\n", "x".repeat(200)).into_bytes();
    let at_once = [head.clone(), event.repeat(EVENTS), b"0\r\n\r\n".to_vec()].concat();
    let mut one_by_one = vec![head];
    one_by_one.extend(std::iter::repeat_n(event, EVENTS));
    one_by_one.push(b"0\r\n\r\n".to_vec());

    let body = Bytes::from(vec![b'x'; REQUEST_BYTES]);
    let cases = [
        ("json", 1, vec![json]),
        ("stream at once", EVENTS, vec![at_once]),
        ("stream one by one", EVENTS, one_by_one),
    ];
    let mut group = criterion.benchmark_group("upstream");
    for (name, elements, parts) in cases {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let upstream = upstream(&runtime, parts);
        group.throughput(Throughput::Elements(elements as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| runtime.block_on(exchange(&upstream, &body)));
        });
    }
    group.finish();
}

criterion_group!(upstreams, benches);
criterion_main!(upstreams);
