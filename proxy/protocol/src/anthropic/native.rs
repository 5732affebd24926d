//! Writing back what was read.

use crate::ir::{
    Arguments, Block, Content, ExtField, Media, MediaKind, Request, Role, Source, Tool, ToolKind, Turn, has,
};
use crate::json::write::{List, Object};

use super::THIS;
use super::block::{DOCUMENT, SEARCH_RESULT, SIGNATURE};
use super::cache::{Mark, Marks};

/// The field that says how a body is to be read where nothing outside it does, and what it says at Vertex AI.
const VERSION: &str = "anthropic_version";
const VERTEX: &str = "vertex-2023-10-16";

/// Writes the model's name; Vertex AI has it in the path, and the version in the body (Anthropic's "Claude on Vertex
/// AI").
pub(super) fn name(o: &mut Object<'_>, model: Option<&str>, versioned: bool) {
    match model {
        Some(model) => o.str("model", model),
        None if versioned => {}
        None => o.str(VERSION, VERTEX),
    }
}

/// Writes a request of this protocol: what was there, the provider's name of the model, and cache marks where a
/// plan sets them.
pub(super) fn request(o: &mut Object<'_>, request: &Request<'_>, model: Option<&str>, marks: &Marks) {
    let own = request.ext.own(THIS, THIS);
    name(o, model, has(own, VERSION));
    let (system, messages) = divide(&request.turns);
    if let Some(turn) = system {
        content(o, "system", turn, |at| marks.has(Mark::System(at)));
    }
    o.list("messages", |l| {
        for (message, turn) in messages.iter().enumerate() {
            l.object(|o| self::message(o, turn, |at| marks.has(Mark::Block(message, at))));
        }
    });
    if !request.tools.is_empty() {
        o.list("tools", |l| {
            for (at, one) in request.tools.iter().enumerate() {
                tool(l, one, marks.has(Mark::Tool(at)));
            }
        });
    }
    o.opt_bool("stream", request.stream);
    o.opt_raw("temperature", request.sampling.temperature.as_deref());
    o.opt_raw("top_p", request.sampling.top_p.as_deref());
    o.opt_raw("top_k", request.sampling.top_k.as_deref());
    if !request.stop.is_empty() {
        o.list("stop_sequences", |l| request.stop.iter().for_each(|text| l.str(text)));
    }
    fields(o, own, "");
}

/// The instructions that stand outside the messages, and the messages.
pub(super) fn divide<'t, 'a>(turns: &'t [Turn<'a>]) -> (Option<&'t Turn<'a>>, &'t [Turn<'a>]) {
    match turns.split_first() {
        Some((first, rest)) if first.at == crate::ir::NONE => (Some(first), rest),
        _ => (None, turns),
    }
}

fn message(o: &mut Object<'_>, turn: &Turn<'_>, marked: impl Fn(usize) -> bool) {
    o.str("role", role(turn.role));
    content(o, "content", turn, marked);
    fields(o, turn.ext.own(THIS, THIS), "");
}

/// The word of a role.
pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::System | Role::Developer => "system",
        Role::User | Role::Tool => "user",
        Role::Assistant => "assistant",
    }
}

fn content(o: &mut Object<'_>, key: &'static str, turn: &Turn<'_>, marked: impl Fn(usize) -> bool) {
    match turn.blocks.as_slice() {
        [Block { content: Content::Text(text), .. }] if turn.plain && !marked(0) => o.str(key, text),
        blocks => o.list(key, |l| {
            for (at, one) in blocks.iter().enumerate() {
                block(l, one, marked(at));
            }
        }),
    }
}

/// Writes the fields of a sub-object that the neutral form has no place for.
fn fields(o: &mut Object<'_>, own: &[ExtField<'_>], inside: &str) {
    for field in own.iter().filter(|field| field.inside == inside) {
        o.field(&field.key, &field.value);
    }
}

/// Writes a cache mark.
pub(super) fn mark(o: &mut Object<'_>, marked: bool) {
    if marked {
        o.object("cache_control", |o| o.str("type", "ephemeral"));
    }
}

