//! What the programs authenticate with: tokens of ServiceAccounts, and the operator's certificate authority.

use crate::Result;
use crate::objects::Objects;
use crate::wait;
use anyhow::Context as _;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use std::path::Path;

/// Audience of the tokens that proxies show the operator.
pub const OPERATOR_AUDIENCE: &str = "llm-operator";

/// A token of a ServiceAccount. Without an audience it is for the API server.
///
/// # Errors
/// As the API server says.
pub async fn token(
    objects: &Objects,
    namespace: &str,
    account: &str,
    audience: Option<&str>,
) -> Result<String> {
    let api: Api<ServiceAccount> = Api::namespaced(objects.client().clone(), namespace);
    let request = TokenRequest {
        spec: TokenRequestSpec {
            audiences: audience.map(str::to_owned).into_iter().collect(),
            expiration_seconds: Some(7200),
            ..TokenRequestSpec::default()
        },
        ..TokenRequest::default()
    };
    let made = api.create_token_request(account, &PostParams::default(), &request).await?;
    Ok(made.status.context("a TokenRequest without a status")?.token)
}

/// Waits for the certificate authority that the operator of `namespace` publishes, and writes it to `path`.
///
/// # Errors
/// When it does not come.
pub async fn authority(objects: &Objects, namespace: &str, path: &Path) -> Result<()> {
    let pem = wait::until("the operator's ConfigMap with its certificate authority", || async {
        let map = objects.get("ConfigMap", namespace, "llm-operator-ca").await?;
        map["data"]["ca.crt"].as_str().map(str::to_owned).context("it has no ca.crt")
    })
    .await?;
    Ok(std::fs::write(path, pem)?)
}
