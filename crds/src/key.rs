//! `MasterKey`: one client of the gateway.

use crate::KeyRef;
use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use crate::schema::pattern;

/// A key that clients authenticate with, and what it may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MasterKeySpec {
    /// Refuses the key without deleting it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// The Secret, and the key in it, that holds a key you made yourself. Any form of at least 16 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<KeyRef>,
    /// Has the operator make the key and deliver it in a Secret of this namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generate: Option<Generate>,
    /// From this moment the key is refused (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = 40), extend("format" = "date-time")))]
    pub expires_at: Option<String>,
    /// Public model names the key may use; `*` stands for any characters. Absent: all that its namespace may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = 64), inner(length(min = 1, max = 128), regex(pattern = pattern::GLOB)))
    )]
    pub allowed_models: Option<Vec<String>>,
    /// Public model names the key may not use, whatever `allowedModels` says; `*` stands for any characters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(
        feature = "schema",
        schemars(length(max = 64), inner(length(min = 1, max = 128), regex(pattern = pattern::GLOB)))
    )]
    pub denied_models: Vec<String>,
}

/// A key made by the operator.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Generate {
    /// Name of the Secret to write, with the variables the OpenAI and Anthropic SDKs read, for `envFrom`.
    /// It is deleted with the MasterKey. Immutable.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 253), regex(pattern = pattern::DNS_NAME)))]
    pub secret_name: String,
}
