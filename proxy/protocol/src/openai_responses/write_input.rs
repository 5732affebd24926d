//! Writing the instructions and the input of a request that came in another protocol.

use std::borrow::Cow;

use foldhash::HashSet;

use crate::ir::{
    Arguments, Block, CallStyle, Content, Media, MediaKind, Role, Source, ToolCall, ToolResult, Turn,
};
use crate::json::write::{self, List, Object};
use crate::names::fit_id;
use crate::notes::{Notes, Rejected};
use crate::openai_chat::media::write_data_url;
use crate::openai_chat::write_turns::{push, says_error};
use crate::state::for_family;

use super::THIS;
use super::foreign::Foreign;
use super::write_item::write_reasoning_item;

/// Writes `instructions` and `input`.
///
/// # Errors
/// A block that cannot be carried and the model must see; in strict mode, anything.
pub(super) fn write(
    o: &mut Object<'_>,
    foreign: &Foreign<'_, '_>,
    notes: &mut Notes,
) -> Result<(), Rejected> {
    let mut writer = Writer { foreign, notes, custom: HashSet::default(), pending: Vec::new() };
    let turns = &foreign.request.turns;
    let instructions = turns.first().filter(|turn| turn.role.is_system());
    if let Some(turn) = instructions {
        let text = writer.texts(turn)?;
        if !text.is_empty() {
            o.str("instructions", &text);
        }
    }
    o.list("input", |l| {
        for turn in &turns[usize::from(instructions.is_some())..] {
            if turn.role != Role::Assistant {
                writer.orphans()?;
            }
            match turn.role {
                Role::Assistant => writer.assistant(l, turn)?,
                Role::System | Role::Developer => writer.system(l, turn)?,
                Role::User | Role::Tool => writer.user(l, turn)?,
            }
        }
        writer.orphans()?;
        writer.end()
    })
}

/// Reasoning that waits for the item it led to.
type Pending<'w, 'a> = (&'w Turn<'a>, &'w Block<'a>);

struct Writer<'w, 'f, 'a, 'n> {
    foreign: &'w Foreign<'f, 'a>,
    notes: &'n mut Notes,
    /// Ids of calls of custom tools: their results are items of another type.
    custom: HashSet<&'w str>,
    pending: Vec<Pending<'w, 'a>>,
}

impl<'w, 'a> Writer<'w, '_, 'a, '_> {
    fn refuse(&self, turn: &Turn<'_>, block: &Block<'_>, what: &str) -> Rejected {
        let path = self.foreign.source().block_path(turn, block);
        Rejected::new(path, format!("the provider takes no {what} there"))
    }

    /// The texts of a turn that holds nothing else.
    fn texts<'t>(&self, turn: &'t Turn<'_>) -> Result<Cow<'t, str>, Rejected> {
        let mut joined = Cow::Borrowed("");
        for block in &turn.blocks {
            let Content::Text(text) = &block.content else {
                return Err(self.refuse(turn, block, "instructions other than text"));
            };
            push(&mut joined, text, "\n\n");
        }
        Ok(joined)
    }

    fn system(&mut self, l: &mut List<'_>, turn: &Turn<'_>) -> Result<(), Rejected> {
        let text = self.texts(turn)?;
        if !text.is_empty() {
            l.object(|o| write_message(o, "developer", &text));
        }
        Ok(())
    }

    /// Results of tools first, then what the user says besides.
    fn user(&mut self, l: &mut List<'_>, turn: &Turn<'_>) -> Result<(), Rejected> {
        let is_result = |block: &&Block<'_>| matches!(block.content, Content::ToolResult(_));
        for block in turn.blocks.iter().filter(is_result) {
            if let Content::ToolResult(result) = &block.content {
                self.result(l, turn, result)?;
            }
        }
        let said: Vec<&Block<'_>> = turn.blocks.iter().filter(|block| !is_result(block)).collect();
        match said.as_slice() {
            [] => {}
            [Block { content: Content::Text(text), .. }] => l.object(|o| write_message(o, "user", text)),
            said => l.object(|o| {
                o.str("type", "message");
                o.str("role", "user");
                o.list("content", |l| said.iter().try_for_each(|block| self.part(l, turn, block)))
            })?,
        }
        Ok(())
    }

