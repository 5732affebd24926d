//! Reading items: those of a conversation and those of an answer are the same.

use std::borrow::Cow;
use std::cell::OnceCell;

use serde_json::value::RawValue;

use crate::ir::{
    Arguments, Block, CallStyle, Content, Ext, Media, MediaKind, NONE, Role, Source, State, ToolCall,
    ToolResult, Turn,
};
use crate::json::{DecodeError, Str, StrOr, lenient, read_raw, string};
use crate::openai_chat::media::split_data_url;
use crate::state::{UNSIGNED, untag};

use super::THIS;
use super::wire::{Item, Part, RawParts, Thought};

/// Whose list of items it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// A client's: what is wrong with an item is said.
    Input,
    /// A provider's: an item is read as far as it can be.
    Output,
}

/// Reads the items of a list.
///
/// # Errors
/// One is no object; one of a client has a member of a wrong type, or is a message of nobody.
pub(super) fn decode_all(list: &RawValue, side: Side) -> Result<Vec<Turn<'_>>, DecodeError> {
    let mut turns = Vec::new();
    match serde_json::from_str::<Vec<Item<'_>>>(list.get()) {
        Ok(items) => known(items, side, || Some(list), &mut turns)?,
        // Items not known here may have members of any type.
        Err(_) => each(list, side, &mut turns)?,
    }
    Ok(turns)
}

/// Adds the turns of items that have all been read. `list` is what they stand in: looked for only where one of them is
/// not known, and then once.
///
/// # Errors
/// As of [`decode_all`].
pub(super) fn known<'a>(
    items: Vec<Item<'a>>,
    side: Side,
    list: impl Fn() -> Option<&'a RawValue>,
    turns: &mut Vec<Turn<'a>>,
) -> Result<(), DecodeError> {
    let raws: OnceCell<Vec<&'a RawValue>> = OnceCell::new();
    let raw = |at: usize| {
        let raws = raws.get_or_init(|| list().map(raws_of).unwrap_or_default());
        raws.get(at).copied().unwrap_or(RawValue::NULL)
    };
    turns.reserve(items.len());
    for (at, item) in items.into_iter().enumerate() {
        turns.push(turn_of(item, at as u32, side, || raw(at))?);
    }
    Ok(())
}

/// Adds the turns of items that are read one by one.
///
/// # Errors
/// As of [`decode_all`].
pub(super) fn each<'a>(list: &'a RawValue, side: Side, turns: &mut Vec<Turn<'a>>) -> Result<(), DecodeError> {
    for (at, raw) in raws_of(list).into_iter().enumerate() {
        turns.push(decode(raw, at as u32, side)?);
    }
    Ok(())
}

/// Items as they stand in their list.
fn raws_of(list: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(list.get()).unwrap_or_default()
}

/// Reads one item.
///
/// # Errors
/// As of [`decode_all`].
pub(super) fn decode(raw: &RawValue, at: u32, side: Side) -> Result<Turn<'_>, DecodeError> {
    let item = match (read_raw::<Item<'_>>(raw), side) {
        (Ok(item), _) => item,
        (Err(_), Side::Output) => lenient(raw.get()).map_err(DecodeError::Json)?,
        (Err(error), Side::Input) => Item { kind: Some(unknown_kind(raw).ok_or(error)?), ..Item::default() },
    };
    turn_of(item, at, side, || raw)
}

fn turn_of<'a>(
    mut item: Item<'a>,
    at: u32,
    side: Side,
    raw: impl Fn() -> &'a RawValue,
) -> Result<Turn<'a>, DecodeError> {
    let kind = item.kind.take().map_or(Cow::Borrowed(""), |kind| kind.0);
    let mut turn = match kind.as_ref() {
        // The vendor lets references do without a type.
        "" if item.role.is_none() && item.rest.iter().any(|(key, _)| key == "id") => {
            item.rest.clear();
            opaque(Cow::Borrowed("item_reference"), raw())
        }
        "" | "message" => message(&mut item, at, side, &raw)?,
        "function_call" => call(&mut item, CallStyle::Function),
        "custom_tool_call" => call(&mut item, CallStyle::Custom),
        "function_call_output" | "custom_tool_call_output" => result(&mut item, &raw),
        "reasoning" => reasoning(&mut item),
        _ => {
            item.rest.clear();
            opaque(kind, raw())
        }
    };
    turn.at = at;
    turn.ext = Ext::of(item.rest);
    Ok(turn)
}

