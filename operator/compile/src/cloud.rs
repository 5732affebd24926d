//! What is different for models of clouds: where they are, and what they are authenticated with.

use crate::refs::{self, Resolver, Source};
use llm_crds::KeyRef;
use llm_crds::provider::{self as crd, LLMProviderSpec, ProviderType};
use llm_snapshot::Secret;
use llm_snapshot::provider::{AwsAccessKey, Cloud, Credential, Guardrail, GuardrailTrace};

/// The key of a Secret that holds the id of an access key of AWS, and those of what goes with it.
const ACCESS_KEY_ID: &str = "accessKeyId";
const SECRET_ACCESS_KEY: &str = "secretAccessKey";
const SESSION_TOKEN: &str = "sessionToken";

/// The location of Vertex AI that is none.
const GLOBAL: &str = "global";

/// The place of a provider in a cloud.
pub(crate) fn place(spec: &LLMProviderSpec) -> Option<Cloud> {
    let bedrock = spec.bedrock.as_ref().map(|bedrock| Cloud::Bedrock { region: bedrock.region.clone() });
    let vertex = spec
        .vertex
        .as_ref()
        .map(|vertex| Cloud::Vertex { project: vertex.project.clone(), region: vertex.region.clone() });
    bedrock.or(vertex)
}

/// What watches over a provider of Bedrock.
pub(crate) fn guardrail(spec: &LLMProviderSpec) -> Option<Guardrail> {
    let stated = spec.bedrock.as_ref()?.guardrail.as_ref()?;
    let trace = match stated.trace {
        crd::GuardrailTrace::Disabled => GuardrailTrace::Disabled,
        crd::GuardrailTrace::Enabled => GuardrailTrace::Enabled,
        crd::GuardrailTrace::EnabledFull => GuardrailTrace::EnabledFull,
    };
    Some(Guardrail { id: stated.id.clone(), version: stated.version.clone(), trace })
}

/// Where a provider in a cloud answers unless told otherwise.
pub(crate) fn endpoint(spec: &LLMProviderSpec) -> Option<String> {
    Some(match place(spec)? {
        Cloud::Bedrock { region } if region.starts_with("cn-") => {
            format!("https://bedrock-runtime.{region}.amazonaws.com.cn")
        }
        Cloud::Bedrock { region } => format!("https://bedrock-runtime.{region}.amazonaws.com"),
        Cloud::Vertex { region, .. } if region == GLOBAL => "https://aiplatform.googleapis.com/v1".to_owned(),
        Cloud::Vertex { region, .. } => format!("https://{region}-aiplatform.googleapis.com/v1"),
    })
}

/// The credential that an entry names, or `None` when it does not resolve, which `resolver` then tells.
pub(crate) fn credential(
    type_: ProviderType,
    credential: &crd::Credential,
    resolver: &mut Resolver<'_>,
) -> Option<Credential> {
    let reference = &credential.secret_ref;
    let value = match type_ {
        ProviderType::VertexAI => {
            resolver.value(Source::Secret, reference, refs::service_account)?.to_owned()
        }
        ProviderType::Bedrock if reference.key == ACCESS_KEY_ID => access_key(&reference.name, resolver)?,
        _ => resolver.value(Source::Secret, reference, refs::credential)?.to_owned(),
    };
    Some(Credential {
        name: format!("{}/{}", reference.name, reference.key),
        value: Secret::new(value),
        weight: credential.weight,
    })
}

/// An access key of AWS, as the proxies read it.
fn access_key(secret: &str, resolver: &mut Resolver<'_>) -> Option<String> {
    let mut text = |key: &str| {
        let reference = KeyRef { name: secret.to_owned(), key: key.to_owned() };
        resolver.value(Source::Secret, &reference, refs::credential).map(str::to_owned)
    };
    // Both are looked at before either is given up, so that every failure is told at once.
    let (id, secret_key) = (text(ACCESS_KEY_ID), text(SECRET_ACCESS_KEY));
    let temporary =
        resolver.data(Source::Secret, secret).is_some_and(|data| data.values.contains_key(SESSION_TOKEN));
    let session_token = if temporary {
        let reference = KeyRef { name: secret.to_owned(), key: SESSION_TOKEN.to_owned() };
        Some(Secret::new(resolver.value(Source::Secret, &reference, refs::credential)?))
    } else {
        None
    };
    let key = AwsAccessKey { access_key_id: id?, secret_access_key: Secret::new(secret_key?), session_token };
    serde_json::to_string(&key).ok()
}
