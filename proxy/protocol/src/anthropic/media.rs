//! Media of requests from other protocols (TRANSLATION §9, media).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ir::{Media, MediaKind, Source};

/// Pictures the vendor takes, and how their base64 begins.
const PICTURES: [(&str, &str); 4] =
    [("image/png", "iVBOR"), ("image/jpeg", "/9j/"), ("image/webp", "UklG"), ("image/gif", "R0lG")];

const PDF: &str = "application/pdf";
const PLAIN: &str = "text/plain";

/// The media as the vendor takes it.
///
/// # Errors
/// It takes no such media: the reason.
pub(super) fn adapt<'m>(media: &'m Media<'_>) -> Result<Media<'m>, &'static str> {
    let (source, mime) = match media.kind {
        MediaKind::Image => picture(media)?,
        MediaKind::Document => document(media)?,
        MediaKind::Audio => return Err("the provider takes no sound"),
        MediaKind::Video => return Err("the provider takes no video"),
    };
    let name = media.name.as_deref().filter(|_| media.kind == MediaKind::Document);
    Ok(Media { kind: media.kind, source, mime, name: name.map(Cow::Borrowed), detail: None })
}

type Adapted<'m> = (Source<'m>, Option<Cow<'m, str>>);

fn picture<'m>(media: &'m Media<'_>) -> Result<Adapted<'m>, &'static str> {
    match &media.source {
        Source::Url(url) => Ok((Source::Url(borrow(url)), None)),
        Source::Base64(data) => {
            let told =
                media.mime.as_deref().map(|mime| if mime == "image/jpg" { "image/jpeg" } else { mime });
            let known = PICTURES.iter().find(|(mime, start)| match told {
                Some(told) => told.eq_ignore_ascii_case(mime),
                None => data.starts_with(start),
            });
            let (mime, _) = known.ok_or("the provider takes images as png, jpeg, webp or gif")?;
            Ok((Source::Base64(borrow(data)), Some(Cow::Borrowed(*mime))))
        }
        Source::FileId(_) => Err("a file in another provider's store"),
        Source::Text(_) => Err("an image must be base64 or a URL"),
    }
}

/// PDF as it is; text, however it is carried, as text.
fn document<'m>(media: &'m Media<'_>) -> Result<Adapted<'m>, &'static str> {
    let mime = media.mime.as_deref().unwrap_or(PDF);
    match &media.source {
        Source::Url(url) => Ok((Source::Url(borrow(url)), None)),
        Source::Text(text) => Ok((Source::Text(borrow(text)), Some(Cow::Borrowed(PLAIN)))),
        Source::Base64(data) if mime == PDF => Ok((Source::Base64(borrow(data)), Some(Cow::Borrowed(PDF)))),
        Source::Base64(data) if mime.starts_with("text/") => {
            let bytes = STANDARD.decode(data.as_bytes()).ok();
            let text =
                bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or("the text is not UTF-8")?;
            Ok((Source::Text(Cow::Owned(text)), Some(Cow::Borrowed(PLAIN))))
        }
        Source::Base64(_) => Err("the provider takes documents as PDF or text"),
        Source::FileId(_) => Err("a file in another provider's store"),
    }
}

fn borrow(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(kind: MediaKind, source: Source<'static>, mime: Option<&'static str>) -> Media<'static> {
        Media { kind, source, mime: mime.map(Cow::Borrowed), name: None, detail: None }
    }

    #[test]
    fn only_what_the_vendor_takes_goes_through() {
        let base64 = |data| Source::Base64(Cow::Borrowed(data));
        for (kind, source, mime, expected) in [
            (MediaKind::Image, base64("AAAA"), Some("image/jpg"), Some("image/jpeg")),
            (MediaKind::Image, base64("iVBORw0K"), None, Some("image/png")),
            (MediaKind::Image, base64("AAAA"), Some("image/bmp"), None),
            (MediaKind::Image, Source::FileId(Cow::Borrowed("f")), None, None),
            (MediaKind::Document, base64("AAAA"), None, Some("application/pdf")),
            (MediaKind::Document, base64("aGk="), Some("text/csv"), Some("text/plain")),
            (MediaKind::Document, base64("/w=="), Some("text/csv"), None),
            (MediaKind::Document, base64("AAAA"), Some("application/zip"), None),
            (MediaKind::Audio, base64("AAAA"), Some("audio/wav"), None),
            (MediaKind::Video, base64("AAAA"), Some("video/mp4"), None),
        ] {
            let media = media(kind, source, mime);
            let adapted = adapt(&media).ok();
            assert_eq!(adapted.and_then(|media| media.mime).as_deref(), expected, "{media:?}");
        }
    }
}
