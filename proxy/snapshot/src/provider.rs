//! The body of a `providers/…` entry: an LLMProvider with everything resolved and defaulted.

use crate::Secret;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A provider as the proxies use it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Provider {
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// What answers.
    pub upstream: Upstream,
    /// The protocols it speaks.
    pub protocols: BTreeSet<Protocol>,
    /// Share of the traffic within one priority; 0 takes none.
    pub weight: u32,
    /// What it offers. Never empty.
    pub models: Vec<Model>,
    /// Time limits.
    pub timeouts: Timeouts,
    /// Request headers.
    pub headers: Headers,
    /// Whose keys may use it.
    pub visible_to: Visibility,
    /// How requests are written for it.
    #[serde(default)]
    pub options: Options,
}

/// How requests are written for a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Options {
    /// It knows `max_tokens` only, not `max_completion_tokens`.
    pub legacy_max_tokens: bool,
    /// Token counts are asked for in streams of Chat Completions and Completions, whether or not the client does.
    pub stream_usage: bool,
    /// Prompts are marked for its cache where that pays from this many tokens on; `None`: never.
    pub cache_min_tokens: Option<u64>,
    /// Whatever a translation would drop or change is refused instead.
    pub strict: bool,
    /// Clients of Chat Completions see what the model tells of its reasoning.
    pub show_reasoning: bool,
    /// It fetches media given by URL (Gemini).
    pub fetch_urls: bool,
    /// Web search is mapped between the vendors' tools.
    pub web_search: bool,
    /// It takes one system message.
    pub single_system: bool,
    /// The guardrail of Bedrock that watches over what is said.
    pub guardrail: Option<Guardrail>,
}

/// A guardrail of Bedrock.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Guardrail {
    /// Its id or ARN.
    pub id: String,
    /// Its version, or `DRAFT`.
    pub version: String,
    /// What of its findings Bedrock puts into answers.
    #[serde(default)]
    pub trace: GuardrailTrace,
}

/// What of a guardrail's findings Bedrock puts into answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardrailTrace {
    /// Nothing.
    #[default]
    Disabled,
    /// What it stepped in for.
    Enabled,
    /// All it looked at.
    EnabledFull,
}

/// What answers for a provider.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Upstream {
    /// An HTTP API.
    Http(Http),
    /// The proxy itself.
    Mock(Mock),
}

/// An HTTP API.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Http {
    /// Base URL without a trailing slash; the API's path (`/chat/completions`) is appended.
    pub base_url: String,
    /// API keys. Empty: none is sent.
    pub credentials: Vec<Credential>,
    /// How the certificate is checked; only for https.
    pub tls: Tls,
    /// How an API key is sent.
    #[serde(default)]
    pub auth: Auth,
    /// Azure OpenAI: the version of its API. Models are then deployments, named in the path.
    #[serde(default)]
    pub azure_api_version: Option<String>,
    /// The place in a cloud, if it is one of its models.
    #[serde(default)]
    pub cloud: Option<Cloud>,
}

/// A place in a cloud. What its models speak depends on the model, and `auth` does not apply.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cloud {
    /// Bedrock of AWS. Credentials are API keys of Bedrock, or an [`AwsAccessKey`] as JSON; none: the proxy's own
    /// identity.
    Bedrock {
        /// The region, `us-east-1`.
        region: String,
    },
    /// Vertex AI of Google. Credentials are keys of service accounts as the JSON that Google gives out; none: the
    /// proxy's own identity.
    Vertex {
        /// The project.
        project: String,
        /// The location, `europe-west1` or `global`.
        region: String,
    },
}

/// An access key of AWS.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct AwsAccessKey {
    /// Its id.
    pub access_key_id: String,
    /// What it signs with.
    pub secret_access_key: Secret,
    /// The token of its session, where it is a temporary one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<Secret>,
}

impl Http {
    /// An API as OpenAI has it, without credentials.
    #[must_use]
    pub fn new(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            credentials: Vec::new(),
            tls: Tls::default(),
            auth: Auth::Bearer,
            azure_api_version: None,
            cloud: None,
        }
    }
}

