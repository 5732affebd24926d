//! Events of a streamed answer.

use std::borrow::Cow;

use crate::error::ApiError;

use super::{CallStyle, Citation, Finish, Logprob, State, Usage};

/// One event. A decoder emits `Start` before any block, closes every block before `Finish` of its
/// choice, and ends with `End`, or at any point with `Error`, after which nothing follows. Blocks that are open then
/// were cut: closing one says that all of it came.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// The answer begins. A second one says that the provider began again and that everything before is void
    /// (Messages, TRANSLATION §8): an encoder that has already written a block ends with an error.
    Start {
        /// Its id.
        id: Cow<'a, str>,
        /// The model that answers, by the provider's name.
        model: Cow<'a, str>,
        /// When, in seconds since 1970, where the provider says.
        created: Option<u64>,
        /// The class of service it gets, in OpenAI's words, where the provider says.
        service_tier: Option<Cow<'a, str>>,
    },
    /// A block opens. Blocks of parallel tool calls and of several choices may be open at once.
    BlockStart {
        /// The block's number: unique in the stream, counted from 0 in order of opening.
        block: u32,
        /// The choice it belongs to.
        choice: u32,
        /// What it is.
        kind: BlockKind<'a>,
    },
    /// What follows of a choice is another message, or reasoning of its own (Responses): text stands apart from text
    /// before, and reasoning from reasoning.
    Message {
        /// The choice.
        choice: u32,
    },
    /// A piece of a block. The block says what kind: text, arguments, reasoning, refusal.
    Delta {
        /// The block.
        block: u32,
        /// The piece.
        delta: Delta<'a>,
    },
    /// How likely tokens of a text or a refusal were: those of the piece that comes next, or, where the block ends
    /// without one, of what came before.
    Logprobs {
        /// The block.
        block: u32,
        /// The tokens, in their order; there is one at least.
        logprobs: Vec<Logprob<'a>>,
    },
    /// A text cites a page. Comes after the text that cites it.
    Citation {
        /// The block.
        block: u32,
        /// The page, and where in the block's text.
        citation: Citation<'a>,
    },
    /// The answer has a field that only the provider's own protocol knows: its name. May come more than once.
    Extension(Cow<'a, str>),
    /// Opaque state of a block.
    Signature {
        /// The block.
        block: u32,
        /// The state; replaces an earlier one.
        state: State<'a>,
    },
    /// A block closes.
    BlockEnd {
        /// The block.
        block: u32,
    },
    /// A choice is complete. Usage may still follow.
    Finish {
        /// The choice.
        choice: u32,
        /// Why.
        finish: Finish,
        /// The provider's word for it.
        native: Cow<'a, str>,
        /// The text that stopped it.
        stop_sequence: Option<Cow<'a, str>>,
        /// What the provider says about it for people (Messages `stop_details`, Gemini `finishMessage`).
        message: Option<Cow<'a, str>>,
    },
    /// Token counts, cumulative: a later one replaces an earlier one.
    Usage(Usage),
    /// The stream failed. Terminal.
    Error(Box<ApiError>),
    /// The stream is complete. Terminal.
    End,
}

/// What kind of block opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockKind<'a> {
    /// Text.
    Text,
    /// Visible reasoning, or a carrier of state only.
    Reasoning,
    /// The model declines.
    Refusal,
    /// A tool call.
    ToolCall {
        /// Its id; empty if the provider gives none.
        id: Cow<'a, str>,
        /// The tool's name.
        name: Cow<'a, str>,
        /// How it is spelled.
        style: CallStyle,
    },
    /// A block only its own protocol knows, by its type. It has no deltas.
    Opaque(Cow<'a, str>),
}

/// A piece of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delta<'a> {
    /// Of a text block.
    Text(Cow<'a, str>),
    /// Of a tool call: a piece of its arguments' text.
    Args(Cow<'a, str>),
    /// Of a reasoning block.
    Reasoning(Cow<'a, str>),
    /// Of a refusal.
    Refusal(Cow<'a, str>),
}

/// Takes the events of a decoder.
pub trait Sink {
    /// Takes one event. It borrows from the chunk it was read from.
    fn event(&mut self, event: Event<'_>);
}

impl<F: FnMut(Event<'_>)> Sink for F {
    fn event(&mut self, event: Event<'_>) {
        self(event)
    }
}
