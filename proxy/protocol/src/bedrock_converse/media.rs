//! Media of requests, as Converse takes them.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ir::{Media, MediaKind, Source};
use crate::json::write::Object;

/// What stands before a place in S3, the only URLs there are.
const S3: &str = "s3://";
/// The longest name of a document.
const MAX_NAME: usize = 200;

/// Formats by their media types. A media type stands for the first of its formats.
const FORMATS: [(MediaKind, &str, &str); 32] = [
    (MediaKind::Image, "image/png", "png"),
    (MediaKind::Image, "image/jpeg", "jpeg"),
    (MediaKind::Image, "image/jpg", "jpeg"),
    (MediaKind::Image, "image/gif", "gif"),
    (MediaKind::Image, "image/webp", "webp"),
    (MediaKind::Document, "application/pdf", "pdf"),
    (MediaKind::Document, "text/csv", "csv"),
    (MediaKind::Document, "application/msword", "doc"),
    (MediaKind::Document, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    (MediaKind::Document, "application/vnd.ms-excel", "xls"),
    (MediaKind::Document, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    (MediaKind::Document, "text/html", "html"),
    (MediaKind::Document, "text/plain", "txt"),
    (MediaKind::Document, "text/markdown", "md"),
    (MediaKind::Video, "video/mp4", "mp4"),
    (MediaKind::Video, "video/quicktime", "mov"),
    (MediaKind::Video, "video/x-matroska", "mkv"),
    (MediaKind::Video, "video/webm", "webm"),
    (MediaKind::Video, "video/x-flv", "flv"),
    (MediaKind::Video, "video/mpeg", "mpeg"),
    (MediaKind::Video, "video/mpg", "mpg"),
    (MediaKind::Video, "video/x-ms-wmv", "wmv"),
    (MediaKind::Video, "video/3gpp", "three_gp"),
    (MediaKind::Audio, "audio/mpeg", "mp3"),
    (MediaKind::Audio, "audio/mp3", "mp3"),
    (MediaKind::Audio, "audio/wav", "wav"),
    (MediaKind::Audio, "audio/x-wav", "wav"),
    (MediaKind::Audio, "audio/flac", "flac"),
    (MediaKind::Audio, "audio/aac", "aac"),
    (MediaKind::Audio, "audio/ogg", "ogg"),
    (MediaKind::Audio, "audio/opus", "opus"),
    (MediaKind::Audio, "audio/mp4", "mp4"),
];

/// How the base64 of pictures begins.
const PICTURES: [(&str, &str); 4] =
    [("iVBOR", "image/png"), ("/9j/", "image/jpeg"), ("UklG", "image/webp"), ("R0lG", "image/gif")];

/// The media with a media type that [`write`] knows, and a source that Bedrock takes.
///
/// # Errors
/// It takes no such media: the reason.
pub(super) fn adapt<'m>(media: &'m Media<'_>) -> Result<Media<'m>, &'static str> {
    let source = match &media.source {
        Source::Base64(data) => Source::Base64(Cow::Borrowed(data.as_ref())),
        Source::Text(text) if media.kind == MediaKind::Document => Source::Text(Cow::Borrowed(text.as_ref())),
        Source::Text(_) => return Err("the provider takes text as documents only"),
        Source::Url(url) if url.starts_with(S3) => Source::Url(Cow::Borrowed(url.as_ref())),
        Source::Url(_) => return Err("the provider fetches no URLs: send the content itself"),
        Source::FileId(_) => return Err("a file in another provider's store"),
    };
    let told = media.mime.as_deref().map(|mime| mime.split(';').next().unwrap_or(mime).trim());
    let guessed = match (media.kind, &source) {
        (MediaKind::Image, Source::Base64(data)) => {
            PICTURES.iter().find(|(start, _)| data.starts_with(start)).map(|(_, mime)| *mime)
        }
        (MediaKind::Document, Source::Text(_)) => Some("text/plain"),
        (MediaKind::Document, _) => Some("application/pdf"),
        _ => None,
    };
    let known = |mime: &str| {
        FORMATS.iter().find(|(kind, known, _)| *kind == media.kind && known.eq_ignore_ascii_case(mime))
    };
    let format = told.map_or_else(|| guessed.and_then(known), known).or_else(|| as_text(media, told));
    let (_, mime, _) = format.ok_or("the provider takes no media of that type")?;
    let name = media.name.as_deref().filter(|_| media.kind == MediaKind::Document).map(Cow::Borrowed);
    Ok(Media { kind: media.kind, source, mime: Some(Cow::Borrowed(*mime)), name, detail: None })
}

/// Text of any kind is plain text.
fn as_text(
    media: &Media<'_>,
    told: Option<&str>,
) -> Option<&'static (MediaKind, &'static str, &'static str)> {
    let is_text = media.kind == MediaKind::Document && told.is_some_and(|mime| mime.starts_with("text/"));
    FORMATS.iter().find(|(_, mime, _)| is_text && *mime == "text/plain")
}

