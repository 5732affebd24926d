//! The text of a JSON string that was kept raw.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// The text of a raw value that is a string; `None` if it is none, or says half of a pair of surrogates (RFC 8259 §8.2).
///
/// What is raw was validated already, and its length says how much room the text takes at most: it is written once, where
/// the reader of a record writes it twice.
pub(crate) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let text = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    let Some(mut at) = memchr::memchr(b'\\', text.as_bytes()) else { return Some(Cow::Borrowed(text)) };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let (c, length) = read(escape.as_bytes())?;
        out.push(c);
        rest = &escape[length..];
        match memchr::memchr(b'\\', rest.as_bytes()) {
            Some(next) => at = next,
            None => break,
        }
    }
    out.push_str(rest);
    Some(Cow::Owned(out))
}

/// The character of an escape, and how many bytes that is.
fn read(escape: &[u8]) -> Option<(char, usize)> {
    let c = match escape.get(1)? {
        c @ (b'"' | b'\\' | b'/') => char::from(*c),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unit(escape).and_then(|first| character(first, &escape[6..])),
        _ => return None,
    };
    Some((c, 2))
}

/// The character that a unit of UTF-16 begins, and how many bytes its escapes are.
fn character(first: u16, after: &[u8]) -> Option<(char, usize)> {
    if let Some(c) = char::from_u32(first.into()) {
        return Some((c, 6));
    }
    let c = char::decode_utf16([first, unit(after)?]).next()?.ok()?;
    Some((c, 12))
}

/// The unit of UTF-16 of an escape like `\u00e9`.
pub(super) fn unit(escape: &[u8]) -> Option<u16> {
    let digits = escape.get(..6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, digit| {
        let value = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | value as u16)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(json: &str) -> Option<String> {
        let raw: &RawValue = serde_json::from_str(json).ok()?;
        string(raw).map(Cow::into_owned)
    }

    #[test]
    fn halves_of_surrogates_are_no_text() {
        for json in [
            r#""\ud83d""#,
            r#""\ud83dx""#,
            r#""\ud83d\n""#,
            r#""\ud83d\u0041""#,
            r#""\ude00\ud83d""#,
            "5",
            "null",
            "[]",
        ] {
            assert_eq!(of(json), None, "{json}");
        }
        assert_eq!(of(r#""\ud83d\uDE00\u00e9\/""#).unwrap(), "😀é/");
        assert!(matches!(
            string(serde_json::from_str(r#""plain é""#).unwrap()),
            Some(Cow::Borrowed("plain é"))
        ));
    }

    proptest! {
        #[test]
        fn strings_are_what_serde_json_reads(
            text: String,
            escapes in r#"(\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}|\\ud83d\\ude0[0-9]|[a é"]){0,40}"#,
        ) {
            for json in [serde_json::to_string(&text).unwrap(), format!("\"{escapes}\"")] {
                prop_assert_eq!(of(&json), serde_json::from_str::<String>(&json).ok(), "{}", json);
            }
        }
    }
}
