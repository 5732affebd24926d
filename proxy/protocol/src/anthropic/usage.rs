//! Token counts of Messages (TRANSLATION §7).

use serde_json::value::RawValue;

use crate::ir::Usage;
use crate::json::write::Object;
use crate::json::{Count, lenient};

use super::wire;

/// Counts as a provider tells them, in one piece or in several: a later one replaces an earlier one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    read: Option<u64>,
    write: Option<u64>,
    reasoning: Option<u64>,
}

impl Counts {
    /// Takes what is told.
    pub(super) fn take(&mut self, told: &wire::Usage<'_>) {
        let mut set = |slot: fn(&mut Counts) -> &mut Option<u64>, number: &Option<Count<'_>>| {
            if let Some(count) = number.as_ref().and_then(Count::as_u64) {
                *slot(self) = Some(count);
            }
        };
        set(|counts| &mut counts.input, &told.input_tokens);
        set(|counts| &mut counts.output, &told.output_tokens);
        set(|counts| &mut counts.read, &told.cache_read_input_tokens);
        set(|counts| &mut counts.write, &told.cache_creation_input_tokens);
        if let Some(details) = &told.output_tokens_details {
            set(|counts| &mut counts.reasoning, &details.thinking_tokens);
        }
    }

    /// The neutral counts; `None` if nothing was told. The vendor's `input_tokens` leaves cached tokens out; caches it does not mention were not
    /// used.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.input.or(self.output)?;
        let (read, write) = (self.read.unwrap_or(0), self.write.unwrap_or(0));
        Some(Usage {
            input_total: self.input.unwrap_or(0).saturating_add(read).saturating_add(write),
            tool_input: None,
            cache_read: Some(read),
            cache_write: Some(write),
            output_total: self.output.unwrap_or(0),
            reasoning: self.reasoning,
        })
    }
}

/// Reads a usage object; `None` if it tells nothing.
pub(super) fn read(raw: &RawValue) -> Option<Usage> {
    let told: wire::Usage<'_> = lenient(raw.get()).ok()?;
    let mut counts = Counts::default();
    counts.take(&told);
    counts.usage()
}

/// Writes the members of a usage object.
pub(super) fn write(o: &mut Object<'_>, usage: &Usage) {
    o.u64("input_tokens", usage.input_uncached());
    o.u64("cache_creation_input_tokens", usage.cache_write.unwrap_or(0));
    o.u64("cache_read_input_tokens", usage.cache_read.unwrap_or(0));
    o.u64("output_tokens", usage.output_total);
    if let Some(reasoning) = usage.reasoning {
        o.object("output_tokens_details", |o| o.u64("thinking_tokens", reasoning));
    }
}
