//! Writing the messages of a request that came in another protocol.

use std::borrow::Cow;

use crate::capabilities::InstructionRole;
use crate::ir::{Block, Content, MediaKind, Role, ToolResult, Turn, runs};
use crate::json::write::{List, Object};
use crate::names::fit_id;
use crate::notes::{Notes, Rejected};
use crate::protocol::Protocol;
use crate::state::for_family;

use super::foreign::Foreign;
use super::write_message::{refuse_block, role_word, write_call, write_foreign_media};

/// Writes all messages.
///
/// # Errors
/// A block that Chat Completions cannot carry and the model must see; in strict mode, anything.
pub(super) fn write(l: &mut List<'_>, foreign: &Foreign<'_, '_>, notes: &mut Notes) -> Result<(), Rejected> {
    let writer = Writer { foreign };
    for run in runs(&foreign.request.turns, |left, right| left == right && left == Role::Assistant) {
        match run[0].role {
            Role::Assistant => writer.assistant(l, run, notes)?,
            Role::System | Role::Developer => writer.system(l, &run[0], notes)?,
            Role::User | Role::Tool => writer.user(l, &run[0], notes)?,
        }
    }
    writer.end(notes)
}

struct Writer<'w, 'f, 'a> {
    foreign: &'w Foreign<'f, 'a>,
}

