//! Finds the model in a form (`multipart/form-data`, RFC 7578), as uploads of audio and images name it.

use super::envelope::{Envelope, MAX_MODEL, Unreadable};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use memchr::memmem;
use std::borrow::Cow;
use std::ops::Range;

/// The longest boundary (RFC 2046 section 5.1.1).
const MAX_BOUNDARY: usize = 70;

/// What separates the parts of a form; `None`: the body is no form.
#[must_use]
pub fn boundary(headers: &HeaderMap) -> Option<&str> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let (kind, parameters) = kind.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut parameters = parameters.split(';').filter_map(|parameter| parameter.trim().split_once('='));
    let (_, boundary) = parameters.find(|(name, _)| name.eq_ignore_ascii_case("boundary"))?;
    let boundary = boundary.trim_matches('"');
    (1..=MAX_BOUNDARY).contains(&boundary.len()).then_some(boundary)
}

/// Reads what the proxy needs of the form `body`. The place is that of the bare name.
///
/// # Errors
/// The form names no model, or more than one.
pub fn read<'b>(body: &'b [u8], boundary: &str) -> Result<Envelope<'b>, Unreadable> {
    let delimiter = ["--", boundary].concat();
    let mut places = Vec::new();
    let mut ends = memmem::find_iter(body, delimiter.as_bytes()).peekable();
    while let Some(start) = ends.next() {
        let Some(end) = ends.peek() else { break };
        let part = start + delimiter.len()..*end;
        places.extend(model_in(body, part));
    }
    let place = match &places[..] {
        [] => return Err(Unreadable::NoModel),
        [place] => place.clone(),
        _ => return Err(Unreadable::Ambiguous("model")),
    };
    if place.len() > MAX_MODEL {
        return Err(Unreadable::LongModel);
    }
    let name = std::str::from_utf8(&body[place.clone()]).map_err(|_| Unreadable::NoModel)?;
    if name.is_empty() || name.contains(char::is_control) {
        return Err(Unreadable::NoModel);
    }
    Ok(Envelope { model: Cow::Borrowed(name), stream: false, place, usage: None })
}

/// Where the value is, if the part is the field `model`.
fn model_in(body: &[u8], part: Range<usize>) -> Option<Range<usize>> {
    let bytes = &body[part.clone()];
    let head = memmem::find(bytes, b"\r\n\r\n")?;
    let names_model = bytes[..head].split(|byte| *byte == b'\n').any(|line| {
        let line = String::from_utf8_lossy(line).to_ascii_lowercase();
        let named = |parameter: &str| matches!(parameter.trim(), "name=\"model\"" | "name=model");
        line.starts_with("content-disposition:") && line.split(';').any(named)
    });
    let value = part.start + head + 4;
    let end = part.end - bytes.ends_with(b"\r\n").then_some(2)?;
    (names_model && value <= end).then_some(value..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(parts: &[(&str, &str)]) -> String {
        let part = |(head, value): &(&str, &str)| {
            format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n")
        };
        parts.iter().map(part).collect::<String>() + "--b--\r\n"
    }

    #[test]
    fn the_model_is_found_among_the_fields() {
        let file =
            ("name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav", "\r\nname=\"model\"\r\n\r\nx");
        for parts in [vec![("name=\"model\"", "m"), file], vec![file, ("name=model", "m")]] {
            let body = form(&parts);
            let envelope = read(body.as_bytes(), "b").unwrap();
            assert_eq!((&*envelope.model, &body[envelope.place]), ("m", "m"));
        }
    }

    #[test]
    fn what_is_not_clear_is_refused() {
        let twice = form(&[("name=\"model\"", "m"), ("name=\"model\"", "n")]);
        assert_eq!(read(twice.as_bytes(), "b"), Err(Unreadable::Ambiguous("model")));
        for body in
            ["", "--b", "--b\r\n--b--", &form(&[("name=\"file\"", "m")]), &form(&[("name=\"model\"", "")])]
        {
            assert_eq!(read(body.as_bytes(), "b"), Err(Unreadable::NoModel), "{body}");
        }
        let line = form(&[("name=\"model\"", "m\nn")]);
        assert_eq!(read(line.as_bytes(), "b"), Err(Unreadable::NoModel));
    }

    #[test]
    fn boundaries() {
        let of = |kind: &'static str| {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, http::HeaderValue::from_static(kind))]);
            boundary(&headers).map(str::to_owned)
        };
        assert_eq!(of("multipart/form-data; boundary=abc").as_deref(), Some("abc"));
        assert_eq!(of("Multipart/Form-Data; charset=x; Boundary=\"a b\"").as_deref(), Some("a b"));
        assert_eq!(of("application/json"), None);
        assert_eq!(of("multipart/form-data; boundary="), None);
    }
}
