//! Reading content blocks.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::ir::{
    Arguments, Block, CallStyle, Content, Ext, Media, MediaKind, Source, State, ToolCall, ToolResult,
};
use crate::json::record::Rest;
use crate::json::{StrOr, constant, owned, string, write};
use crate::state::{UNSIGNED, untag};

use super::{THIS, wire};

/// An extension of the whole of a block that the neutral form holds only as text.
pub(super) const SEARCH_RESULT: &str = "search_result";

/// The key of what signs reasoning.
pub(super) const SIGNATURE: &str = "signature";

/// The name under which fields of documents ride that mean something else, or nothing, on other blocks.
pub(super) const DOCUMENT: &str = "document";

/// Reads the blocks of a list.
pub(super) fn decode_all(parts: Vec<wire::Block<'_>>) -> Vec<Block<'_>> {
    parts.into_iter().enumerate().map(|(at, part)| decode(part, at as u32)).collect()
}

/// Reads the block at that position. One that is not as its type should be is only its own protocol's.
pub(super) fn decode(mut part: wire::Block<'_>, at: u32) -> Block<'_> {
    let kind = part.kind.take().map(|kind| kind.0);
    let read = match kind.as_deref().unwrap_or("") {
        "text" => part.text.take().map(|text| Block::new(Content::Text(text.0))),
        "image" => media(MediaKind::Image, &mut part.rest),
        "document" => media(MediaKind::Document, &mut part.rest),
        "tool_use" => Some(call(&mut part.rest)),
        "tool_result" => result(&mut part.rest),
        "thinking" => thinking(&mut part.rest),
        "redacted_thinking" => redacted(&mut part.rest),
        "search_result" => search_result(&mut part),
        _ => None,
    };
    let mut block = read.unwrap_or_else(|| opaque(kind, &mut part));
    block.at = at;
    block.ext.add("", part.rest);
    block
}

fn find<'a>(rest: &Rest<'a>, key: &str) -> Option<(usize, &'a RawValue)> {
    rest.iter().position(|(known, _)| known == key).map(|at| (at, rest[at].1))
}

fn take<'a>(rest: &mut Rest<'a>, key: &str) -> Option<&'a RawValue> {
    let (at, raw) = find(rest, key)?;
    rest.remove(at);
    Some(raw)
}

/// Takes a name, unless it is empty: then it stays, as it says nothing.
fn take_name<'a>(rest: &mut Rest<'a>, key: &str) -> Cow<'a, str> {
    let is_empty = find(rest, key).is_some_and(|(_, raw)| raw.get() == "\"\"");
    if is_empty { Cow::Borrowed("") } else { take_text(rest, key).unwrap_or_default() }
}

/// Takes a field that is a string; one that is something else stays.
fn take_text<'a>(rest: &mut Rest<'a>, key: &str) -> Option<Cow<'a, str>> {
    let (at, raw) = find(rest, key)?;
    let text = string(raw)?;
    rest.remove(at);
    Some(text)
}

fn media<'a>(kind: MediaKind, rest: &mut Rest<'a>) -> Option<Block<'a>> {
    let (at, raw) = find(rest, "source")?;
    let from: wire::Source<'a> = serde_json::from_str(raw.get()).ok()?;
    let word = from.kind.as_ref().map_or("", |kind| kind.as_ref());
    let source = match (word, from.data, from.url, from.file_id) {
        ("base64", Some(data), ..) => Source::Base64(data.0),
        ("text", Some(data), ..) => Source::Text(data.0),
        ("url", _, Some(url), _) => Source::Url(url.0),
        ("file", .., Some(id)) => Source::FileId(id.0),
        _ => return None,
    };
    rest.remove(at);
    let mime = from.media_type.map(|mime| mime.0);
    let name = take_text(rest, "title");
    let mut block = Block::new(Content::Media(Media { kind, source, mime, name, detail: None }));
    block.ext.add("source", from.rest);
    for key in ["citations", "context"] {
        if let Some(raw) = take(rest, key) {
            block.ext.push(DOCUMENT, key, raw);
        }
    }
    Some(block)
}

