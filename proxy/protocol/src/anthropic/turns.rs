//! The messages of a request from another protocol: two speakers in turn, results of tools first (TRANSLATION §3).

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::account;
use crate::facts::Facts;
use crate::ir::{
    Answers, Block, Content, Found, Media, Request, Role, Tool, ToolCall, ToolResult, Turn, speakers,
};
use crate::notes::{Notes, Rejected, unknown_block};
use crate::state::for_family;

use super::THIS;

/// What stands for a turn of the user where there must be one.
const CONTINUED: &str = "(continued)";

/// A message to write.
#[derive(Debug)]
pub(crate) struct Message<'p, 'a> {
    /// User, assistant, or instructions in the middle.
    pub(crate) role: Role,
    /// Its blocks; never empty.
    pub(crate) pieces: Vec<Piece<'p, 'a>>,
}

/// A block to write, and the cache mark its client set.
#[derive(Debug)]
pub(crate) struct Piece<'p, 'a> {
    pub(crate) what: What<'p, 'a>,
    pub(crate) cache: Option<&'p RawValue>,
}

/// What a block to write holds.
#[derive(Debug)]
pub(crate) enum What<'p, 'a> {
    /// Text.
    Text(Cow<'p, str>),
    /// An image or a document.
    Media(Media<'p>),
    /// Reasoning the vendor made and signed.
    Reasoning(&'p Block<'a>),
    /// A call.
    Call(&'p ToolCall<'a>),
    /// A result; its media as the vendor takes it.
    Result(&'p ToolResult<'a>, Vec<Media<'p>>),
    /// The result of the call of that id, which the client left out.
    NoResult(&'p str),
}

/// What decides about messages.
pub(crate) struct Rules {
    /// Reasoning of earlier turns is sent.
    pub(crate) reasoning: bool,
    /// Instructions may stand in the middle.
    pub(crate) mid_system: bool,
    /// Results may hold media.
    pub(crate) result_media: bool,
    /// Media as they are taken, or why not.
    pub(crate) media: Adapt,
}

/// Media as a provider takes them, or why it does not.
pub(crate) type Adapt = for<'m> fn(&'m Media<'_>) -> Result<Media<'m>, &'static str>;

/// Divides a conversation, without its leading instructions, into messages.
///
/// # Errors
/// A block that cannot be carried and that the model must see; in strict mode, any change.
pub(crate) fn messages<'p, 'a>(
    request: &'p Request<'a>,
    rules: Rules,
    facts: &'static Facts,
    notes: &mut Notes,
) -> Result<Vec<Message<'p, 'a>>, Rejected> {
    let turns = request.instructions().1;
    let mut writer = Writer {
        rules,
        facts,
        notes,
        answers: Answers::of(turns),
        pending: Vec::new(),
        moved: Vec::new(),
        messages: Vec::new(),
    };
    for (at, run) in speakers(turns).enumerate() {
        if run[0].role == Role::Assistant {
            writer.assistant(run, at)?;
        } else {
            writer.user(run)?;
        }
    }
    writer.finish()
}

struct Writer<'w, 'p, 'a> {
    rules: Rules,
    facts: &'static Facts,
    notes: &'w mut Notes,
    answers: Answers<'p, 'a>,
    /// Results of the assistant's last calls, which begin the next message of the user.
    pending: Vec<Piece<'p, 'a>>,
    /// Media of those results that must follow them.
    moved: Vec<Piece<'p, 'a>>,
    messages: Vec<Message<'p, 'a>>,
}

impl<'p, 'a> Writer<'_, 'p, 'a> {
    fn path(&self, turn: &Turn<'_>, block: &Block<'_>) -> String {
        self.facts.block_path(turn, block)
    }

    fn refuse(&self, turn: &Turn<'_>, block: &Block<'_>, reason: impl Into<String>) -> Rejected {
        Rejected::new(self.path(turn, block), reason)
    }

    fn warn(&mut self, code: &'static str, turn: &Turn<'_>, block: &Block<'_>) -> Result<(), Rejected> {
        self.notes.warn(code, || self.facts.block_path(turn, block))
    }

    /// Adds to the last message if the same speaks.
    fn push(&mut self, role: Role, piece: Piece<'p, 'a>) {
        match self.messages.last_mut() {
            Some(last) if last.role == role => last.pieces.push(piece),
            _ => {
                let mut pieces = Vec::with_capacity(4);
                pieces.push(piece);
                self.messages.push(Message { role, pieces });
            }
        }
    }

    fn assistant(&mut self, run: &'p [Turn<'a>], at: usize) -> Result<(), Rejected> {
        for turn in run {
            for block in &turn.blocks {
                if let Some(what) = self.said(turn, block)? {
                    self.push(Role::Assistant, Piece { what, cache: mark_of(block) });
                }
            }
        }
        for turn in run {
            for block in &turn.blocks {
                let Content::ToolCall(call) = &block.content else { continue };
                let piece = match self.answers.take(&call.id, at) {
                    Some(found) => self.result(found)?,
                    None => {
                        self.warn("tool_result_missing", turn, block)?;
                        Piece { what: What::NoResult(&call.id), cache: None }
                    }
                };
                self.pending.push(piece);
            }
        }
        Ok(())
    }

    /// A block of the model, if there is anything to write of it.
    fn said(&mut self, turn: &Turn<'_>, block: &'p Block<'a>) -> Result<Option<What<'p, 'a>>, Rejected> {
        let own = for_family(block.state.as_ref(), THIS.family()).is_some();
        let replayed = matches!(block.content, Content::Reasoning(_)) && own && self.rules.reasoning;
        if block.state.is_some() && !replayed {
            self.warn("reasoning_state_dropped", turn, block)?;
        }
        Ok(match &block.content {
            Content::Text(text) | Content::Refusal(text) => written(text).map(What::Text),
            Content::Reasoning(_) => replayed.then_some(What::Reasoning(block)),
            Content::ToolCall(call) => {
                if call.style != crate::ir::CallStyle::Custom && call.arguments.as_object().is_none() {
                    self.warn("tool_arguments_wrapped", turn, block)?;
                }
                Some(What::Call(call))
            }
            Content::Opaque(..) => {
                self.warn("history_item_dropped", turn, block)?;
                None
            }
            Content::Media(_) => {
                return Err(self.refuse(turn, block, "the provider takes no media of the model"));
            }
            Content::ToolResult(_) => return Err(self.refuse(turn, block, "a tool result of the model")),
        })
    }

    /// Everything between two turns of the model: results of its calls, then the rest in order.
    fn user(&mut self, run: &'p [Turn<'a>]) -> Result<(), Rejected> {
        for found in account::late_results(&mut self.answers, run, self.facts, self.notes)? {
            let piece = self.result(found)?;
            self.pending.push(piece);
        }
        self.flush();
        for turn in run {
            for block in &turn.blocks {
                if turn.role.is_system() {
                    self.instruction(turn, block)?;
                } else if let Some(piece) = self.asked(turn, block)? {
                    self.push(Role::User, piece);
                }
            }
        }
        Ok(())
    }

