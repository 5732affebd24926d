use super::*;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const SESSION: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764=";

fn signed(host: &str, path: &str, query: &str, body: &[u8], token: Option<&str>) -> HeaderMap {
    let key = AccessKey::new("AKIDEXAMPLE", SECRET, token);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("x-request-id", HeaderValue::from_static("not signed"));
    let request = Signed { method: &Method::POST, host, path, query, body };
    let scope = Scope { region: "us-east-1", service: "bedrock" };
    let now: Timestamp = "2015-08-30T12:36:00Z".parse().unwrap();
    sign(&request, &mut headers, &key, scope, now).unwrap();
    headers
}

/// Vectors by botocore 1.44.5, printed by `vectors` beside this file.
#[test]
fn signatures_are_those_of_the_sdk() {
    let host = "bedrock-runtime.us-east-1.amazonaws.com";
    let claude = "/model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/converse";
    let plain = signed(host, claude, "", br#"{"messages":[]}"#, None);
    let nova = "/model/amazon.nova-pro-v1%3A0/converse-stream";
    let session = signed(host, nova, "", b"{}", Some(SESSION));
    let query = signed("127.0.0.1:8080", "/base/model/a%2Fb/invoke", "b=2&a=1%20x&a=", "ž".as_bytes(), None);
    for (headers, names, signature) in [
        (
            &plain,
            "content-type;host;x-amz-date",
            "40f11609b51d318bc71127993eb5b075cc12b3bde24aa11d2a25186d1fc1d196",
        ),
        (
            &session,
            "content-type;host;x-amz-date;x-amz-security-token",
            "6c19289c04aae5e59a240ba829726d14c2540da6286b18dfe7ad9fcd17888f1a",
        ),
        (
            &query,
            "content-type;host;x-amz-date",
            "b75e4761147a3281e71b8df131fa28f5107e8bb54405041c5d604e68a16580e3",
        ),
    ] {
        let expected = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/bedrock/aws4_request, \
             SignedHeaders={names}, Signature={signature}"
        );
        assert_eq!(headers[AUTHORIZATION], expected.as_str());
        assert_eq!(headers[DATE], "20150830T123600Z");
    }
    assert_eq!(session[TOKEN], SESSION);
    assert!(plain.get(TOKEN).is_none());
}

#[test]
fn nothing_secret_shows() {
    let shown = format!("{:?}", signed("h", "/", "", b"", Some(SESSION)));
    let key = format!("{:?}", AccessKey::new("AKIDEXAMPLE", SECRET, Some(SESSION)));
    for secret in [SECRET, SESSION, "Signature="] {
        assert!(!shown.contains(secret) && !key.contains(secret), "{shown} {key}");
    }
}

#[test]
fn whatever_is_signed_changes_the_signature() {
    let of = |host, path, query, body: &[u8]| signed(host, path, query, body, None)[AUTHORIZATION].clone();
    let base = of("h", "/a", "q=1", b"x");
    assert_eq!(base, of("h", "/a", "q=1", b"x"));
    for other in [
        of("i", "/a", "q=1", b"x"),
        of("h", "/b", "q=1", b"x"),
        of("h", "/a", "q=2", b"x"),
        of("h", "/a", "q=1", b"y"),
    ] {
        assert_ne!(base, other);
    }
}
