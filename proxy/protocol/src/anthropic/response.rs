//! Responses.

use std::borrow::Cow;

use crate::account::{self, annotations};
use crate::codec::{Exchange, JSON_TOOL, Reply};
use crate::custom;
use crate::fault;
use crate::ir::{
    Block, Choice, Content, Ext, ExtField, Finish, NONE, Response, Role, State, ToolCall, Turn, Usage, has,
};
use crate::json::write::{self, List, Object};
use crate::json::{DecodeError, read_lenient};
use crate::notes::Notes;
use crate::state::{Trailing, UNSIGNED, tag};

use super::finish::{self, Signs};
use super::prompt::write_arguments;
use super::{THIS, block, citations, error, native, usage, wire};

/// Reads a response body.
pub(super) fn decode<'a>(body: &'a [u8], exchange: &Exchange) -> Result<Response<'a>, DecodeError> {
    let answer: wire::Answer<'a> = read_lenient(body)?;
    if answer.content.is_none() && answer.error.is_none() {
        return Err(DecodeError::field("content", "is required"));
    }
    let mut ext = Ext::of(answer.rest);
    let kept = [("usage", answer.usage), ("stop_details", answer.stop_details), ("error", answer.error)];
    for (key, raw) in kept {
        if let Some(raw) = raw {
            ext.push("", key, raw);
        }
    }
    if answer.content.is_none() {
        ext.absent("content");
    }
    let mut blocks = block::decode_all(answer.content.unwrap_or_default());
    let mut json_called = false;
    for block in &mut blocks {
        json_called |= restore(block, exchange);
        citations::mark(block);
    }
    let calls = blocks.iter().any(|block| matches!(block.content, Content::ToolCall(_)));
    let native = answer.stop_reason.map(|reason| reason.0);
    let finish = native.as_deref().map(|word| match finish::read(word, calls) {
        Finish::ToolUse if json_called && !calls => Finish::Stop,
        finish => finish,
    });
    let turn = Turn { role: Role::Assistant, blocks, plain: false, at: NONE, ext: Ext::default() };
    let mut choice = Choice {
        index: 0,
        turns: vec![turn],
        finish,
        native_finish: native,
        stop_sequence: answer.stop_sequence.map(|text| text.0),
        finish_message: finish::explanation(answer.stop_details),
        ext: Ext::default(),
    };
    choice.empty_last();
    Ok(Response {
        source: THIS,
        id: answer.id.map(|id| id.0),
        model: answer.model.map(|model| model.0),
        created: None,
        service_tier: None,
        choices: vec![choice],
        usage: answer.usage.and_then(usage::read),
        error: answer.error.map(|raw| error::decode_inner(200, fault::inner(raw.get().as_bytes()))),
        ext,
    })
}

/// Undoes what writing the request changed about a call; whether it was the call that stands for the answer's text.
fn restore(block: &mut Block<'_>, exchange: &Exchange) -> bool {
    let Content::ToolCall(call) = &mut block.content else { return false };
    if exchange.json_tool && call.name == JSON_TOOL {
        block.content = Content::Text(Cow::Owned(call.arguments.as_text().into_owned()));
        return true;
    }
    call.name = Cow::Owned(exchange.names.client(std::mem::take(&mut call.name)).into_owned());
    custom::restore(call, &exchange.custom);
    false
}

/// Writes a response body.
pub(super) fn encode(response: &Response<'_>, reply: &mut Reply, notes: &mut Notes) -> Vec<u8> {
    let mut body = Vec::with_capacity(1024);
    write::object(&mut body, |o| {
        if response.source == THIS {
            write_native(o, response, reply);
        } else {
            write_foreign(o, response, reply, notes);
        }
    });
    body
}

