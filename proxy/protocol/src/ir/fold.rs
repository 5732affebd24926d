//! Events folded back into a whole answer.

use std::borrow::Cow;

use crate::error::ApiError;
use crate::protocol::Protocol;

use super::{
    Arguments, Block, BlockKind, Choice, Content, Delta, Event, Logprob, NONE, Response, Role, Sink,
    ToolCall, Turn, Usage,
};

/// Collects a stream into the response it amounts to.
#[derive(Debug)]
pub struct Fold {
    response: Response<'static>,
    /// For each block by number: its choice, turn and position.
    places: Vec<(usize, usize, usize)>,
    ended: bool,
    error: Option<ApiError>,
}

impl Fold {
    /// Of a stream of that protocol.
    pub fn new(source: Protocol) -> Self {
        let response = Response {
            source,
            id: None,
            model: None,
            created: None,
            service_tier: None,
            choices: Vec::new(),
            usage: None,
            error: None,
            ext: Default::default(),
        };
        Fold { response, places: Vec::new(), ended: false, error: None }
    }

    /// The answer so far, and the error that ended it.
    pub fn into_parts(self) -> (Response<'static>, Option<ApiError>) {
        (self.response, self.error)
    }

    /// Whether the stream reached its end without an error.
    pub fn is_complete(&self) -> bool {
        self.ended && self.error.is_none()
    }

    /// The usage so far.
    pub fn usage(&self) -> Option<Usage> {
        self.response.usage
    }

    /// Forgets what was said: the provider began again.
    fn void(&mut self) {
        self.response.choices.clear();
        self.places.fill((usize::MAX, 0, 0));
    }

    fn choice(&mut self, index: u32) -> usize {
        if let Some(at) = self.response.choices.iter().position(|choice| choice.index == index) {
            return at;
        }
        self.response.choices.push(Choice { index, turns: vec![turn()], ..Choice::default() });
        self.response.choices.len() - 1
    }

    fn open(&mut self, choice: u32, kind: BlockKind<'_>) {
        let content = match kind {
            BlockKind::Text => Content::Text(Cow::Borrowed("")),
            BlockKind::Reasoning => Content::Reasoning(Cow::Borrowed("")),
            BlockKind::Refusal => Content::Refusal(Cow::Borrowed("")),
            BlockKind::ToolCall { id, name, style } => Content::ToolCall(ToolCall {
                id: Cow::Owned(id.into_owned()),
                made_id: false,
                name: Cow::Owned(name.into_owned()),
                arguments: Arguments::Text(Cow::Borrowed("")),
                style,
            }),
            BlockKind::Opaque(kind) => Content::Opaque(
                Cow::Owned(kind.into_owned()),
                Cow::Borrowed(serde_json::value::RawValue::NULL),
            ),
        };
        let choice = self.choice(choice);
        let turns = &mut self.response.choices[choice].turns;
        let last = turns.len() - 1;
        turns[last].blocks.push(Block::new(content));
        self.places.push((choice, last, turns[last].blocks.len() - 1));
    }

    fn block(&mut self, number: u32) -> Option<&mut Block<'static>> {
        let (choice, turn, at) = *self.places.get(number as usize)?;
        self.response.choices.get_mut(choice)?.turns.get_mut(turn)?.blocks.get_mut(at)
    }

    fn extend(&mut self, number: u32, delta: &Delta<'_>) {
        let Some(block) = self.block(number) else { return };
        let (into, piece) = match (&mut block.content, delta) {
            (Content::Text(into), Delta::Text(piece))
            | (Content::Reasoning(into), Delta::Reasoning(piece))
            | (Content::Refusal(into), Delta::Refusal(piece)) => (into, piece),
            (Content::ToolCall(ToolCall { arguments: Arguments::Text(into), .. }), Delta::Args(piece)) => {
                (into, piece)
            }
            _ => return,
        };
        into.to_mut().push_str(piece);
    }
}

fn turn() -> Turn<'static> {
    Turn { role: Role::Assistant, blocks: Vec::new(), plain: false, at: NONE, ext: Default::default() }
}

impl Sink for Fold {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start { id, model, created, service_tier } => {
                self.void();
                self.response.created = created;
                self.response.service_tier = service_tier.map(|tier| Cow::Owned(tier.into_owned()));
                self.response.id = Some(Cow::Owned(id.into_owned()));
                self.response.model = Some(Cow::Owned(model.into_owned()));
            }
            Event::BlockStart { choice, kind, .. } => self.open(choice, kind),
            Event::Delta { block, delta } => self.extend(block, &delta),
            Event::Logprobs { block, logprobs } => {
                if let Some(block) = self.block(block) {
                    block.marks_mut().logprobs.extend(logprobs.into_iter().map(Logprob::into_static));
                }
            }
            Event::Citation { block, citation } => {
                if let Some(block) = self.block(block) {
                    block.marks_mut().citations.push(citation.into_static());
                }
            }
            Event::Signature { block, state } => {
                if let Some(block) = self.block(block) {
                    block.state = Some(state.to_static());
                }
            }
            Event::Message { choice } => {
                let choice = self.choice(choice);
                self.response.choices[choice].turns.push(turn());
            }
            Event::BlockEnd { .. } | Event::Extension(_) => {}
            Event::Finish { choice, finish, native, stop_sequence, message } => {
                let at = self.choice(choice);
                let choice = &mut self.response.choices[at];
                choice.finish = Some(finish);
                choice.native_finish = Some(Cow::Owned(native.into_owned()));
                choice.stop_sequence = stop_sequence.map(|text| Cow::Owned(text.into_owned()));
                choice.finish_message = message.map(|text| Cow::Owned(text.into_owned()));
            }
            Event::Usage(usage) => self.response.usage = Some(usage),
            Event::Error(error) => self.error = Some(*error),
            Event::End => self.ended = true,
        }
    }
}
