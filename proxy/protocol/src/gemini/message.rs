//! Reading messages.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::ir::{Block, Content, Ext, Role, Turn};
use crate::json::{Few, constant};

use super::facts::{ABSENT, twin};
use super::wire::Message;
use super::{THIS, part};

/// Words of roles; the first two are all that Gemini still documents.
const ROLES: [(&str, Role); 3] =
    [("\"user\"", Role::User), ("\"model\"", Role::Assistant), ("\"function\"", Role::User)];

/// Reads the message at that position. `role` is whose it is if it does not say. An unknown role is kept for
/// Gemini to judge, and counts as the user's.
pub(super) fn decode(message: Message<'_>, role: Role, at: u32) -> Turn<'_> {
    let mut turn = Turn { role, blocks: Vec::new(), plain: false, at, ext: Ext::of(message.rest) };
    match message.role {
        None => turn.ext.push(ABSENT, "role", RawValue::NULL),
        Some(raw) => {
            let known = ROLES.iter().find(|(word, _)| *word == raw.get()).map(|(_, role)| *role);
            if !role.is_system() {
                turn.role = known.unwrap_or(Role::User);
            }
            if raw.get() != word(turn.role) {
                twin(&mut turn.ext, "", "role", raw);
            }
        }
    }
    match message.parts {
        None => turn.ext.push(ABSENT, "parts", RawValue::NULL),
        Some(Few(parts)) if parts.is_empty() => twin(&mut turn.ext, "", "parts", constant("[]")),
        Some(Few(parts)) => {
            turn.blocks.reserve_exact(parts.len());
            for (i, one) in parts.into_iter().enumerate() {
                push(&mut turn.blocks, part::decode(one, i as u32));
            }
        }
    }
    turn
}

/// Adds a block. State of another family stands on a thought of its own before the part it came with: that is
/// where the other protocols look for it.
fn push<'a>(blocks: &mut Vec<Block<'a>>, mut block: Block<'a>) {
    let is_foreign = block.state.as_ref().is_some_and(|state| state.family != THIS.family());
    if is_foreign && !matches!(block.content, Content::Reasoning(_)) {
        let mut thought = Block::new(Content::Reasoning(Cow::Borrowed("")));
        thought.state = block.state.take();
        blocks.push(thought);
    }
    blocks.push(block);
}

/// The word of a role, as a JSON string.
pub(super) fn word(role: Role) -> &'static str {
    if role == Role::Assistant { "\"model\"" } else { "\"user\"" }
}
