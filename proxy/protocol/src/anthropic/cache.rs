//! Where a prompt is worth caching: marks (`cache_control`) for clients that set none themselves.
//!
//! A mark caches everything up to it, in the order tools, instructions, messages. Four are allowed; they go to the
//! last tool, the last of the instructions, and the ends of the last two messages of the user, so that the next
//! request of the conversation finds the end of this one. Where less than the threshold would be cached there is none.

use crate::ir::{Block, Content, ExtField, Request, Tool, ToolKind, Turn};

use super::block::SEARCH_RESULT;
use super::native::divide;

/// The most marks a request may hold.
pub const MAX_MARKS: usize = 4;

/// What an image or a document counts for, in tokens: about what a picture of a megapixel costs.
pub(crate) const MEDIA_TOKENS: u64 = 1500;

/// Bytes of text a token, about.
const TOKEN_BYTES: u64 = 4;

/// A place a mark can stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The tool at that position.
    Tool(usize),
    /// The block of the instructions at that position.
    System(usize),
    /// The block at that position in the message at that position.
    Block(usize, usize),
}

/// Where the marks of a request stand; at most [`MAX_MARKS`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks(Vec<Mark>);

impl Marks {
    /// Whether one stands there.
    pub fn has(&self, mark: Mark) -> bool {
        self.0.contains(&mark)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Mark> {
        self.0.iter().copied()
    }
}

/// Something a mark can or cannot stand on.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// About how many tokens it is.
    pub tokens: u64,
    /// Whether the protocol allows a mark there.
    pub markable: bool,
}

/// A prompt as far as caching is concerned.
#[derive(Clone, Debug, Default)]
pub struct Prompt {
    /// Its tools.
    pub tools: Vec<Piece>,
    /// Its instructions.
    pub system: Vec<Piece>,
    /// Its messages: whether the user's, and the blocks.
    pub messages: Vec<(bool, Vec<Piece>)>,
}

impl Prompt {
    /// Of a request of this protocol; `None` if it has marks of its own, which are never changed.
    pub fn of(request: &Request<'_>) -> Option<Prompt> {
        if is_marked(request) {
            return None;
        }
        let (system, messages) = divide(&request.turns);
        let blocks = |turn: &Turn<'_>| turn.blocks.iter().map(piece).collect();
        Some(Prompt {
            tools: request.tools.iter().map(tool).collect(),
            system: system.map(blocks).unwrap_or_default(),
            messages: messages.iter().map(|turn| (turn.role.is_user_side(), blocks(turn))).collect(),
        })
    }

    /// Where its marks belong, if caching pays from `min_tokens` on.
    pub fn plan(&self, min_tokens: u64) -> Marks {
        let mut marks = Vec::with_capacity(MAX_MARKS);
        let mut read = tokens(&self.tools);
        if let Some(at) = last(&self.tools).filter(|_| read >= min_tokens) {
            marks.push(Mark::Tool(at));
        }
        read += tokens(&self.system);
        if let Some(at) = last(&self.system).filter(|_| read >= min_tokens) {
            marks.push(Mark::System(at));
        }
        marks.extend(self.history(read, min_tokens));
        Marks(marks)
    }

    /// The ends of the last two messages of the user. A conversation that only begins may end as well: what is asked
    /// once is not worth the higher price of writing it to the cache.
    fn history(&self, mut read: u64, min_tokens: u64) -> Vec<Mark> {
        if self.messages.len() < 2 {
            return Vec::new();
        }
        let mut ends = Vec::new();
        for (message, (user, blocks)) in self.messages.iter().enumerate() {
            read += tokens(blocks);
            if let Some(at) = last(blocks).filter(|_| *user) {
                ends.push((read, Mark::Block(message, at)));
            }
        }
        let from = ends.len().saturating_sub(2);
        ends.split_off(from)
            .into_iter()
            .filter(|(read, _)| *read >= min_tokens)
            .map(|(_, mark)| mark)
            .collect()
    }
}

fn tokens(pieces: &[Piece]) -> u64 {
    pieces.iter().map(|piece| piece.tokens).sum()
}

fn last(pieces: &[Piece]) -> Option<usize> {
    pieces.iter().rposition(|piece| piece.markable)
}

/// About how many tokens a text is.
pub(crate) fn text_tokens(bytes: usize) -> u64 {
    bytes as u64 / TOKEN_BYTES
}

/// A block as a piece. Reasoning, empty text and blocks not known here take no marks.
pub(crate) fn piece(block: &Block<'_>) -> Piece {
    let (tokens, markable) = match &block.content {
        Content::Text(text) | Content::Refusal(text) => (text_tokens(text.len()), !text.trim().is_empty()),
        Content::Media(_) => (MEDIA_TOKENS, true),
        Content::ToolCall(call) => (text_tokens(call.arguments.as_text().len()), true),
        Content::ToolResult(result) => (result.content.iter().map(|part| piece(part).tokens).sum(), true),
        Content::Reasoning(text) => (text_tokens(text.len()), false),
        Content::Opaque(_, raw) => (text_tokens(raw.get().len()), false),
    };
    Piece { tokens, markable: markable && block.ext.get(SEARCH_RESULT).is_none() }
}

/// A tool as a piece. The vendor's own tools are written as they are.
pub(crate) fn tool(tool: &Tool<'_>) -> Piece {
    let schema = tool.parameters.as_ref().map_or(0, |json| json.get().len());
    let bytes = tool.name.len() + tool.description.as_ref().map_or(0, |text| text.len()) + schema;
    Piece { tokens: text_tokens(bytes), markable: !matches!(tool.kind, ToolKind::Hosted(..)) }
}

/// Whether the client set marks itself, anywhere.
fn is_marked(request: &Request<'_>) -> bool {
    let field = |field: &ExtField<'_>| {
        field.key == "cache_control" && field.value.get() != "null"
            || field.key == SEARCH_RESULT && field.value.get().contains("cache_control")
    };
    let raw = |text: &str| text.contains("\"cache_control\"");
    let block = |block: &Block<'_>| -> bool {
        let inner = match &block.content {
            Content::ToolResult(result) => result.content.iter().any(|part| {
                part.ext.iter().any(field)
                    || matches!(&part.content, Content::Opaque(_, json) if raw(json.get()))
            }),
            Content::Opaque(_, json) => raw(json.get()),
            _ => false,
        };
        inner || block.ext.iter().any(field)
    };
    let tool = |tool: &Tool<'_>| {
        tool.ext.iter().any(field) || matches!(&tool.kind, ToolKind::Hosted(_, json) if raw(json.get()))
    };
    request.ext.iter().any(field)
        || request.tools.iter().any(tool)
        || request.turns.iter().any(|turn| turn.ext.iter().any(field) || turn.blocks.iter().any(block))
}
