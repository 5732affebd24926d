//! `LLMProvider`: one place that answers model calls.

use crate::KeyRef;
use crate::duration::Duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use crate::caching::{CachingMode, PromptCaching};
pub use crate::capabilities::Capabilities;
pub use crate::cloud::{Azure, Bedrock, Guardrail, GuardrailTrace, Vertex};
pub use crate::mock::{Fault, Mock};
pub use crate::translation::Translation;

#[cfg(feature = "schema")]
use crate::schema::pattern;

/// A provider of models: where it is, how to authenticate, what it serves, and its share of the traffic.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LLMProviderSpec {
    /// What kind of provider this is. Immutable: delete the object and create it anew to change it.
    #[serde(rename = "type")]
    pub type_: ProviderType,
    /// Takes the provider out of service; its models vanish from it, requests in flight finish.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
    /// Where the provider answers. Required for OpenAICompatible and AzureOpenAI; Mock has none; the
    /// others have a default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// The protocols the provider speaks. Clients of another protocol are served by translation. Default by type:
    /// OpenAI all of OpenAI's, OpenAICompatible and AzureOpenAI ChatCompletions, Completions and Embeddings, Anthropic
    /// Messages, Gemini GenerateContent and EmbedContent, Mock ChatCompletions. For Bedrock and VertexAI
    /// it follows from the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 16)))]
    pub protocols: Option<Vec<Protocol>>,
    /// How Azure OpenAI is spoken to; for type AzureOpenAI only, and required there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure: Option<Azure>,
    /// Where models of Bedrock are, and what watches over them; for type Bedrock only, and required there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bedrock: Option<Bedrock>,
    /// Where models of Vertex AI are; for type VertexAI only, and required there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vertex: Option<Vertex>,
    /// How a Mock provider answers; for type Mock only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mock: Option<Mock>,
    /// API keys of the provider, in Secrets of this namespace. Requests are spread over them by weight. VertexAI takes
    /// keys of service accounts, as the JSON that Google gives out. Bedrock takes API keys of Bedrock, or an access key:
    /// name the key accessKeyId, and the same Secret's secretAccessKey and sessionToken, if it has one, go with it.
    /// Both may have none and use the proxy's own identity, where whoever runs it allows that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 8)))]
    pub credentials: Vec<Credential>,
    /// Share of the traffic among the providers of one priority that offer the same model. 0 takes none.
    #[serde(default = "default_weight")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 10_000)))]
    pub weight: u32,
    /// 0 is asked first; a higher number serves only when all lower ones cannot.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub priority: u32,
    /// The models the provider offers.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 256)))]
    pub models: Vec<Model>,
    /// How long to wait for the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Timeouts>,
    /// Which request headers the provider sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<Headers>,
    /// Whether prompts are marked for Anthropic's prompt cache. Default: they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_caching: Option<PromptCaching>,
    /// Whether token counts are asked for in streams of Chat Completions and Completions whose client does not ask.
    /// Set it to false for servers that refuse `stream_options`; the tokens of such streams are then not counted.
    #[serde(default = "default_stream_usage", skip_serializing_if = "Clone::clone")]
    pub stream_usage: bool,
    /// Whatever a translation would drop or change in a request is refused instead, with 400 and the path of the field.
    /// Clients ask for the same, request by request, with the header `x-llm-proxy-strict: true`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// What translations for clients of other protocols may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub translation: Option<Translation>,
    /// How the provider's certificate is checked. For https endpoints only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Whose MasterKeys may use the provider. Default: those of its own namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_keys: Option<AllowedKeys>,
}

/// Default of [`LLMProviderSpec::weight`].
#[must_use]
pub const fn default_weight() -> u32 {
    100
}

/// Default of [`LLMProviderSpec::stream_usage`].
#[must_use]
pub const fn default_stream_usage() -> bool {
    true
}

/// Kind of provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ProviderType {
    /// OpenAI itself.
    OpenAI,
    /// Anything else that speaks OpenAI's API: vLLM, Ollama, Groq, Mistral, DeepSeek, OpenRouter and so on.
    OpenAICompatible,
    /// OpenAI's models at Azure: each model is a deployment.
    AzureOpenAI,
    /// Anthropic's Claude.
    Anthropic,
    /// Google's Gemini API.
    Gemini,
    /// Gemini, Claude and embeddings at Google's Vertex AI.
    VertexAI,
    /// Claude, Nova, Llama and others at Bedrock of AWS, and Amazon's Titan embeddings.
    Bedrock,
    /// Answers by itself, without any upstream: for trying the product and for tests.
    Mock,
}

/// A wire protocol, named by the API it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Protocol {
    /// OpenAI Chat Completions, `POST /v1/chat/completions`.
    ChatCompletions,
    /// OpenAI Responses, `POST /v1/responses`.
    Responses,
    /// OpenAI's legacy completions, `POST /v1/completions`.
    Completions,
    /// OpenAI embeddings, `POST /v1/embeddings`.
    Embeddings,
    /// Anthropic Messages, `POST /v1/messages` and its token counts.
    Messages,
    /// Gemini, `POST /v1beta/models/{model}:generateContent`, its streams and token counts.
    GenerateContent,
    /// Gemini embeddings, `POST /v1beta/models/{model}:embedContent` and `:batchEmbedContents`.
    EmbedContent,
    /// OpenAI images, `POST /v1/images/…`. This and what follows is passed through, never translated.
    Images,
    /// OpenAI audio, `POST /v1/audio/…`.
    Audio,
    /// OpenAI moderations, `POST /v1/moderations`.
    Moderations,
    /// Rerank, `POST /v1/rerank`, as Cohere, Jina and vLLM have it.
    Rerank,
    /// OpenAI files, `/v1/files`.
    Files,
    /// OpenAI batches, `/v1/batches`.
    Batches,
}

