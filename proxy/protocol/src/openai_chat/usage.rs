//! Token counts of Chat Completions (TRANSLATION §7).

use serde_json::value::RawValue;

use crate::ir::Usage;
use crate::json::write::Object;
use crate::json::{Count, lenient};

use super::wire;

/// Reads a usage object; `None` if it is not one.
pub(crate) fn read(raw: &RawValue) -> Option<Usage> {
    lenient::<wire::Usage<'_>>(raw.get()).ok().and_then(|usage| decode(&usage))
}

/// The neutral counts; `None` if nothing was told. Some servers (xAI) leave reasoning out of the completion tokens although the total has it:
/// then it is added.
pub(super) fn decode(usage: &wire::Usage<'_>) -> Option<Usage> {
    let count = |number: &Option<Count<'_>>| number.as_ref().and_then(Count::as_u64);
    count(&usage.prompt_tokens).or(count(&usage.completion_tokens))?;
    let input = usage.prompt_tokens_details.as_ref();
    let output = usage.completion_tokens_details.as_ref();
    let mut read = Usage {
        input_total: count(&usage.prompt_tokens).unwrap_or(0),
        tool_input: None,
        cache_read: input.and_then(|details| count(&details.cached_tokens)),
        cache_write: input.and_then(|details| count(&details.cache_write_tokens)),
        output_total: count(&usage.completion_tokens).unwrap_or(0),
        reasoning: output.and_then(|details| count(&details.reasoning_tokens)),
    };
    let with_reasoning = read.total().saturating_add(read.reasoning.unwrap_or(0));
    if with_reasoning > read.total() && count(&usage.total_tokens) == Some(with_reasoning) {
        read.output_total = read.output_total.saturating_add(read.reasoning.unwrap_or(0));
    }
    Some(read)
}

/// Writes the members of a usage object.
pub(crate) fn write(o: &mut Object<'_>, usage: &Usage) {
    o.u64("prompt_tokens", usage.input());
    o.u64("completion_tokens", usage.output_total);
    o.u64("total_tokens", usage.total());
    // What was not told is not written as 0.
    if usage.cache_read.is_some() || usage.cache_write.is_some() {
        o.object("prompt_tokens_details", |o| {
            o.opt_u64("cached_tokens", usage.cache_read);
            o.opt_u64("cache_write_tokens", usage.cache_write);
        });
    }
    if let Some(reasoning) = usage.reasoning {
        o.object("completion_tokens_details", |o| o.u64("reasoning_tokens", reasoning));
    }
}
