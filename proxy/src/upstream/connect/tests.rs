use super::*;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::Instant;

fn addresses(text: &[&str]) -> Vec<SocketAddr> {
    text.iter().map(|address| address.parse().unwrap()).collect()
}

#[test]
fn the_families_take_turns() {
    let cases: [(&[&str], &[&str]); 4] = [
        (&[], &[]),
        (&["1.1.1.1:1", "1.1.1.2:1"], &["1.1.1.1:1", "1.1.1.2:1"]),
        (
            &["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "1.1.1.2:1"],
            &["[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1", "[::3]:1"],
        ),
        (&["1.1.1.1:1", "[::1]:1", "[::2]:1"], &["1.1.1.1:1", "[::1]:1", "[::2]:1"]),
    ];
    for (resolved, tried) in cases {
        assert_eq!(alternate(addresses(resolved)), addresses(tried));
    }
}

/// An address where nobody listens.
async fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// An address that neither takes nor refuses connections, because its queue is full, and what keeps it so.
async fn hanging() -> (SocketAddr, impl Sized) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    loop {
        let connecting = tokio::time::timeout(ATTEMPT_DELAY, TcpStream::connect(address));
        match connecting.await {
            Ok(stream) => queued.push(stream.unwrap()),
            Err(_) => return (address, (listener, queued)),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_that_fails_costs_no_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let good = listener.local_addr().unwrap();
    let started = Instant::now();
    let stream = race(vec![refusing().await, refusing().await, good]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), good);
    assert_eq!(started.elapsed(), Duration::ZERO);
    let error = race(vec![refusing().await, refusing().await]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    assert!(race(Vec::new()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_address_that_hangs_costs_its_delay() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let good = listener.local_addr().unwrap();
    let (hanging, _queued) = hanging().await;
    let started = Instant::now();
    let stream = race(vec![hanging, good]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), good);
    assert_eq!(started.elapsed(), ATTEMPT_DELAY);
    let nobody = tokio::time::timeout(Duration::from_secs(10), race(vec![hanging, refusing().await]));
    assert!(nobody.await.is_err(), "the one that hangs may still answer");
}

#[tokio::test]
async fn a_connection_is_prepared_for_short_messages_and_long_silence() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = race(vec![listener.local_addr().unwrap()]).await.unwrap();
    prepare(&stream).unwrap();
    let socket = SockRef::from(&stream);
    assert!(stream.nodelay().unwrap() && socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE);
}
