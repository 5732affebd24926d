//! Events put in order for protocols whose blocks may not overlap.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::{BlockKind, Citation, Delta, Event, Logprob, Sink, State};

/// Passes events on so that one block is open at a time (Messages, TRANSLATION §8): what belongs to a later block
/// waits, its pieces joined, until the blocks before it have closed. Everything else passes at once. Holds at most
/// the text of one answer.
#[derive(Debug, Default)]
pub struct Sequence {
    /// Blocks that are not closed on the way out; the first of them is open there.
    blocks: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    block: u32,
    choice: u32,
    kind: BlockKind<'static>,
    text: String,
    logprobs: Vec<Logprob<'static>>,
    citations: Vec<Citation<'static>>,
    state: Option<State<'static>>,
    ended: bool,
}

impl Sequence {
    /// Takes one event and passes on what its turn has come for.
    pub fn event(&mut self, event: &Event<'_>, sink: &mut dyn Sink) {
        let is_open = |block: &u32| self.blocks.front().is_some_and(|first| first.block == *block);
        match event {
            Event::BlockStart { block, choice, kind } => {
                if self.blocks.is_empty() {
                    sink.event(event.clone());
                }
                self.blocks.push_back(Waiting {
                    block: *block,
                    choice: *choice,
                    kind: own_kind(kind),
                    text: String::new(),
                    logprobs: Vec::new(),
                    citations: Vec::new(),
                    state: None,
                    ended: false,
                });
            }
            Event::BlockEnd { block } if is_open(block) => {
                sink.event(event.clone());
                self.blocks.pop_front();
                self.next(sink);
            }
            Event::Delta { block, .. }
            | Event::Logprobs { block, .. }
            | Event::Citation { block, .. }
            | Event::Signature { block, .. }
            | Event::BlockEnd { block }
                if !is_open(block) =>
            {
                if let Some(waiting) = self.blocks.iter_mut().find(|waiting| waiting.block == *block) {
                    waiting.take(event);
                }
            }
            _ => sink.event(event.clone()),
        }
    }

    /// Opens the blocks whose turn has come: all that have ended, and one that has not.
    fn next(&mut self, sink: &mut dyn Sink) {
        while let Some(first) = self.blocks.front_mut() {
            first.open(sink);
            if !first.ended {
                return;
            }
            sink.event(Event::BlockEnd { block: first.block });
            self.blocks.pop_front();
        }
    }
}

impl Waiting {
    fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Delta { delta, .. } => self.text.push_str(match delta {
                Delta::Text(text) | Delta::Args(text) | Delta::Reasoning(text) | Delta::Refusal(text) => text,
            }),
            Event::Logprobs { logprobs, .. } => {
                self.logprobs.extend(logprobs.iter().cloned().map(Logprob::into_static));
            }
            Event::Citation { citation, .. } => self.citations.push(citation.clone().into_static()),
            Event::Signature { state, .. } => {
                self.state = Some(state.to_static());
            }
            Event::BlockEnd { .. } => self.ended = true,
            _ => {}
        }
    }

    fn open(&mut self, sink: &mut dyn Sink) {
        let block = self.block;
        sink.event(Event::BlockStart { block, choice: self.choice, kind: self.kind.clone() });
        // The state of a call stands before its arguments, that of anything else after its text.
        let is_call = matches!(self.kind, BlockKind::ToolCall { .. });
        if let Some(state) = self.state.take_if(|_| is_call) {
            sink.event(Event::Signature { block, state });
        }
        let text = Cow::Owned(std::mem::take(&mut self.text));
        let delta = match self.kind {
            BlockKind::Text => Delta::Text(text),
            BlockKind::Reasoning => Delta::Reasoning(text),
            BlockKind::Refusal => Delta::Refusal(text),
            BlockKind::ToolCall { .. } | BlockKind::Opaque(_) => Delta::Args(text),
        };
        let logprobs = std::mem::take(&mut self.logprobs);
        if !logprobs.is_empty() {
            sink.event(Event::Logprobs { block, logprobs });
        }
        let empty = matches!(&delta, Delta::Text(t) | Delta::Args(t) | Delta::Reasoning(t) | Delta::Refusal(t) if t.is_empty());
        if !empty {
            sink.event(Event::Delta { block, delta });
        }
        for citation in self.citations.drain(..) {
            sink.event(Event::Citation { block, citation });
        }
        if let Some(state) = self.state.take() {
            sink.event(Event::Signature { block, state });
        }
    }
}

fn own_kind(kind: &BlockKind<'_>) -> BlockKind<'static> {
    match kind {
        BlockKind::Text => BlockKind::Text,
        BlockKind::Reasoning => BlockKind::Reasoning,
        BlockKind::Refusal => BlockKind::Refusal,
        BlockKind::ToolCall { id, name, style } => BlockKind::ToolCall {
            id: Cow::Owned(id.to_string()),
            name: Cow::Owned(name.to_string()),
            style: *style,
        },
        BlockKind::Opaque(kind) => BlockKind::Opaque(Cow::Owned(kind.to_string())),
    }
}
