//! What an error body says, whoever wrote it: a vendor, a compatible server, a gateway before them.
//!
//! Vendors put an object under `error`. Others write a string there, nest it once more, put it into a list (Google's
//! OpenAI-compatible endpoint), write its members at the top (vLLM, Mistral, AWS), or only `detail` (FastAPI), which
//! may be a list.

use serde_json::value::RawValue;

use crate::json::lenient;
use crate::json::record::record;

/// How deep a message is looked for.
const MAX_DEPTH: usize = 4;

record! {
    struct Words<'a> {
        error: &'a RawValue,
        message: &'a RawValue,
        detail: &'a RawValue,
        msg: &'a RawValue,
    }
}

/// The JSON that holds the error's members: an object, or a string that is the message; the body itself where nothing
/// in it does, and `null` for a body that is not JSON.
pub(crate) fn inner(body: &[u8]) -> &str {
    let raw: Option<&RawValue> = std::str::from_utf8(body).ok().and_then(|text| lenient(text).ok());
    raw.map_or("null", |raw| innermost(raw.get(), MAX_DEPTH))
}

fn innermost(text: &str, depth: usize) -> &str {
    let first = || lenient::<Vec<&RawValue>>(text).ok()?.into_iter().next();
    let next = match text.as_bytes().first() {
        Some(b'[') => first(),
        Some(b'{') => lenient::<Words<'_>>(text).ok().and_then(|words| words.error).filter(|raw| holds(raw)),
        _ => None,
    };
    match next {
        Some(raw) if depth > 0 => innermost(raw.get(), depth - 1),
        _ => text,
    }
}

/// Whether a member called `error` is one, rather than a truth value or a number beside the message.
fn holds(raw: &RawValue) -> bool {
    raw.get().starts_with(['"', '{', '['])
}

/// The message of what [`inner`] found; empty if there is none.
pub(crate) fn message(inner: &str) -> String {
    said(inner, MAX_DEPTH).unwrap_or_default()
}

fn said(text: &str, depth: usize) -> Option<String> {
    match text.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(text).ok().filter(|text| !text.is_empty()),
        b'{' if depth > 0 => {
            let words: Words<'_> = lenient(text).ok()?;
            let members = [words.message, words.detail, words.msg, words.error];
            members.into_iter().flatten().find_map(|raw| said(raw.get(), depth - 1))
        }
        b'[' if depth > 0 => {
            let list: Vec<&RawValue> = lenient(text).ok()?;
            said(list.first()?.get(), depth - 1)
        }
        _ => None,
    }
}

/// A string, or a number as its text: Azure and others write codes both ways.
pub(crate) fn word(raw: &RawValue) -> Option<String> {
    match raw.get() {
        "null" => None,
        text if text.starts_with('"') => serde_json::from_str(text).ok(),
        text => Some(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_found_wherever_servers_put_it() {
        for body in [
            r#"{"error":{"message":"boom","type":"x"}}"#,
            r#"{"error":"boom"}"#,
            r#"{"error":{"error":{"message":"boom"}}}"#,
            r#"[{"error":{"code":400,"message":"boom","status":"INVALID_ARGUMENT"}}]"#,
            r#"{"object":"error","message":"boom","type":"BadRequestError","code":400}"#,
            r#"{"error":true,"message":"boom"}"#,
            r#"{"detail":"boom"}"#,
            r#"{"detail":[{"loc":["body"],"msg":"boom","type":"missing"}]}"#,
            r#"{"object":"error","message":{"detail":[{"msg":"boom"}]}}"#,
            r#""boom""#,
        ] {
            assert_eq!(message(inner(body.as_bytes())), "boom", "{body}");
        }
    }

    #[test]
    fn bodies_that_say_nothing_have_no_message() {
        for body in
            ["", "<html>502</html>", "{}", "[]", "null", r#"{"error":{}}"#, r#"{"error":""}"#, "\u{feff}"]
        {
            assert_eq!(message(inner(body.as_bytes())), "", "{body}");
        }
        assert_eq!(inner(b"\xff"), "null");
        let deep = format!("{}1{}", r#"{"error":"#.repeat(2000), "}".repeat(2000));
        assert_eq!(message(inner(deep.as_bytes())), "");
    }
}
