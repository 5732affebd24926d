//! Reading parts.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::ir::{Arguments, Block, CallStyle, Content, Ext, Media, MediaKind, Source, ToolCall, ToolResult};
use crate::json::record::{camel, record};
use crate::json::{Str, constant, object_text, string};
use crate::state::untag_base64;

use super::THIS;
use super::facts::twin;
use super::wire::{Blob, Call, CallResponse, FileData, Part};

/// Keys of a part that describe it rather than being it.
const ABOUT: [&str; 8] = [
    "videoMetadata",
    "audioMetadata",
    "documentMetadata",
    "spreadsheetMetadata",
    "speechMetadata",
    "partMetadata",
    "mediaResolution",
    "mediaProcessing",
];

/// Reads the part at that position.
pub(super) fn decode(part: Part<'_>, at: u32) -> Block<'_> {
    let mut ext = Ext::default();
    let is_thought = part.thought.is_some_and(|raw| raw.get() == "true");
    let is_text = part.text.is_some();
    let mut rest = part.rest;
    let content = match (part.function_call, part.function_response, part.inline_data, part.file_data) {
        (Some(one), ..) => Content::ToolCall(call(*one, &mut ext)),
        (_, Some(one), ..) => Content::ToolResult(result(*one, &mut ext)),
        (_, _, Some(one), _) => Content::Media(blob(*one, &mut ext)),
        (.., Some(one)) => Content::Media(file(*one, &mut ext)),
        _ => match part.text {
            Some(text) if is_thought => Content::Reasoning(text.0),
            Some(text) => Content::Text(text.0),
            None => match opaque(&mut rest) {
                Some(opaque) => opaque,
                // Nothing but state, as on an empty text.
                None if part.thought_signature.is_some() => {
                    ext.absent("text");
                    Content::Text(Cow::Borrowed(""))
                }
                None => Content::Opaque(Cow::Borrowed(""), Cow::Borrowed(constant("{}"))),
            },
        },
    };
    ext.add("", rest);
    if let Some(raw) = part.thought.filter(|_| !(is_thought && is_text)) {
        twin(&mut ext, "", "thought", raw);
    }
    let state = part.thought_signature.map(|signature| untag_base64(signature.0, THIS.family()));
    Block { content, state, marks: None, at, ext }
}

/// A part of a kind the neutral form does not know: the first member that is not about it; `None` if there is none.
fn opaque<'a>(rest: &mut Vec<(Cow<'a, str>, &'a RawValue)>) -> Option<Content<'a>> {
    let (key, value) = rest.remove(rest.iter().position(is_kind)?);
    Some(Content::Opaque(key, Cow::Borrowed(value)))
}

/// The kind of a part that the neutral form does not know.
pub(super) fn kind<'a>(rest: &[(Cow<'a, str>, &'a RawValue)]) -> Option<Cow<'a, str>> {
    rest.iter().find(|member| is_kind(member)).map(|(key, _)| key.clone())
}

fn is_kind((key, value): &(Cow<'_, str>, &RawValue)) -> bool {
    value.get() != "null" && !ABOUT.contains(&camel(key).as_ref())
}

/// Keeps a text that is empty: the neutral form cannot tell it from none.
fn empty_twin<'a>(ext: &mut Ext<'a>, inside: &'static str, key: &'static str, text: Option<&Str<'a>>) {
    if text.is_some_and(|text| text.0.is_empty()) {
        twin(ext, inside, key, constant("\"\""));
    }
}

fn word(text: Option<Str<'_>>) -> Cow<'_, str> {
    text.map_or(Cow::Borrowed(""), |text| text.0)
}

fn blob<'a>(blob: Blob<'a>, ext: &mut Ext<'a>) -> Media<'a> {
    ext.add("inlineData", blob.rest);
    empty_twin(ext, "inlineData", "data", blob.data.as_ref());
    let mime = blob.mime_type.map(|mime| mime.0);
    Media {
        kind: kind_of(mime.as_deref().unwrap_or("")),
        source: Source::Base64(word(blob.data)),
        mime,
        name: blob.display_name.map(|name| name.0),
        detail: None,
    }
}

fn file<'a>(file: FileData<'a>, ext: &mut Ext<'a>) -> Media<'a> {
    ext.add("fileData", file.rest);
    empty_twin(ext, "fileData", "fileUri", file.file_uri.as_ref());
    let uri = word(file.file_uri);
    let mime = file.mime_type.map(|mime| mime.0);
    let is_film = ["youtube.com/", "youtu.be/"].iter().any(|host| uri.contains(host));
    Media {
        kind: if is_film { MediaKind::Video } else { kind_of(mime.as_deref().unwrap_or("")) },
        source: if is_public(&uri) { Source::Url(uri) } else { Source::FileId(uri) },
        mime,
        name: file.display_name.map(|name| name.0),
        detail: None,
    }
}

/// Whether a URI leads anybody to the bytes, rather than Google to a file of its own.
fn is_public(uri: &str) -> bool {
    let http = uri.starts_with("https://") || uri.starts_with("http://");
    http && !uri.starts_with("https://generativelanguage.googleapis.com/")
}

fn kind_of(mime: &str) -> MediaKind {
    match mime.split('/').next() {
        Some("image") => MediaKind::Image,
        Some("audio") => MediaKind::Audio,
        Some("video") => MediaKind::Video,
        _ => MediaKind::Document,
    }
}

fn call<'a>(call: Call<'a>, ext: &mut Ext<'a>) -> ToolCall<'a> {
    ext.add("functionCall", call.rest);
    empty_twin(ext, "functionCall", "id", call.id.as_ref());
    empty_twin(ext, "functionCall", "name", call.name.as_ref());
    for (key, raw) in [("partialArgs", call.partial_args), ("willContinue", call.will_continue)] {
        if let Some(raw) = raw {
            twin(ext, "functionCall", key, raw);
        }
    }
    ToolCall {
        id: word(call.id),
        made_id: false,
        name: word(call.name),
        // No arguments stay none.
        arguments: call
            .args
            .map_or(Arguments::Text(Cow::Borrowed("")), |args| Arguments::Json(Cow::Borrowed(args))),
        style: CallStyle::Function,
    }
}

/// What the object of a response says by Google's convention.
enum Answer<'a> {
    /// `{"output": "…"}`.
    Output(Cow<'a, str>),
    /// `{"error": "…"}`.
    Error(Cow<'a, str>),
    /// Anything else.
    Object,
}

record! {
    /// An object by that convention.
    struct Convention<'a> rest {
        output: &'a RawValue,
        error: &'a RawValue,
    }
}

impl<'a> Answer<'a> {
    fn of(raw: &'a RawValue) -> Self {
        let Ok(said) = serde_json::from_str::<Convention<'a>>(raw.get()) else { return Answer::Object };
        match (said.output, said.error) {
            _ if !said.rest.is_empty() => Answer::Object,
            (Some(text), None) => string(text).map_or(Answer::Object, Answer::Output),
            (None, Some(text)) => string(text).map_or(Answer::Object, Answer::Error),
            _ => Answer::Object,
        }
    }
}

fn result<'a>(response: CallResponse<'a>, ext: &mut Ext<'a>) -> ToolResult<'a> {
    ext.add("functionResponse", response.rest);
    empty_twin(ext, "functionResponse", "id", response.id.as_ref());
    empty_twin(ext, "functionResponse", "name", response.name.as_ref());
    if response.name.is_none() {
        // Found by its call.
        ext.absent("name");
    }
    let mut result = ToolResult {
        call_id: word(response.id),
        made_id: false,
        name: word(response.name),
        content: Vec::new(),
        json: None,
        is_error: None,
        plain: true,
    };
    let media = response.parts.map(|raw| {
        twin(ext, "functionResponse", "parts", raw);
        serde_json::from_str::<Vec<Part<'a>>>(raw.get()).unwrap_or_default()
    });
    let media: Vec<Block<'a>> =
        media.into_iter().flatten().enumerate().map(|(i, part)| decode(part, i as u32)).collect();
    if let Some(raw) = response.response {
        match Answer::of(raw) {
            Answer::Output(text) => result.content = vec![Block::text(text)],
            Answer::Error(text) => {
                result.is_error = Some(true);
                result.content = vec![Block::text(text)];
            }
            Answer::Object if media.is_empty() && object_text(raw.get()).is_some() => {
                result.json = Some(Cow::Borrowed(raw));
            }
            Answer::Object => {
                twin(ext, "functionResponse", "response", raw);
                result.content.push(Block::text(raw.get()));
            }
        }
    }
    result.plain = media.is_empty();
    result.content.extend(media);
    result
}
