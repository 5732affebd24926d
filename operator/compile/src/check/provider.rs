//! The rules of an LLMProvider.

use super::{Problems, Rule, capabilities, form};
use crate::models;
use llm_crds::KeyRef;
use llm_crds::provider::{
    AllowedFrom, AllowedKeys, Credential, Headers, LLMProviderSpec, Mock, Model, Operator, Protocol,
    ProviderType, Requirement, Timeouts, Tls,
};
use std::fmt;

const RULES: &[Rule<LLMProviderSpec>] = &[
    Rule {
        field: ".endpoint.url",
        broken: |spec| {
            matches!(spec.type_, ProviderType::OpenAICompatible | ProviderType::AzureOpenAI)
                && spec.endpoint.is_none()
        },
        fix: "is required for types OpenAICompatible and AzureOpenAI",
    },
    Rule {
        field: ".endpoint",
        broken: |spec| spec.type_ == ProviderType::Mock && spec.endpoint.is_some(),
        fix: "does not apply to type Mock: remove it",
    },
    Rule {
        field: ".mock",
        broken: |spec| spec.type_ != ProviderType::Mock && spec.mock.is_some(),
        fix: "applies to type Mock only: remove it or change type",
    },
    Rule {
        field: ".credentials",
        broken: |spec| {
            !matches!(
                spec.type_,
                ProviderType::OpenAICompatible
                    | ProviderType::VertexAI
                    | ProviderType::Bedrock
                    | ProviderType::Mock
            ) && spec.credentials.is_empty()
        },
        fix: "needs at least one entry for types OpenAI, AzureOpenAI, Anthropic and Gemini",
    },
    Rule {
        field: ".credentials",
        broken: |spec| spec.type_ == ProviderType::Mock && !spec.credentials.is_empty(),
        fix: "do not apply to type Mock: remove them",
    },
    Rule {
        field: ".protocols",
        broken: |spec| {
            let others =
                |protocols: &Vec<Protocol>| protocols.iter().any(|p| *p != Protocol::ChatCompletions);
            spec.type_ == ProviderType::Mock && spec.protocols.as_ref().is_some_and(others)
        },
        fix: "of type Mock can only be [ChatCompletions]",
    },
    Rule {
        field: ".azure",
        broken: |spec| (spec.type_ == ProviderType::AzureOpenAI) != spec.azure.is_some(),
        fix: "goes with type AzureOpenAI, and only with it",
    },
    Rule {
        field: ".bedrock",
        broken: |spec| (spec.type_ == ProviderType::Bedrock) != spec.bedrock.is_some(),
        fix: "goes with type Bedrock, and only with it",
    },
    Rule {
        field: ".vertex",
        broken: |spec| (spec.type_ == ProviderType::VertexAI) != spec.vertex.is_some(),
        fix: "goes with type VertexAI, and only with it",
    },
    // The proxy's own identity goes to the cloud it is for alone.
    Rule {
        field: ".credentials",
        broken: |spec| {
            matches!(spec.type_, ProviderType::Bedrock | ProviderType::VertexAI)
                && spec.endpoint.is_some()
                && spec.credentials.is_empty()
        },
        fix: "of types Bedrock and VertexAI may be left out only without endpoint",
    },
    Rule {
        field: ".protocols",
        broken: |spec| {
            matches!(spec.type_, ProviderType::Bedrock | ProviderType::VertexAI) && spec.protocols.is_some()
        },
        fix: "do not apply to types Bedrock and VertexAI: remove them",
    },
    Rule {
        field: ".tls",
        broken: |spec| spec.tls.is_some() && !speaks_tls(spec),
        fix: "applies to https endpoints only: change endpoint.url or remove tls",
    },
];

const CREDENTIALS: &[Rule<[Credential]>] = &[Rule {
    field: "",
    broken: |credentials| {
        !credentials.is_empty() && credentials.iter().all(|credential| credential.weight == 0)
    },
    fix: "needs one entry with a weight above 0",
}];

