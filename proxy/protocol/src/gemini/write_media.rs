//! Writing media of requests from other protocols.

use crate::ir::{Media, MediaKind, Source};
use crate::json::write::{List, Object};
use crate::notes::{Notes, Rejected};

use super::foreign::Foreign;

/// Media types of media that do not say theirs, which Gemini requires.
const fn default_mime(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image/png",
        MediaKind::Document => "application/pdf",
        MediaKind::Audio => "audio/wav",
        MediaKind::Video => "video/mp4",
    }
}

/// Media types by the ends of file names, for URLs. Whoever fetches them reads the type here alone.
const ENDS: [(&str, &str); 20] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("pdf", "application/pdf"),
    ("txt", "text/plain"),
    ("md", "text/plain"),
    ("html", "text/html"),
    ("csv", "text/csv"),
    ("mp3", "audio/mpeg"),
    ("wav", "audio/wav"),
    ("flac", "audio/flac"),
    ("ogg", "audio/ogg"),
    ("mp4", "video/mp4"),
    ("mov", "video/quicktime"),
    ("webm", "video/webm"),
    ("mpeg", "video/mpeg"),
];

/// The media type that the path of a URL ends with.
fn mime_of_url(url: &str) -> Option<&'static str> {
    let (_, path) = url.split(['?', '#']).next()?.split_once("://")?.1.split_once('/')?;
    let (_, end) = path.rsplit('/').next()?.rsplit_once('.')?;
    ENDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(end)).map(|(_, mime)| *mime)
}

/// Writes a media part.
///
/// # Errors
/// The file lies in another provider's store, or at a URL that the route does not let Google fetch; in strict
/// mode, a file name or a resolution hint is lost.
pub(super) fn write(
    l: &mut List<'_>,
    foreign: &Foreign<'_, '_>,
    media: &Media<'_>,
    path: impl Fn() -> String,
    notes: &mut Notes,
) -> Result<(), Rejected> {
    drop_words(media, foreign, &path, notes)?;
    match &media.source {
        Source::Text(text) => l.object(|o| o.str("text", text)),
        Source::Base64(data) => l.object(|o| write_bytes(o, media, data)),
        Source::Url(url) if foreign.target.options.url_fetch => l.object(|o| {
            o.object("fileData", |o| {
                // Vertex AI refuses a file without one.
                let mime = media.mime.as_deref().or_else(|| mime_of_url(url));
                o.str("mimeType", mime.unwrap_or(default_mime(media.kind)));
                o.str("fileUri", url);
            });
        }),
        Source::Url(_) => {
            return Err(Rejected::new(path(), "the provider does not fetch URLs on this route"));
        }
        Source::FileId(_) => return Err(Rejected::new(path(), "a file in another provider's store")),
    }
    Ok(())
}

/// The member of a part that holds bytes.
pub(super) fn write_bytes(o: &mut Object<'_>, media: &Media<'_>, data: &str) {
    o.object("inlineData", |o| {
        o.str("mimeType", media.mime.as_deref().unwrap_or(default_mime(media.kind)));
        o.str("data", data);
    });
}

/// Warns of what is said about media that Gemini has no place for.
///
/// # Errors
/// In strict mode.
pub(super) fn drop_words(
    media: &Media<'_>,
    foreign: &Foreign<'_, '_>,
    path: impl Fn() -> String,
    notes: &mut Notes,
) -> Result<(), Rejected> {
    if media.name.is_some() {
        foreign.drop_word("filename", &path, notes)?;
    }
    if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
        foreign.drop_word("detail", &path, notes)?;
    }
    Ok(())
}
