//! Writing messages back as they were read, and the parts both ways of writing share.

use crate::facts::Facts;
use crate::ir::{
    Arguments, Block, CallStyle, Content, ExtField, Media, MediaKind, Role, Source, State, ToolCall, Turn,
    has, has_inside,
};
use crate::json::write::{List, Object};
use crate::notes::{Rejected, unknown_block};
use crate::protocol::Protocol;

use super::{THIS, media};

/// The word of a role.
pub(super) fn role_word(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::Developer => "developer",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

/// Writes the fields of a sub-object that the neutral form has no place for.
pub(super) fn write_ext(o: &mut Object<'_>, own: &[ExtField<'_>], inside: &str) {
    for field in own.iter().filter(|field| field.inside == inside) {
        o.field(&field.key, &field.value);
    }
}

/// Writes a message as it was read.
pub(super) fn write_native(o: &mut Object<'_>, turn: &Turn<'_>) {
    let own = turn.ext.own(THIS, THIS);
    write_ext(o, own, "");
    let result = turn.blocks.iter().find_map(|block| match &block.content {
        Content::ToolResult(result) => Some(result),
        _ => None,
    });
    let Some(result) = result else {
        if !has(own, "role") {
            o.str("role", role_word(turn.role));
        }
        return write_members(o, &turn.blocks, turn.plain, own);
    };
    o.str("role", if result.made_id && has(own, "name") { "function" } else { "tool" });
    if !result.made_id {
        o.str("tool_call_id", &result.call_id);
    }
    write_members(o, &result.content, result.plain, own);
}

fn write_members(o: &mut Object<'_>, blocks: &[Block<'_>], plain: bool, own: &[ExtField<'_>]) {
    write_native_content(o, blocks, plain);
    for block in blocks {
        match &block.content {
            Content::Refusal(text) if is_field(block) => o.str("refusal", text),
            Content::ToolCall(call) if call.style == CallStyle::Legacy => {
                o.object("function_call", |o| write_function(o, call, THIS, block.ext.own(THIS, THIS)));
            }
            _ => {}
        }
    }
    let mut calls = blocks.iter().filter_map(listed_call).peekable();
    if calls.peek().is_some() && !has(own, "tool_calls") {
        o.list("tool_calls", |l| calls.for_each(|(block, call)| write_call(l, block, call, THIS)));
    }
}

/// A refusal or a thought that is a field of the message rather than a part of its content.
fn is_field(block: &Block<'_>) -> bool {
    block.at == crate::ir::NONE
}

fn listed_call<'b, 'a>(block: &'b Block<'a>) -> Option<(&'b Block<'a>, &'b ToolCall<'a>)> {
    match &block.content {
        Content::ToolCall(call) if call.style != CallStyle::Legacy => Some((block, call)),
        _ => None,
    }
}

fn write_native_content(o: &mut Object<'_>, blocks: &[Block<'_>], plain: bool) {
    if plain {
        let text = blocks.iter().find_map(|block| match &block.content {
            Content::Text(text) => Some(text),
            _ => None,
        });
        return o.opt_str("content", text.map(AsRef::as_ref));
    }
    let mut parts = blocks.iter().filter(|block| is_part(block)).peekable();
    if parts.peek().is_some() {
        o.list("content", |l| parts.for_each(|block| write_native_part(l, block)));
    }
}

fn is_part(block: &Block<'_>) -> bool {
    match &block.content {
        Content::Text(_) | Content::Media(_) | Content::Opaque(..) => true,
        Content::Refusal(_) | Content::Reasoning(_) => !is_field(block),
        _ => false,
    }
}

fn write_native_part(l: &mut List<'_>, block: &Block<'_>) {
    let own = block.ext.own(THIS, THIS);
    match &block.content {
        Content::Opaque(_, raw) => l.raw(raw.get()),
        Content::Text(text) => l.object(|o| {
            o.str("type", "text");
            o.str("text", text);
            write_ext(o, own, "");
        }),
        Content::Refusal(text) => l.object(|o| {
            o.str("type", "refusal");
            o.str("refusal", text);
            write_ext(o, own, "");
        }),
        Content::Media(media) => l.object(|o| write_media(o, media, own)),
        // Its text is among the fields, as it was.
        Content::Reasoning(_) => l.object(|o| {
            o.str("type", "thinking");
            write_ext(o, own, "");
        }),
        _ => {}
    }
}

