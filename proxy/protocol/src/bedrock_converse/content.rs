//! Instructions and messages.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use crate::anthropic::cache::{Mark, Marks};
use crate::anthropic::foreign::Foreign;
use crate::anthropic::prompt::{Prepared, fit_id, write_arguments};
use crate::anthropic::turns::{Piece, What};
use crate::ir::{Block, Content, Media, Role, ToolCall, ToolResult};
use crate::json::write::{List, Object};

use super::media;

/// Writes `system` and `messages`.
pub(super) fn write(o: &mut Object<'_>, prompt: &Prepared<'_, '_>, foreign: &Foreign<'_, '_>, marks: &Marks) {
    if !prompt.system.is_empty() {
        o.list("system", |l| {
            for (at, (text, own)) in prompt.system.iter().enumerate() {
                l.object(|o| o.str("text", text));
                cache_point(l, *own, marks.has(Mark::System(at)));
            }
        });
    }
    o.list("messages", |l| {
        for (message, one) in prompt.messages.iter().enumerate() {
            l.object(|o| {
                o.str("role", if one.role == Role::Assistant { "assistant" } else { "user" });
                o.list("content", |l| {
                    for (at, piece) in one.pieces.iter().enumerate() {
                        write_piece(l, piece, foreign);
                        cache_point(l, piece.cache, marks.has(Mark::Block(message, at)));
                    }
                    if needs_text(&one.pieces) {
                        l.object(|o| o.str("text", "."));
                    }
                });
            });
        }
    });
}

/// A document must not stand without text in its message.
fn needs_text(pieces: &[Piece<'_, '_>]) -> bool {
    let is_document = |piece: &Piece<'_, '_>| match &piece.what {
        What::Media(media) => media.kind == crate::ir::MediaKind::Document,
        _ => false,
    };
    pieces.iter().any(is_document) && !pieces.iter().any(|piece| matches!(piece.what, What::Text(_)))
}

/// What is before it goes to the cache, where the client or the route says so.
pub(super) fn cache_point(l: &mut List<'_>, own: Option<&RawValue>, marked: bool) {
    if own.is_none() && !marked {
        return;
    }
    // The client's words for how long are Bedrock's too.
    let long = own.is_some_and(|own| own.get().contains("\"1h\""));
    l.object(|o| {
        o.object("cachePoint", |o| {
            o.str("type", "default");
            if long {
                o.str("ttl", "1h");
            }
        });
    });
}

fn write_piece(l: &mut List<'_>, piece: &Piece<'_, '_>, foreign: &Foreign<'_, '_>) {
    l.object(|o| match &piece.what {
        What::Text(text) => o.str("text", text),
        What::Media(one) => media::write(o, one),
        What::Reasoning(block) => write_reasoning(o, block),
        What::Call(call) => write_call(o, call, foreign),
        What::Result(result, media) => write_result(o, result, media),
        What::NoResult(id) => o.object("toolResult", |o| {
            o.str("toolUseId", &fit_id(id));
            o.list("content", |l| l.object(|o| o.str("text", "no result")));
            o.str("status", "error");
        }),
    });
}

fn write_reasoning(o: &mut Object<'_>, block: &Block<'_>) {
    let (Content::Reasoning(text), Some(state)) = (&block.content, &block.state) else { return };
    o.object("reasoningContent", |o| {
        if state.redacted {
            o.str("redactedContent", &state.data);
        } else {
            o.object("reasoningText", |o| {
                o.str("text", text);
                o.str("signature", &state.data);
            });
        }
    });
}

fn write_call(o: &mut Object<'_>, call: &ToolCall<'_>, foreign: &Foreign<'_, '_>) {
    o.object("toolUse", |o| {
        o.str("toolUseId", &fit_id(&call.id));
        o.str("name", foreign.names.upstream(&call.name));
        write_arguments(o, "input", call);
    });
}

fn write_result(o: &mut Object<'_>, result: &ToolResult<'_>, media: &[Media<'_>]) {
    o.object("toolResult", |o| {
        o.str("toolUseId", &fit_id(&result.call_id));
        o.list("content", |l| {
            let text = result.text();
            match &result.json {
                Some(json) => l.object(|o| o.raw("json", json.get())),
                // A result must say something.
                None if !text.trim().is_empty() || media.is_empty() => l.object(|o| o.str("text", &text)),
                None => {}
            }
            media.iter().for_each(|one| l.object(|o| media::write(o, one)));
        });
        if result.is_error == Some(true) {
            o.str("status", "error");
        }
    });
}

/// The names of the tools that are called in a conversation.
pub(super) fn called<'p>(prompt: &'p Prepared<'_, '_>) -> BTreeSet<&'p str> {
    let pieces = prompt.messages.iter().flat_map(|message| &message.pieces);
    let name = |piece: &'p Piece<'_, '_>| match &piece.what {
        What::Call(call) => Some(call.name.as_ref()),
        _ => None,
    };
    pieces.filter_map(name).collect()
}