fn call<'a>(rest: &mut Rest<'a>) -> Block<'a> {
    Block::new(Content::ToolCall(ToolCall {
        id: take_name(rest, "id"),
        made_id: false,
        name: take_name(rest, "name"),
        arguments: take(rest, "input")
            .map_or(Arguments::Text(Cow::Borrowed("")), |raw| Arguments::Json(Cow::Borrowed(raw))),
        style: CallStyle::Function,
    }))
}

fn result<'a>(rest: &mut Rest<'a>) -> Option<Block<'a>> {
    let mut ext = Ext::default();
    let (mut content, mut plain) = (Vec::new(), false);
    if let Some((at, raw)) = find(rest, "content").filter(|(_, raw)| raw.get() != "null") {
        match serde_json::from_str::<StrOr<'a, wire::Block<'a>>>(raw.get()).ok()? {
            StrOr::Str(text) => {
                plain = true;
                content.push(Block::text(text));
            }
            StrOr::List(parts) => {
                if parts.is_empty() {
                    ext.push("", "content", constant("[]"));
                }
                content = decode_all(parts);
            }
        }
        rest.remove(at);
    }
    let is_error = find(rest, "is_error").and_then(|(at, raw)| {
        let is_error = serde_json::from_str(raw.get()).ok()?;
        rest.remove(at);
        Some(is_error)
    });
    let mut block = Block::new(Content::ToolResult(ToolResult {
        call_id: take_name(rest, "tool_use_id"),
        made_id: false,
        name: Cow::Borrowed(""),
        content,
        json: None,
        is_error,
        plain,
    }));
    block.ext = ext;
    Some(block)
}

/// A signature that is empty is none, and stays among the extensions. So is the one that stands for none.
fn thinking<'a>(rest: &mut Rest<'a>) -> Option<Block<'a>> {
    let text = take_text(rest, "thinking")?;
    let mut block = Block::new(Content::Reasoning(text));
    let signed = find(rest, SIGNATURE).is_some_and(|(_, raw)| raw.get() != "\"\"");
    match signed.then(|| take_text(rest, SIGNATURE)).flatten() {
        Some(data) if data == UNSIGNED => block.ext.absent(SIGNATURE),
        data => block.state = data.map(|data| untag(data, THIS.family(), false)),
    }
    Some(block)
}

fn redacted<'a>(rest: &mut Rest<'a>) -> Option<Block<'a>> {
    let state: State<'a> = untag(take_text(rest, "data")?, THIS.family(), true);
    let mut block = Block::new(Content::Reasoning(Cow::Borrowed("")));
    block.state = Some(state);
    Some(block)
}

/// A search result is text to everybody else; its own protocol gets it back whole.
fn search_result<'a>(part: &mut wire::Block<'a>) -> Option<Block<'a>> {
    let field = |key| find(&part.rest, key).map(|(_, raw)| raw.get());
    let read = wire::SearchResult {
        source: serde_json::from_str(field("source")?).ok(),
        title: serde_json::from_str(field("title")?).ok(),
        content: serde_json::from_str(field("content")?).ok(),
    };
    let mut text = String::new();
    for line in [&read.title, &read.source].into_iter().flatten() {
        text.push_str(line.as_ref());
        text.push('\n');
    }
    for line in read.content?.iter().filter_map(|block| block.text.as_ref()) {
        text.push_str(line.as_ref());
        text.push('\n');
    }
    text.pop();
    let Content::Opaque(_, whole) = opaque(Some(Cow::Borrowed(SEARCH_RESULT)), part).content else {
        return None;
    };
    let mut block = Block::new(Content::Text(Cow::Owned(text)));
    block.ext.push_json("", SEARCH_RESULT, whole);
    part.rest.clear();
    Some(block)
}

/// A block of a kind not known here, written together again.
fn opaque<'a>(kind: Option<Cow<'a, str>>, part: &mut wire::Block<'a>) -> Block<'a> {
    let mut text = Vec::new();
    write::object(&mut text, |o| {
        o.opt_str("type", kind.as_deref());
        o.opt_str("text", part.text.as_ref().map(AsRef::as_ref));
        part.rest.iter().for_each(|(key, value)| o.field(key, value));
    });
    part.rest.clear();
    Block::new(Content::Opaque(kind.unwrap_or_default(), owned(text)))
}
