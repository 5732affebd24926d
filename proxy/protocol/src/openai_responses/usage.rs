//! Token counts of Responses (TRANSLATION §7).

use serde_json::value::RawValue;

use crate::ir::Usage;
use crate::json::write::Object;
use crate::json::{Count, lenient};

use super::wire;

/// Reads a usage object; `None` if it tells nothing.
pub(super) fn read(raw: &RawValue) -> Option<Usage> {
    let told: wire::Usage<'_> = lenient(raw.get()).ok()?;
    let count = |number: &Option<Count<'_>>| number.as_ref().and_then(Count::as_u64);
    count(&told.input_tokens).or(count(&told.output_tokens))?;
    let input = told.input_tokens_details.as_ref();
    let output = told.output_tokens_details.as_ref();
    Some(Usage {
        input_total: count(&told.input_tokens).unwrap_or(0),
        tool_input: None,
        cache_read: input.and_then(|details| count(&details.cached_tokens)),
        cache_write: input.and_then(|details| count(&details.cache_write_tokens)),
        output_total: count(&told.output_tokens).unwrap_or(0),
        reasoning: output.and_then(|details| count(&details.reasoning_tokens)),
    })
}

/// Writes the members of a usage object. Each is required, so what was not told is 0.
pub(super) fn write(o: &mut Object<'_>, usage: &Usage) {
    o.u64("input_tokens", usage.input());
    o.object("input_tokens_details", |o| {
        o.u64("cached_tokens", usage.cache_read.unwrap_or(0));
        o.u64("cache_write_tokens", usage.cache_write.unwrap_or(0));
    });
    o.u64("output_tokens", usage.output_total);
    o.object("output_tokens_details", |o| o.u64("reasoning_tokens", usage.reasoning.unwrap_or(0)));
    o.u64("total_tokens", usage.total());
}
