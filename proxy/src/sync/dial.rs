//! Finding the operator that streams: every URL, every address, until one does.

use super::Timing;
use super::connection::{Connection, ConnectionError, Peer};
use super::credentials::Credentials;
use super::lines::{Lines, MAX_LINE};
use crate::config::Operator;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use llm_snapshot::Digest;
use rustls_pki_types::ServerName;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// The port of an https URL that names none.
const HTTPS: u16 = 443;
/// Most of an answer that is no stream that is read, in bytes.
const MAX_ANSWER: usize = 1024;
/// Most failures told of one round.
const MAX_TOLD: usize = 4;
/// How long a name may take to resolve.
const RESOLVE: Duration = Duration::from_secs(5);

/// Dials.
#[derive(Debug)]
pub(super) struct Dialer {
    pub(super) operator: Operator,
    /// The name of this proxy, as it can stand in a query.
    pub(super) proxy: String,
    timing: Timing,
}

/// A stream that was opened.
#[derive(Debug)]
pub(super) struct Stream {
    /// What tells this stream from others of this proxy.
    pub(super) id: String,
    pub(super) connection: Connection,
    pub(super) lines: Lines<Incoming>,
}

/// No address streams.
#[derive(Debug, Default)]
pub(super) struct Missed {
    failures: Vec<String>,
    /// One of them is an operator that does not lead, so another soon will.
    pub(super) standby: bool,
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told: Vec<&str> = self.failures.iter().take(MAX_TOLD).map(String::as_str).collect();
        f.write_str(&told.join("; "))?;
        match self.failures.len().saturating_sub(MAX_TOLD) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// Why one address does not stream.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("it does not lead")]
    Standby,
    #[error("it does not take the token (401): see --operator-token{0}")]
    Unauthenticated(String),
    #[error("the token's account may not have the configuration (403){0}")]
    Forbidden(String),
    #[error("it answers with {0}{1}")]
    Status(StatusCode, String),
}

impl Dialer {
    pub(super) fn new(operator: Operator, timing: Timing) -> Self {
        let proxy = plain_name(&operator.proxy);
        Self { operator, proxy, timing }
    }

    /// Opens a stream, from `held` on if the operator still knows that.
    pub(super) async fn dial(&self, held: Option<Digest>) -> Result<Stream, Missed> {
        let mut missed = Missed::default();
        let credentials = match Credentials::read(&self.operator).await {
            Ok(credentials) => credentials,
            Err(error) => {
                missed.failures.push(error.to_string());
                return Err(missed);
            }
        };
        for url in &self.operator.urls {
            let peers = match self.resolve(url).await {
                Ok(peers) => peers,
                Err(why) => {
                    missed.failures.push(format!("{url}: {why}"));
                    continue;
                }
            };
            for peer in peers {
                match self.open(&peer, &credentials, held).await {
                    Ok(stream) => return Ok(stream),
                    Err(refused) => {
                        missed.standby |= matches!(refused, Refused::Standby);
                        missed.failures.push(format!("{url} at {}: {refused}", peer.address));
                    }
                }
            }
        }
        Err(missed)
    }

    /// The addresses of a URL's host, as of now.
    async fn resolve(&self, url: &str) -> Result<Vec<Peer>, String> {
        let parsed: Uri = url.parse().map_err(|_| "is no URL")?;
        let authority = parsed.authority().ok_or("is no URL with a host")?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let port = authority.port_u16().unwrap_or(HTTPS);
        let name = self.operator.server_name.as_deref().unwrap_or(host).to_owned();
        let server_name = ServerName::try_from(name)
            .map_err(|_| "its host, or --operator-server-name, can be on no certificate")?;
        let authority = HeaderValue::try_from(authority.as_str()).map_err(|_| "is no URL with a host")?;
        let lookup = tokio::time::timeout(RESOLVE, tokio::net::lookup_host((host, port)));
        let found = lookup.await.map_err(|_| "its host does not resolve in time")?;
        let addresses: Vec<SocketAddr> =
            found.map_err(|error| format!("its host does not resolve: {error}"))?.collect();
        let peer = |address| Peer { address, authority: authority.clone(), server_name: server_name.clone() };
        Ok(addresses.into_iter().map(peer).collect())
    }

    async fn open(
        &self,
        peer: &Peer,
        credentials: &Credentials,
        held: Option<Digest>,
    ) -> Result<Stream, Refused> {
        let id = format!("{:032x}", rand::random::<u128>());
        let held = held.map_or(String::new(), |held| format!("&held={held}"));
        let mut request = Request::new(Full::default());
        *request.uri_mut() =
            Uri::try_from(format!("/v1/config/stream?proxy={}&stream={id}{held}", self.proxy))
                .unwrap_or_default();
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/x-ndjson"));
        let mut connection = Connection::open(peer, credentials, self.timing).await?;
        let response = connection.send(request, credentials, self.timing).await?;
        match response.status() {
            StatusCode::OK => {
                Ok(Stream { id, connection, lines: Lines::new(response.into_body(), MAX_LINE) })
            }
            StatusCode::SERVICE_UNAVAILABLE => Err(Refused::Standby),
            StatusCode::UNAUTHORIZED => Err(Refused::Unauthenticated(self.told(response.into_body()).await)),
            StatusCode::FORBIDDEN => Err(Refused::Forbidden(self.told(response.into_body()).await)),
            status => Err(Refused::Status(status, self.told(response.into_body()).await)),
        }
    }

    /// The start of what an operator says about its refusal.
    async fn told(&self, body: Incoming) -> String {
        let body = tokio::time::timeout(self.timing.answer, Limited::new(body, MAX_ANSWER).collect()).await;
        let bytes = body.ok().and_then(Result::ok).map(|body| body.to_bytes()).unwrap_or(Bytes::new());
        let text: String =
            String::from_utf8_lossy(&bytes).chars().filter(|c| !c.is_control()).take(200).collect();
        if text.is_empty() { text } else { format!(": {text}") }
    }
}

/// The name with what cannot be in one replaced: it stands in a query, and in statuses.
fn plain_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = name.chars().take(253).map(plain).collect();
    if name.is_empty() { "llm-proxy".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cannot_stand_in_a_query_are_made_to() {
        for (name, plain) in [
            ("llm-proxy-7d4f_x.2", "llm-proxy-7d4f_x.2"),
            ("my host&held=1", "my-host-held-1"),
            ("prüfung", "pr-fung"),
            ("", "llm-proxy"),
        ] {
            assert_eq!(plain_name(name), plain);
        }
        assert_eq!(plain_name(&"a".repeat(300)).len(), 253);
    }
}
