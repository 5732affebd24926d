//! From an LLMProvider to its entry: defaults filled in, references resolved.

use crate::cloud;
use crate::models;
use crate::refs::{self, Resolver, Source};
use crate::visibility;
use llm_crds::provider::{self as crd, LLMProviderSpec, ProviderType};
use llm_snapshot::provider::{
    Auth, Fault, Headers, Http, Mock, Options, Protocol, Provider, Timeouts, Tls, Upstream,
};
use std::collections::BTreeSet;

/// Where hosted types answer unless told otherwise.
const ENDPOINTS: [(ProviderType, &str); 3] = [
    (ProviderType::OpenAI, "https://api.openai.com/v1"),
    (ProviderType::Anthropic, "https://api.anthropic.com/v1"),
    (ProviderType::Gemini, "https://generativelanguage.googleapis.com/v1beta"),
];

/// The entry of a provider, or `None` when a reference does not resolve, which `resolver` then tells.
/// `spec` has passed its checks.
pub(crate) fn build(
    namespace: &str,
    name: &str,
    spec: &LLMProviderSpec,
    resolver: &mut Resolver<'_>,
) -> Option<Provider> {
    Some(Provider {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        upstream: upstream(spec, resolver)?,
        protocols: protocols(spec),
        weight: spec.weight,
        models: models::expand(&spec.models, spec.priority),
        timeouts: timeouts(spec.timeouts.as_ref()),
        headers: headers(spec.headers.as_ref()),
        visible_to: visibility::visible_to(
            spec.allowed_keys.as_ref(),
            namespace,
            &resolver.world().namespaces,
        ),
        options: options(spec),
    })
}

fn options(spec: &LLMProviderSpec) -> Options {
    let caching = spec.prompt_caching.as_ref().filter(|caching| caching.mode == crd::CachingMode::Auto);
    let translation = spec.translation.clone().unwrap_or_default();
    Options {
        legacy_max_tokens: spec.type_ == ProviderType::OpenAICompatible,
        stream_usage: spec.stream_usage && spec.type_ != ProviderType::Mock,
        cache_min_tokens: caching.map(|caching| caching.min_tokens.into()),
        strict: spec.strict,
        show_reasoning: translation.show_reasoning,
        fetch_urls: translation.fetch_urls,
        web_search: translation.web_search,
        single_system: translation.single_system,
        guardrail: cloud::guardrail(spec),
    }
}

/// How a type wants its keys.
fn auth(type_: ProviderType) -> Auth {
    match type_ {
        ProviderType::Anthropic => Auth::XApiKey,
        ProviderType::Gemini => Auth::XGoogApiKey,
        ProviderType::AzureOpenAI => Auth::ApiKey,
        ProviderType::OpenAI
        | ProviderType::OpenAICompatible
        | ProviderType::VertexAI
        | ProviderType::Bedrock
        | ProviderType::Mock => Auth::Bearer,
    }
}

fn upstream(spec: &LLMProviderSpec, resolver: &mut Resolver<'_>) -> Option<Upstream> {
    if spec.type_ == ProviderType::Mock {
        return Some(Upstream::Mock(mock(spec.mock.clone().unwrap_or_default())));
    }
    // Both are looked at before either is given up, so that every failure is told at once.
    let credentials: Vec<_> = spec
        .credentials
        .iter()
        .map(|credential| cloud::credential(spec.type_, credential, resolver))
        .collect();
    let tls = tls(spec.tls.as_ref(), resolver);
    let default = ENDPOINTS.iter().find(|(type_, _)| *type_ == spec.type_).map_or("", |(_, url)| url);
    let own = cloud::endpoint(spec);
    let default = own.as_deref().unwrap_or(default);
    let url = spec.endpoint.as_ref().map_or(default, |endpoint| &endpoint.url);
    Some(Upstream::Http(Http {
        base_url: url.trim_end_matches('/').to_owned(),
        credentials: credentials.into_iter().collect::<Option<_>>()?,
        tls: tls?,
        auth: auth(spec.type_),
        azure_api_version: spec.azure.as_ref().map(|azure| azure.api_version.clone()),
        cloud: cloud::place(spec),
    }))
}

