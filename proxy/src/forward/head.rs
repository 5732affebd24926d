//! The headers of requests to providers and of their responses to clients.

use crate::api::request_id::{REQUEST_ID, UPSTREAM_REQUEST_ID};
use crate::state::Provider;
use crate::state::headers::strip_hop_by_hop;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

const AGENT: HeaderValue = HeaderValue::from_static(concat!("llm-proxy/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Client headers that are passed on always.
const PASSED_ON: [HeaderName; 3] = [header::ACCEPT, header::CONTENT_TYPE, IDEMPOTENCY_KEY];

/// Response headers that are about the provider's own site or account, and nobody else's business; those that frame
/// the body are made anew.
const KEPT_BACK: [HeaderName; 6] = [
    header::ALT_SVC,
    header::CONTENT_LENGTH,
    header::SET_COOKIE,
    header::STRICT_TRANSPORT_SECURITY,
    HeaderName::from_static("openai-organization"),
    HeaderName::from_static("openai-project"),
];

/// The headers a provider gets.
pub(super) fn request(client: &HeaderMap, provider: &Provider, request_id: &HeaderValue) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert(header::CONTENT_TYPE, JSON);
    for name in &PASSED_ON {
        if let Some(value) = client.get(name) {
            headers.insert(name, value.clone());
        }
    }
    // The tokens of the answer are to be read on the way.
    headers.insert(header::ACCEPT_ENCODING, IDENTITY);
    headers.insert(header::USER_AGENT, AGENT);
    if let Some(credential) = provider.credentials.as_ref().and_then(|credentials| credentials.next()) {
        headers.insert(header::AUTHORIZATION, credential.clone());
    }
    headers.insert(REQUEST_ID, request_id.clone());
    provider.headers.apply(&mut headers, client);
    headers
}

/// Makes the headers of a provider's response those of the client's.
pub(super) fn complete(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    for name in &KEPT_BACK {
        headers.remove(name);
    }
    if let Some(id) = headers.remove(REQUEST_ID) {
        headers.insert(UPSTREAM_REQUEST_ID, id);
    }
}

/// What no API answers with, and gateways, login pages and error pages in between do.
const PAGES: [&[u8]; 4] = [b"text/html", b"application/xhtml+xml", b"text/xml", b"application/xml"];

/// Whether the response is a stream of events.
pub(super) fn is_event_stream(headers: &HeaderMap) -> bool {
    media_type(headers).eq_ignore_ascii_case(b"text/event-stream")
}

/// Whether the response is a page for people, whatever its status says.
pub(super) fn is_page(headers: &HeaderMap) -> bool {
    PAGES.iter().any(|page| media_type(headers).eq_ignore_ascii_case(page))
}

/// The content type without its parameters; empty when there is none.
fn media_type(headers: &HeaderMap) -> &[u8] {
    let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_the_clients_business_comes_back() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "text/event-stream"),
            ("x-request-id", "theirs"),
            ("retry-after", "3"),
            ("x-ratelimit-remaining-requests", "7"),
            ("connection", "keep-alive, x-internal"),
            ("x-internal", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("content-length", "3"),
            ("set-cookie", "a=b"),
            ("openai-organization", "org-1"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        complete(&mut headers);
        let mut left: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        left.sort_unstable();
        let expected = [
            ("content-type", "text/event-stream"),
            ("retry-after", "3"),
            ("x-ratelimit-remaining-requests", "7"),
            ("x-upstream-request-id", "theirs"),
        ];
        assert_eq!(left, expected);
    }

    #[test]
    fn event_streams() {
        let is = |value| {
            is_event_stream(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))]))
        };
        assert!(is("text/event-stream") && is("Text/Event-Stream; charset=utf-8"));
        assert!(!is("application/json") && !is("text/event-streams") && !is_event_stream(&HeaderMap::new()));
    }

    #[test]
    fn pages() {
        let is =
            |value| is_page(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))]));
        assert!(is("text/html") && is("Text/HTML; charset=utf-8") && is("application/xml"));
        assert!(!is("application/json") && !is("text/plain") && !is_page(&HeaderMap::new()));
    }
}
