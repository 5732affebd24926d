//! Reading messages.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::ir::{Arguments, Block, CallStyle, Content, Ext, NONE, Role, State, ToolCall, ToolResult, Turn};
use crate::json::{DecodeError, Few, StrOr, compact, constant, string};

use super::part;
use super::wire::{Call, CallFunction, ExtraContent, Message};

/// An empty list and an empty string, for twins of what says nothing.
pub(super) const EMPTY_LIST: &str = "[]";
const EMPTY: &str = "\"\"";

/// Reads the message at that position.
pub(super) fn decode<'a>(message: Message<'a>, at: u32) -> Result<Turn<'a>, DecodeError> {
    let word = message.role.as_ref().map_or("", |role| role.0.as_ref());
    let role = match word {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" | "model" => Role::Assistant,
        "tool" | "function" => Role::Tool,
        _ => return Err(DecodeError::field(format!("messages[{at}].role"), "is not a role")),
    };
    let legacy = word == "function";
    let other = (word == "model").then(|| part::text(word));
    let mut turn = turn_of(message, role, at);
    if let Some(word) = other {
        turn.ext.push_json("", "role", word);
    }
    if role == Role::Tool {
        to_result(&mut turn, legacy);
    }
    Ok(turn)
}

/// Reads the message of an answer.
pub(super) fn decode_answer(message: Message<'_>) -> Turn<'_> {
    let role = message.role.as_ref().map(|role| role.0.clone());
    let mut turn = turn_of(message, Role::Assistant, 0);
    match role {
        None => turn.ext.absent("role"),
        Some(word) if word != "assistant" => turn.ext.push_json("", "role", part::text(&word)),
        Some(_) => {}
    }
    if turn.blocks.len() == 1 && matches!(&turn.blocks[0].content, Content::Text(text) if text.is_empty()) {
        turn.at = NONE;
    }
    turn
}

fn turn_of(message: Message<'_>, role: Role, at: u32) -> Turn<'_> {
    let mut turn = Turn { role, blocks: Vec::new(), plain: false, at, ext: Ext::of(message.rest) };
    reasoning(&mut turn, "reasoning_content", message.reasoning_content);
    reasoning(&mut turn, "reasoning", message.reasoning);
    match message.content {
        Some(StrOr::Str(text)) => {
            turn.plain = true;
            let calls = message.tool_calls.as_ref().map_or(0, |calls| calls.0.len());
            turn.blocks.reserve_exact(1 + calls + usize::from(message.tool_call_id.is_some()));
            turn.blocks.push(Block::text(text));
        }
        Some(StrOr::List(parts)) => {
            if parts.is_empty() {
                turn.ext.push("", "content", constant(EMPTY_LIST));
            }
            turn.blocks.extend(parts.into_iter().enumerate().map(|(i, one)| part::decode(one, i as u32)));
        }
        None => {}
    }
    if let Some(refusal) = message.refusal {
        turn.blocks.push(Block::new(Content::Refusal(refusal.0)));
    }
    if let Some(id) = message.tool_call_id {
        if id.0.is_empty() {
            turn.ext.push("", "tool_call_id", constant(EMPTY));
        }
        turn.blocks.push(Block::new(Content::ToolResult(empty_result(id.0))));
    }
    if let Some(Few(calls)) = message.tool_calls {
        if calls.is_empty() {
            turn.ext.push("", "tool_calls", constant(EMPTY_LIST));
        }
        turn.blocks.extend(calls.into_iter().enumerate().map(|(i, call)| call_block(call, i as u32)));
    }
    if let Some(function) = message.function_call {
        turn.blocks.push(function_block(Cow::Borrowed(""), *function, CallStyle::Legacy, Ext::default()));
    }
    if let Some(extra) = message.extra_content {
        turn.ext.push("", "extra_content", extra);
        sign_first(&mut turn, google_signature(extra));
    }
    turn
}

/// Takes the first kind of visible reasoning there is, and keeps the field as it was.
fn reasoning<'a>(turn: &mut Turn<'a>, key: &'static str, raw: Option<&'a RawValue>) {
    let Some(raw) = raw else { return };
    turn.ext.push("", key, raw);
    let Some(text) = string(raw) else { return };
    if turn.blocks.is_empty() && !text.is_empty() {
        turn.blocks.push(Block::new(Content::Reasoning(text)));
    }
}

fn empty_result(call_id: Cow<'_, str>) -> ToolResult<'_> {
    ToolResult {
        call_id,
        made_id: false,
        name: Cow::Borrowed(""),
        content: Vec::new(),
        json: None,
        is_error: None,
        plain: false,
    }
}

/// Folds the content of a tool's message into its result.
fn to_result(turn: &mut Turn<'_>, legacy: bool) {
    let position = turn.blocks.iter().position(|block| matches!(block.content, Content::ToolResult(_)));
    let mut block = match position {
        Some(at) => turn.blocks.remove(at),
        None => Block::new(Content::ToolResult(empty_result(Cow::Borrowed("")))),
    };
    if let Content::ToolResult(result) = &mut block.content {
        result.content = std::mem::take(&mut turn.blocks);
        result.plain = turn.plain;
        if legacy {
            // The deprecated role has no ids: a name says which function answered.
            let name = turn.ext.read("name").and_then(string);
            result.name = name.unwrap_or_default();
        }
    }
    turn.blocks = vec![block];
}

fn call_block(call: Call<'_>, at: u32) -> Block<'_> {
    let mut ext = Ext::of(call.rest);
    match &call.id {
        None => ext.absent("id"),
        Some(id) if id.0.is_empty() => ext.push("", "id", constant(EMPTY)),
        Some(_) => {}
    }
    let id = call.id.map_or(Cow::Borrowed(""), |id| id.0);
    let mut block = match (call.function, call.custom) {
        (None, Some(custom)) => {
            ext.add("custom", custom.rest);
            mark_absent(&mut ext, custom.name.is_none(), "name");
            mark_absent(&mut ext, custom.input.is_none(), "input");
            Block {
                content: Content::ToolCall(ToolCall {
                    id,
                    made_id: false,
                    name: custom.name.map_or(Cow::Borrowed(""), |name| name.0),
                    arguments: Arguments::Text(custom.input.map_or(Cow::Borrowed(""), |input| input.0)),
                    style: CallStyle::Custom,
                }),
                state: None,
                marks: None,
                at,
                ext,
            }
        }
        (function, _) => {
            mark_absent(&mut ext, function.is_none(), "function");
            function_block(id, function.unwrap_or_default(), CallStyle::Function, ext)
        }
    };
    block.at = at;
    if let Some(extra) = call.extra_content {
        block.ext.push("", "extra_content", extra);
        block.state = google_signature(extra);
    }
    block
}

fn function_block<'a>(
    id: Cow<'a, str>,
    function: CallFunction<'a>,
    style: CallStyle,
    mut ext: Ext<'a>,
) -> Block<'a> {
    ext.add("function", function.rest);
    mark_absent(&mut ext, function.name.is_none(), "name");
    mark_absent(&mut ext, function.arguments.is_none(), "arguments");
    let content = Content::ToolCall(ToolCall {
        id,
        made_id: false,
        name: function.name.map_or(Cow::Borrowed(""), |name| name.0),
        arguments: function.arguments.map_or(Arguments::Text(Cow::Borrowed("")), arguments),
        style,
    });
    Block { content, state: None, marks: None, at: NONE, ext }
}

fn mark_absent(ext: &mut Ext<'_>, absent: bool, key: &'static str) {
    if absent {
        ext.absent(key);
    }
}

fn arguments(raw: &RawValue) -> Arguments<'_> {
    string(raw).map_or(Arguments::Json(Cow::Borrowed(raw)), Arguments::Text)
}

/// Arguments, or a piece of them, as text: an object as its JSON.
pub(super) fn arguments_text(raw: &RawValue) -> Cow<'_, str> {
    match arguments(raw) {
        Arguments::Text(text) => text,
        Arguments::Json(_) => compact(raw.get()),
    }
}

/// The thought signature in Google's `extra_content`.
pub(super) fn google_signature(extra: &RawValue) -> Option<State<'_>> {
    let extra: ExtraContent<'_> = serde_json::from_str(extra.get()).ok()?;
    let data = extra.google?.thought_signature?.0;
    Some(State::new("gemini", data))
}

/// A signature of the whole message belongs to its first tool call, or to its text.
fn sign_first<'a>(turn: &mut Turn<'a>, state: Option<State<'a>>) {
    let call = turn.blocks.iter().position(|block| matches!(block.content, Content::ToolCall(_)));
    let text = || turn.blocks.iter().position(|block| matches!(block.content, Content::Text(_)));
    if let (Some(at), Some(state)) = (call.or_else(text), state) {
        turn.blocks[at].state.get_or_insert(state);
    }
}
