//! What models can do: data, not code (TRANSLATION §12).
//!
//! `models.json` lists name prefixes and how their models differ from the defaults. The longest prefix that fits a
//! name wins; a route may override any capability.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// What a model can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Capabilities {
    /// The most output tokens, where known.
    pub max_output: Option<u64>,
    /// The most stop texts; 0: none are accepted.
    pub max_stop: Option<u32>,
    /// When sampling parameters are accepted.
    pub sampling: SamplingRule,
    /// Temperature and `top_p` may be set together.
    pub temperature_with_top_p: bool,
    /// How reasoning is asked for; several if the model takes either.
    pub thinking: Vec<ThinkingStyle>,
    /// Effort words accepted, least first.
    pub efforts: Vec<String>,
    /// The least and most thinking budget in tokens, where budgets exist.
    pub budget: Option<(u64, u64)>,
    /// Output by JSON Schema. Where not, Claude and models on Bedrock are made to call a tool, and others are told the
    /// schema in words.
    pub schema: bool,
    /// Output by JSON Schema. Where not, Claude and models on Bedrock are made to call a tool, and others are told the
    /// schema in words.together with tools.
    pub schema_with_tools: bool,
    /// Schemas are taken as JSON Schema; if not, only in the OpenAPI subset (Gemini).
    pub json_schema_fields: bool,
    /// When a tool call may be forced.
    pub forced_tool: ForcedTool,
    /// By what role instructions are given.
    pub instructions: InstructionRole,
    /// Instructions may stand in the middle of the conversation.
    pub mid_system: bool,
    /// Tool results may hold media.
    pub tool_result_media: bool,
}

/// When sampling parameters are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SamplingRule {
    /// Always.
    Always,
    /// Only when the client turned reasoning off (`none`).
    EffortNone,
    /// Unless the client set an effort other than `none`.
    WithoutEffort,
    /// Unless reasoning is on.
    WithoutThinking,
    /// Never.
    Never,
}

/// How reasoning is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThinkingStyle {
    /// A word.
    Effort,
    /// The model decides, guided by a word.
    Adaptive,
    /// A number of tokens.
    Budget,
    /// Gemini's level.
    Level,
}

/// When a tool call may be forced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForcedTool {
    /// Always.
    Always,
    /// Unless thinking has a budget.
    WithoutBudget,
    /// Unless the model thinks.
    WithoutThinking,
    /// Never.
    Never,
}

/// By what role instructions are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstructionRole {
    /// `system`.
    System,
    /// `developer`.
    Developer,
    /// Neither: they go to the user's first message.
    User,
}

impl Default for Capabilities {
    fn default() -> Self {
        Capabilities {
            max_output: None,
            max_stop: None,
            sampling: SamplingRule::Always,
            temperature_with_top_p: true,
            thinking: Vec::new(),
            efforts: Vec::new(),
            budget: None,
            schema: true,
            schema_with_tools: true,
            json_schema_fields: true,
            forced_tool: ForcedTool::Always,
            instructions: InstructionRole::System,
            mid_system: false,
            tool_result_media: false,
        }
    }
}

impl Capabilities {
    /// The capabilities of a model by its provider's name. Names may carry a vendor (`anthropic/…`, `us.anthropic.…`,
    /// `models/…`). An unknown Claude has those of the newest generation; anything else unknown has the defaults.
    pub fn of(model: &str) -> &'static Capabilities {
        let longest = |name: &str| table().iter().find(|(prefix, _)| begins(name, prefix));
        let found = names(model).filter_map(longest).max_by_key(|(prefix, _)| prefix.len());
        found.map_or_else(defaults, |(_, capabilities)| capabilities)
    }

    /// The same with some of them overridden, as a JSON object of these fields.
    ///
    /// # Errors
    /// A field that does not exist, or a value of the wrong type.
    pub fn overridden(
        &self,
        overrides: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<Self, serde_json::Error> {
        merge(self, overrides)
    }

    /// Whether reasoning can be asked for in that way.
    pub fn thinks(&self, style: ThinkingStyle) -> bool {
        self.thinking.contains(&style)
    }
}

/// The name, and the name after each mark that may end a vendor's.
fn names(model: &str) -> impl Iterator<Item = &str> {
    let marks = model.bytes().enumerate().filter(|(_, byte)| matches!(byte, b'/' | b'.'));
    std::iter::once(model).chain(marks.map(|(at, _)| &model[at + 1..]))
}

/// Whether a name begins so; whether it is all of the name, a variant apart, if the prefix ends in `$`. Providers write
/// versions with dots or hyphens.
fn begins(name: &str, prefix: &str) -> bool {
    let (prefix, is_whole) = prefix.strip_suffix('$').map_or((prefix, false), |prefix| (prefix, true));
    let Some((start, rest)) = name.as_bytes().split_at_checked(prefix.len()) else { return false };
    let plain = |byte: &u8| if *byte == b'.' { b'-' } else { byte.to_ascii_lowercase() };
    start.iter().map(plain).eq(prefix.as_bytes().iter().map(plain))
        && (!is_whole || matches!(rest, [] | [b':' | b'@', ..]))
}

fn merge(
    base: &Capabilities,
    overrides: &serde_json::Map<String, serde_json::Value>,
) -> Result<Capabilities, serde_json::Error> {
    let mut fields = base_fields(base);
    fields.extend(overrides.clone());
    serde_json::from_value(serde_json::Value::Object(fields))
}

fn base_fields(base: &Capabilities) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(base) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    }
}

#[derive(Deserialize)]
struct Row {
    names: Vec<String>,
    #[serde(flatten)]
    differs: serde_json::Map<String, serde_json::Value>,
}

fn defaults() -> &'static Capabilities {
    static DEFAULTS: OnceLock<Capabilities> = OnceLock::new();
    DEFAULTS.get_or_init(Capabilities::default)
}

/// By prefix, the longest first.
fn table() -> &'static [(String, Capabilities)] {
    static TABLE: OnceLock<Vec<(String, Capabilities)>> = OnceLock::new();
    // The file is part of the program; a test reads it, so an unreadable one cannot be released.
    TABLE.get_or_init(|| read(include_str!("models.json")).unwrap_or_default())
}

fn read(text: &str) -> Result<Vec<(String, Capabilities)>, serde_json::Error> {
    let rows: Vec<Row> = serde_json::from_str(text)?;
    let mut table = Vec::new();
    for row in rows {
        let capabilities = merge(defaults(), &row.differs)?;
        table.extend(row.names.into_iter().map(|name| (name, capabilities.clone())));
    }
    table.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    Ok(table)
}
