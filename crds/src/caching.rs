//! Marks for the prompt caches of providers.

use serde::{Deserialize, Serialize};

/// Whether prompts are marked for the provider's prompt cache.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PromptCaching {
    /// Off: never. Auto: where the client sets no marks of its own.
    pub mode: CachingMode,
    /// The fewest tokens worth a mark.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1_000_000)))]
    pub min_tokens: u32,
}

impl Default for PromptCaching {
    fn default() -> Self {
        Self { mode: CachingMode::Off, min_tokens: 1024 }
    }
}

/// When prompts are marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum CachingMode {
    /// Never.
    #[default]
    Off,
    /// Where the client sets no marks of its own: the last tool, the instructions, and the history.
    Auto,
}