    fn flush(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        pending.append(&mut self.moved);
        pending.drain(..).for_each(|piece| self.push(Role::User, piece));
        // Its memory serves the next calls.
        self.pending = pending;
    }

    /// A result, with its media where the model takes it.
    fn result(&mut self, found: Found<'p, 'a>) -> Result<Piece<'p, 'a>, Rejected> {
        let Found { turn, block, result } = found;
        let mut media = Vec::new();
        for part in &result.content {
            match &part.content {
                Content::Text(_) => {}
                Content::Media(one) if self.rules.result_media => media.push(self.media(turn, block, one)?),
                Content::Media(one) => {
                    self.warn("tool_result_image_moved", turn, block)?;
                    let what = What::Media(self.media(turn, block, one)?);
                    self.moved.push(Piece { what, cache: None });
                }
                _ => {
                    return Err(self.refuse(
                        turn,
                        block,
                        "the provider knows no such block in a tool result",
                    ));
                }
            }
        }
        Ok(Piece { what: What::Result(result, media), cache: mark_of(block) })
    }

    /// A block of the user.
    fn asked(&mut self, turn: &Turn<'_>, block: &'p Block<'a>) -> Result<Option<Piece<'p, 'a>>, Rejected> {
        let what = match &block.content {
            Content::Text(text) | Content::Refusal(text) | Content::Reasoning(text) => {
                written(text).map(What::Text)
            }
            Content::Media(media) => Some(What::Media(self.media(turn, block, media)?)),
            Content::ToolResult(_) => None,
            Content::ToolCall(_) => return Err(self.refuse(turn, block, "a tool call of the user")),
            Content::Opaque(kind, _) => {
                return Err(self.refuse(turn, block, unknown_block(kind)));
            }
        };
        Ok(what.map(|what| Piece { what, cache: mark_of(block) }))
    }