    fn part(&self, l: &mut List<'_>, turn: &Turn<'_>, block: &Block<'_>) -> Result<(), Rejected> {
        match &block.content {
            Content::Text(text) | Content::Refusal(text) | Content::Reasoning(text) => {
                l.object(|o| write_text(o, text));
                Ok(())
            }
            Content::Media(media) => write_media(l, media).map_err(|what| self.refuse(turn, block, what)),
            Content::Opaque(kind, _) => Err(self.refuse(turn, block, &format!("block of type {kind:?}"))),
            Content::ToolCall(_) => Err(self.refuse(turn, block, "tool call of the user")),
            Content::ToolResult(_) => Ok(()),
        }
    }

    fn result(&mut self, l: &mut List<'_>, turn: &Turn<'_>, result: &ToolResult<'_>) -> Result<(), Rejected> {
        let custom = self.custom.contains(result.call_id.as_ref());
        let has_media = result.content.iter().any(|block| !matches!(block.content, Content::Text(_)));
        let text = result.text();
        let marked = result.is_error == Some(true) && !says_error(&text);
        l.object(|o| {
            o.str("type", if custom { "custom_tool_call_output" } else { "function_call_output" });
            o.str("call_id", &fit_id(&result.call_id));
            if has_media {
                return o.list("output", |l| {
                    if marked {
                        l.object(|o| write_text(o, "Error:"));
                    }
                    result.content.iter().try_for_each(|block| self.part(l, turn, block))
                });
            }
            if marked {
                write::concat(o.key("output"), &["Error: ", &text]);
            } else {
                o.str("output", &text);
            }
            Ok(())
        })
    }

    fn assistant(&mut self, l: &mut List<'_>, turn: &'w Turn<'a>) -> Result<(), Rejected> {
        let mut said = Cow::Borrowed("");
        for block in &turn.blocks {
            match &block.content {
                Content::Reasoning(_) => {
                    self.say(l, &mut said);
                    self.reasoning(turn, block)?;
                    continue;
                }
                Content::Text(text) | Content::Refusal(text) => push(&mut said, text, ""),
                Content::ToolCall(call) => {
                    self.say(l, &mut said);
                    self.call(l, call);
                }
                Content::Opaque(..) => {
                    let source = self.foreign.source();
                    self.notes.warn("history_item_dropped", || source.block_path(turn, block))?;
                }
                Content::Media(_) => return Err(self.refuse(turn, block, "media of the model")),
                Content::ToolResult(_) => return Err(self.refuse(turn, block, "tool result of the model")),
            }
            self.lost_state(turn, block)?;
        }
        self.say(l, &mut said);
        Ok(())
    }

    /// Writes what the model said so far, as text rather than parts: items of other providers have no ids.
    fn say(&mut self, l: &mut List<'_>, said: &mut Cow<'w, str>) {
        let text = std::mem::take(said);
        if !text.is_empty() {
            self.thoughts(l);
            l.object(|o| write_message(o, "assistant", &text));
        }
    }

    /// Keeps reasoning of this vendor's models for the item it led to. Any other is of no use to them.
    fn reasoning(&mut self, turn: &'w Turn<'a>, block: &'w Block<'a>) -> Result<(), Rejected> {
        if for_family(block.state.as_ref(), THIS.family()).is_some() {
            self.pending.push((turn, block));
            return Ok(());
        }
        self.lost_state(turn, block)
    }

