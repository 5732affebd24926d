//! The id of a request: the client's, if it is one, else a new one. It is in the answer, in the log, and sent to the
//! provider.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

/// Where it stands in requests and responses.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Where it stands in responses to clients of Messages.
pub const ANTHROPIC_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
/// Where the provider's own stands in responses.
pub const UPSTREAM_REQUEST_ID: HeaderName = HeaderName::from_static("x-upstream-request-id");

/// Most characters of a client's id.
const MAX: usize = 128;

/// The id for a request with these headers; `random` makes a new one.
#[must_use]
pub fn of(headers: &HeaderMap, random: impl FnOnce() -> u128) -> HeaderValue {
    let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte);
    let usable =
        |value: &&HeaderValue| (1..=MAX).contains(&value.len()) && value.as_bytes().iter().all(harmless);
    match headers.get(REQUEST_ID).filter(usable) {
        Some(value) => value.clone(),
        // Hexadecimal digits always make a header.
        None => HeaderValue::try_from(format!("{:032x}", random())).unwrap_or(HeaderValue::from_static("-")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_choose_ids_within_bounds() {
        let id = |value: &str| {
            let headers =
                HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_bytes(value.as_bytes()).unwrap())]);
            of(&headers, || 10).to_str().unwrap().to_owned()
        };
        let new = "0000000000000000000000000000000a";
        let longest = "x".repeat(MAX);
        let table = [
            ("req_1.a-b:c/d+e=", "req_1.a-b:c/d+e="),
            (&*longest, &*longest),
            ("", new),
            (&"x".repeat(MAX + 1), new),
            ("a b", new),
            ("a\"b", new),
            ("\u{e9}", new),
        ];
        for (sent, used) in table {
            assert_eq!(id(sent), used, "{sent}");
        }
        assert_eq!(of(&HeaderMap::new(), || u128::MAX), "f".repeat(32));
    }
}
