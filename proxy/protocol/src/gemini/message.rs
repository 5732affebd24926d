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
                turn.blocks.push(part::decode(one, i as u32));
                set_apart(&mut turn.blocks);
            }
        }
    }
    turn
}

/// State of another family that came with the last part stands on a thought of its own before it: that is where the
/// other protocols look for it.
fn set_apart(blocks: &mut Vec<Block<'_>>) {
    let last = blocks.last_mut().filter(|last| !matches!(last.content, Content::Reasoning(_)));
    let foreign = last.and_then(|last| last.state.take_if(|state| state.family != THIS.family()));
    if let Some(state) = foreign {
        let mut thought = Block::new(Content::Reasoning(Cow::Borrowed("")));
        thought.state = Some(state);
        blocks.insert(blocks.len() - 1, thought);
    }
}

/// The word of a role, as a JSON string.
pub(super) fn word(role: Role) -> &'static str {
    if role == Role::Assistant { "\"model\"" } else { "\"user\"" }
}
