//! Writing a request as it was read.

use serde_json::value::RawValue;

use crate::codec::Target;
use crate::ir::{Content, NONE, Request, State, Turn};
use crate::json::write::{List, Object};
use crate::state::has_tags;

use super::THIS;
use super::request::raw_input;
use super::write_item::write_reasoning_item;

/// Writes what was read, and the provider's name of the model. State that another provider made stays behind.
pub(super) fn write(o: &mut Object<'_>, request: &Request<'_>, target: &Target<'_>) {
    o.str("model", target.model);
    for field in request.ext.own(THIS, THIS).iter().filter(|field| field.inside.is_empty()) {
        o.field(&field.key, &field.value);
    }
    match raw_input(request.body) {
        Some(input) if has_tags(input.get().as_bytes()) => write_input(o, input, &request.turns),
        input => o.opt_raw("input", input.map(RawValue::get)),
    }
    o.opt_bool("stream", request.stream);
    o.opt_bool("parallel_tool_calls", request.parallel_tools);
    o.opt_raw("metadata", request.metadata.as_ref().map(|json| json.get()));
    o.opt_str("service_tier", request.service_tier.as_deref());
    o.opt_bool("store", request.store);
    o.opt_raw("temperature", request.sampling.temperature.as_deref());
    o.opt_raw("top_p", request.sampling.top_p.as_deref());
    o.opt_u64("top_logprobs", request.sampling.top_logprobs);
}

/// Writes an input that holds tagged state, item by item.
fn write_input(o: &mut Object<'_>, input: &RawValue, turns: &[Turn<'_>]) {
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(input.get()) else {
        return o.raw("input", input.get());
    };
    let said = turns.iter().filter(|turn| turn.at != NONE);
    o.list("input", |l| items.into_iter().zip(said).for_each(|(raw, turn)| write_item(l, raw, turn)));
}

fn write_item(l: &mut List<'_>, raw: &RawValue, turn: &Turn<'_>) {
    let block = turn.blocks.first();
    match block.map(|block| (&block.content, block.state.as_ref())) {
        Some((Content::Reasoning(text), state)) if has_tags(raw.get().as_bytes()) => {
            if let Some(state) = state.filter(|state| is_own(state)) {
                l.object(|o| write_reasoning_item(o, text, state));
            }
        }
        _ => l.raw(raw.get()),
    }
}

fn is_own(state: &State<'_>) -> bool {
    state.family == THIS.family()
}