fn write_native(o: &mut Object<'_>, response: &Response<'_>, reply: &Reply) {
    let own: &[ExtField<'_>] = response.ext.own(THIS, THIS);
    o.opt_str("id", response.id.as_deref());
    if response.model.is_some() {
        o.str("model", reply.model(response.model.as_deref()));
    }
    let Some(choice) = response.choices.first() else { return };
    if !has(own, "content") {
        o.list("content", |l| choice.blocks().for_each(|block| native::block(l, block, false)));
    }
    o.opt_str("stop_reason", choice.native_finish.as_deref());
    o.opt_str("stop_sequence", choice.stop_sequence.as_deref());
    response.ext.inside("").for_each(|field| o.field(&field.key, &field.value));
    if let (Some(counts), false) = (&response.usage, has(own, "usage")) {
        o.object("usage", |o| usage::write(o, counts));
    }
}

fn write_foreign(o: &mut Object<'_>, response: &Response<'_>, reply: &mut Reply, notes: &mut Notes) {
    account::response(response, THIS, notes);
    o.str("id", &message_id(response.id.as_deref().unwrap_or(""), reply));
    o.str("type", "message");
    o.str("role", "assistant");
    o.str("model", reply.model(response.model.as_deref()));
    let empty = Choice::default();
    let choice = response.choices.first().unwrap_or(&empty);
    account::choice(response.source, THIS, choice, notes);
    annotations(choice, false, notes);
    account::logprobs(choice, notes);
    let mut signs = Signs { stop_text: choice.stop_sequence.is_some(), ..Signs::default() };
    o.list("content", |l| {
        let mut trailing = Trailing::default();
        for block in choice.blocks() {
            trailing.after(block);
            if choice.cuts(block) {
                notes.tell(account::CALL_DROPPED);
            } else {
                write_block(l, block, &mut signs, reply, notes);
            }
        }
        trailing.take().into_iter().for_each(|state| write_reasoning(l, "", Some(&state)));
        if trailing.lost {
            notes.tell("reasoning_state_dropped");
        }
    });
    let (word, warning) = finish::word(choice.finish.unwrap_or(Finish::Unknown), signs);
    warning.into_iter().for_each(|warning| notes.tell(warning));
    write_end(o, word, choice.stop_sequence.as_deref(), choice.finish_message.as_deref());
    o.object("usage", |o| usage::write(o, &response.usage.unwrap_or(estimate(reply))));
}

/// What is written where a provider told no counts.
pub(super) fn estimate(reply: &Reply) -> Usage {
    Usage { input_total: reply.input_estimate, ..Usage::default() }
}

/// Writes why an answer ended.
pub(super) fn write_end(o: &mut Object<'_>, word: &str, stop_sequence: Option<&str>, message: Option<&str>) {
    o.str("stop_reason", word);
    match stop_sequence.filter(|_| word == "stop_sequence") {
        Some(text) => o.str("stop_sequence", text),
        None => o.null("stop_sequence"),
    }
    if let Some(message) = message.filter(|_| word == "refusal") {
        o.object("stop_details", |o| {
            o.str("type", "refusal");
            o.null("category");
            o.str("explanation", message);
        });
    }
}

fn write_block(l: &mut List<'_>, block: &Block<'_>, signs: &mut Signs, reply: &mut Reply, notes: &mut Notes) {
    match &block.content {
        Content::Text(text) if text.is_empty() => {}
        Content::Text(text) => l.object(|o| write_text(o, text)),
        Content::Refusal(text) => {
            signs.refuses = true;
            if !text.is_empty() {
                l.object(|o| write_text(o, text));
            }
        }
        Content::Reasoning(text) => write_reasoning(l, text, block.state.as_ref()),
        Content::ToolCall(call) => {
            signs.calls = true;
            // The signature of a call has no place on it: it goes before it.
            if let Some(state) = &block.state {
                write_reasoning(l, "", Some(state));
            }
            l.object(|o| write_call(o, call, reply, notes));
        }
        Content::Opaque(..) | Content::Media(_) | Content::ToolResult(_) => {
            notes.tell("output_block_dropped")
        }
    }
}

fn write_text(o: &mut Object<'_>, text: &str) {
    o.str("type", "text");
    o.str("text", text);
}

fn write_reasoning(l: &mut List<'_>, text: &str, state: Option<&State<'_>>) {
    match state {
        Some(state) if is_hidden(text, state) => l.object(|o| {
            o.str("type", "redacted_thinking");
            o.str("data", &carried(state));
        }),
        None if text.is_empty() => {}
        state => l.object(|o| {
            o.str("type", "thinking");
            o.str("thinking", text);
            o.str("signature", &state.map_or(Cow::Borrowed(UNSIGNED), carried));
        }),
    }
}

/// Whether state goes into a block without text: it is redacted, or there is no text that another vendor signed.
pub(super) fn is_hidden(text: &str, state: &State<'_>) -> bool {
    state.redacted || text.is_empty() && state.family != THIS.family()
}

/// State as the client keeps it: tagged unless this protocol's own.
pub(super) fn carried<'s>(state: &'s State<'_>) -> Cow<'s, str> {
    if state.family == THIS.family() { Cow::Borrowed(state.data.as_ref()) } else { Cow::Owned(tag(state)) }
}

fn write_call(o: &mut Object<'_>, call: &ToolCall<'_>, reply: &mut Reply, notes: &mut Notes) {
    o.str("type", "tool_use");
    if call.id.is_empty() {
        o.str("id", &reply.ids.mint("toolu_"));
    } else {
        o.str("id", &call.id);
    }
    o.str("name", &call.name);
    if call.arguments.as_object().is_none() {
        notes.tell("tool_arguments_wrapped");
    }
    write_arguments(o, "input", call);
}

/// An id as this protocol makes them, with the provider's own inside so that both can be found by it.
pub(super) fn message_id(upstream: &str, reply: &mut Reply) -> String {
    if upstream.is_empty() {
        return reply.ids.mint("msg_");
    }
    let bare = ["chatcmpl-", "msg_", "resp_"].iter().find_map(|prefix| upstream.strip_prefix(prefix));
    format!("msg_{}", bare.unwrap_or(upstream))
}
