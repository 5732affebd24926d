//! What a model can do: what requests are written by when they are translated.

use serde::{Deserialize, Serialize};

/// What a model can do. What is absent is known by the model's name, or taken to be as most models have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Capabilities {
    /// The most output tokens; what Anthropic is asked for when the client sets no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10_000_000)))]
    pub max_output: Option<u32>,
    /// The most stop texts; 0: none are accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 64)))]
    pub max_stop: Option<u32>,
    /// When temperature, top_p and the like are accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling: Option<Sampling>,
    /// Whether temperature and top_p may be set together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature_with_top_p: Option<bool>,
    /// How reasoning is asked for; an empty list: it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = 4)))]
    pub thinking: Option<Vec<Thinking>>,
    /// The effort words the model accepts, least first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = 8), inner(length(min = 1, max = 16))))]
    pub efforts: Option<Vec<String>>,
    /// The least and the most tokens of a thinking budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Whether output by JSON Schema is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<bool>,
    /// Whether it is accepted together with tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_with_tools: Option<bool>,
    /// Whether schemas may be full JSON Schema (Gemini).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json_schema_fields: Option<bool>,
    /// When a tool call may be forced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forced_tool: Option<ForcedTool>,
    /// By what role instructions are given (OpenAI).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<Instructions>,
    /// Whether instructions may stand in the middle of the conversation (Anthropic).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mid_system: Option<bool>,
    /// Whether tool results may hold media.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_result_media: Option<bool>,
}

/// The least and the most tokens of a thinking budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Budget {
    /// The least.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 10_000_000)))]
    pub min: u32,
    /// The most.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 10_000_000)))]
    pub max: u32,
}

/// When sampling parameters are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Sampling {
    /// Always.
    Always,
    /// Only when the client turned reasoning off.
    EffortNone,
    /// Unless the client set an effort.
    WithoutEffort,
    /// Unless reasoning is on.
    WithoutThinking,
    /// Never.
    Never,
}

/// How reasoning is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Thinking {
    /// By a word.
    Effort,
    /// The model decides, guided by a word.
    Adaptive,
    /// By a number of tokens.
    Budget,
    /// By Gemini's level.
    Level,
}

/// When a tool call may be forced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Instructions {
    /// `system`.
    System,
    /// `developer`.
    Developer,
    /// Neither: they go to the first message of the user.
    User,
}
