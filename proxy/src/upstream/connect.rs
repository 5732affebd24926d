//! A new connection: addresses, TCP, TLS.

use super::address::Address;
use super::error::SendError;
use super::tls::Tls;
use super::wire::Stream;
use futures_util::stream::{FuturesUnordered, StreamExt};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};

/// Time an address has before the next one is tried beside it (RFC 8305 §5, Connection Attempt Delay).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// Silence after which TCP asks whether the other end is there. Answers of language models can take minutes to
/// begin; firewalls forget connections that are silent for some minutes.
const KEEPALIVE: Duration = Duration::from_secs(45);

/// Connects to `address`, with TLS if there are settings for it. Has no time limit of its own.
pub(super) async fn connect(address: &Address, tls: Option<&Tls>) -> Result<Stream, SendError> {
    let addresses: Vec<SocketAddr> =
        lookup_host((address.host.as_str(), address.port)).await.map_err(SendError::Resolve)?.collect();
    let tcp = race(alternate(addresses)).await.map_err(SendError::Connect)?;
    prepare(&tcp).map_err(SendError::Connect)?;
    let Some(tls) = tls else { return Ok(Stream::Plain(tcp)) };
    let stream = tls.connector.connect(tls.server_name.clone(), tcp).await.map_err(SendError::Tls)?;
    Ok(Stream::Tls(Box::new(stream)))
}

fn prepare(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    SockRef::from(tcp)
        .set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 3))
}

/// The addresses with their families taking turns, the first one's first (RFC 8305 §4), so that a family that
/// leads nowhere costs one delay and not one for each of its addresses.
fn alternate(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first().copied() else { return addresses };
    let (same, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv4() == first.is_ipv4());
    let mut other = other.into_iter();
    let mut turns = Vec::new();
    for address in same {
        turns.push(address);
        turns.extend(other.next());
    }
    turns.extend(other);
    turns
}

/// The first connection to stand. Each address is tried when the one before has failed or had its delay.
async fn race(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut next = waiting.next();
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        attempts.extend(next.take().map(TcpStream::connect));
        tokio::select! {
            settled = attempts.next() => match settled {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => {
                    failure = error;
                    next = waiting.next();
                }
                None => return Err(failure),
            },
            () = tokio::time::sleep(ATTEMPT_DELAY), if waiting.len() > 0 => next = waiting.next(),
        }
    }
}

#[cfg(test)]
mod tests;
