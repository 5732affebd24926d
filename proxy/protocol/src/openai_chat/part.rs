//! Reading the parts of messages.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::ir::{Block, Content, Ext, Media, MediaKind, Source};
use crate::json::write::{self, Object};
use crate::json::{Str, StrOr, lenient, owned};

use super::media;
use super::wire::{File, Image, InputAudio, Part, Thought};

/// Reads the part at that position. One that is not as its type should be is only its own protocol's.
pub(super) fn decode(mut part: Part<'_>, at: u32) -> Block<'_> {
    let kind = part.kind.take().map(|kind| kind.0);
    let mut ext = Ext::default();
    let content = match (kind.as_deref().unwrap_or(""), part) {
        ("text", Part { text: Some(text), rest, .. }) => {
            ext.add("", rest);
            Content::Text(text.0)
        }
        // Mistral's.
        ("thinking", Part { thinking: Some(raw), rest, .. }) => {
            ext.add("", rest);
            ext.push("", "thinking", raw);
            Content::Reasoning(thoughts(raw))
        }
        ("refusal", Part { refusal: Some(refusal), rest, .. }) => {
            ext.add("", rest);
            Content::Refusal(refusal.0)
        }
        (
            "image_url",
            Part { image_url: Some(Image { url: Some(url), detail, plain, rest: inner }), rest, .. },
        ) => {
            ext.add("", rest);
            ext.add("image_url", inner);
            if plain {
                ext.absent("image_url");
            }
            Content::Media(media::image(url.0, detail.map(|detail| detail.0)))
        }
        ("input_audio", Part { input_audio: Some(audio), rest, .. }) => {
            ext.add("", rest);
            Content::Media(sound(*audio, &mut ext))
        }
        ("file", Part { file: Some(file), rest, .. })
            if file.file_data.is_some() || file.file_id.is_some() =>
        {
            ext.add("", rest);
            Content::Media(document(*file, &mut ext))
        }
        (_, part) => opaque(kind, part),
    };
    Block { content, state: None, marks: None, at, ext }
}

/// The text of a thought: a string, or a list of texts.
pub(super) fn thoughts(raw: &RawValue) -> Cow<'_, str> {
    let texts = match lenient::<StrOr<'_, Thought<'_>>>(raw.get()) {
        Ok(StrOr::Str(text)) => return text,
        Ok(StrOr::List(thoughts)) => thoughts.into_iter().filter_map(|thought| thought.text),
        Err(_) => return Cow::Borrowed(""),
    };
    texts.fold(Cow::Borrowed(""), |all, text| if all.is_empty() { text.0 } else { all + text.0 })
}

fn sound<'a>(audio: InputAudio<'a>, ext: &mut Ext<'a>) -> Media<'a> {
    ext.add("input_audio", audio.rest);
    if audio.data.is_none() {
        ext.absent("data");
    }
    let format = audio.format.map(|format| format.0);
    let mime = format.as_ref().map(|format| media::audio_mime(format.clone()));
    if let (Some(format), Some(mime)) = (format, &mime)
        && media::audio_format(mime) != format
    {
        // Another spelling.
        ext.push_json("input_audio", "format", text(&format));
    }
    let source = Source::Base64(audio.data.map_or(Cow::Borrowed(""), |data| data.0));
    Media { kind: MediaKind::Audio, source, mime, name: None, detail: None }
}

fn document<'a>(file: File<'a>, ext: &mut Ext<'a>) -> Media<'a> {
    ext.add("file", file.rest);
    let (mime, source) = match (file.file_data, file.file_id) {
        (Some(data), id) => {
            if let Some(id) = id {
                ext.push_json("file", "file_id", text(id.as_ref()));
            }
            match media::split_data_url(data.0) {
                // Not a data URL: bare base64.
                (_, Source::Url(bare)) => (None, Source::Base64(bare)),
                split => split,
            }
        }
        (None, id) => (None, Source::FileId(id.map_or(Cow::Borrowed(""), |id| id.0))),
    };
    Media { kind: MediaKind::Document, source, mime, name: file.filename.map(|name| name.0), detail: None }
}

/// A text as a JSON value.
pub(super) fn text<'a>(text: &str) -> crate::json::Json<'a> {
    let mut out = Vec::with_capacity(text.len() + 2);
    write::string(&mut out, text);
    owned(out)
}

/// A part of a kind not known here, written together again.
fn opaque<'a>(kind: Option<Cow<'a, str>>, part: Part<'a>) -> Content<'a> {
    let text =
        |o: &mut Object<'_>, key, text: &Option<Str<'_>>| o.opt_str(key, text.as_ref().map(AsRef::as_ref));
    let mut whole = Vec::new();
    write::object(&mut whole, |o| {
        o.opt_str("type", kind.as_deref());
        text(o, "text", &part.text);
        text(o, "refusal", &part.refusal);
        o.opt_raw("thinking", part.thinking.map(RawValue::get));
        if let Some(image) = part.image_url {
            match (&image.url, image.plain) {
                (Some(url), true) => o.str("image_url", url.as_ref()),
                _ => o.object("image_url", |o| {
                    text(o, "url", &image.url);
                    text(o, "detail", &image.detail);
                    image.rest.iter().for_each(|(key, value)| o.field(key, value));
                }),
            }
        }
        if let Some(audio) = part.input_audio {
            o.object("input_audio", |o| {
                text(o, "data", &audio.data);
                text(o, "format", &audio.format);
                audio.rest.iter().for_each(|(key, value)| o.field(key, value));
            });
        }
        if let Some(file) = part.file {
            o.object("file", |o| {
                text(o, "file_data", &file.file_data);
                text(o, "file_id", &file.file_id);
                text(o, "filename", &file.filename);
                file.rest.iter().for_each(|(key, value)| o.field(key, value));
            });
        }
        part.rest.iter().for_each(|(key, value)| o.field(key, value));
    });
    Content::Opaque(kind.unwrap_or_default(), owned(whole))
}
