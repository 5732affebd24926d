use super::*;
use crate::upstream::Metrics;
use crate::upstream::testing::{Server, eventually};
use crate::upstream::wire::Stream;
use std::future::pending;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// A connection on which nothing was sent, but which hyper is ready to use.
async fn connection(server: &Server, metrics: &Metrics) -> Box<Connection> {
    let tcp = TcpStream::connect(server.address).await.unwrap();
    let mut connection = Box::new(Connection::new(Stream::Plain(tcp), metrics.open()).await.unwrap());
    assert!(connection.is_alive());
    connection
}

async fn silent() -> Server {
    Server::start(|_, mut peer| async move { peer.closed().await }).await
}

#[tokio::test]
async fn the_last_one_in_is_the_first_one_out() {
    let (server, metrics) = (silent().await, Metrics::default());
    let pool = Arc::new(Pool::default());
    let mut put = Vec::new();
    for _ in 0..3 {
        let connection = connection(&server, &metrics).await;
        put.push(std::ptr::from_ref(&*connection));
        pool.put(connection);
    }
    let taken: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
    put.reverse();
    assert_eq!(taken.iter().map(|connection| std::ptr::from_ref(&**connection)).collect::<Vec<_>>(), put);
}

#[tokio::test]
async fn more_than_enough_is_closed() {
    let (server, metrics) = (silent().await, Metrics::default());
    let pool = Arc::new(Pool::new(2));
    for _ in 0..3 {
        pool.put(connection(&server, &metrics).await);
    }
    assert_eq!((metrics.open.get(), metrics.closed.get()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_uses_is_closed_in_the_end() {
    let (server, metrics) = (silent().await, Metrics::default());
    let pool = Arc::new(Pool::default());
    for _ in 0..2 {
        pool.put(connection(&server, &metrics).await);
        sleep(IDLE_TIMEOUT / 2).await;
    }
    assert_eq!(metrics.open.get(), 2, "neither is too old");
    sleep(SWEEP_INTERVAL).await;
    assert_eq!(metrics.open.get(), 1);
    sleep(IDLE_TIMEOUT / 2).await;
    assert_eq!(metrics.open.get(), 0);
    // The task that closes them has ended, and there is another for the next one.
    pool.put(connection(&server, &metrics).await);
    assert_eq!(metrics.open.get(), 1);
    sleep(IDLE_TIMEOUT + SWEEP_INTERVAL).await;
    assert_eq!(metrics.open.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_other_end_closed_is_closed_soon() {
    let server = Server::start(|number, peer| async move {
        if number == 1 {
            pending::<()>().await;
        }
        drop(peer);
    })
    .await;
    let metrics = Metrics::default();
    let pool = Arc::new(Pool::default());
    for _ in 0..3 {
        let tcp = TcpStream::connect(server.address).await.unwrap();
        pool.put(Box::new(Connection::new(Stream::Plain(tcp), metrics.open()).await.unwrap()));
    }
    eventually("all are accepted", || server.connections() == 3).await;
    sleep(SWEEP_INTERVAL).await;
    assert_eq!(metrics.open.get(), 1);
    assert!(pool.take().unwrap().is_alive());
}

#[tokio::test]
async fn a_pool_that_is_gone_closes_its_connections() {
    let (server, metrics) = (silent().await, Metrics::default());
    let pool = Arc::new(Pool::default());
    pool.put(connection(&server, &metrics).await);
    drop(pool);
    assert_eq!(metrics.open.get(), 0, "the task of the pool does not keep it");
}