const MODEL: &[Rule<Model>] = &[
    Rule {
        field: ".upstream",
        broken: |model| {
            model.upstream.as_ref().is_some_and(|upstream| upstream.ends_with('*'))
                && !model.name.ends_with('*')
        },
        fix: "may end in * only when name does",
    },
    Rule {
        field: ".aliases",
        broken: |model| model.name.ends_with('*') && !model.aliases.is_empty(),
        fix: "do not go with a name that ends in *: list each model, or drop the aliases",
    },
];

const TIMEOUTS: &[Rule<Timeouts>] = &[
    Rule { field: ".connect", broken: |timeouts| timeouts.connect.as_millis() == 0, fix: MORE_THAN_0 },
    Rule { field: ".firstByte", broken: |timeouts| timeouts.first_byte.as_millis() == 0, fix: MORE_THAN_0 },
    Rule { field: ".streamIdle", broken: |timeouts| timeouts.stream_idle.as_millis() == 0, fix: MORE_THAN_0 },
    Rule { field: ".total", broken: |timeouts| timeouts.total.as_millis() == 0, fix: MORE_THAN_0 },
    Rule {
        field: ".firstByte",
        broken: |timeouts| timeouts.first_byte > timeouts.total,
        fix: "must not be longer than timeouts.total (default 10m)",
    },
    Rule {
        field: ".connect",
        broken: |timeouts| timeouts.connect > timeouts.total,
        fix: "must not be longer than timeouts.total (default 10m)",
    },
];
const MORE_THAN_0: &str = "must be more than 0";

const TLS: &[Rule<Tls>] = &[Rule {
    field: ".insecureSkipVerify",
    broken: |tls| tls.ca_bundle.is_some() && tls.insecure_skip_verify,
    fix: "excludes tls.caBundle: remove one of them",
}];

const ALLOWED: &[Rule<AllowedKeys>] = &[Rule {
    field: ".selector",
    broken: |allowed| (allowed.from == AllowedFrom::Selector) != allowed.selector.is_some(),
    fix: "goes with from: Selector, and only with it",
}];

const REQUIREMENT: &[Rule<Requirement>] = &[Rule {
    field: ".values",
    broken: |requirement| {
        matches!(requirement.operator, Operator::In | Operator::NotIn) == requirement.values.is_empty()
    },
    fix: "goes with operator In or NotIn, and only with them",
}];

/// Headers of the connection itself (RFC 9110 section 7.6.1, and those that frame the message).
const CONNECTION: &[&str] = &[
    "proxy-authenticate",
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
    "expect",
    "proxy-connection",
    "proxy-authorization",
];
/// Headers clients send their MasterKey in, or that may hold another secret of theirs.
const AUTHENTICATION: &[&str] = &["authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie"];

