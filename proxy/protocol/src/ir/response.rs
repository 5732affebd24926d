//! A response.

use std::borrow::Cow;

use crate::error::ApiError;
use crate::protocol::Protocol;

use super::{Block, Ext, Finish, Turn, Usage};

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
}