    fn media(
        &mut self,
        turn: &Turn<'_>,
        block: &Block<'_>,
        media: &'p Media<'a>,
    ) -> Result<Media<'p>, Rejected> {
        if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
            self.warn("detail_dropped", turn, block)?;
        }
        (self.rules.media)(media).map_err(|reason| self.refuse(turn, block, reason))
    }

    /// Instructions in the middle: a message of their own, or part of what the user says next.
    fn instruction(&mut self, turn: &Turn<'_>, block: &'p Block<'a>) -> Result<(), Rejected> {
        let text = instruction_text(self.facts, turn, block)?;
        if text.trim().is_empty() {
            return Ok(());
        }
        let cache = mark_of(block);
        if self.rules.mid_system {
            self.push(Role::System, Piece { what: What::Text(Cow::Borrowed(text)), cache });
            return Ok(());
        }
        self.warn("system_folded", turn, block)?;
        let what = What::Text(Cow::Owned(format!("<system>{text}</system>")));
        self.push(Role::User, Piece { what, cache });
        Ok(())
    }

    /// There is a message, and the user's is the first.
    fn finish(mut self) -> Result<Vec<Message<'p, 'a>>, Rejected> {
        self.flush();
        if self.messages.first().is_none_or(|first| first.role != Role::User) {
            self.notes.warn("user_turn_added", || self.facts.messages.to_owned())?;
            let piece = Piece { what: What::Text(Cow::Borrowed(CONTINUED)), cache: None };
            self.messages.insert(0, Message { role: Role::User, pieces: vec![piece] });
        }
        Ok(self.messages)
    }
}

/// The text of a block of instructions.
///
/// # Errors
/// It is something else.
pub(crate) fn instruction_text<'b>(
    facts: &Facts,
    turn: &Turn<'_>,
    block: &'b Block<'_>,
) -> Result<&'b str, Rejected> {
    match &block.content {
        Content::Text(text) => Ok(text),
        _ => {
            Err(Rejected::new(facts.block_path(turn, block), "the provider takes instructions only as text"))
        }
    }
}

/// The cache mark a client of another protocol set in this one's words, as some gateways take it.
pub(crate) fn mark_of<'p>(block: &'p Block<'_>) -> Option<&'p RawValue> {
    block.ext.get("cache_control").filter(|raw| raw.get() != "null")
}

/// The same of a tool.
pub(crate) fn mark_of_tool<'p>(tool: &'p Tool<'_>) -> Option<&'p RawValue> {
    tool.ext.get("cache_control").filter(|raw| raw.get() != "null")
}

/// Text, unless it is blank: the vendor refuses blank blocks.
fn written(text: &str) -> Option<Cow<'_, str>> {
    (!text.trim().is_empty()).then_some(Cow::Borrowed(text))
}