/// Types of items that are read.
const KNOWN: [&str; 7] = [
    "",
    "message",
    "function_call",
    "custom_tool_call",
    "function_call_output",
    "custom_tool_call_output",
    "reasoning",
];

/// The type of an item, unless it is known here.
fn unknown_kind(raw: &RawValue) -> Option<Str<'_>> {
    crate::json::record::record! {
        struct Kind<'a> {
            kind("type"): Str<'a>,
        }
    }
    let kind: Kind<'_> = serde_json::from_str(raw.get()).ok()?;
    kind.kind.filter(|kind| !KNOWN.contains(&kind.as_ref()))
}

fn turn<'a>(role: Role, blocks: Vec<Block<'a>>) -> Turn<'a> {
    Turn { role, blocks, plain: false, at: NONE, ext: Ext::default() }
}

fn message<'a>(
    item: &mut Item<'a>,
    at: u32,
    side: Side,
    raw: &impl Fn() -> &'a RawValue,
) -> Result<Turn<'a>, DecodeError> {
    let role = match item.role.as_ref().map_or("", |role| role.as_ref()) {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        _ if side == Side::Output => Role::Assistant,
        _ => return Err(DecodeError::field(format!("input[{at}].role"), "is not a role")),
    };
    let (blocks, plain) = content(item.content.take(), || parts(raw()).content);
    Ok(Turn { plain, ..turn(role, blocks) })
}

/// The parts of an item as they stand there.
fn parts(raw: &RawValue) -> RawParts<'_> {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

/// Content that is a text or a list of parts; whether it was a text. Parts are looked for again, raw, only where one of
/// them is not known.
fn content<'a>(
    content: Option<StrOr<'a, Part<'a>>>,
    raw: impl Fn() -> Option<StrOr<'a, &'a RawValue>>,
) -> (Vec<Block<'a>>, bool) {
    match content {
        None => (Vec::new(), false),
        Some(StrOr::Str(text)) => (vec![Block::text(text)], true),
        Some(StrOr::List(parts)) => {
            let mut blocks: Vec<Block<'a>> =
                parts.into_iter().enumerate().map(|(at, one)| part(one, at as u32)).collect();
            if blocks.iter().any(|block| matches!(block.content, Content::Opaque(..)))
                && let Some(StrOr::List(raws)) = raw()
            {
                for (block, raw) in blocks.iter_mut().zip(raws) {
                    if let Content::Opaque(_, whole) = &mut block.content {
                        *whole = Cow::Borrowed(raw);
                    }
                }
            }
            (blocks, false)
        }
    }
}

fn call<'a>(item: &mut Item<'a>, style: CallStyle) -> Turn<'a> {
    let (text, key) = match style {
        CallStyle::Custom => (item.input.take(), "input"),
        _ => (item.arguments.take(), "arguments"),
    };
    // Some servers send an object.
    let json = || item.rest.iter().find(|(known, raw)| known == key && raw.get() != "null");
    let arguments = match (text, json()) {
        (None, Some((_, raw))) => Arguments::Json(Cow::Borrowed(*raw)),
        (text, _) => Arguments::Text(text.map_or(Cow::Borrowed(""), |text| text.0)),
    };
    let call = ToolCall {
        id: item.call_id.take().map_or(Cow::Borrowed(""), |id| id.0),
        made_id: false,
        name: item.name.take().map_or(Cow::Borrowed(""), |name| name.0),
        arguments,
        style,
    };
    turn(Role::Assistant, vec![Block::new(Content::ToolCall(call))])
}

fn result<'a>(item: &mut Item<'a>, raw: &impl Fn() -> &'a RawValue) -> Turn<'a> {
    let (content, plain) = content(item.output.take(), || parts(raw()).output);
    let result = ToolResult {
        call_id: item.call_id.take().map_or(Cow::Borrowed(""), |id| id.0),
        made_id: false,
        name: Cow::Borrowed(""),
        content,
        json: None,
        is_error: None,
        plain,
    };
    turn(Role::Tool, vec![Block::new(Content::ToolResult(result))])
}

