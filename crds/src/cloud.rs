//! Where models of clouds are.

use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use crate::schema::pattern;

/// How Azure OpenAI is spoken to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Azure {
    /// Version of the API, as `2025-04-01-preview`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 32), regex(pattern = pattern::API_VERSION)))]
    pub api_version: String,
}

/// Where models of Bedrock are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bedrock {
    /// Region of AWS, as `us-east-1`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 32), regex(pattern = pattern::REGION)))]
    pub region: String,
    /// The guardrail that watches over prompts and answers of Converse, in the same region. Clients are told of an answer
    /// that it stepped in for as of one that was filtered (`finish_reason: content_filter`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guardrail: Option<Guardrail>,
}

/// A guardrail of Bedrock.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Guardrail {
    /// Its id, or its ARN.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 2048), regex(pattern = pattern::GUARDRAIL)))]
    pub id: String,
    /// Its version, as `1`, or `DRAFT`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 8), regex(pattern = pattern::GUARDRAIL_VERSION)))]
    pub version: String,
    /// Whether Bedrock puts its findings into answers, and so into its logs of invocations. Clients do not get them.
    #[serde(default)]
    pub trace: GuardrailTrace,
}

/// What of a guardrail's findings Bedrock tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum GuardrailTrace {
    /// Nothing.
    #[default]
    Disabled,
    /// What it stepped in for.
    Enabled,
    /// All it looked at.
    EnabledFull,
}

/// Where models of Vertex AI are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Vertex {
    /// Project of Google Cloud, by its id.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 64), regex(pattern = pattern::PROJECT)))]
    pub project: String,
    /// Location, as `europe-west1` or `global`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 32), regex(pattern = pattern::REGION)))]
    pub region: String,
}