/// Everything that is wrong with `spec`.
pub(crate) fn check(spec: &LLMProviderSpec) -> Problems {
    let mut problems = Problems::default();
    problems.rules(format_args!("spec"), spec, RULES);
    if let Some(endpoint) = &spec.endpoint {
        problems.text(format_args!("spec.endpoint.url"), &endpoint.url, &form::URL);
    }
    if let Some(protocols) = &spec.protocols {
        problems.count(format_args!("spec.protocols"), protocols.len(), 1, 16);
        problems.unique(format_args!("spec.protocols"), protocols);
    }
    problems.at_most(format_args!("spec.weight"), spec.weight, 10_000);
    problems.at_most(format_args!("spec.priority"), spec.priority, 100);
    credentials(&mut problems, &spec.credentials);
    all_models(&mut problems, &spec.models);
    if let Some(azure) = &spec.azure {
        problems.text(format_args!("spec.azure.apiVersion"), &azure.api_version, &form::API_VERSION);
    }
    if let Some(bedrock) = &spec.bedrock {
        problems.text(format_args!("spec.bedrock.region"), &bedrock.region, &form::REGION);
        if let Some(guardrail) = &bedrock.guardrail {
            problems.text(format_args!("spec.bedrock.guardrail.id"), &guardrail.id, &form::GUARDRAIL);
            let place = format_args!("spec.bedrock.guardrail.version");
            problems.text(place, &guardrail.version, &form::GUARDRAIL_VERSION);
        }
    }
    if let Some(vertex) = &spec.vertex {
        problems.text(format_args!("spec.vertex.project"), &vertex.project, &form::PROJECT);
        problems.text(format_args!("spec.vertex.region"), &vertex.region, &form::REGION);
    }
    if let Some(caching) = &spec.prompt_caching {
        problems.between(format_args!("spec.promptCaching.minTokens"), caching.min_tokens, 1, 1_000_000);
    }
    if let Some(mock) = &spec.mock {
        check_mock(&mut problems, mock);
    }
    if let Some(timeouts) = &spec.timeouts {
        problems.rules(format_args!("spec.timeouts"), timeouts, TIMEOUTS);
    }
    if let Some(headers) = &spec.headers {
        check_headers(&mut problems, headers);
    }
    if let Some(tls) = &spec.tls {
        check_tls(&mut problems, tls);
    }
    if let Some(allowed) = &spec.allowed_keys {
        allowed_keys(&mut problems, allowed);
    }
    problems
}

/// A reference names something.
pub(crate) fn key_ref(problems: &mut Problems, place: fmt::Arguments<'_>, reference: &KeyRef) {
    problems.text(format_args!("{place}.name"), &reference.name, &form::OBJECT_NAME);
    problems.text(format_args!("{place}.key"), &reference.key, &form::DATA_KEY);
}

fn speaks_tls(spec: &LLMProviderSpec) -> bool {
    match &spec.endpoint {
        Some(endpoint) => endpoint.url.starts_with("https://"),
        None => !matches!(
            spec.type_,
            ProviderType::OpenAICompatible | ProviderType::AzureOpenAI | ProviderType::Mock
        ),
    }
}

fn credentials(problems: &mut Problems, credentials: &[Credential]) {
    problems.count(format_args!("spec.credentials"), credentials.len(), 0, 8);
    problems.rules(format_args!("spec.credentials"), credentials, CREDENTIALS);
    for (index, credential) in credentials.iter().enumerate() {
        let place = format!("spec.credentials[{index}]");
        key_ref(problems, format_args!("{place}.secretRef"), &credential.secret_ref);
        problems.at_most(format_args!("{place}.weight"), credential.weight, 1_000);
    }
}

fn all_models(problems: &mut Problems, models: &[Model]) {
    problems.count(format_args!("spec.models"), models.len(), 1, 256);
    for (index, model) in models.iter().enumerate() {
        let place = format!("spec.models[{index}]");
        problems.rules(format_args!("{place}"), model, MODEL);
        problems.text(format_args!("{place}.name"), &model.name, &form::MODEL_OR_PREFIX);
        if let Some(upstream) = &model.upstream {
            problems.text(format_args!("{place}.upstream"), upstream, &form::UPSTREAM_MODEL);
        }
        problems.count(format_args!("{place}.aliases"), model.aliases.len(), 0, 16);
        for (index, alias) in model.aliases.iter().enumerate() {
            problems.text(format_args!("{place}.aliases[{index}]"), alias, &form::MODEL);
        }
        problems.at_most(format_args!("{place}.priority"), model.priority.unwrap_or(0), 100);
        if let Some(capabilities) = &model.capabilities {
            capabilities::check(problems, format_args!("{place}.capabilities"), capabilities);
        }
    }
    models::repeated(models, |field, first| {
        problems.add(field, format_args!("{first} has that name already: rename or remove one"));
    });
}

fn check_mock(problems: &mut Problems, mock: &Mock) {
    problems.at_most(format_args!("spec.mock.tokensPerSecond"), mock.tokens_per_second, 100_000);
    problems.at_most(format_args!("spec.mock.errorPercent"), mock.error_percent, 100);
    if let Some(reply) = &mock.reply {
        problems.text(format_args!("spec.mock.reply"), reply, &form::REPLY);
    }
}

