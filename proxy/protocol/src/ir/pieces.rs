//! Messages that a stream divided, brought together again.

use std::borrow::Cow;

use super::{Block, Content, NONE, Request, Role, Turn};

/// The request with one turn for each run of the model's turns, if they are pieces (see [`Request::pieces`]): texts
/// that follow each other are one, and so are thoughts, up to the state that ends them. What stood in a later turn has
/// no position of its own: its path is that of the first.
pub(crate) fn whole<'r, 'a>(request: &'r Request<'a>) -> Cow<'r, Request<'a>> {
    if !request.pieces || is_whole(request) {
        return Cow::Borrowed(request);
    }
    let mut whole = request.clone();
    for mut turn in std::mem::take(&mut whole.turns) {
        if turn.role != Role::Assistant {
            whole.turns.push(turn);
            continue;
        }
        let blocks = std::mem::take(&mut turn.blocks);
        let later = whole.turns.last().is_some_and(|last| last.role == Role::Assistant);
        if !later {
            whole.turns.push(turn);
        }
        let Some(into) = whole.turns.last_mut() else { continue };
        blocks.into_iter().for_each(|block| add(&mut into.blocks, block, later));
    }
    Cow::Owned(whole)
}

/// Whether nothing is divided, as in a conversation that was not streamed.
fn is_whole(request: &Request<'_>) -> bool {
    let of_model = |turn: &Turn<'_>| turn.role == Role::Assistant;
    let mut turns = request.turns.iter().filter(|turn| of_model(turn));
    !request.turns.windows(2).any(|pair| of_model(&pair[0]) && of_model(&pair[1]))
        && !turns.any(|turn| turn.blocks.windows(2).any(|pair| goes_on(&pair[0], &pair[1])))
}

fn add<'a>(blocks: &mut Vec<Block<'a>>, mut block: Block<'a>, later: bool) {
    let Some(last) = blocks.last_mut().filter(|last| goes_on(last, &block)) else {
        block.at = if later { NONE } else { block.at };
        return blocks.push(block);
    };
    if let (Content::Text(text) | Content::Reasoning(text), Content::Text(more) | Content::Reasoning(more)) =
        (&mut last.content, block.content)
    {
        text.to_mut().push_str(&more);
    }
    last.state = block.state;
    last.ext.append(block.ext);
}

/// Whether a block is the next piece of the one before. State ends a block; a block that only holds state, which came
/// with something else, is no piece.
fn goes_on(last: &Block<'_>, block: &Block<'_>) -> bool {
    let same = matches!(
        (&last.content, &block.content),
        (Content::Text(_), Content::Text(_)) | (Content::Reasoning(_), Content::Reasoning(_))
    );
    let apart = block.at == NONE || block.state.as_ref().is_some_and(|state| state.redacted);
    same && last.state.is_none() && !apart
}
