//! Writing a response.

use crate::account::{self, annotations};
use crate::codec::Reply;
use crate::ir::{Block, Choice, Content, Ext, Finish, Response};
use crate::json::write::{self, List, Object};
use crate::notes::Notes;

use super::write_native::{Own, write_media, write_turn};
use super::write_part::{self, Thoughts};
use super::{THIS, finish, logprobs, usage};

/// Writes a response body.
pub(super) fn encode(response: &Response<'_>, reply: &mut Reply, notes: &mut Notes) -> Vec<u8> {
    let mut body = Vec::with_capacity(1024);
    if response.source == THIS {
        write::object(&mut body, |o| native(o, response, reply));
    } else {
        write::object(&mut body, |o| foreign(o, response, reply, notes));
    }
    body
}

fn native(o: &mut Object<'_>, response: &Response<'_>, reply: &Reply) {
    let own = Own::of(&response.ext);
    let mut choices = response.choices.iter().filter(|choice| !is_blocked(choice)).peekable();
    if choices.peek().is_some() {
        o.list("candidates", |l| choices.for_each(|choice| l.object(|o| native_choice(o, choice))));
    }
    own.write(o, "");
    o.opt_str("responseId", response.id.as_deref());
    if response.model.is_some() {
        o.str("modelVersion", reply.model(response.model.as_deref()));
    }
    if let (Some(counts), false) = (&response.usage, own.has("", "usageMetadata")) {
        o.object("usageMetadata", |o| usage::write(o, counts));
    }
}

/// A blocked prompt: no candidate, but feedback on the prompt.
fn is_blocked(choice: &Choice<'_>) -> bool {
    choice.native_finish.as_deref().is_some_and(|word| word.starts_with(finish::BLOCKED))
}

fn native_choice(o: &mut Object<'_>, choice: &Choice<'_>) {
    let own = Own::of(&choice.ext);
    if let Some(turn) = choice.turns.first() {
        o.object("content", |o| write_turn(o, turn));
    }
    if !own.has("", "index") {
        o.u64("index", choice.index.into());
    }
    o.opt_str("finishReason", choice.native_finish.as_deref());
    o.opt_str("finishMessage", choice.finish_message.as_deref());
    own.write(o, "");
}

fn foreign(o: &mut Object<'_>, response: &Response<'_>, reply: &mut Reply, notes: &mut Notes) {
    account::response(response, THIS, notes);
    o.list("candidates", |l| {
        for choice in &response.choices {
            account::choice(response.source, THIS, choice, notes);
            annotations(choice, false, notes);
            l.object(|o| foreign_choice(o, choice, reply, notes));
        }
    });
    if let Some(counts) = &response.usage {
        o.object("usageMetadata", |o| usage::write(o, counts));
    }
    o.str("modelVersion", reply.model(response.model.as_deref()));
    match response.id.as_deref().filter(|id| !id.is_empty()) {
        Some(id) => o.str("responseId", id),
        None => o.str("responseId", &reply.ids.mint("")),
    }
}

fn foreign_choice(o: &mut Object<'_>, choice: &Choice<'_>, reply: &Reply, notes: &mut Notes) {
    o.object("content", |o| {
        o.list("parts", |l| {
            let mut writer = Parts { thoughts: Thoughts::new(reply.show_reasoning), choice, notes };
            choice.blocks().for_each(|block| writer.block(l, block));
            writer.rest(l);
        });
        o.str("role", "model");
    });
    let is_whole = |block: &Block<'_>| choice.cuts(block) || write_part::has_args(block);
    let finish = if choice.blocks().all(is_whole) { choice.finish } else { Some(Finish::BadCall) };
    let calls = choice.blocks().any(|block| block.content.call().is_some());
    let (word, warning) = finish::word(finish.unwrap_or(Finish::Unknown), "", calls);
    o.str("finishReason", word);
    o.u64("index", choice.index.into());
    logprobs::write(o, choice.blocks().flat_map(Block::logprobs));
    warning.into_iter().for_each(|warning| notes.tell(warning));
}

/// The parts of one choice.
struct Parts<'p, 'c> {
    thoughts: Thoughts,
    choice: &'p Choice<'c>,
    notes: &'p mut Notes,
}

impl Parts<'_, '_> {
    fn block(&mut self, l: &mut List<'_>, block: &Block<'_>) {
        let state = block.state.as_ref();
        match &block.content {
            Content::Reasoning(text) if self.thoughts.show && !text.is_empty() => {
                let waiting = self.thoughts.sign(None);
                waiting.into_iter().for_each(|waiting| write_part::alone(l, &waiting));
                write_part::text(l, text, true, state.map(write_part::signature).as_deref());
            }
            Content::Reasoning(_) => {
                let waiting = state.and_then(|state| self.thoughts.keep(state));
                waiting.into_iter().for_each(|waiting| write_part::alone(l, &waiting));
            }
            Content::Text(text) | Content::Refusal(text) => {
                if !text.is_empty() || state.is_some() {
                    let signature = self.thoughts.sign(state);
                    write_part::text(l, text, false, signature.as_deref());
                }
            }
            // Cut: no client may run it without the arguments that are missing.
            Content::ToolCall(_) if self.choice.cuts(block) => self.notes.tell(account::CALL_DROPPED),
            Content::ToolCall(call) => {
                // Malformed: the end of the answer says so.
                let Ok(args) = write_part::args(call) else { return };
                let signature = self.thoughts.sign(state);
                write_part::call(l, &call.id, &call.name, &args, signature.as_deref());
            }
            Content::Media(media) => l.object(|o| write_media(o, media, &Own::of(&Ext::default()))),
            Content::Opaque(..) | Content::ToolResult(_) => self.notes.tell("output_block_dropped"),
        }
    }

    /// What stands for the text of a refusal that has none, and state that no part took.
    fn rest(&mut self, l: &mut List<'_>) {
        let refused = self.choice.finish == Some(Finish::Refusal) && l.is_empty();
        let explanation = self.choice.finish_message.as_deref().filter(|_| refused);
        let signature = self.thoughts.sign(None);
        if explanation.is_some() || signature.is_some() {
            write_part::text(l, explanation.unwrap_or(""), false, signature.as_deref());
        }
    }
}
