//! Writing what tools answered, for requests of other protocols (TRANSLATION §3).

use crate::ir::{Block, Content, Source, ToolResult, Turn};
use crate::json::write::{List, Object};
use crate::json::{compact, object_text};
use crate::notes::{Notes, Rejected};

use super::foreign::Foreign;
use super::write_media;

/// Writes a `functionResponse` part. Media that the model does not take there is added to `moved`, which the
/// caller writes after all responses.
///
/// # Errors
/// The call it answers is unknown, so that it has no name; media of a kind that cannot be sent; in strict
/// mode, media has to move.
pub(super) fn write<'t, 'a>(
    l: &mut List<'_>,
    foreign: &Foreign<'_, '_>,
    turn: &Turn<'_>,
    result: &'t ToolResult<'a>,
    moved: &mut Vec<&'t Block<'a>>,
    notes: &mut Notes,
) -> Result<(), Rejected> {
    let source = foreign.source();
    if result.name.is_empty() {
        let reason = format!("no call has the id {:?}", result.call_id);
        return Err(Rejected::new(source.turn_path(turn), reason));
    }
    let mut inside: Vec<&Block<'_>> = Vec::new();
    for block in &result.content {
        match &block.content {
            Content::Text(_) => {}
            Content::Media(media) => {
                let bytes = matches!(media.source, Source::Base64(_));
                if bytes && foreign.target.capabilities.tool_result_media {
                    write_media::drop_words(media, foreign, || source.block_path(turn, block), notes)?;
                    inside.push(block);
                } else {
                    notes.warn("tool_result_image_moved", || source.block_path(turn, block))?;
                    moved.push(block);
                }
            }
            Content::Opaque(kind, _) => {
                let reason = format!("the provider knows no block of type {kind:?} in a tool result");
                return Err(Rejected::new(source.block_path(turn, block), reason));
            }
            _ => {
                return Err(Rejected::new(
                    source.block_path(turn, block),
                    "the provider takes text and media",
                ));
            }
        }
    }
    l.object(|o| {
        o.object("functionResponse", |o| {
            o.str("name", foreign.names.upstream(&result.name));
            write_response(o, result);
            if !inside.is_empty() {
                o.list("parts", |l| inside.iter().for_each(|block| write_inside(l, block)));
            }
        });
    });
    Ok(())
}

fn write_inside(l: &mut List<'_>, block: &Block<'_>) {
    if let Content::Media(media) = &block.content
        && let Source::Base64(data) = &media.source
    {
        l.object(|o| write_media::write_bytes(o, media, data));
    }
}

/// The answer of a call that nobody answered.
pub(super) fn missing(l: &mut List<'_>, name: &str) {
    l.object(|o| {
        o.object("functionResponse", |o| {
            o.str("name", name);
            o.object("response", |o| o.str("error", "no result"));
        });
    });
}

/// Gemini wants an object: one as it is, anything else as `output` or `error`. Google's servers read
/// references inside the object and refuse those that lead nowhere (litellm#38223): such an object goes as
/// text.
fn write_response(o: &mut Object<'_>, result: &ToolResult<'_>) {
    let text = result.text();
    if result.is_error == Some(true) {
        return o.object("response", |o| o.str("error", &text));
    }
    match object_text(&text).filter(|raw| !refers(raw.get())) {
        Some(raw) => o.raw("response", &compact(raw.get())),
        None => o.object("response", |o| o.str("output", &text)),
    }
}

/// Whether JSON text may hold the keys of references.
fn refers(text: &str) -> bool {
    ["\"$ref\"", "\"$defs\""].iter().any(|key| text.contains(key))
}
