//! The headers of requests to providers and of their responses to clients.

use crate::api::error::Dialect;
use crate::api::request_id::{ANTHROPIC_REQUEST_ID, REQUEST_ID, UPSTREAM_REQUEST_ID};
use crate::state::Provider;
use crate::state::headers::strip_hop_by_hop;
use crate::translate::limits;
use http::Uri;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use llm_protocol::{Notes, percent};
use llm_snapshot::provider::Protocol;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("llm-proxy/", env!("CARGO_PKG_VERSION")));
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
const URL_ENCODED: &[u8] = b"application/x-www-form-urlencoded";
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const ANTHROPIC_BETA: HeaderName = HeaderName::from_static("anthropic-beta");
const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
/// The version of Messages this program speaks.
const ANTHROPIC_VERSION_SPOKEN: HeaderValue = HeaderValue::from_static("2023-06-01");
/// Ids of requests at providers, by the names they have there.
const THEIR_IDS: [HeaderName; 2] = [REQUEST_ID, ANTHROPIC_REQUEST_ID];
/// What could not be carried by a translation.
const WARNINGS: HeaderName = HeaderName::from_static("x-llm-proxy-warnings");
pub(super) const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");

/// Client headers that are passed on always.
const PASSED_ON: [HeaderName; 3] = [header::ACCEPT, header::CONTENT_TYPE, IDEMPOTENCY_KEY];

/// Response headers that are about the provider's own site or account, or what it is authenticated with, and nobody
/// else's business; those that frame the body are made anew.
const KEPT_BACK: [HeaderName; 14] = [
    HeaderName::from_static("anthropic-organization-id"),
    HeaderName::from_static("api-key"),
    header::ALT_SVC,
    header::AUTHORIZATION,
    header::CONTENT_LENGTH,
    header::COOKIE,
    header::SET_COOKIE,
    header::STRICT_TRANSPORT_SECURITY,
    header::WWW_AUTHENTICATE,
    HeaderName::from_static("openai-organization"),
    HeaderName::from_static("openai-project"),
    HeaderName::from_static("x-amz-security-token"),
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-goog-api-key"),
];
/// What the names of the proxy's own headers begin with.
const OURS: &str = "x-llm-proxy-";

/// Where a provider is asked, given where its protocol has it: Azure's deployments have paths of their own, and so has
/// Vertex AI.
pub(super) fn place(provider: &Provider, uri: Uri, model: &str, stream: bool) -> Uri {
    if let Some(cloud) = &provider.cloud {
        return cloud.place(uri, model, stream);
    }
    let Some(version) = &provider.azure_api_version else { return uri };
    let mut path = String::from("/openai/deployments/");
    percent::escape(&mut path, model, b"");
    path.push_str(uri.path());
    path.push_str("?api-version=");
    path.push_str(version);
    path.parse().unwrap_or(uri)
}

/// The headers a provider gets that is spoken to in the protocol `way`; `written`: the body is not the client's own.
pub(super) fn request(
    client: &HeaderMap,
    provider: &Provider,
    way: Protocol,
    written: bool,
    request_id: &HeaderValue,
) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(16);
    let pass = |headers: &mut HeaderMap, names: &[HeaderName]| {
        for name in names {
            client.get_all(name).iter().for_each(|value| {
                headers.append(name, value.clone());
            });
        }
    };
    if !written {
        pass(&mut headers, &PASSED_ON);
    }
    // What is sent is JSON, whatever a client says that knows forms alone (`curl -d`).
    if !headers.contains_key(header::CONTENT_TYPE) || media_type(&headers) == URL_ENCODED {
        headers.insert(header::CONTENT_TYPE, JSON);
    }
    if way == Protocol::Messages {
        if !written {
            pass(&mut headers, &[ANTHROPIC_BETA, ANTHROPIC_VERSION]);
        }
        headers.entry(ANTHROPIC_VERSION).or_insert(ANTHROPIC_VERSION_SPOKEN);
    }
    // The tokens of the answer are to be read on the way.
    headers.insert(header::ACCEPT_ENCODING, IDENTITY);
    headers.insert(header::USER_AGENT, AGENT);
    if let Some(credential) = provider.credentials.as_ref().and_then(|credentials| credentials.next()) {
        let (name, value) = credential;
        headers.insert(name, value.clone());
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
    while let Some(name) = headers.keys().find(|name| name.as_str().starts_with(OURS)).cloned() {
        headers.remove(name);
    }
    let ids = THEIR_IDS.map(|name| headers.remove(name));
    if let Some(id) = ids.into_iter().flatten().next() {
        headers.insert(UPSTREAM_REQUEST_ID, id);
    }
}

/// The headers of an answer that was translated, given the provider's own.
pub(super) fn translated(theirs: &HeaderMap, notes: &Notes, events: bool, dialect: Dialect) -> HeaderMap {
    let mut headers = HeaderMap::new();
    match dialect {
        Dialect::OpenAi => limits::as_openai(theirs, Timestamp::now(), &mut headers),
        Dialect::Anthropic => limits::as_anthropic(theirs, Timestamp::now(), &mut headers),
        Dialect::Gemini | Dialect::GeminiArray => {}
    }
    headers.insert(header::CONTENT_TYPE, if events { EVENTS } else { JSON });
    if let Some(id) = THEIR_IDS.iter().find_map(|name| theirs.get(name)) {
        headers.insert(UPSTREAM_REQUEST_ID, id.clone());
    }
    headers.extend(warnings(notes));
    headers
}

/// The headers of a stream that was translated. What the client could not be given of it is known when it is over: the
/// warnings of that come as a trailer, to clients that send `te: trailers` (RFC 9110 §6.5).
pub(super) fn translated_stream(
    theirs: &HeaderMap,
    notes: &Notes,
    events: bool,
    dialect: Dialect,
) -> HeaderMap {
    let mut headers = translated(theirs, notes, events, dialect);
    headers.insert(header::TRAILER, HeaderValue::from(WARNINGS));
    headers
}

/// What could not be carried, if there is anything.
pub(crate) fn warnings(notes: &Notes) -> Option<(HeaderName, HeaderValue)> {
    Some((WARNINGS, HeaderValue::try_from(notes.header()?).ok()?))
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

/// Whether the body is compressed, although nobody asked for that.
pub(super) fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity")
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
            ("authorization", "Bearer secret"),
            ("proxy-authorization", "Bearer secret"),
            ("api-key", "secret"),
            ("x-api-key", "secret"),
            ("x-goog-api-key", "secret"),
            ("x-llm-proxy-warnings", "theirs"),
            ("x-llm-proxy-config-version", "theirs"),
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
