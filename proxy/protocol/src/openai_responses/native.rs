//! Writing a request as it was read.

use crate::codec::Target;
use crate::ir::{Content, NONE, Request, State, Turn};
use crate::json::write::{List, Object};

use super::THIS;
use super::facts::RAW;
use super::write_item::write_reasoning_item;

/// Writes what was read, and the provider's name of the model. State that another provider made stays behind.
pub(super) fn write(o: &mut Object<'_>, request: &Request<'_>, target: &Target<'_>) {
    let own = request.ext.own(THIS, THIS);
    o.str("model", target.model);
    for field in own.iter().filter(|field| field.inside.is_empty()) {
        o.field(&field.key, &field.value);
    }
    write_input(o, &request.turns);
    o.opt_bool("stream", request.stream);
    o.opt_bool("parallel_tool_calls", request.parallel_tools);
    o.opt_raw("metadata", request.metadata.as_ref().map(|json| json.get()));
    o.opt_str("service_tier", request.service_tier.as_deref());
    o.opt_bool("store", request.store);
    o.opt_raw("temperature", request.sampling.temperature.as_deref());
    o.opt_raw("top_p", request.sampling.top_p.as_deref());
    o.opt_u64("top_logprobs", request.sampling.top_logprobs);
}

/// The input: one text, or items.
fn write_input(o: &mut Object<'_>, turns: &[Turn<'_>]) {
    let mut said = turns.iter().filter(|turn| turn.at != NONE).peekable();
    match said.peek().map(|turn| (raw_of(turn), turn.blocks.first().map(|block| &block.content))) {
        Some((None, Some(Content::Text(text)))) => o.str("input", text),
        Some(_) => o.list("input", |l| said.for_each(|turn| write_turn(l, turn))),
        None => {}
    }
}

fn raw_of<'t>(turn: &'t Turn<'_>) -> Option<&'t [u8]> {
    let raw = turn.ext.iter().find(|field| (field.inside, field.key.as_ref()) == RAW);
    raw.map(|field| field.value.get().as_bytes())
}

fn write_turn(l: &mut List<'_>, turn: &Turn<'_>) {
    let Some(raw) = raw_of(turn) else { return };
    let block = turn.blocks.first();
    match block.map(|block| (&block.content, block.state.as_ref())) {
        Some((Content::Reasoning(text), Some(state))) if crate::state::has_tags(raw) => {
            if is_own(state) {
                l.object(|o| write_reasoning_item(o, text, state));
            }
        }
        // Raw text of a body that was read is UTF-8.
        _ => l.item().extend_from_slice(raw),
    }
}

fn is_own(state: &State<'_>) -> bool {
    state.family == THIS.family()
}