/// How an API key is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// `Authorization: Bearer`, as OpenAI has it.
    #[default]
    Bearer,
    /// `x-api-key`, as Anthropic has it.
    XApiKey,
    /// `x-goog-api-key`, as Gemini has it.
    XGoogApiKey,
    /// `api-key`, as Azure has it.
    ApiKey,
}

/// An API key of a provider.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Credential {
    /// `SECRET/KEY`: names it in messages, without telling it.
    pub name: String,
    /// The API key.
    pub value: Secret,
    /// Share of the provider's requests.
    pub weight: u32,
}

/// How a certificate is checked.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Tls {
    /// PEM of the trusted authorities; `None`: the well-known ones.
    pub ca_pem: Option<String>,
    /// Accept any certificate.
    pub insecure_skip_verify: bool,
    /// Name the certificate must be for; `None`: the host of the URL.
    pub server_name: Option<String>,
}

/// A wire protocol a provider can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// OpenAI Chat Completions.
    ChatCompletions,
    /// OpenAI Responses.
    Responses,
    /// OpenAI's legacy completions.
    Completions,
    /// OpenAI embeddings.
    Embeddings,
    /// Anthropic Messages, token counts included.
    Messages,
    /// Gemini generateContent, its streams and token counts included.
    GenerateContent,
    /// Gemini embedContent and batchEmbedContents.
    EmbedContent,
    /// OpenAI images. These and all below are passed through only.
    Images,
    /// OpenAI audio.
    Audio,
    /// OpenAI moderations.
    Moderations,
    /// Rerank, as Cohere, Jina and vLLM have it.
    Rerank,
    /// OpenAI files.
    Files,
    /// OpenAI batches.
    Batches,
    /// Bedrock's Converse and ConverseStream. This and what follows no client speaks.
    Converse,
    /// Amazon's Titan embeddings.
    TitanEmbeddings,
    /// Embeddings of Vertex AI.
    VertexEmbeddings,
}

/// One offered model.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Model {
    /// Public name, an alias included as an entry of its own. A trailing `*` stands for any ending.
    pub name: String,
    /// Name at the provider. A trailing `*` is replaced by what the public name's `*` matched.
    pub upstream: String,
    /// 0 is asked first.
    pub priority: u32,
    /// What it can do, where that differs from what is known by its name: the fields of the codecs' capabilities.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub capabilities: serde_json::Map<String, serde_json::Value>,
}

impl Model {
    /// A model of that public name and name at the provider, first in priority.
    #[must_use]
    pub fn new(name: impl Into<String>, upstream: impl Into<String>) -> Self {
        let capabilities = serde_json::Map::new();
        Self { name: name.into(), upstream: upstream.into(), priority: 0, capabilities }
    }
}

/// Time limits, in milliseconds, each more than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Timeouts {
    /// Until the connection stands.
    pub connect_ms: u64,
    /// From the request sent to the first byte of the response.
    pub first_byte_ms: u64,
    /// Between two chunks.
    pub stream_idle_ms: u64,
    /// One attempt altogether.
    pub total_ms: u64,
}

/// Request headers. Names are lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Headers {
    /// Sent with every request.
    pub set: Vec<(String, String)>,
    /// Client headers passed on.
    pub forward: Vec<String>,
    /// Never sent.
    pub remove: Vec<String>,
}

/// Whose keys may use a provider.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Every key.
    All,
    /// Keys of these namespaces.
    Namespaces(BTreeSet<String>),
}

/// How a mock answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Mock {
    /// Time to the first token, in milliseconds.
    pub latency_ms: u64,
    /// Tokens a second of a stream; 0: all at once.
    pub tokens_per_second: u32,
    /// What it says; `None`: the last user message.
    pub reply: Option<String>,
    /// Percentage of requests that fail, 0 to 100.
    pub error_percent: u32,
    /// How they fail.
    pub fault: Fault,
}

/// A way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Status 500.
    ServerError,
    /// Status 429 with `Retry-After`.
    RateLimit,
    /// The connection breaks before the first byte.
    Disconnect,
    /// No answer at all.
    Hang,
    /// A stream ends in the middle.
    Truncate,
}
