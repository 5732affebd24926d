//! Writing a request back as it was read, and the parts both ways of writing share.

use std::borrow::Cow;

use crate::ir::{
    Arguments, Block, Content, Ext, ExtField, Media, NONE, Request, Source, State, ToolResult, Turn,
};
use crate::json::record::camel;
use crate::json::write::{self, List, Object};
use crate::state::for_family;

use super::facts::{ABSENT, NAMED};
use crate::signer::NO_SIGNATURE;

use super::{THIS, message, resource, write_config, write_tools};

/// The fields of a node that are written back as they came.
pub(super) struct Own<'e, 'a>(&'e [ExtField<'a>]);

impl<'e, 'a> Own<'e, 'a> {
    /// Of a node that this protocol wrote.
    pub(super) fn of(ext: &'e Ext<'a>) -> Self {
        Own(ext.own(THIS, THIS))
    }

    /// Whether the field is among them, in either spelling, or was not there at all: then the neutral one is
    /// not written.
    pub(super) fn has(&self, inside: &str, key: &str) -> bool {
        self.0.iter().any(|field| {
            (field.inside == inside && camel(&field.key) == key)
                || (field.inside == ABSENT && field.key == key)
        })
    }

    /// Writes those of a sub-object.
    pub(super) fn write(&self, o: &mut Object<'_>, inside: &str) {
        for field in self.0.iter().filter(|field| field.inside == inside) {
            o.field(&field.key, &field.value);
        }
    }
}

/// Writes the members of a request as it was read. Its model's name stands in the body if it did, or if
/// `named`.
pub(super) fn request(o: &mut Object<'_>, request: &Request<'_>, model: &str, named: bool) {
    let own = Own::of(&request.ext);
    if named || own.has(NAMED, "model") {
        o.str("model", &resource(model));
    }
    own.write(o, "");
    let (system, contents): (Vec<_>, Vec<_>) = request.turns.iter().partition(|turn| turn.role.is_system());
    if let (Some(turn), false) = (system.first(), own.has("", "systemInstruction")) {
        o.object("systemInstruction", |o| write_turn(o, turn));
    }
    o.list("contents", |l| contents.iter().for_each(|turn| l.object(|o| write_turn(o, turn))));
    if !request.tools.is_empty() && !own.has("", "tools") {
        o.list("tools", |l| write_tools::native(l, &request.tools));
    }
    if let (Some(choice), false) = (&request.tool_choice, own.has("", "toolConfig")) {
        o.object("toolConfig", |o| {
            own.write(o, super::facts::TOOL_CONFIG);
            o.object("functionCallingConfig", |o| {
                own.write(o, super::facts::CALLING);
                write_tools::write_choice(o, choice, &own);
            });
        });
    }
    o.opt_raw("labels", request.metadata.as_ref().map(|json| json.get()));
    if !own.has("", "generationConfig") {
        let mut config = Vec::new();
        write::object(&mut config, |o| write_config::native(o, request, &own));
        if config != b"{}" {
            o.key("generationConfig").extend_from_slice(&config);
        }
    }
}

/// Writes the members of a message as it was read.
pub(super) fn write_turn(o: &mut Object<'_>, turn: &Turn<'_>) {
    let own = Own::of(&turn.ext);
    own.write(o, "");
    if !own.has("", "role") {
        o.raw("role", message::word(turn.role));
    }
    if !own.has("", "parts") {
        o.list("parts", |l| {
            // State of another family was taken off the part that follows it.
            let mut bare = false;
            for block in &turn.blocks {
                if block.at == NONE {
                    bare = true;
                } else {
                    write_part(l, block, std::mem::take(&mut bare));
                }
            }
        });
    }
}

/// Writes a part as it was read; `bare`: but for its state, which was of another family.
fn write_part(l: &mut List<'_>, block: &Block<'_>, bare: bool) {
    let own = Own::of(&block.ext);
    l.object(|o| {
        own.write(o, "");
        match &block.content {
            Content::Text(text) | Content::Refusal(text) => text_member(o, &own, text),
            Content::Reasoning(text) => {
                text_member(o, &own, text);
                o.bool("thought", true);
            }
            Content::Media(media) => write_media(o, media, &own),
            Content::ToolCall(call) if !own.has("", "functionCall") => o.object("functionCall", |o| {
                own.write(o, "functionCall");
                if !call.made_id && !call.id.is_empty() {
                    o.str("id", &call.id);
                }
                o.opt_str("name", Some(call.name.as_ref()).filter(|name| !name.is_empty()));
                if let Arguments::Json(args) = &call.arguments {
                    o.raw("args", args.get());
                }
            }),
            Content::ToolResult(result) if !own.has("", "functionResponse") => {
                o.object("functionResponse", |o| write_result(o, result, &own));
            }
            Content::Opaque(kind, raw) if !kind.is_empty() => o.field(kind, raw),
            Content::ToolCall(_) | Content::ToolResult(_) | Content::Opaque(..) => {}
        }
        match &block.state {
            Some(state) if !own.has("", "thoughtSignature") => write_state(o, state),
            // Gemini's models refuse a call without state, and take a constant in its place.
            None if bare && matches!(block.content, Content::ToolCall(_)) => {
                o.str("thoughtSignature", NO_SIGNATURE);
            }
            _ => {}
        }
    });
}

fn text_member(o: &mut Object<'_>, own: &Own<'_, '_>, text: &str) {
    if !own.has("", "text") {
        o.str("text", text);
    }
}

/// State of another family never goes to Gemini.
fn write_state(o: &mut Object<'_>, state: &State<'_>) {
    if for_family(Some(state), THIS.family()).is_some() {
        o.str("thoughtSignature", &state.data);
    }
}

fn write_result(o: &mut Object<'_>, result: &ToolResult<'_>, own: &Own<'_, '_>) {
    own.write(o, "functionResponse");
    if !result.made_id && !result.call_id.is_empty() {
        o.str("id", &result.call_id);
    }
    if !result.name.is_empty() && !own.has("functionResponse", "name") {
        o.str("name", &result.name);
    }
    if own.has("functionResponse", "response") {
        return;
    }
    match (&result.json, result.content.first()) {
        (Some(json), _) => o.raw("response", json.get()),
        (None, Some(Block { content: Content::Text(text), .. })) => o.object("response", |o| {
            o.str(if result.is_error == Some(true) { "error" } else { "output" }, text);
        }),
        _ => {}
    }
}

/// Writes bytes, or where they are.
pub(super) fn write_media(o: &mut Object<'_>, media: &Media<'_>, own: &Own<'_, '_>) {
    let (member, key, value): (&'static str, &'static str, Cow<'_, str>) = match &media.source {
        Source::Base64(data) => ("inlineData", "data", Cow::Borrowed(data)),
        Source::Url(uri) | Source::FileId(uri) => ("fileData", "fileUri", Cow::Borrowed(uri)),
        Source::Text(text) => ("text", "", Cow::Borrowed(text)),
    };
    if own.has("", member) {
        return;
    }
    if key.is_empty() {
        return o.str("text", &value);
    }
    o.object(member, |o| {
        own.write(o, member);
        if !own.has(member, "mimeType") {
            o.opt_str("mimeType", media.mime.as_deref());
        }
        if !own.has(member, key) && !value.is_empty() {
            o.str(key, &value);
        }
        if !own.has(member, "displayName") {
            o.opt_str("displayName", media.name.as_deref());
        }
    });
}
