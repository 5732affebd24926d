//! The Kubernetes API of llm-proxy, group `llmproxy.dev`, version `v1alpha1`: the kinds
//! [`LLMProvider`](provider::LLMProviderSpec) and [`MasterKey`](key::MasterKeySpec).
//!
//! These are the types both programs and the schema generator share. They carry no Kubernetes client;
//! the `schema` feature adds what is needed to generate the CustomResourceDefinitions in `yaml/`.

mod caching;
pub mod capabilities;
mod cloud;
pub mod duration;
pub mod key;
pub mod mock;
pub mod provider;
#[cfg(feature = "schema")]
pub mod schema;
pub mod status;
mod translation;

/// API group of both kinds.
pub const GROUP: &str = "llmproxy.dev";
/// API version of both kinds.
pub const VERSION: &str = "v1alpha1";
/// `apiVersion` of both kinds.
pub const API_VERSION: &str = "llmproxy.dev/v1alpha1";

use serde::{Deserialize, Serialize};

/// Names one key of a Secret or ConfigMap in the namespace of the object that refers to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyRef {
    /// Name of the Secret or ConfigMap, in the same namespace.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 253)))]
    pub name: String,
    /// Key within its data.
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = 253), regex(pattern = r"^[-._a-zA-Z0-9]+$"))
    )]
    pub key: String,
}