fn check_headers(problems: &mut Problems, headers: &Headers) {
    let mut set: Vec<String> = Vec::new();
    problems.count(format_args!("spec.headers.set"), headers.set.len(), 0, 32);
    for (index, header) in headers.set.iter().enumerate() {
        let place = format!("spec.headers.set[{index}]");
        problems.text(format_args!("{place}.name"), &header.name, &form::HEADER_NAME);
        problems.text(format_args!("{place}.value"), &header.value, &form::HEADER_VALUE);
        let name = header.name.to_ascii_lowercase();
        if CONNECTION.contains(&name.as_str()) {
            problems
                .add(format_args!("{place}.name"), "cannot be a header of the connection itself: remove it");
        }
        if name == "authorization" {
            let fix = "cannot be authorization: put the key in a Secret and name it in credentials";
            problems.add(format_args!("{place}.name"), fix);
        }
        set.push(name);
    }
    problems.unique(format_args!("spec.headers.set"), &set);
    header_names(problems, "forward", &headers.forward);
    for (index, name) in headers.forward.iter().enumerate() {
        let name = name.to_ascii_lowercase();
        if CONNECTION.contains(&name.as_str()) || AUTHENTICATION.contains(&name.as_str()) {
            let fix = "cannot be a header of the connection or one that holds the client's key: remove it";
            problems.add(format_args!("spec.headers.forward[{index}]"), fix);
        }
    }
    header_names(problems, "remove", &headers.remove);
    for (index, name) in headers.remove.iter().enumerate() {
        if CONNECTION.contains(&name.to_ascii_lowercase().as_str()) {
            let fix = "is a header of the connection, which no provider gets to see: remove it from the list";
            problems.add(format_args!("spec.headers.remove[{index}]"), fix);
        }
    }
}

fn header_names(problems: &mut Problems, field: &str, names: &[String]) {
    problems.count(format_args!("spec.headers.{field}"), names.len(), 0, 32);
    let lower: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    problems.unique(format_args!("spec.headers.{field}"), &lower);
    for (index, name) in names.iter().enumerate() {
        problems.text(format_args!("spec.headers.{field}[{index}]"), name, &form::HEADER_NAME);
    }
}

fn check_tls(problems: &mut Problems, tls: &Tls) {
    problems.rules(format_args!("spec.tls"), tls, TLS);
    if let Some(bundle) = &tls.ca_bundle {
        key_ref(problems, format_args!("spec.tls.caBundle.configMapRef"), &bundle.config_map_ref);
    }
    if let Some(name) = &tls.server_name {
        problems.text(format_args!("spec.tls.serverName"), name, &form::DNS_NAME);
    }
}

fn allowed_keys(problems: &mut Problems, allowed: &AllowedKeys) {
    problems.rules(format_args!("spec.allowedKeys"), allowed, ALLOWED);
    let Some(selector) = &allowed.selector else { return };
    let place = "spec.allowedKeys.selector";
    problems.count(format_args!("{place}.matchLabels"), selector.match_labels.len(), 0, 16);
    for (label, value) in &selector.match_labels {
        problems.text(format_args!("{place}.matchLabels.{label}"), &value.0, &form::LABEL_VALUE);
    }
    problems.count(format_args!("{place}.matchExpressions"), selector.match_expressions.len(), 0, 16);
    for (index, requirement) in selector.match_expressions.iter().enumerate() {
        let place = format!("{place}.matchExpressions[{index}]");
        problems.rules(format_args!("{place}"), requirement, REQUIREMENT);
        problems.text(format_args!("{place}.key"), &requirement.key, &form::LABEL_KEY);
        problems.count(format_args!("{place}.values"), requirement.values.len(), 0, 32);
        for (index, value) in requirement.values.iter().enumerate() {
            problems.text(format_args!("{place}.values[{index}]"), value, &form::LABEL_VALUE);
        }
    }
}