/// Where a provider answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Endpoint {
    /// Base URL, http or https, up to and including the version segment: `https://api.openai.com/v1`. The
    /// API's path (`/chat/completions`) is appended. Azure's has no version: `https://NAME.openai.azure.com`.
    #[cfg_attr(feature = "schema", schemars(length(max = 2048), regex(pattern = pattern::URL)))]
    pub url: String,
}

/// One API key of the provider.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Credential {
    /// The Secret, and the key in it, that holds the API key.
    pub secret_ref: KeyRef,
    /// Share of this provider's requests that use the key. 0 takes none.
    #[serde(default = "default_credential_weight")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1_000)))]
    pub weight: u32,
}

/// Default of [`Credential::weight`].
#[must_use]
pub const fn default_credential_weight() -> u32 {
    1
}

/// A model the provider offers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Model {
    /// The name clients use. A trailing `*` stands for any ending, and the longest match wins; providers
    /// that offer the same name share its traffic.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 128), regex(pattern = pattern::MODEL_OR_PREFIX)))]
    pub name: String,
    /// The name the provider knows it by; `name` when absent. A trailing `*` is replaced by what the `*` of
    /// `name` matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 256), regex(pattern = pattern::MODEL_OR_PREFIX)))]
    pub upstream: Option<String>,
    /// Other names clients may use for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(
        feature = "schema",
        schemars(length(max = 16), inner(length(min = 1, max = 128), regex(pattern = pattern::MODEL)))
    )]
    pub aliases: Vec<String>,
    /// Overrides the provider's priority for this model, so that a fallback to another model is an entry of
    /// the same name at a higher number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub priority: Option<u32>,
    /// What the model can do, where that differs from what is known by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
}

/// How long to wait for the provider. Every value is more than 0.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Timeouts {
    /// Until the connection stands, TLS included.
    pub connect: Duration,
    /// From the request sent to the first byte of the response.
    pub first_byte: Duration,
    /// Between two chunks of a response.
    pub stream_idle: Duration,
    /// For the whole exchange, every attempt at this provider by itself.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(60),
            stream_idle: Duration::from_secs(30),
            total: Duration::from_secs(600),
        }
    }
}

/// Which request headers the provider sees, beside those of the protocol itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Headers {
    /// Headers sent with every request, replacing the client's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 32)))]
    pub set: Vec<Header>,
    /// Names of client headers passed on. Others are not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(
        feature = "schema",
        schemars(length(max = 32), inner(length(min = 1, max = 64), regex(pattern = pattern::HEADER_NAME)))
    )]
    pub forward: Vec<String>,
    /// Names of headers never sent, whatever would send them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(
        feature = "schema",
        schemars(length(max = 32), inner(length(min = 1, max = 64), regex(pattern = pattern::HEADER_NAME)))
    )]
    pub remove: Vec<String>,
}

/// One header. Values are not secret: they can be read by whoever reads the object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Header {
    /// Header name (RFC 9110 token), not one that belongs to the connection or to authentication.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 64), regex(pattern = pattern::HEADER_NAME)))]
    pub name: String,
    /// Printable ASCII.
    #[cfg_attr(feature = "schema", schemars(length(max = 1024), regex(pattern = pattern::HEADER_VALUE)))]
    pub value: String,
}

/// How the provider's certificate is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tls {
    /// Certificate authorities to trust instead of the well-known ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<CaBundle>,
    /// Accept any certificate. For experiments: the provider can be impersonated.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub insecure_skip_verify: bool,
    /// The name the certificate must be for, when it is not the host of the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 253), regex(pattern = pattern::DNS_NAME)))]
    pub server_name: Option<String>,
}

/// Where the certificates of the trusted authorities are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CaBundle {
    /// The ConfigMap, and the key in it, that holds them as PEM.
    pub config_map_ref: KeyRef,
}

/// Whose MasterKeys may use the provider.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AllowedKeys {
    /// Same: keys of the provider's namespace. All: every key. Selector: keys of the namespaces the selector
    /// matches.
    #[serde(default)]
    pub from: AllowedFrom,
    /// Chooses namespaces by their labels; with `from: Selector` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// Where a key must be to use a provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum AllowedFrom {
    /// In the provider's namespace.
    #[default]
    Same,
    /// Anywhere.
    All,
    /// In a namespace whose labels match.
    Selector,
}

/// A Kubernetes label selector. Every requirement must hold; an empty one matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LabelSelector {
    /// Labels that must have exactly these values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "schema", schemars(extend("maxProperties" = 16)))]
    pub match_labels: BTreeMap<String, LabelValue>,
    /// Requirements on labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 16)))]
    pub match_expressions: Vec<Requirement>,
}

/// The value of a label: up to 63 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LabelValue(#[cfg_attr(feature = "schema", schemars(length(max = 63)))] pub String);

/// One requirement on a label.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Requirement {
    /// The label.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 317)))]
    pub key: String,
    /// How its value is compared.
    pub operator: Operator,
    /// What it is compared with; for In and NotIn only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 32), inner(length(max = 63))))]
    pub values: Vec<String>,
}

/// Operators of a label selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Operator {
    /// The label has one of the values.
    In,
    /// The label has none of the values, or is absent.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is not there.
    DoesNotExist,
}
