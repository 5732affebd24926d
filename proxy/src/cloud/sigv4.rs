//! Signatures of requests to AWS: Signature Version 4. Pure: the time comes from outside.
//!
//! Source: "Create a signed AWS API request" in the User Guide of AWS IAM. Names of a path are encoded once more for
//! the signature than on the wire, as for every service but S3.

use super::aws::AccessKey;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, InvalidHeaderValue};
use http::{HeaderMap, Method};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use llm_protocol::percent;
use ring::{digest, hmac};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// What of a request is signed, beside its headers.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'r> {
    /// The method.
    pub method: &'r Method,
    /// The value of the `Host` header.
    pub host: &'r str,
    /// The path, encoded as it is on the wire.
    pub path: &'r str,
    /// The query, encoded as it is on the wire; empty: none.
    pub query: &'r str,
    /// The body.
    pub body: &'r [u8],
}

/// Who is asked where.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'s> {
    /// The region, `us-east-1`.
    pub region: &'s str,
    /// The service, `bedrock`.
    pub service: &'s str,
}

/// Sets the headers that sign a request: `authorization`, the time, and the session's token. Of the other headers the
/// content type is signed; the rest may change on the way.
///
/// # Errors
/// The session's token cannot stand in a header.
pub fn sign(
    request: &Signed<'_>,
    headers: &mut HeaderMap,
    key: &AccessKey,
    scope: Scope<'_>,
    now: Timestamp,
) -> Result<(), InvalidHeaderValue> {
    let time = now.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = time.split('T').next().unwrap_or_default();
    headers.insert(DATE, HeaderValue::try_from(&time)?);
    headers.remove(TOKEN);
    if let Some(token) = key.session_token() {
        let mut value = HeaderValue::try_from(token)?;
        value.set_sensitive(true);
        headers.insert(TOKEN, value);
    }
    let (names, lines) = signed_headers(request.host, headers);
    let canonical = [
        request.method.as_str(),
        &encoded_again(request.path),
        &sorted(request.query),
        &lines,
        &names,
        &hex::encode(digest::digest(&digest::SHA256, request.body)),
    ]
    .join("\n");
    let scope_text = [day, scope.region, scope.service, "aws4_request"].join("/");
    let hashed = hex::encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
    let to_sign = [ALGORITHM, &time, &scope_text, &hashed].join("\n");
    let first = [b"AWS4", key.secret().as_bytes()].concat();
    let signing = [day, scope.region, scope.service, "aws4_request"]
        .iter()
        .fold(first, |key, part| mac(&key, part.as_bytes()));
    let signature = hex::encode(mac(&signing, to_sign.as_bytes()));
    let value = format!(
        "{ALGORITHM} Credential={}/{scope_text}, SignedHeaders={names}, Signature={signature}",
        key.id()
    );
    let mut value = HeaderValue::try_from(value)?;
    value.set_sensitive(true);
    headers.insert(AUTHORIZATION, value);
    Ok(())
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref().to_vec()
}

/// The names of the signed headers, and their lines. Both are sorted by name.
fn signed_headers(host: &str, headers: &HeaderMap) -> (String, String) {
    let (mut names, mut lines) = (Vec::new(), String::new());
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let signed = [("content-type", text(&CONTENT_TYPE)), ("host", Some(host)), ("x-amz-date", text(&DATE))];
    for (name, value) in signed.into_iter().chain([("x-amz-security-token", text(&TOKEN))]) {
        let Some(value) = value else { continue };
        names.push(name);
        let words: Vec<&str> = value.split_whitespace().collect();
        lines.push_str(&format!("{name}:{}\n", words.join(" ")));
    }
    (names.join(";"), lines)
}

/// A path whose names are encoded once more.
fn encoded_again(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 8);
    percent::escape(&mut out, path, b"/");
    if out.is_empty() { "/".to_owned() } else { out }
}

/// A query in the order of its names and values.
fn sorted(query: &str) -> String {
    if query.is_empty() {
        return String::new();
    }
    let mut pairs: Vec<(&str, &str)> =
        query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    pairs.sort_unstable();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests;