/// Writes the block: `image`, `document`, `video` or `audio`.
pub(super) fn write(o: &mut Object<'_>, media: &Media<'_>) {
    let mime = media.mime.as_deref().unwrap_or_default();
    let format = FORMATS.iter().find(|(kind, known, _)| *kind == media.kind && *known == mime);
    let key = match media.kind {
        MediaKind::Image => "image",
        MediaKind::Document => "document",
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
    };
    o.object(key, |o| {
        o.opt_str("format", format.map(|(.., format)| *format));
        if media.kind == MediaKind::Document {
            o.str("name", &document_name(media.name.as_deref().unwrap_or_default()));
        }
        o.object("source", |o| match &media.source {
            Source::Base64(data) => o.str("bytes", data),
            // `text` is for models with citations alone: bytes are taken by all.
            Source::Text(text) => o.str("bytes", &STANDARD.encode(text.as_bytes())),
            Source::Url(uri) => o.object("s3Location", |o| o.str("uri", uri)),
            Source::FileId(_) => {}
        });
    });
}

/// A name as Bedrock takes it: letters, digits, hyphens, parentheses, square brackets, and single spaces.
fn document_name(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().take(MAX_NAME) {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '(' | ')' | '[' | ']' => out.push(c),
            _ if out.is_empty() || out.ends_with(' ') => {}
            _ => out.push(' '),
        }
    }
    let trimmed = out.trim_end().len();
    out.truncate(trimmed);
    if out.is_empty() { "document".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_documents_hold_only_what_they_may() {
        for (name, expected) in [
            ("", "document"),
            ("Q3 report.pdf", "Q3 report pdf"),
            ("../é", "document"),
            ("a__b [1]", "a b [1]"),
        ] {
            assert_eq!(document_name(name), expected);
        }
    }

    #[test]
    fn only_what_bedrock_takes_goes_through() {
        let base64 = |data| Source::Base64(Cow::Borrowed(data));
        let url = |url| Source::Url(Cow::Borrowed(url));
        for (kind, source, mime, expected) in [
            (MediaKind::Image, base64("AAAA"), Some("image/jpg"), Some("image/jpg")),
            (MediaKind::Image, base64("iVBORw0K"), None, Some("image/png")),
            (MediaKind::Image, base64("AAAA"), Some("image/bmp"), None),
            (MediaKind::Image, url("https://a.test/b.png"), None, None),
            (MediaKind::Image, url("s3://bucket/b.png"), Some("image/png"), Some("image/png")),
            (MediaKind::Document, base64("AAAA"), None, Some("application/pdf")),
            (MediaKind::Document, base64("aGk="), Some("text/x-rust; charset=utf-8"), Some("text/plain")),
            (MediaKind::Document, base64("aGk="), Some("text/csv"), Some("text/csv")),
            (MediaKind::Document, base64("AAAA"), Some("application/zip"), None),
            (MediaKind::Audio, base64("AAAA"), Some("audio/wav"), Some("audio/wav")),
            (MediaKind::Video, base64("AAAA"), Some("video/mp4"), Some("video/mp4")),
        ] {
            let media = Media { kind, source, mime: mime.map(Cow::Borrowed), name: None, detail: None };
            let adapted = adapt(&media).ok();
            assert_eq!(adapted.and_then(|media| media.mime).as_deref(), expected, "{media:?}");
        }
    }
}
