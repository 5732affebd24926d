//! Answers as streams and streams as answers, for recordings that exist in one way only.

use llm_protocol::ir::{Block, BlockKind, Content, Delta, Event, Fold, Response, Sink};

/// Gives the events of a whole answer; texts come in two pieces.
pub(crate) fn unfold(response: &Response<'_>, sink: &mut dyn Sink) {
    let word = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().unwrap_or("").to_owned();
    sink.event(Event::Start {
        id: word(&response.id).into(),
        model: word(&response.model).into(),
        created: response.created,
        service_tier: response.service_tier.as_deref().map(|tier| tier.to_owned().into()),
    });
    let mut number = 0;
    for choice in &response.choices {
        for block in choice.blocks() {
            block_events(number, choice.index, block, sink);
            number += 1;
        }
        if let Some(finish) = choice.finish {
            sink.event(Event::Finish {
                choice: choice.index,
                finish,
                native: word(&choice.native_finish).into(),
                stop_sequence: choice.stop_sequence.as_deref().map(|text| text.to_owned().into()),
                message: choice.finish_message.as_deref().map(|text| text.to_owned().into()),
            });
        }
    }
    response.usage.into_iter().for_each(|usage| sink.event(Event::Usage(usage)));
    sink.event(Event::End);
}

fn block_events(block: u32, choice: u32, one: &Block<'_>, sink: &mut dyn Sink) {
    type Make = fn(String) -> Delta<'static>;
    let (kind, text, delta): (BlockKind<'_>, String, Make) = match &one.content {
        Content::Text(text) => (BlockKind::Text, text.to_string(), |text| Delta::Text(text.into())),
        Content::Refusal(text) => (BlockKind::Refusal, text.to_string(), |text| Delta::Refusal(text.into())),
        Content::Reasoning(text) => {
            (BlockKind::Reasoning, text.to_string(), |text| Delta::Reasoning(text.into()))
        }
        Content::ToolCall(call) => {
            let kind = BlockKind::ToolCall {
                id: call.id.to_string().into(),
                name: call.name.to_string().into(),
                style: call.style,
            };
            (kind, call.arguments.as_text().into_owned(), |text| Delta::Args(text.into()))
        }
        Content::Opaque(kind, _) => {
            (BlockKind::Opaque(kind.to_string().into()), String::new(), |text| Delta::Text(text.into()))
        }
        Content::Media(_) | Content::ToolResult(_) => {
            (BlockKind::Opaque("media".into()), String::new(), |text| Delta::Text(text.into()))
        }
    };
    sink.event(Event::BlockStart { block, choice, kind });
    // The signature of a call comes before its arguments, that of reasoning after its text.
    let is_call = matches!(one.content, Content::ToolCall(_));
    let sign = |sink: &mut dyn Sink| {
        one.state.clone().into_iter().for_each(|state| sink.event(Event::Signature { block, state }));
    };
    if is_call {
        sign(sink);
    }
    let logprobs = one.logprobs().to_vec();
    if !logprobs.is_empty() {
        sink.event(Event::Logprobs { block, logprobs });
    }
    let middle = (text.len() / 2..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    for piece in [&text[..middle], &text[middle..]].into_iter().filter(|piece| !piece.is_empty()) {
        sink.event(Event::Delta { block, delta: delta(piece.to_owned()) });
    }
    for citation in one.citations().iter().cloned() {
        sink.event(Event::Citation { block, citation });
    }
    if !is_call {
        sign(sink);
    }
    sink.event(Event::BlockEnd { block });
}

/// Passes events on, the pieces of each block after its second joined into one: what a stream says, but shorter.
pub(crate) struct Shorter<S> {
    inner: S,
    /// For each block by number: how many pieces there were, and what waits.
    blocks: Vec<(u32, Option<Delta<'static>>)>,
}

impl<S: Sink> Shorter<S> {
    pub(crate) fn new(inner: S) -> Self {
        Shorter { inner, blocks: Vec::new() }
    }

    fn flush(&mut self, block: u32) {
        if let Some(delta) = self.blocks.get_mut(block as usize).and_then(|(_, waiting)| waiting.take()) {
            self.inner.event(Event::Delta { block, delta });
        }
    }
}

impl<S: Sink> Sink for Shorter<S> {
    fn event(&mut self, event: Event<'_>) {
        match &event {
            Event::BlockStart { .. } => self.blocks.push((0, None)),
            Event::Delta { block, delta } => {
                if let Some((count, waiting)) = self.blocks.get_mut(*block as usize) {
                    *count += 1;
                    if *count > 2 {
                        return join(waiting, delta);
                    }
                }
            }
            Event::Signature { block, .. } | Event::BlockEnd { block } => self.flush(*block),
            Event::Error(_) | Event::End => (0..self.blocks.len() as u32).for_each(|block| self.flush(block)),
            _ => {}
        }
        self.inner.event(event);
    }
}

fn join(waiting: &mut Option<Delta<'static>>, delta: &Delta<'_>) {
    let own = match delta {
        Delta::Text(text) => Delta::Text(text.to_string().into()),
        Delta::Args(text) => Delta::Args(text.to_string().into()),
        Delta::Reasoning(text) => Delta::Reasoning(text.to_string().into()),
        Delta::Refusal(text) => Delta::Refusal(text.to_string().into()),
    };
    match (waiting.as_mut(), &own) {
        (Some(Delta::Text(all)), Delta::Text(more))
        | (Some(Delta::Args(all)), Delta::Args(more))
        | (Some(Delta::Reasoning(all)), Delta::Reasoning(more))
        | (Some(Delta::Refusal(all)), Delta::Refusal(more)) => all.to_mut().push_str(more),
        _ => *waiting = Some(own),
    }
}

/// The whole answer of a stream that was complete.
pub(crate) fn whole(fold: Fold) -> Option<Response<'static>> {
    let complete = fold.is_complete();
    let (response, _) = fold.into_parts();
    complete.then_some(response)
}
