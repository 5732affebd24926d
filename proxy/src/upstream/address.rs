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

impl Address {
    /// The `Host` header, and what stands before every path.
    pub(super) fn place(&self) -> (&str, &str) {
        (self.host_header.to_str().unwrap_or_default(), &self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_has_these_parts() {
        let cases = [
            ("http://api.test", (false, "api.test", 80, "", "api.test")),
            ("https://api.test/v1", (true, "api.test", 443, "/v1", "api.test")),
            ("https://api.test:8443/a/b/", (true, "api.test", 8443, "/a/b", "api.test:8443")),
            ("http://10.0.0.1:8000/v1", (false, "10.0.0.1", 8000, "/v1", "10.0.0.1:8000")),
            ("http://[::1]:8000/v1", (false, "::1", 8000, "/v1", "[::1]:8000")),
        ];
        for (url, (https, host, port, prefix, header)) in cases {
            let address = Address::parse(url).unwrap();
            assert_eq!((address.https, address.host.as_str(), address.port), (https, host, port), "{url}");
            assert_eq!(
                (address.prefix.as_str(), address.host_header.to_str().unwrap()),
                (prefix, header),
                "{url}"
            );
        }
    }

    #[test]
    fn what_is_no_base_url_is_refused_without_being_repeated() {
        let cases = [
            ("", "is not a URL"),
            ("api secret", "is not a URL"),
            ("/v1/secret", "is neither http nor https"),
            ("ftp://api.test/secret", "is neither http nor https"),
            ("https://user:secret@api.test/v1", "holds a user name"),
            ("https://api.test/v1?key=secret", "holds a query"),
        ];
        for (url, why) in cases {
            let error = Address::parse(url).unwrap_err();
            assert_eq!(error.to_string(), format!("the base URL {why}"), "{url}");
        }
    }

    #[test]
    fn a_request_for_a_path_becomes_one_for_the_base_url_and_it() {
        let address = Address::parse("http://api.test/v1").unwrap();
        for (path, target) in [("/a", "/v1/a"), ("/a/b?c=d%20e", "/v1/a/b?c=d%20e"), ("http://x/a", "/v1/a")]
        {
            let mut request = Request::builder().uri(path).body(()).unwrap();
            address.complete(&mut request).unwrap();
            assert_eq!(*request.uri(), target);
            assert_eq!(request.headers()[HOST], "api.test");
        }
    }
}