/// The summary, or, of models that show it, the reasoning itself.
fn reasoning<'a>(item: &mut Item<'a>) -> Turn<'a> {
    let summary = item.summary.take().unwrap_or_default();
    let thoughts = match item.content.take() {
        Some(StrOr::List(open)) if summary.is_empty() => {
            open.into_iter().map(|part| Thought { text: part.text }).collect()
        }
        _ => summary,
    };
    let mut block = Block::new(Content::Reasoning(joined(thoughts)));
    let state = item.encrypted_content.take().filter(|data| !data.0.is_empty() && data.0 != UNSIGNED);
    block.state = state.map(|data| untag(data.0, THIS.family(), false));
    if let Some(State { family, id: id @ None, .. }) = &mut block.state
        && family == THIS.family()
    {
        let told = item.rest.iter().find(|(key, _)| key == "id");
        *id = told.and_then(|(_, raw)| string(raw)).map(Box::from);
    }
    turn(Role::Assistant, vec![block])
}

/// Parts of a summary have an empty line between them.
fn joined<'a>(thoughts: Vec<Thought<'a>>) -> Cow<'a, str> {
    let mut texts = thoughts.into_iter().filter_map(|thought| thought.text).map(|text| text.0);
    let Some(mut all) = texts.next() else { return Cow::Borrowed("") };
    for text in texts {
        let all = all.to_mut();
        all.push_str("\n\n");
        all.push_str(&text);
    }
    all
}

/// Items that stand for something the model must see, or that change what it may do, and that nobody else can read.
const NEEDED: [&str; 6] = [
    "item_reference",
    "compaction",
    "compaction_trigger",
    "additional_tools",
    "configuration_update",
    "mcp_approval_response",
];

/// An item only this protocol knows: what the vendor's own tools did is history that others can do without; what is
/// needed counts as said by the user, which no protocol may leave out.
fn opaque<'a>(kind: Cow<'a, str>, raw: &'a RawValue) -> Turn<'a> {
    let role = if NEEDED.contains(&kind.as_ref()) { Role::User } else { Role::Assistant };
    turn(role, vec![Block::new(Content::Opaque(kind, Cow::Borrowed(raw)))])
}

/// Reads a part at that position. One that is not known is opaque, and still empty.
fn part(mut part: Part<'_>, at: u32) -> Block<'_> {
    let kind = part.kind.take().map_or(Cow::Borrowed(""), |kind| kind.0);
    let content = match kind.as_ref() {
        "input_text" | "output_text" | "text" if part.text.is_some() => {
            Content::Text(part.text.take().map_or(Cow::Borrowed(""), |text| text.0))
        }
        "refusal" => Content::Refusal(part.refusal.take().map_or(Cow::Borrowed(""), |text| text.0)),
        "input_image" if part.image_url.is_some() || part.file_id.is_some() => {
            Content::Media(image(&mut part))
        }
        "input_file" if part.file_data.is_some() || part.file_url.is_some() || part.file_id.is_some() => {
            Content::Media(file(&mut part))
        }
        _ => {
            part.rest.clear();
            Content::Opaque(kind, Cow::Borrowed(RawValue::NULL))
        }
    };
    let mut ext = Ext::of(part.rest);
    if let Some(detail) = part.detail {
        // Of a file; the neutral form has it for images alone.
        ext.push("", "detail", detail);
    }
    Block { content, state: None, marks: None, at, ext }
}

fn image<'a>(part: &mut Part<'a>) -> Media<'a> {
    let (mime, source) = match (part.image_url.take(), part.file_id.take()) {
        (Some(url), _) => split_data_url(url.0),
        (None, id) => (None, Source::FileId(id.map_or(Cow::Borrowed(""), |id| id.0))),
    };
    let detail = part.detail.take().and_then(|raw| serde_json::from_str::<Str<'a>>(raw.get()).ok());
    Media { kind: MediaKind::Image, source, mime, name: None, detail: detail.map(|detail| detail.0) }
}

fn file<'a>(part: &mut Part<'a>) -> Media<'a> {
    let (mime, source) = match (part.file_data.take(), part.file_url.take(), part.file_id.take()) {
        (Some(data), ..) => match split_data_url(data.0) {
            // Not a data URL: bare base64.
            (_, Source::Url(bare)) => (None, Source::Base64(bare)),
            split => split,
        },
        (None, Some(url), _) => (None, Source::Url(url.0)),
        (None, None, id) => (None, Source::FileId(id.map_or(Cow::Borrowed(""), |id| id.0))),
    };
    let name = part.filename.take().map(|name| name.0);
    Media { kind: MediaKind::Document, source, mime, name, detail: None }
}
