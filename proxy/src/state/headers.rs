//! Which request headers a provider gets.

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue};
use llm_snapshot::provider;

/// Headers of one connection only (RFC 9110 section 7.6.1), and those that say where a message goes and ends.
const OF_THE_CONNECTION: [HeaderName; 10] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Headers a client may send its key in, and cookies, which may be another one.
const OF_THE_CLIENT: [HeaderName; 4] = [
    header::AUTHORIZATION,
    header::COOKIE,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-goog-api-key"),
];

/// What the provider's configuration says about request headers.
#[derive(Debug)]
pub struct HeaderRules {
    set: Vec<(HeaderName, HeaderValue)>,
    forward: Vec<HeaderName>,
    remove: Vec<HeaderName>,
}

/// A configured header that is not one. Its value is not told.
#[derive(Debug, thiserror::Error)]
#[error("the header {name:?} {problem}")]
pub struct InvalidHeader {
    name: String,
    problem: &'static str,
}

impl HeaderRules {
    pub(super) fn new(headers: &provider::Headers) -> Result<Self, InvalidHeader> {
        let set = |(name, text): &(String, String)| {
            let mut value = HeaderValue::try_from(text).map_err(|_| InvalidHeader {
                name: name.clone(),
                problem: "has a value that a header cannot have",
            })?;
            // It may well be a credential.
            value.set_sensitive(true);
            Ok((parse(name, &[])?, value))
        };
        Ok(Self {
            set: headers.set.iter().map(set).collect::<Result<_, _>>()?,
            forward: headers
                .forward
                .iter()
                .map(|name| parse(name, &OF_THE_CLIENT))
                .collect::<Result<_, _>>()?,
            remove: headers.remove.iter().map(|name| parse(name, &[])).collect::<Result<_, _>>()?,
        })
    }

    /// Applies the rules to the headers of a request: what is to be passed on from the client's headers, what is set
    /// over whatever was there, and at last what is not sent.
    pub fn apply(&self, headers: &mut HeaderMap, client: &HeaderMap) {
        for name in &self.forward {
            let mut values = client.get_all(name).iter();
            if let Some(first) = values.next() {
                headers.insert(name, first.clone());
                for value in values {
                    headers.append(name, value.clone());
                }
            }
        }
        for (name, value) in &self.set {
            headers.insert(name, value.clone());
        }
        for name in &self.remove {
            headers.remove(name);
        }
    }
}

fn parse(name: &str, forbidden: &[HeaderName]) -> Result<HeaderName, InvalidHeader> {
    let invalid = |problem| InvalidHeader { name: name.to_owned(), problem };
    let parsed: HeaderName = name.parse().map_err(|_| invalid("has a name that is none"))?;
    if OF_THE_CONNECTION.contains(&parsed) {
        return Err(invalid("belongs to the connection"));
    }
    if forbidden.contains(&parsed) {
        return Err(invalid("holds what the client is known by"));
    }
    Ok(parsed)
}

/// Takes out what belongs to one connection only, and what the `Connection` header names as such.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse().ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in OF_THE_CONNECTION.iter().filter(|name| **name != header::CONTENT_LENGTH) {
        headers.remove(name);
    }
    headers.remove("proxy-connection");
}
