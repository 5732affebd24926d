//! Token counts.

/// Token counts of one answer. Each count that is part of another is included in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Everything the model read of the request, cached or not.
    pub input_total: u64,
    /// What it read besides: of tools that the provider ran (Gemini); `None` if not told.
    pub tool_input: Option<u64>,
    /// Of that, read from a prompt cache; `None` if not told.
    pub cache_read: Option<u64>,
    /// Of that, written to a prompt cache; `None` if not told.
    pub cache_write: Option<u64>,
    /// Everything the model wrote, reasoning included.
    pub output_total: u64,
    /// Of that, reasoning; `None` if not told.
    pub reasoning: Option<u64>,
}

impl Usage {
    /// Everything the model read: what is billed as input.
    pub fn input(&self) -> u64 {
        self.input_total.saturating_add(self.tool_input.unwrap_or(0))
    }

    /// Input that was neither read from nor written to a cache. Never below 0.
    pub fn input_uncached(&self) -> u64 {
        let cached = self.cache_read.unwrap_or(0).saturating_add(self.cache_write.unwrap_or(0));
        self.input().saturating_sub(cached)
    }

    /// Output that was not reasoning. Never below 0.
    pub fn output_visible(&self) -> u64 {
        self.output_total.saturating_sub(self.reasoning.unwrap_or(0))
    }

    /// Input and output.
    pub fn total(&self) -> u64 {
        self.input().saturating_add(self.output_total)
    }
}