impl Writer<'_, '_, '_> {
    /// A last word of the model is the beginning of its answer in some protocols, but not here.
    fn end(&self, notes: &mut Notes) -> Result<(), Rejected> {
        let Some(last) = self.foreign.request.turns.last().filter(|turn| turn.role == Role::Assistant) else {
            return Ok(());
        };
        if last.blocks.iter().any(|block| matches!(block.content, Content::ToolCall(_))) {
            return Ok(());
        }
        notes.warn("prefill_not_guaranteed", || self.foreign.source().turn_path(last))
    }

    fn system(&self, l: &mut List<'_>, turn: &Turn<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let role = match self.foreign.target.capabilities.instructions {
            InstructionRole::System => Role::System,
            InstructionRole::Developer => Role::Developer,
            InstructionRole::User => {
                notes.warn("system_as_user", || self.foreign.source().turn_path(turn))?;
                Role::User
            }
        };
        let text = self.texts(turn, "\n\n")?;
        if !text.is_empty() {
            l.object(|o| {
                o.str("role", role_word(role));
                o.str("content", &text);
            });
        }
        Ok(())
    }

    /// The texts of a turn that holds nothing else.
    fn texts<'t>(&self, turn: &'t Turn<'_>, between: &str) -> Result<Cow<'t, str>, Rejected> {
        let mut joined = Cow::Borrowed("");
        for block in &turn.blocks {
            let Content::Text(text) = &block.content else {
                return Err(refuse_block(self.foreign.source(), turn, block, "instructions other than text"));
            };
            push(&mut joined, text, between);
        }
        Ok(joined)
    }

    /// Tool messages first, then what the user says besides.
    fn user(&self, l: &mut List<'_>, turn: &Turn<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let mut shown: Vec<&Block<'_>> = Vec::new();
        for block in &turn.blocks {
            if let Content::ToolResult(result) = &block.content {
                self.tool(l, turn, result, &mut shown, notes)?;
            }
        }
        shown.extend(turn.blocks.iter().filter(|block| !matches!(block.content, Content::ToolResult(_))));
        if shown.is_empty() {
            return Ok(());
        }
        l.object(|o| {
            o.str("role", "user");
            if let [Block { content: Content::Text(text), .. }] = shown.as_slice() {
                o.str("content", text);
                return Ok(());
            }
            o.list("content", |l| shown.iter().try_for_each(|block| self.part(l, turn, block)))
        })
    }

    fn part(&self, l: &mut List<'_>, turn: &Turn<'_>, block: &Block<'_>) -> Result<(), Rejected> {
        let source = self.foreign.source();
        match &block.content {
            Content::Text(text) | Content::Refusal(text) | Content::Reasoning(text) => l.object(|o| {
                o.str("type", "text");
                o.str("text", text);
            }),
            Content::Media(media) => write_foreign_media(l, media, || source.block_path(turn, block))?,
            Content::Opaque(kind, _) => return Err(refuse_block(source, turn, block, kind)),
            Content::ToolCall(_) => return Err(refuse_block(source, turn, block, "a tool call of the user")),
            Content::ToolResult(_) => {}
        }
        Ok(())
    }

    /// A tool's answer is text; its images go to the user message that follows.
    fn tool<'t, 'a>(
        &self,
        l: &mut List<'_>,
        turn: &Turn<'_>,
        result: &'t ToolResult<'a>,
        shown: &mut Vec<&'t Block<'a>>,
        notes: &mut Notes,
    ) -> Result<(), Rejected> {
        for block in &result.content {
            match &block.content {
                Content::Text(_) => {}
                Content::Media(media) if media.kind == MediaKind::Image => {
                    notes
                        .warn("tool_result_image_moved", || self.foreign.source().block_path(turn, block))?;
                    shown.push(block);
                }
                Content::Opaque(kind, _) => {
                    return Err(refuse_block(self.foreign.source(), turn, block, kind));
                }
                _ => return Err(refuse_block(self.foreign.source(), turn, block, "media in a tool result")),
            }
        }
        let text = result.text();
        let marked = result.is_error == Some(true) && !says_error(&text);
        l.object(|o| {
            o.str("role", "tool");
            o.str("tool_call_id", &fit_id(&result.call_id));
            if marked {
                crate::json::write::concat(o.key("content"), &["Error: ", &text]);
            } else {
                o.str("content", &text);
            }
        });
        Ok(())
    }

    /// One message of a run of the model's turns.
    fn assistant(&self, l: &mut List<'_>, run: &[Turn<'_>], notes: &mut Notes) -> Result<(), Rejected> {
        let said = self.said(run, notes)?;
        let calls =
            || run.iter().flat_map(|turn| &turn.blocks).filter(|b| matches!(b.content, Content::ToolCall(_)));
        let has_calls = calls().next().is_some();
        if said.text.is_empty() && said.refusal.is_empty() && !has_calls {
            return Ok(());
        }
        l.object(|o| {
            o.str("role", "assistant");
            self.content(o, &said);
            if has_calls {
                o.list("tool_calls", |l| calls().for_each(|block| self.call(l, block)));
            }
        });
        Ok(())
    }

    fn content(&self, o: &mut Object<'_>, said: &Said<'_>) {
        if said.text.is_empty() {
            o.null("content");
        } else {
            o.str("content", &said.text);
        }
        if !said.refusal.is_empty() {
            o.str("refusal", &said.refusal);
        }
    }

    fn call(&self, l: &mut List<'_>, block: &Block<'_>) {
        let Content::ToolCall(call) = &block.content else { return };
        let upstream = self.foreign.names.upstream(&call.name);
        let mut call = call.clone();
        call.name = Cow::Owned(upstream.to_owned());
        let state = block.state.clone().filter(|_| self.keeps_state(block));
        let block = Block { state, ..block.clone() };
        write_call(l, &block, &call, self.foreign.request.source);
    }

    /// Whether the state of a block is written. Only Google's own endpoint of this protocol takes signatures, of calls;
    /// others refuse the member.
    fn keeps_state(&self, block: &Block<'_>) -> bool {
        let is_call = matches!(block.content, Content::ToolCall(_));
        let own = for_family(block.state.as_ref(), Protocol::Gemini.family()).is_some();
        is_call && own && is_google(self.foreign.target.model)
    }

    /// Texts of one turn follow each other directly, those of several with an empty line between.
    fn said<'t>(&self, run: &'t [Turn<'_>], notes: &mut Notes) -> Result<Said<'t>, Rejected> {
        let source = self.foreign.source();
        let mut said = Said::default();
        for turn in run {
            let mut text = Cow::Borrowed("");
            for block in &turn.blocks {
                if block.state.is_some() && !self.keeps_state(block) {
                    notes.warn("reasoning_state_dropped", || source.block_path(turn, block))?;
                }
                match &block.content {
                    Content::Text(more) => push(&mut text, more, ""),
                    Content::Refusal(more) => push(&mut said.refusal, more, ""),
                    Content::Opaque(..) => {
                        notes.warn("history_item_dropped", || source.block_path(turn, block))?
                    }
                    Content::Media(_) => return Err(refuse_block(source, turn, block, "media of the model")),
                    Content::ToolResult(_) => {
                        return Err(refuse_block(source, turn, block, "a tool result of the model"));
                    }
                    Content::Reasoning(_) | Content::ToolCall(_) => {}
                }
            }
            push(&mut said.text, &text, "\n\n");
        }
        Ok(said)
    }
}

/// Whether a model is one of Google's, by its name.
fn is_google(model: &str) -> bool {
    model.as_bytes().windows(6).any(|part| part.eq_ignore_ascii_case(b"gemini"))
}

#[derive(Default)]
struct Said<'t> {
    text: Cow<'t, str>,
    refusal: Cow<'t, str>,
}

/// Appends a text that is not empty.
pub(crate) fn push<'t>(joined: &mut Cow<'t, str>, text: &(impl AsRef<str> + ?Sized), between: &str) {
    let text = text.as_ref();
    if text.is_empty() {
        return;
    }
    let joined = joined.to_mut();
    if !joined.is_empty() {
        joined.push_str(between);
    }
    joined.push_str(text);
}

/// Whether a tool's answer already reads as an error.
pub(crate) fn says_error(text: &str) -> bool {
    let start = text.trim_start_matches(|c: char| !c.is_alphabetic()).get(..5);
    start.is_some_and(|start| start.eq_ignore_ascii_case("error"))
}
