//! Token counts of generateContent (TRANSLATION §7).

use serde_json::value::RawValue;

use crate::ir::Usage;
use crate::json::write::Object;
use crate::json::{Count, lenient};

use super::wire;

/// The counts told so far. In a stream each chunk repeats them, cumulative, and may leave some out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    prompt: Option<u64>,
    tools: Option<u64>,
    cached: Option<u64>,
    candidates: Option<u64>,
    thoughts: Option<u64>,
}

impl Counts {
    /// Takes the counts that a `usageMetadata` object tells.
    pub(super) fn take(&mut self, raw: &RawValue) {
        let Ok(usage) = lenient::<wire::Usage<'_>>(raw.get()) else { return };
        let newer =
            |old: &mut Option<u64>, new: Option<Count<'_>>| *old = new.and_then(|n| n.as_u64()).or(*old);
        newer(&mut self.prompt, usage.prompt_token_count);
        newer(&mut self.tools, usage.tool_use_prompt_token_count);
        newer(&mut self.cached, usage.cached_content_token_count);
        newer(&mut self.candidates, usage.candidates_token_count);
        newer(&mut self.thoughts, usage.thoughts_token_count);
    }

    /// The neutral counts; `None` if nothing was told. Each count is apart from the others: thoughts from the
    /// candidates' tokens, and what tools said that Google ran from the prompt.
    pub(super) fn usage(&self) -> Option<Usage> {
        let told = self.prompt.or(self.candidates).or(self.thoughts).is_some();
        told.then(|| Usage {
            input_total: self.prompt.unwrap_or(0),
            tool_input: self.tools,
            cache_read: self.cached,
            cache_write: None,
            output_total: self.candidates.unwrap_or(0).saturating_add(self.thoughts.unwrap_or(0)),
            reasoning: self.thoughts,
        })
    }
}

/// Reads a `usageMetadata` object.
pub(super) fn read(raw: &RawValue) -> Option<Usage> {
    let mut counts = Counts::default();
    counts.take(raw);
    counts.usage()
}

/// Writes the members of a `usageMetadata` object.
pub(super) fn write(o: &mut Object<'_>, usage: &Usage) {
    o.u64("promptTokenCount", usage.input_total);
    o.opt_u64("toolUsePromptTokenCount", usage.tool_input);
    o.u64("candidatesTokenCount", usage.output_visible());
    o.u64("totalTokenCount", usage.total());
    o.opt_u64("cachedContentTokenCount", usage.cache_read);
    o.opt_u64("thoughtsTokenCount", usage.reasoning);
}
