//! Time limits, on paused time: it moves on only when everybody waits, and then to the next timer exactly.

use crate::upstream::testing::{HELLO, PATIENT, Peer, Server, post};
use crate::upstream::{Body, BodyError, SendError, Timeouts, Upstream};
use bytes::Bytes;
use http_body_util::BodyExt;
use std::future::{Future, pending};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
const CHUNK: &str = "1\r\nx\r\n";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Sends a request to a provider that does as `script` says once the request is there.
async fn against<F>(script: impl Fn(Peer) -> F + Send + Copy + 'static) -> (Server, Upstream)
where
    F: Future<Output = ()> + Send + 'static,
{
    let server = Server::start(move |_, mut peer| async move {
        peer.request().await.unwrap();
        script(peer).await;
    })
    .await;
    let (upstream, _) = server.upstream();
    (server, upstream)
}

/// Reads frames until an error, and tells how many there were, the error, and when it came.
async fn failure(mut body: Body) -> (usize, BodyError, Duration) {
    let started = Instant::now();
    for frames in 0.. {
        match body.frame().await.expect("the body does not end well") {
            Ok(_) => {}
            Err(error) => return (frames, error, started.elapsed()),
        }
    }
    unreachable!()
}

#[tokio::test(start_paused = true)]
async fn silence_ends_at_the_first_byte_limit() {
    let (_server, upstream) = against(|peer| async move {
        pending::<()>().await;
        drop(peer)
    })
    .await;
    let started = Instant::now();
    let error = upstream.send(post(""), &PATIENT).await.unwrap_err();
    assert!(matches!(error, SendError::FirstByteTimeout), "{error:?}");
    assert_eq!(started.elapsed(), PATIENT.first_byte);
}

#[tokio::test(start_paused = true)]
async fn half_a_head_is_no_first_byte() {
    let (_server, upstream) = against(|mut peer| async move {
        peer.send("HTTP/1.1 200 OK\r\n").await;
        pending::<()>().await;
    })
    .await;
    let error = upstream.send(post(""), &PATIENT).await.unwrap_err();
    assert!(matches!(error, SendError::FirstByteTimeout), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_just_in_time_is_in_time_on_a_used_connection_too() {
    let server = Server::start(|_, mut peer| async move {
        while peer.request().await.is_some() {
            sleep(PATIENT.first_byte - Duration::from_millis(2)).await;
            peer.send(HELLO).await;
        }
    })
    .await;
    let (upstream, metrics) = server.upstream();
    for _ in 0..5 {
        super::ask(&upstream).await;
    }
    assert_eq!(metrics.reused.get(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_total_limit_holds_before_the_response() {
    let (_server, upstream) = against(|peer| async move {
        pending::<()>().await;
        drop(peer)
    })
    .await;
    let started = Instant::now();
    let timeouts = Timeouts { total: seconds(20), ..PATIENT };
    let error = upstream.send(post(""), &timeouts).await.unwrap_err();
    assert!(matches!(error, SendError::TotalTimeout), "{error:?}");
    assert_eq!(started.elapsed(), seconds(20));
}

#[tokio::test(start_paused = true)]
async fn a_slow_upload_is_not_a_provider_that_does_not_answer() {
    const SIZE: usize = 32 << 20;
    let server = Server::start(|_, mut peer| async move {
        peer.head().await.unwrap();
        let mut left = SIZE;
        while left > 0 {
            sleep(PATIENT.first_byte / 4).await;
            // What the sockets hold is read in less than four of these turns.
            let turn = left.saturating_sub(2 << 20);
            while left > turn {
                left -= peer.read(1 << 16).await;
            }
        }
        peer.send(HELLO).await;
    })
    .await;
    let (upstream, _) = server.upstream();
    let started = Instant::now();
    let timeouts = Timeouts { total: seconds(6000), ..PATIENT };
    upstream.send(post(Bytes::from(vec![b'x'; SIZE])), &timeouts).await.unwrap();
    assert!(started.elapsed() > 2 * PATIENT.first_byte, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_stands_still_ends_at_the_first_byte_limit() {
    let server = Server::start(|_, peer| async move {
        pending::<()>().await;
        drop(peer)
    })
    .await;
    let (upstream, _) = server.upstream();
    let started = Instant::now();
    let error = upstream.send(post(Bytes::from(vec![b'x'; 16 << 20])), &PATIENT).await.unwrap_err();
    assert!(matches!(error, SendError::FirstByteTimeout), "{error:?}");
    assert_eq!(started.elapsed(), PATIENT.first_byte);
}

#[tokio::test(start_paused = true)]
async fn a_stream_may_be_slow_but_not_silent() {
    let (_server, upstream) = against(|mut peer| async move {
        peer.send(CHUNKED).await;
        for _ in 0..10 {
            sleep(PATIENT.stream_idle - Duration::from_millis(2)).await;
            peer.send(CHUNK).await;
        }
        pending::<()>().await;
    })
    .await;
    let body = upstream.send(post(""), &PATIENT).await.unwrap().into_body();
    let (frames, error, after) = failure(body).await;
    assert!(matches!(error, BodyError::Idle), "{error:?}");
    assert_eq!(frames, 10);
    assert_eq!(after, 11 * PATIENT.stream_idle - Duration::from_millis(20));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_never_begins_is_silent_from_its_head_on() {
    let (_server, upstream) = against(|mut peer| async move {
        sleep(seconds(10)).await;
        peer.send(CHUNKED).await;
        pending::<()>().await;
    })
    .await;
    let body = upstream.send(post(""), &PATIENT).await.unwrap().into_body();
    let (frames, error, after) = failure(body).await;
    assert!(matches!(error, BodyError::Idle), "{error:?}");
    assert_eq!((frames, after), (0, PATIENT.stream_idle));
}

#[tokio::test(start_paused = true)]
async fn the_time_in_which_nobody_reads_is_not_silence() {
    let (_server, upstream) = against(|mut peer| async move {
        peer.send(CHUNKED).await;
        for _ in 0..3 {
            peer.send(CHUNK).await;
            sleep(3 * PATIENT.stream_idle).await;
        }
        peer.send("0\r\n\r\n").await;
        pending::<()>().await;
    })
    .await;
    let mut body = upstream.send(post(""), &PATIENT).await.unwrap().into_body();
    let mut frames = 0;
    while let Some(frame) = body.frame().await {
        frame.unwrap();
        frames += 1;
        sleep(3 * PATIENT.stream_idle - seconds(1)).await;
    }
    assert_eq!(frames, 3);
}

#[tokio::test(start_paused = true)]
async fn the_total_limit_holds_in_the_middle_of_a_stream() {
    let (_server, upstream) = against(|mut peer| async move {
        peer.send(CHUNKED).await;
        loop {
            sleep(seconds(1)).await;
            peer.send(CHUNK).await;
        }
    })
    .await;
    let started = Instant::now();
    let timeouts = Timeouts { total: Duration::from_millis(100_500), ..PATIENT };
    let body = upstream.send(post(""), &timeouts).await.unwrap().into_body();
    let (frames, error, _) = failure(body).await;
    assert!(matches!(error, BodyError::Total), "{error:?}");
    assert_eq!((frames, started.elapsed()), (100, timeouts.total));
}

#[tokio::test(start_paused = true)]
async fn the_total_limit_holds_for_a_reader_that_always_finds_something() {
    let (_server, upstream) = against(|mut peer| async move {
        peer.send(CHUNKED).await;
        loop {
            peer.send(CHUNK).await;
            sleep(seconds(1)).await;
        }
    })
    .await;
    let mut body = upstream.send(post(""), &PATIENT).await.unwrap().into_body();
    let started = Instant::now();
    let error = loop {
        // By the time it reads there is more each time, so that it never has to wait.
        sleep(seconds(5)).await;
        match body.frame().await.unwrap() {
            Ok(_) => assert!(started.elapsed() < 2 * PATIENT.total, "the limit does not hold"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, BodyError::Total), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_hangs_ends_at_the_connect_limit() {
    let server = Server::start(|_, peer| async move {
        pending::<()>().await;
        drop(peer)
    })
    .await;
    let https = crate::upstream::testing::http(&format!("https://{}", server.address), Default::default());
    let upstream = Upstream::new(&https, &Default::default()).unwrap();
    for (total, connect) in [(600, 10), (4, 10)] {
        let timeouts = Timeouts { connect: seconds(connect), total: seconds(total), ..PATIENT };
        let started = Instant::now();
        let error = upstream.send(post(""), &timeouts).await.unwrap_err();
        let expected = if total < connect { "TotalTimeout" } else { "ConnectTimeout" };
        assert_eq!(format!("{error:?}"), expected);
        assert_eq!(started.elapsed(), seconds(total.min(connect)));
    }
}

#[tokio::test]
async fn limits_beyond_reason_are_none() {
    let server = Server::answering(HELLO).await;
    let (upstream, _) = server.upstream();
    let most = u64::MAX;
    let timeouts = llm_snapshot::provider::Timeouts {
        connect_ms: most,
        first_byte_ms: most,
        stream_idle_ms: most,
        total_ms: most,
    };
    for _ in 0..2 {
        let body = upstream.send(post(""), &Timeouts::from(&timeouts)).await.unwrap().into_body();
        assert_eq!(body.collect().await.unwrap().to_bytes(), "hello");
    }
}
