//! JSON text that is not as it should be, so that it can be read.
//!
//! Servers that cut text anywhere send bytes that are no UTF-8, and escapes of half a character: JSON of JavaScript
//! escapes the halves of a pair of surrogates that were parted. Neither may cost more than that character.

use std::borrow::Cow;

use super::unescape::unit;

/// The bytes of an escape like `\ud83d`.
const ESCAPE: usize = 6;

/// The text of a whole body. What is no UTF-8, and what is half a pair of surrogates, is U+FFFD in it.
#[must_use]
pub fn mend(body: &[u8]) -> Cow<'_, str> {
    let text = utf8(body);
    match half(text.as_bytes(), 0) {
        None => text,
        Some(first) => Cow::Owned(rewritten(&text, first, None)),
    }
}

/// The same of a stream, frame by frame. A half that ends a string waits for the one that begins a later string, which
/// then has both.
#[derive(Debug, Default)]
pub(crate) struct Mender {
    waiting: Option<u16>,
}

impl Mender {
    /// The text of the next frame.
    pub(crate) fn text<'f>(&mut self, frame: &'f [u8]) -> Cow<'f, str> {
        let text = utf8(frame);
        match half(text.as_bytes(), 0) {
            None => text,
            Some(first) => Cow::Owned(rewritten(&text, first, Some(&mut self.waiting))),
        }
    }
}

/// Checking is several times cheaper than reading what may be wrong.
fn utf8(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// The first half of a pair that stands alone, from there on: where its escape is, and it.
fn half(text: &[u8], from: usize) -> Option<(usize, u16)> {
    let mut at = from;
    loop {
        at += memchr::memchr(b'\\', text.get(at..)?)?;
        at += match unit(&text[at..]) {
            Some(0xD800..0xDC00) if is_second(text, at + ESCAPE) => 2 * ESCAPE,
            Some(half @ 0xD800..0xE000) => return Some((at, half)),
            Some(_) => ESCAPE,
            None => 2,
        };
    }
}

fn is_second(text: &[u8], at: usize) -> bool {
    matches!(unit(&text[at..]), Some(0xDC00..0xE000))
}

/// The text without halves that stand alone, of which the first is known. `waiting` is the one that may be completed.
fn rewritten(text: &str, first: (usize, u16), mut waiting: Option<&mut Option<u16>>) -> String {
    let mut out = String::with_capacity(text.len() + ESCAPE);
    let (mut from, mut next) = (0, Some(first));
    while let Some((at, half)) = next {
        let (before, after) = (&text[from..at], &text[at + ESCAPE..]);
        out.push_str(before);
        let held = waiting.as_mut().and_then(|waiting| waiting.take());
        match (held, &mut waiting) {
            (Some(high), _) if half >= 0xDC00 && before.ends_with('"') => {
                out.push_str(&format!("\\u{high:04x}\\u{half:04x}"));
            }
            (_, Some(waiting)) if half < 0xDC00 && after.starts_with('"') => **waiting = Some(half),
            _ => out.push_str("\\ufffd"),
        }
        from = at + ESCAPE;
        next = self::half(text.as_bytes(), from);
    }
    out.push_str(&text[from..]);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_are_replaced_and_nothing_else_is() {
        for (json, mended) in [
            (&br#"{"a":"plain \n \\ud83d \ud83d\ude00"}"#[..], None),
            (br#"["\ud83d"]"#, Some(r#"["\ufffd"]"#)),
            (br#"["\uD83Dx\ude00\ud83d\ud83d\ude00"]"#, Some(r#"["\ufffdx\ufffd\ufffd\ud83d\ude00"]"#)),
            (br#"["\\\ud83d\u0041"]"#, Some(r#"["\\\ufffd\u0041"]"#)),
            (b"[\"a\xff\xfeb\"]", Some("[\"a\u{fffd}\u{fffd}b\"]")),
            (b"\\ud83d", Some("\\ufffd")),
            (b"\\ud83", None),
            (b"\\", None),
        ] {
            let said = mend(json);
            assert_eq!(mended, matches!(said, Cow::Owned(_)).then_some(said.as_ref()));
        }
    }

    #[test]
    fn a_pair_that_was_parted_comes_together_in_a_stream() {
        for (frames, texts) in [
            ([r#"["a\ud83d"]"#, r#"["\ude00!"]"#], [r#"["a"]"#, r#"["\ud83d\ude00!"]"#]),
            // Neither the end of a string nor the beginning of one.
            ([r#"["\ud83d!"]"#, r#"["\ude00!"]"#], [r#"["\ufffd!"]"#, r#"["\ufffd!"]"#]),
            ([r#"["a\ud83d"]"#, r#"["!\ude00"]"#], [r#"["a"]"#, r#"["!\ufffd"]"#]),
            ([r#"["a\ud83d"]"#, r#"["\ud83d\ude00"]"#], [r#"["a"]"#, r#"["\ud83d\ude00"]"#]),
        ] {
            let mut mender = Mender::default();
            assert_eq!(frames.map(|frame| mender.text(frame.as_bytes()).into_owned()), texts);
        }
    }

    proptest! {
        #[test]
        fn what_is_mended_is_read(
            string in r#"([a é]|\\\\|\\n|\\u[0-9a-f]{4}|\\ud[89a-f][0-9a-f]{2}){0,20}"#,
        ) {
            let json = format!("\"{string}\"");
            let read = serde_json::from_str::<String>(&mend(json.as_bytes()));
            prop_assert!(read.is_ok(), "{}", json);
            // What can be read is not changed.
            if serde_json::from_str::<String>(&json).is_ok() {
                prop_assert!(matches!(mend(json.as_bytes()), Cow::Borrowed(_)));
            }
            prop_assert!(serde_json::from_str::<String>(&Mender::default().text(json.as_bytes())).is_ok());
        }
    }
}