    /// Tells of state that there is no place for.
    fn lost_state(&mut self, turn: &Turn<'_>, block: &Block<'_>) -> Result<(), Rejected> {
        if block.state.is_none() {
            return Ok(());
        }
        let source = self.foreign.source();
        self.notes.warn("reasoning_state_dropped", || source.block_path(turn, block))
    }

    fn thoughts(&mut self, l: &mut List<'_>) {
        for (_, block) in self.pending.drain(..) {
            if let (Content::Reasoning(text), Some(state)) = (&block.content, &block.state) {
                l.object(|o| write_reasoning_item(o, text, state));
            }
        }
    }

    /// Reasoning that led to nothing is refused by the vendor: it is dropped.
    fn orphans(&mut self) -> Result<(), Rejected> {
        let source = self.foreign.source();
        for (turn, block) in self.pending.drain(..) {
            self.notes.warn("reasoning_state_dropped", || source.block_path(turn, block))?;
        }
        Ok(())
    }

    fn call(&mut self, l: &mut List<'_>, call: &'w ToolCall<'a>) {
        self.thoughts(l);
        let name = self.foreign.names.upstream(&call.name);
        l.object(|o| match (call.style, &call.arguments) {
            (CallStyle::Custom, Arguments::Text(text)) => {
                self.custom.insert(&call.id);
                o.str("type", "custom_tool_call");
                o.str("call_id", &fit_id(&call.id));
                o.str("name", name);
                o.str("input", text);
            }
            _ => {
                o.str("type", "function_call");
                o.str("call_id", &fit_id(&call.id));
                o.str("name", name);
                o.str("arguments", &call.arguments.as_text());
            }
        });
    }

    /// A last word of the model is the beginning of its answer in some protocols, but not here.
    fn end(&mut self) -> Result<(), Rejected> {
        let last = self.foreign.request.turns.last().filter(|turn| turn.role == Role::Assistant);
        let Some(last) = last else { return Ok(()) };
        if last.blocks.iter().any(|block| matches!(block.content, Content::ToolCall(_))) {
            return Ok(());
        }
        self.notes.warn("prefill_not_guaranteed", || self.foreign.source().turn_path(last))
    }
}

fn write_message(o: &mut Object<'_>, role: &str, text: &str) {
    o.str("type", "message");
    o.str("role", role);
    o.str("content", text);
}

fn write_text(o: &mut Object<'_>, text: &str) {
    o.str("type", "input_text");
    o.str("text", text);
}

/// Writes a media part.
///
/// # Errors
/// What there is no part for.
fn write_media(l: &mut List<'_>, media: &Media<'_>) -> Result<(), &'static str> {
    match (media.kind, &media.source) {
        (_, Source::FileId(_)) => return Err("file in another provider's store"),
        (MediaKind::Video, _) => return Err("video"),
        (MediaKind::Audio, _) => return Err("sound"),
        (MediaKind::Image, Source::Text(_)) => return Err("image other than base64 or a URL"),
        (MediaKind::Image, source) => l.object(|o| {
            o.str("type", "input_image");
            o.str("detail", media.detail.as_deref().unwrap_or("auto"));
            match source {
                Source::Base64(data) => {
                    write_data_url(o.key("image_url"), media.mime.as_deref().unwrap_or("image/png"), data);
                }
                Source::Url(url) => o.str("image_url", url),
                Source::Text(_) | Source::FileId(_) => {}
            }
        }),
        (MediaKind::Document, Source::Text(text)) => l.object(|o| write_text(o, text)),
        (MediaKind::Document, Source::Url(url)) => l.object(|o| {
            o.str("type", "input_file");
            o.str("file_url", url);
        }),
        (MediaKind::Document, Source::Base64(data)) => l.object(|o| {
            o.str("type", "input_file");
            o.str("filename", media.name.as_deref().unwrap_or("document"));
            let mime = media.mime.as_deref().unwrap_or("application/pdf");
            write_data_url(o.key("file_data"), mime, data);
        }),
    }
    Ok(())
}
