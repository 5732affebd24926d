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