/// Writes a block. Reasoning of another family, which came from another provider through us, is left out: no
/// provider of this protocol takes it.
pub(super) fn block(l: &mut List<'_>, block: &Block<'_>, marked: bool) {
    let own = block.ext.own(THIS, THIS);
    if let Some(whole) = own.iter().find(|field| field.key == SEARCH_RESULT) {
        return l.raw(whole.value.get());
    }
    match &block.content {
        Content::Opaque(_, raw) => return l.raw(raw.get()),
        Content::Reasoning(_) if is_foreign(block) => return,
        _ => {}
    }
    l.object(|o| {
        members(o, block, own);
        fields(o, own, DOCUMENT);
        fields(o, own, "");
        mark(o, marked);
    });
}

/// Whether reasoning came from another provider, which signed it or signs nothing.
fn is_foreign(block: &Block<'_>) -> bool {
    let is_signed_elsewhere = block.state.as_ref().is_some_and(|state| state.family != THIS.family());
    is_signed_elsewhere || block.ext.is_absent(SIGNATURE)
}

fn members(o: &mut Object<'_>, block: &Block<'_>, own: &[ExtField<'_>]) {
    match &block.content {
        Content::Text(text) | Content::Refusal(text) => {
            o.str("type", "text");
            o.str("text", text);
        }
        Content::Reasoning(text) => match &block.state {
            Some(state) if state.redacted => {
                o.str("type", "redacted_thinking");
                o.str("data", &state.data);
            }
            state => {
                o.str("type", "thinking");
                o.str("thinking", text);
                o.opt_str("signature", state.as_ref().map(|state| state.data.as_ref()));
            }
        },
        Content::Media(media) => {
            self::media(o, media, |o| fields(o, own, "source"));
        }
        Content::ToolCall(call) => {
            o.str("type", "tool_use");
            if !call.made_id {
                name_member(o, "id", &call.id);
            }
            name_member(o, "name", &call.name);
            if let Arguments::Json(input) = &call.arguments {
                o.raw("input", input.get());
            }
        }
        Content::ToolResult(result) => {
            o.str("type", "tool_result");
            if !result.made_id {
                name_member(o, "tool_use_id", &result.call_id);
            }
            match result.content.as_slice() {
                [Block { content: Content::Text(text), .. }] if result.plain => o.str("content", text),
                [] => {}
                parts => o.list("content", |l| parts.iter().for_each(|part| self::block(l, part, false))),
            }
            o.opt_bool("is_error", result.is_error);
        }
        Content::Opaque(..) => {}
    }
}

/// Writes a name; an empty one is among the extensions, if it was there at all.
fn name_member(o: &mut Object<'_>, key: &'static str, name: &str) {
    o.opt_str(key, Some(name).filter(|name| !name.is_empty()));
}

/// Writes the members of an image or a document; the closure adds to where it is.
pub(super) fn media(o: &mut Object<'_>, media: &Media<'_>, more: impl FnOnce(&mut Object<'_>)) {
    o.str("type", if media.kind == MediaKind::Image { "image" } else { "document" });
    o.object("source", |o| {
        let (kind, key, value) = match &media.source {
            Source::Base64(data) => ("base64", "data", data),
            Source::Text(data) => ("text", "data", data),
            Source::Url(url) => ("url", "url", url),
            Source::FileId(id) => ("file", "file_id", id),
        };
        o.str("type", kind);
        o.opt_str("media_type", media.mime.as_deref());
        o.str(key, value);
        more(o);
    });
    o.opt_str("title", media.name.as_deref());
}

fn tool(l: &mut List<'_>, tool: &Tool<'_>, marked: bool) {
    if let ToolKind::Hosted(_, raw) = &tool.kind {
        return l.raw(raw.get());
    }
    l.object(|o| {
        name_member(o, "name", &tool.name);
        o.opt_str("description", tool.description.as_deref());
        o.opt_raw("input_schema", tool.parameters.as_ref().map(|json| json.get()));
        o.opt_bool("strict", tool.strict);
        fields(o, tool.ext.own(THIS, THIS), "");
        mark(o, marked);
    });
}
