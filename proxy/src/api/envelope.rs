//! What the proxy needs of a request: its model and whether it streams.
//!
//! A document is refused when two readers could understand it differently, since one would be the proxy, which
//! checks what the key may use, and the other the provider: when `model` or `stream` comes twice (JSON parsers
//! disagree about which counts), or in other capitals too (some match names without regard to case).

use super::scan::{Malformed, Members};
use bytes::Bytes;
use std::borrow::Cow;
use std::ops::Range;

/// Most bytes of a model name.
const MAX_MODEL: usize = 512;

/// What stands in a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Envelope<'b> {
    /// The model.
    pub model: Cow<'b, str>,
    /// Whether the answer is to be a stream.
    pub stream: bool,
    /// Where the model's name is in the document, quotes included.
    pub place: Range<usize>,
}

/// Why a request cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is no JSON object.
    #[error("the request body is {0}")]
    Malformed(#[from] Malformed),
    /// It names no model.
    #[error("the request names no model: `model` must be a text that is not empty")]
    NoModel,
    /// The model's name is longer than any.
    #[error("the name of the model is too long")]
    LongModel,
    /// A member comes twice, or in several spellings.
    #[error("`{0}` must come once, and in small letters")]
    Ambiguous(&'static str),
}

/// Reads what the proxy needs of the request `body`.
///
/// # Errors
/// [`Unreadable`]
pub fn read(body: &[u8]) -> Result<Envelope<'_>, Unreadable> {
    let (mut model, mut stream) = (None, None);
    for member in Members::new(body) {
        let member = member?;
        let Some(key) = key(&body[member.key]) else { continue };
        let (name, place) = if key.eq_ignore_ascii_case("model") {
            ("model", &mut model)
        } else if key.eq_ignore_ascii_case("stream") {
            ("stream", &mut stream)
        } else {
            continue;
        };
        if place.replace(member.value).is_some() || key != name {
            return Err(Unreadable::Ambiguous(name));
        }
    }
    let place = model.ok_or(Unreadable::NoModel)?;
    if place.len() > MAX_MODEL {
        return Err(Unreadable::LongModel);
    }
    let model = text(&body[place.clone()]).filter(|model| !model.is_empty()).ok_or(Unreadable::NoModel)?;
    let stream = stream.is_some_and(|place| &body[place] == b"true");
    Ok(Envelope { model, stream, place })
}

/// What the proxy needs of a request whose URL says it.
///
/// # Errors
/// [`Unreadable::LongModel`]
pub fn in_url(model: &str, stream: bool) -> Result<Envelope<'_>, Unreadable> {
    if model.len() > MAX_MODEL {
        return Err(Unreadable::LongModel);
    }
    Ok(Envelope { model: Cow::Borrowed(model), stream, place: 0..0 })
}

/// A key that could be one of those looked for, its escapes read.
fn key(raw: &[u8]) -> Option<Cow<'_, str>> {
    // With every character escaped, `stream` has 36 bytes.
    if raw.len() > 36 {
        return None;
    }
    if raw.contains(&b'\\') {
        return text(&[b"\"", raw, b"\""].concat()).map(|text| Cow::Owned(text.into_owned()));
    }
    std::str::from_utf8(raw).ok().map(Cow::Borrowed)
}

/// The text of a JSON string, quotes included.
fn text(raw: &[u8]) -> Option<Cow<'_, str>> {
    match raw {
        [b'"', plain @ .., b'"'] if plain.iter().all(|byte| *byte >= 0x20 && *byte != b'\\') => {
            std::str::from_utf8(plain).ok().map(Cow::Borrowed)
        }
        _ => serde_json::from_slice::<String>(raw).ok().map(Cow::Owned),
    }
}

/// The document with another model: `name` instead of what is at `place`. When it is the same already, the very
/// same bytes.
#[must_use]
pub fn splice(body: &Bytes, place: &Range<usize>, name: &str) -> Bytes {
    let written = body.get(place.start + 1..place.end.saturating_sub(1));
    if written == Some(name.as_bytes()) && !name.contains(['"', '\\']) {
        return body.clone();
    }
    let (Some(before), Some(after)) = (body.get(..place.start), body.get(place.end..)) else {
        return body.clone();
    };
    let mut spliced = Vec::with_capacity(body.len() + name.len() + 16);
    spliced.extend_from_slice(before);
    // Writing a text into memory cannot fail.
    let _ = serde_json::to_writer(&mut spliced, name);
    spliced.extend_from_slice(after);
    spliced.into()
}

#[cfg(test)]
mod tests;
