//! Who asks: the key a client sends, wherever its SDK puts it, and what it is known by.

use super::error::Kind;
use crate::state::{Key, Runtime};
use http::header::AUTHORIZATION;
use http::{HeaderMap, Uri};
use llm_snapshot::Digest;
use std::borrow::Cow;
use std::sync::Arc;

/// The key's owner.
///
/// `now` gives the seconds since the Unix epoch; it is asked only for keys that expire.
///
/// # Errors
/// No key, or none that may be used: a [`Kind`] of status 401.
pub fn authenticate(
    runtime: &Runtime,
    headers: &HeaderMap,
    uri: &Uri,
    now: impl FnOnce() -> i64,
) -> Result<Arc<Key>, Kind> {
    let presented = presented(headers, uri).ok_or(Kind::NoKey)?;
    let key = runtime.key(&Digest::of(&presented)).ok_or(Kind::UnknownKey)?;
    if key.disabled {
        return Err(Kind::DisabledKey);
    }
    if key.expires_at.is_some_and(|expires_at| now() >= expires_at) {
        return Err(Kind::ExpiredKey);
    }
    Ok(key.clone())
}

/// What the client presents, the first of: `Authorization: Bearer`, `x-api-key`, `x-goog-api-key`, `?key=`.
fn presented<'r>(headers: &'r HeaderMap, uri: &'r Uri) -> Option<Cow<'r, [u8]>> {
    let header = |name| headers.get(name).map(|value: &http::HeaderValue| value.as_bytes().trim_ascii());
    let bearer = headers.get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
    let header = bearer.or_else(|| header("x-api-key")).or_else(|| header("x-goog-api-key"));
    header.filter(|key| !key.is_empty()).map(Cow::Borrowed).or_else(|| in_query(uri.query()?))
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii())
}

fn in_query(query: &str) -> Option<Cow<'_, [u8]>> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("key="))?;
    (!value.is_empty()).then(|| percent_decoded(value))
}

/// Reads `%XX`; anything else stands for itself, as a key that is not encoded would.
pub(super) fn percent_decoded(text: &str) -> Cow<'_, [u8]> {
    if !text.contains('%') {
        return Cow::Borrowed(text.as_bytes());
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = bytes.get(at..at + 3).filter(|escape| escape[0] == b'%');
        let mut byte = [0];
        if escape.is_some_and(|escape| hex::decode_to_slice(&escape[1..], &mut byte).is_ok()) {
            decoded.push(byte[0]);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    Cow::Owned(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(headers: &[(&'static str, &str)], uri: &str) -> Option<String> {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        presented(&headers, &uri.parse().unwrap()).map(|key| String::from_utf8(key.into_owned()).unwrap())
    }

    #[test]
    fn keys_are_found_where_each_sdk_puts_them() {
        type Case = (&'static [(&'static str, &'static str)], &'static str, Option<&'static str>);
        let table: [Case; 14] = [
            (&[("authorization", "Bearer k1")], "/", Some("k1")),
            (&[("authorization", "bearer  k1 ")], "/", Some("k1")),
            (&[("x-api-key", "k2")], "/", Some("k2")),
            (&[("x-goog-api-key", "k3")], "/", Some("k3")),
            (&[], "/?key=k4", Some("k4")),
            (&[], "/?alt=sse&key=k%2B4%5", Some("k+4%5")),
            (&[("authorization", "Bearer k1"), ("x-api-key", "k2")], "/?key=k4", Some("k1")),
            (&[("authorization", "Basic abc"), ("x-api-key", "k2")], "/", Some("k2")),
            (&[("authorization", "Basic abc")], "/", None),
            (&[("authorization", "Bearer ")], "/?key=k4", Some("k4")),
            (&[("authorization", "k1")], "/", None),
            (&[], "/?apikey=k4", None),
            (&[], "/?key=", None),
            (&[], "/", None),
        ];
        for (headers, uri, expected) in table {
            assert_eq!(found(headers, uri).as_deref(), expected, "{headers:?} {uri}");
        }
    }
}
