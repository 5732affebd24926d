//! Turns and the blocks they are made of: one shape for messages of a request and for output of a response.

use std::borrow::Cow;

use crate::json::Json;

use super::{Citation, Ext, Logprob, Marks, ToolCall, ToolResult};

/// "No position": of a node that no list holds.
pub const NONE: u32 = u32::MAX;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Instructions.
    System,
    /// Instructions, by the newer name of OpenAI.
    Developer,
    /// The user. Tool results may be among the blocks.
    User,
    /// The model.
    Assistant,
    /// Tool results only.
    Tool,
}

impl Role {
    /// Whether this is an instruction, by either name.
    pub fn is_system(self) -> bool {
        matches!(self, Role::System | Role::Developer)
    }

    /// Whether this stands on the user's side of the conversation: the user, or tools.
    pub fn is_user_side(self) -> bool {
        matches!(self, Role::User | Role::Tool)
    }
}

/// One message (Chat, Messages, Gemini) or one item (Responses), as the source divides them. Turns of one role may
/// follow each other; see [`runs`] and [`super::Request::pieces`].
#[derive(Clone, Debug)]
pub struct Turn<'a> {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub blocks: Vec<Block<'a>>,
    /// The content was a plain string rather than a list.
    pub plain: bool,
    /// Position in the source's list; [`NONE`] for instructions that stand outside it.
    pub at: u32,
    /// Fields of the message or item.
    pub ext: Ext<'a>,
}

/// One block of a turn.
#[derive(Clone, Debug)]
pub struct Block<'a> {
    /// What it holds.
    pub content: Content<'a>,
    /// Opaque state the model attached to it (a signature, encrypted reasoning).
    pub state: Option<State<'a>>,
    /// What the provider says about a text of its answer.
    pub marks: Option<Box<Marks<'a>>>,
    /// Position in the source's list of parts; [`NONE`] when the turn holds it otherwise.
    pub at: u32,
    /// Fields of the block.
    pub ext: Ext<'a>,
}

impl<'a> Block<'a> {
    /// A block of that content and nothing else.
    pub fn new(content: Content<'a>) -> Self {
        Block { content, state: None, marks: None, at: NONE, ext: Ext::default() }
    }

    /// How likely the tokens of a text were, where that is known.
    pub fn logprobs(&self) -> &[Logprob<'a>] {
        self.marks.as_deref().map_or(&[], |marks| &marks.logprobs)
    }

    /// Pages that a text cites.
    pub fn citations(&self) -> &[Citation<'a>] {
        self.marks.as_deref().map_or(&[], |marks| &marks.citations)
    }

    /// What is said about a text, to add to it.
    pub(crate) fn marks_mut(&mut self) -> &mut Marks<'a> {
        self.marks.get_or_insert_default()
    }

    /// A text block.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Block::new(Content::Text(text.into()))
    }
}

/// The content of a block.
#[derive(Clone, Debug)]
pub enum Content<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// An image, document, sound or film.
    Media(Media<'a>),
    /// The model calls a tool.
    ToolCall(ToolCall<'a>),
    /// What a tool answered.
    ToolResult(ToolResult<'a>),
    /// Visible reasoning; empty when only state exists. The state is the block's.
    Reasoning(Cow<'a, str>),
    /// The model declines.
    Refusal(Cow<'a, str>),
    /// A block only its own protocol knows: its type, and the whole of it. To another protocol it is refused in a
    /// request that needs it and dropped with a warning elsewhere.
    Opaque(Cow<'a, str>, Json<'a>),
}

impl<'a> Content<'a> {
    /// The call, if it is one.
    pub fn call(&self) -> Option<&ToolCall<'a>> {
        match self {
            Content::ToolCall(call) => Some(call),
            _ => None,
        }
    }
}

/// What kind of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A document, or a file of unknown kind.
    Document,
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
}

/// Media and where it is.
#[derive(Clone, Debug)]
pub struct Media<'a> {
    /// What kind.
    pub kind: MediaKind,
    /// Where the bytes are.
    pub source: Source<'a>,
    /// The media type (`image/png`), where known.
    pub mime: Option<Cow<'a, str>>,
    /// File name or title.
    pub name: Option<Cow<'a, str>>,
    /// Resolution hint of OpenAI (`low`, `high`, `auto`).
    pub detail: Option<Cow<'a, str>>,
}

/// Where the bytes of media are.
#[derive(Clone, Debug)]
pub enum Source<'a> {
    /// In the request, as base64.
    Base64(Cow<'a, str>),
    /// In the request, as plain text.
    Text(Cow<'a, str>),
    /// At a URL. The proxy never fetches it.
    Url(Cow<'a, str>),
    /// In the provider's file store; meaningless to any other provider.
    FileId(Cow<'a, str>),
}

/// Opaque state of a model: valid only for the family that made it (TRANSLATION §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State<'a> {
    /// The family, as [`crate::Protocol::family`] names it.
    pub family: Cow<'a, str>,
    /// The state itself, without a tag.
    pub data: Cow<'a, str>,
    /// The id of what it is the state of, where the family wants to see both together again (OpenAI).
    pub id: Option<Box<str>>,
    /// The reasoning text itself is withheld (a redacted block), rather than signed.
    pub redacted: bool,
}

impl<'a> State<'a> {
    /// State of a family that is nothing but data.
    pub fn new(family: &'a str, data: impl Into<Cow<'a, str>>) -> Self {
        State { family: Cow::Borrowed(family), data: data.into(), id: None, redacted: false }
    }

    /// The same, borrowing nothing.
    pub fn to_static(&self) -> State<'static> {
        State {
            family: Cow::Owned(self.family.to_string()),
            data: Cow::Owned(self.data.to_string()),
            id: self.id.clone(),
            redacted: self.redacted,
        }
    }
}

/// Divides a conversation between its two speakers: the model, and everybody else.
pub fn speakers<'t, 'a>(turns: &'t [Turn<'a>]) -> impl Iterator<Item = &'t [Turn<'a>]> {
    runs(turns, |left, right| (left == Role::Assistant) == (right == Role::Assistant))
}

/// Divides turns into runs that `same` holds together: what a protocol with one message a speaker merges.
pub fn runs<'t, 'a>(
    turns: &'t [Turn<'a>],
    same: fn(Role, Role) -> bool,
) -> impl Iterator<Item = &'t [Turn<'a>]> {
    turns.chunk_by(move |left, right| same(left.role, right.role))
}