fn tls(tls: Option<&crd::Tls>, resolver: &mut Resolver<'_>) -> Option<Tls> {
    let Some(tls) = tls else { return Some(Tls::default()) };
    let ca_pem = match &tls.ca_bundle {
        None => None,
        Some(bundle) => {
            Some(resolver.value(Source::ConfigMap, &bundle.config_map_ref, refs::certificates)?.to_owned())
        }
    };
    Some(Tls { ca_pem, insecure_skip_verify: tls.insecure_skip_verify, server_name: tls.server_name.clone() })
}

fn protocols(spec: &LLMProviderSpec) -> BTreeSet<Protocol> {
    use Protocol::*;
    if let Some(written) = &spec.protocols {
        return written.iter().copied().map(protocol).collect();
    }
    let default: &[Protocol] = match spec.type_ {
        ProviderType::OpenAI => {
            &[ChatCompletions, Responses, Completions, Embeddings, Images, Audio, Moderations, Files, Batches]
        }
        ProviderType::OpenAICompatible | ProviderType::AzureOpenAI => {
            &[ChatCompletions, Completions, Embeddings]
        }
        ProviderType::Anthropic => &[Messages],
        ProviderType::Gemini => &[GenerateContent, EmbedContent],
        ProviderType::VertexAI => &[GenerateContent, Messages, VertexEmbeddings],
        ProviderType::Bedrock => &[Converse, TitanEmbeddings],
        ProviderType::Mock => &[ChatCompletions],
    };
    default.iter().copied().collect()
}

fn protocol(protocol: crd::Protocol) -> Protocol {
    match protocol {
        crd::Protocol::ChatCompletions => Protocol::ChatCompletions,
        crd::Protocol::Responses => Protocol::Responses,
        crd::Protocol::Completions => Protocol::Completions,
        crd::Protocol::Embeddings => Protocol::Embeddings,
        crd::Protocol::Messages => Protocol::Messages,
        crd::Protocol::GenerateContent => Protocol::GenerateContent,
        crd::Protocol::EmbedContent => Protocol::EmbedContent,
        crd::Protocol::Images => Protocol::Images,
        crd::Protocol::Audio => Protocol::Audio,
        crd::Protocol::Moderations => Protocol::Moderations,
        crd::Protocol::Rerank => Protocol::Rerank,
        crd::Protocol::Files => Protocol::Files,
        crd::Protocol::Batches => Protocol::Batches,
    }
}

fn timeouts(timeouts: Option<&crd::Timeouts>) -> Timeouts {
    let timeouts = timeouts.cloned().unwrap_or_default();
    Timeouts {
        connect_ms: timeouts.connect.as_millis(),
        first_byte_ms: timeouts.first_byte.as_millis(),
        stream_idle_ms: timeouts.stream_idle.as_millis(),
        total_ms: timeouts.total.as_millis(),
    }
}

fn headers(headers: Option<&crd::Headers>) -> Headers {
    let headers = headers.cloned().unwrap_or_default();
    let lower = |names: &[String]| names.iter().map(|name| name.to_ascii_lowercase()).collect();
    Headers {
        set: headers
            .set
            .iter()
            .map(|header| (header.name.to_ascii_lowercase(), header.value.clone()))
            .collect(),
        forward: lower(&headers.forward),
        remove: lower(&headers.remove),
    }
}

fn mock(mock: crd::Mock) -> Mock {
    Mock {
        latency_ms: mock.latency.as_millis(),
        tokens_per_second: mock.tokens_per_second,
        reply: mock.reply,
        error_percent: mock.error_percent,
        fault: match mock.fault {
            crd::Fault::ServerError => Fault::ServerError,
            crd::Fault::RateLimit => Fault::RateLimit,
            crd::Fault::Disconnect => Fault::Disconnect,
            crd::Fault::Hang => Fault::Hang,
            crd::Fault::Truncate => Fault::Truncate,
        },
    }
}
