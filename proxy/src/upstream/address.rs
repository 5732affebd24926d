//! Where a provider answers, read from its base URL.

use super::error::{BuildError, SendError};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Uri};

/// The parts of a base URL.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) https: bool,
    /// DNS name or IP address, an IPv6 one without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Goes before the path of each request; empty or begins with a slash, and does not end with one.
    prefix: String,
    /// The `Host` header, with the port as it stands in the URL.
    host_header: HeaderValue,
}

impl Address {
    /// Reads a base URL.
    pub(super) fn parse(base_url: &str) -> Result<Self, BuildError> {
        let uri: Uri = base_url.parse().map_err(|_| BuildError::Url("is not a URL"))?;
        let https = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(BuildError::Url("is neither http nor https")),
        };
        let authority = uri.authority().map_or("", Authority::as_str);
        if authority.contains('@') {
            return Err(BuildError::Url("holds a user name"));
        }
        if uri.query().is_some() {
            return Err(BuildError::Url("holds a query"));
        }
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(BuildError::Url("names no host"));
        }
        let host_header = authority.parse().map_err(|_| BuildError::Url("names a host that is not one"))?;
        Ok(Self {
            https,
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(if https { 443 } else { 80 }),
            prefix: uri.path().trim_end_matches('/').to_owned(),
            host_header,
        })
    }

    /// Makes `request`, whose URI is a path of the provider's API, one that can be sent to it: the base URL's path
    /// before its own, and what HTTP/1.1 says about host and framing (RFC 9112 §3.2, §6).
    pub(super) fn complete<B>(&self, request: &mut Request<B>) -> Result<(), SendError> {
        let path = request.uri().path_and_query().map_or("", PathAndQuery::as_str);
        let target = PathAndQuery::from_maybe_shared(bytes::Bytes::from([&self.prefix, path].concat()))
            .map_err(|error| SendError::Request(error.into()))?;
        *request.uri_mut() = Uri::from(target);
        *request.version_mut() = http::Version::HTTP_11;
        let headers = request.headers_mut();
        for framing in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
            headers.remove(framing);
        }
        headers.insert(HOST, self.host_header.clone());
        Ok(())
    }
}
