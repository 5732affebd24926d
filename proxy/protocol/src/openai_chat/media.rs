//! Media of content parts: data URLs and plain ones.

use std::borrow::Cow;

use crate::ir::{Media, MediaKind, Source};
use crate::json::write::{self, Object};

/// Splits `data:<type>;base64,<data>`; anything else is a URL.
pub(crate) fn split_data_url<'a>(url: Cow<'a, str>) -> (Option<Cow<'a, str>>, Source<'a>) {
    let parts = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    let Some((mime, _)) = parts else { return (None, Source::Url(url)) };
    let (from, to) = ("data:".len(), "data:".len() + mime.len());
    let data = to + ";base64,".len();
    match url {
        Cow::Borrowed(url) => {
            (Some(Cow::Borrowed(&url[from..to])), Source::Base64(Cow::Borrowed(&url[data..])))
        }
        Cow::Owned(url) => {
            (Some(Cow::Owned(url[from..to].to_owned())), Source::Base64(Cow::Owned(url[data..].to_owned())))
        }
    }
}

/// An image part.
pub(super) fn image<'a>(url: Cow<'a, str>, detail: Option<Cow<'a, str>>) -> Media<'a> {
    let (mime, source) = split_data_url(url);
    Media { kind: MediaKind::Image, source, mime, name: None, detail }
}

/// Writes `data:<type>;base64,<data>` without building it first: the data may be large.
pub(crate) fn write_data_url(out: &mut Vec<u8>, mime: &str, data: &str) {
    write::concat(out, &["data:", mime, ";base64,", data]);
}

/// Writes where media is under `key`: a data URL or a URL. Nothing for text and file ids.
pub(super) fn write_url(o: &mut Object<'_>, key: &'static str, media: &Media<'_>, default_mime: &str) {
    match &media.source {
        Source::Base64(data) => {
            write_data_url(o.key(key), media.mime.as_deref().unwrap_or(default_mime), data);
        }
        Source::Url(url) => o.str(key, url),
        Source::Text(_) | Source::FileId(_) => {}
    }
}

/// The names of sound formats; the first of each is the one Chat Completions knows.
const FORMATS: [(&str, &str); 5] = [
    ("wav", "audio/wav"),
    ("wav", "audio/x-wav"),
    ("wav", "audio/wave"),
    ("mp3", "audio/mpeg"),
    ("mp3", "audio/mp3"),
];

/// The media type of a sound format.
pub(super) fn audio_mime(format: Cow<'_, str>) -> Cow<'_, str> {
    let known = FORMATS.iter().find(|(name, _)| *name == format);
    known.map_or_else(|| Cow::Owned(format!("audio/{format}")), |(_, mime)| Cow::Borrowed(*mime))
}

/// The sound format of a media type, by its own name if it is not one of the two that OpenAI takes.
pub(super) fn audio_format(mime: &str) -> &str {
    let known = FORMATS.iter().find(|(_, known)| *known == mime);
    known.map_or_else(|| mime.strip_prefix("audio/").unwrap_or(mime), |(name, _)| name)
}
