//! What translations between protocols may do.

use serde::{Deserialize, Serialize};

/// How clients of other protocols are served. Everything is off by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Translation {
    /// Clients of Chat Completions, which have no way to ask, see what the model tells of its reasoning, as
    /// `reasoning_content`. Clients of the other protocols ask for it themselves.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub show_reasoning: bool,
    /// Media given by URL are passed to Gemini, which fetches them itself; without it such requests are refused. The
    /// proxy never fetches any.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fetch_urls: bool,
    /// The web search tool of Responses and Messages becomes Gemini's, and the reverse; without it such requests are
    /// refused.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub web_search: bool,
    /// The server takes one system message, at the beginning: several are joined, later ones become text of the user.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub single_system: bool,
}