/// Writes the members of a media part.
fn write_media(o: &mut Object<'_>, media: &Media<'_>, own: &[ExtField<'_>]) {
    match media.kind {
        MediaKind::Image if has(own, "image_url") => {
            o.str("type", "image_url");
            media::write_url(o, "image_url", media, "image/png");
        }
        MediaKind::Image => {
            o.str("type", "image_url");
            o.object("image_url", |o| {
                media::write_url(o, "url", media, "image/png");
                o.opt_str("detail", media.detail.as_deref());
                write_ext(o, own, "image_url");
            });
        }
        MediaKind::Audio => {
            o.str("type", "input_audio");
            o.object("input_audio", |o| {
                if let (Source::Base64(data), false) = (&media.source, has(own, "data")) {
                    o.str("data", data);
                }
                if !has_inside(own, "input_audio", "format") {
                    o.opt_str("format", media.mime.as_deref().map(media::audio_format));
                }
                write_ext(o, own, "input_audio");
            });
        }
        MediaKind::Document | MediaKind::Video => {
            o.str("type", "file");
            o.object("file", |o| {
                write_file(o, media);
                write_ext(o, own, "file");
            });
        }
    }
    write_ext(o, own, "");
}

fn write_file(o: &mut Object<'_>, media: &Media<'_>) {
    match (&media.source, &media.mime) {
        (Source::Base64(data), Some(mime)) => media::write_data_url(o.key("file_data"), mime, data),
        (Source::Base64(data), None) => o.str("file_data", data),
        (Source::FileId(id), _) => o.str("file_id", id),
        (Source::Text(_) | Source::Url(_), _) => {}
    }
    o.opt_str("filename", media.name.as_deref());
}

/// Writes a media part for a request from another protocol.
///
/// # Errors
/// Chat Completions has no such part: film, sound other than wav and mp3, a document or sound by URL, a file in
/// another provider's store.
pub(super) fn write_foreign_media(
    l: &mut List<'_>,
    media: &Media<'_>,
    path: impl Fn() -> String,
) -> Result<(), Rejected> {
    let refuse = |reason: &str| Err(Rejected::new(path(), reason));
    let known_sound =
        || media.mime.as_deref().is_some_and(|m| matches!(media::audio_format(m), "wav" | "mp3"));
    match (media.kind, &media.source) {
        (_, Source::FileId(_)) => refuse("a file in another provider's store"),
        (MediaKind::Video, _) => refuse("the provider takes no video"),
        (MediaKind::Audio, Source::Base64(_)) if known_sound() => Ok(()),
        (MediaKind::Audio, _) => refuse("the provider takes sound only as wav or mp3 in the request"),
        (MediaKind::Document, Source::Url(_)) => refuse("the provider takes no documents by URL"),
        (MediaKind::Document, Source::Text(text)) => {
            l.object(|o| {
                o.str("type", "text");
                o.str("text", text);
            });
            return Ok(());
        }
        (MediaKind::Image, Source::Text(_)) => refuse("an image must be base64 or a URL"),
        _ => Ok(()),
    }?;
    l.object(|o| match (media.kind, &media.source) {
        (MediaKind::Document, Source::Base64(data)) => {
            o.str("type", "file");
            o.object("file", |o| {
                let mime = media.mime.as_deref().unwrap_or("application/pdf");
                media::write_data_url(o.key("file_data"), mime, data);
                o.str("filename", media.name.as_deref().unwrap_or("document"));
            });
        }
        _ => write_media(o, media, &[]),
    });
    Ok(())
}

/// Writes a tool call of a message's list.
pub(super) fn write_call(l: &mut List<'_>, block: &Block<'_>, call: &ToolCall<'_>, source: Protocol) {
    let own = block.ext.own(source, THIS);
    l.object(|o| {
        if source != THIS {
            o.str("id", &crate::names::fit_id(&call.id));
            o.str("type", if call.style == CallStyle::Custom { "custom" } else { "function" });
            if let Some(state) = &block.state {
                write_signature(o, state);
            }
        } else if !has(own, "id") {
            o.str("id", &call.id);
        }
        match call.style {
            CallStyle::Custom => o.object("custom", |o| {
                write_name(o, call, own);
                if let (Arguments::Text(text), false) = (&call.arguments, has(own, "input")) {
                    o.str("input", text);
                }
                write_ext(o, own, "custom");
            }),
            _ if has(own, "function") => {}
            _ => o.object("function", |o| write_function(o, call, source, own)),
        }
        write_ext(o, own, "");
    });
}

fn write_name(o: &mut Object<'_>, call: &ToolCall<'_>, own: &[ExtField<'_>]) {
    if !has(own, "name") {
        o.str("name", &call.name);
    }
}

fn write_function(o: &mut Object<'_>, call: &ToolCall<'_>, source: Protocol, own: &[ExtField<'_>]) {
    write_name(o, call, own);
    match &call.arguments {
        _ if has(own, "arguments") => {}
        Arguments::Json(json) if source == THIS => o.raw("arguments", json.get()),
        Arguments::Text(text) if source == THIS => o.str("arguments", text),
        arguments => o.str("arguments", &arguments.as_text()),
    }
    write_ext(o, own, "function");
}

/// Google's signature of a call, as its own OpenAI-compatible endpoint spells it.
pub(super) fn write_signature(o: &mut Object<'_>, state: &State<'_>) {
    if state.family == Protocol::Gemini.family() {
        o.object("extra_content", |o| o.object("google", |o| o.str("thought_signature", &state.data)));
    }
}

/// The reason a block of another protocol cannot be carried.
pub(super) fn refuse_block(facts: &Facts, turn: &Turn<'_>, block: &Block<'_>, kind: &str) -> Rejected {
    Rejected::new(facts.block_path(turn, block), unknown_block(kind))
}

/// A piece of a call: its name, if it is the first, and some of its arguments.
pub(super) fn call_piece(o: &mut Object<'_>, style: CallStyle, name: Option<&str>, text: &str) {
    let (key, text_key) = match style {
        CallStyle::Function => ("function", "arguments"),
        CallStyle::Custom => ("custom", "input"),
        CallStyle::Legacy => ("function_call", "arguments"),
    };
    o.object(key, |o| {
        o.opt_str("name", name);
        o.str(text_key, text);
    });
}
