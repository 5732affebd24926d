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
pub(super) const MAX_MODEL: usize = 512;

/// What stands in a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Envelope<'b> {
    /// The model.
    pub model: Cow<'b, str>,
    /// Whether the answer is to be a stream.
    pub stream: bool,
    /// Where the model's name is in the document, quotes included.
    pub place: Range<usize>,
    /// What makes it ask for token counts at the end of a stream (`stream_options`); `None`: it does, or it wants no
    /// stream.
    pub usage: Option<Edit>,
}

/// A change to a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is taken out.
    pub place: Range<usize>,
    /// What is put there.
    pub text: &'static str,
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
    let (mut model, mut stream, mut options) = (None, None, None);
    for member in Members::new(body) {
        let member = member?;
        let Some(key) = key(&body[member.key]) else { continue };
        let (name, place) = if key.eq_ignore_ascii_case("model") {
            ("model", &mut model)
        } else if key.eq_ignore_ascii_case("stream") {
            ("stream", &mut stream)
        } else if key == "stream_options" {
            // Which of two counts is the provider's to say.
            options = Some(member.value);
            continue;
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
    let usage = if stream { ask_for_usage(body, options) } else { None };
    Ok(Envelope { model, stream, place, usage })
}

/// What makes a stream's request ask for token counts, given its `stream_options`.
fn ask_for_usage(body: &[u8], options: Option<Range<usize>>) -> Option<Edit> {
    let Some(options) = options else {
        let at = memchr::memchr(b'{', body)? + 1;
        return Some(Edit { place: at..at, text: "\"stream_options\":{\"include_usage\":true}," });
    };
    match &body[options.clone()] {
        b"null" => return Some(Edit { place: options, text: "{\"include_usage\":true}" }),
        [b'{', ..] => {}
        // The provider says what is wrong with it.
        _ => return None,
    }
    let mut members = Members::new(&body[options.clone()]).map_while(Result::ok).peekable();
    let at = options.start + 1;
    let text = if members.peek().is_some() { "\"include_usage\":true," } else { "\"include_usage\":true" };
    let value = members.find(|member| &body[options.clone()][member.key.clone()] == b"include_usage");
    match value {
        None => Some(Edit { place: at..at, text }),
        Some(member) => {
            let place = options.start + member.value.start..options.start + member.value.end;
            (&body[place.clone()] != b"true").then_some(Edit { place, text: "true" })
        }
    }
}

/// What the proxy needs of a request whose URL says it.
///
/// # Errors
/// [`Unreadable::LongModel`]
pub fn in_url(model: &str, stream: bool) -> Result<Envelope<'_>, Unreadable> {
    if model.len() > MAX_MODEL {
        return Err(Unreadable::LongModel);
    }
    Ok(Envelope { model: Cow::Borrowed(model), stream, place: 0..0, usage: None })
}

/// The form with another model: `name` instead of what is at `place`.
#[must_use]
pub fn splice_form(body: &Bytes, place: &Range<usize>, name: &str) -> Bytes {
    match (body.get(..place.start), body.get(place.clone()), body.get(place.end..)) {
        (Some(before), Some(was), Some(after)) if was != name.as_bytes() => {
            [before, name.as_bytes(), after].concat().into()
        }
        _ => body.clone(),
    }
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

/// The document with another model: `name` instead of what is at `place`; and with another change, which is
/// elsewhere. When there is nothing to change, the very same bytes.
#[must_use]
pub fn splice(body: &Bytes, place: &Range<usize>, name: &str, edit: Option<&Edit>) -> Bytes {
    let written = body.get(place.start + 1..place.end.saturating_sub(1));
    let same = written == Some(name.as_bytes()) && !name.contains(['"', '\\']);
    if same && edit.is_none() {
        return body.clone();
    }
    let mut spliced = Vec::with_capacity(body.len() + name.len() + 64);
    let mut done = 0;
    let mut put = |place: &Range<usize>, write: &mut dyn FnMut(&mut Vec<u8>)| {
        spliced.extend_from_slice(body.get(done..place.start).unwrap_or_default());
        write(&mut spliced);
        done = place.end;
    };
    // Writing a text into memory cannot fail.
    let mut model = |out: &mut Vec<u8>| drop(serde_json::to_writer(out, name));
    match edit {
        Some(edit) => {
            let mut text = |out: &mut Vec<u8>| out.extend_from_slice(edit.text.as_bytes());
            if edit.place.start <= place.start {
                put(&edit.place, &mut text);
                put(place, &mut model);
            } else {
                put(place, &mut model);
                put(&edit.place, &mut text);
            }
        }
        None => put(place, &mut model),
    }
    spliced.extend_from_slice(body.get(done..).unwrap_or_default());
    spliced.into()
}

#[cfg(test)]
mod tests;
