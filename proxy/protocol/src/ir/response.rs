//! A response.

use std::borrow::Cow;

use crate::error::ApiError;
use crate::protocol::Protocol;

use super::{Block, Content, Ext, Finish, Turn, Usage};

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Response<'a> {
    /// The protocol it was written in; owns the extensions.
    pub source: Protocol,
    /// Its id.
    pub id: Option<Cow<'a, str>>,
    /// The model that answered, by the provider's name.
    pub model: Option<Cow<'a, str>>,
    /// When, in seconds since 1970.
    pub created: Option<u64>,
    /// The class of service it got, in OpenAI's words, where the provider says.
    pub service_tier: Option<Cow<'a, str>>,
    /// The answers.
    pub choices: Vec<Choice<'a>>,
    /// What it cost.
    pub usage: Option<Usage>,
    /// The provider says in a response with a good status that it failed (Responses `status: failed`).
    pub error: Option<ApiError>,
    /// Everything else.
    pub ext: Ext<'a>,
}

/// One of the answers.
#[derive(Clone, Debug, Default)]
pub struct Choice<'a> {
    /// Which one, from 0.
    pub index: u32,
    /// What was said: one turn, or one an item (Responses).
    pub turns: Vec<Turn<'a>>,
    /// Why it ended; `None` if the provider does not say.
    pub finish: Option<Finish>,
    /// The provider's word for it.
    pub native_finish: Option<Cow<'a, str>>,
    /// The text that stopped it, where the provider says.
    pub stop_sequence: Option<Cow<'a, str>>,
    /// What the provider says about the end for people (Messages `stop_details`, Gemini `finishMessage`).
    pub finish_message: Option<Cow<'a, str>>,
    /// Everything else.
    pub ext: Ext<'a>,
}

impl<'a> Choice<'a> {
    /// All blocks in order.
    pub fn blocks(&self) -> impl Iterator<Item = &Block<'a>> + Clone {
        self.turns.iter().flat_map(|turn| turn.blocks.iter())
    }

    /// Whether a block is a call that was cut: the answer broke off, and what came of the arguments is no object. That
    /// nothing came of them says so of the last block alone: others have none.
    pub fn cuts(&self, block: &Block<'_>) -> bool {
        let Content::ToolCall(call) = &block.content else { return false };
        let is_last = || self.blocks().last().is_some_and(|last| std::ptr::eq(last, block));
        self.finish.is_some_and(Finish::breaks_off)
            && (call.lacks_object() || call.has_nothing() && is_last())
    }

    /// Of an answer that read `{}` where nothing came of the last call's arguments: takes it for nothing.
    pub(crate) fn empty_last(&mut self) {
        let last = self.turns.last_mut().and_then(|turn| turn.blocks.last_mut());
        if let (Some(true), Some(Content::ToolCall(call))) =
            (self.finish.map(Finish::breaks_off), last.map(|block| &mut block.content))
        {
            call.empty();
        }
    }
}
