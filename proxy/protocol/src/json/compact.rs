//! JSON text without insignificant white space.

use std::borrow::Cow;

/// The same JSON value without white space between its tokens. Text that is not JSON is returned with the white
/// space outside its strings removed, which is harmless: nothing here depends on it being valid.
pub fn compact(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(['"', ' ', '\n', '\r', '\t']) {
        out.push_str(&rest[..start]);
        if rest.as_bytes()[start] == b'"' {
            let end = start + string_len(&rest.as_bytes()[start..]);
            out.push_str(&rest[start..end]);
            rest = &rest[end..];
        } else {
            rest = &rest[start + 1..];
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The length of the string literal that `bytes` begins with, quotes included; all of it if it never ends.
fn string_len(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(hit) = memchr::memchr2(b'"', b'\\', &bytes[at.min(bytes.len())..]) {
        at += hit;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}
