//! The identity of a workload outside Google's cloud, by a token that its own cluster gives it (Workload Identity
//! Federation).
//!
//! Source: "Workload identity federation: security token exchange" (AIP-4117): the token is exchanged at Google's STS
//! (RFC 8693), and what that answers, where it is asked for, for a token of a service account.

use super::{SCOPE, Token};
use crate::cloud::grant::{Grant, GrantError, Issued, ask, divided, post, post_form, read};
use crate::cloud::{Proof, bearer};
use crate::upstream::Target;
use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use llm_snapshot::Digest;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// A credential configuration of type `external_account`. `Debug` shows its audience, which is no secret.
#[derive(Deserialize)]
pub struct Federation {
    audience: String,
    subject_token_type: String,
    token_url: String,
    credential_source: Source,
    #[serde(default)]
    service_account_impersonation_url: Option<String>,
}

/// Where the token of the cluster is.
#[derive(Deserialize)]
struct Source {
    file: PathBuf,
    #[serde(default)]
    format: Format,
}

/// How it stands there.
#[derive(Default, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Format {
    #[default]
    Text,
    Json {
        subject_token_field_name: String,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    scope: [&'static str; 1],
    lifetime: &'static str,
}

/// The token of a service account.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Impersonated {
    access_token: String,
    expire_time: String,
}

impl Federation {
    /// Reads a configuration.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "is no external_account with audience, subject_token_type, token_url and \
            credential_source.file, the only source there is";
        let read: Self = serde_json::from_str(text).map_err(|_| FORM)?;
        let known = |url: &str| url.starts_with("https://") || url.starts_with("http://");
        let known = read.urls().all(known);
        known.then_some(read).ok_or("has a token_url or service_account_impersonation_url that is no URL")
    }

    /// What is asked, in this order.
    fn urls(&self) -> impl Iterator<Item = &str> {
        [Some(&self.token_url), self.service_account_impersonation_url.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// The file with the token of the cluster.
    #[must_use]
    pub fn token_file(&self) -> &Path {
        &self.credential_source.file
    }

    async fn subject(&self) -> Result<String, GrantError> {
        let text = read(&self.credential_source.file).await?;
        match &self.credential_source.format {
            Format::Text => Ok(text),
            Format::Json { subject_token_field_name: field } => {
                let json: serde_json::Value =
                    serde_json::from_str(&text).map_err(|_| GrantError::Unreadable)?;
                json[field].as_str().map(str::to_owned).ok_or(GrantError::Unreadable)
            }
        }
    }

    /// Exchanges a token of STS for one of a service account.
    async fn impersonate(&self, url: &str, token: &str, at: Option<&Target>) -> Result<Issued, GrantError> {
        let wanted = Wanted { scope: [SCOPE], lifetime: "3600s" };
        let mut request = post(divided(url).1, serde_json::to_vec(&wanted).unwrap_or_default())?;
        let value = bearer(token).map_err(|_| GrantError::Malformed)?;
        request.headers_mut().insert(AUTHORIZATION, value);
        let answer: Impersonated = ask(at, request).await?;
        let ends: Timestamp = answer.expire_time.parse().map_err(|_| GrantError::Malformed)?;
        let left = ends.as_second().saturating_sub(Timestamp::now().as_second());
        let value = bearer(&answer.access_token).map_err(|_| GrantError::Malformed)?;
        Ok(Issued {
            proof: Proof::Bearer(value),
            lifetime: Duration::from_secs(left.try_into().unwrap_or(0)),
        })
    }
}

impl Grant for Federation {
    fn identity(&self) -> Digest {
        let file = self.credential_source.file.to_string_lossy();
        let account = self.service_account_impersonation_url.as_deref().unwrap_or_default();
        let parts = ["federation", &self.audience, &self.token_url, account, &file];
        Digest::of_all(parts.iter().flat_map(|part| [part.as_bytes(), b"\0"]))
    }

    fn places(&self) -> Vec<&str> {
        self.urls().map(|url| divided(url).0).collect()
    }

    fn fetch<'f>(&'f self, at: &'f [Target]) -> BoxFuture<'f, Result<Issued, GrantError>> {
        Box::pin(async move {
            let subject = self.subject().await?;
            let form = [
                ("grant_type", GRANT_TYPE),
                ("audience", &self.audience),
                ("scope", SCOPE),
                ("requested_token_type", ACCESS_TOKEN),
                ("subject_token_type", &self.subject_token_type),
                ("subject_token", &subject),
            ];
            let token: Token = ask(at.first(), post_form(divided(&self.token_url).1, &form)?).await?;
            match &self.service_account_impersonation_url {
                Some(url) => self.impersonate(url, &token.access_token, at.get(1)).await,
                None => token.issued(),
            }
        })
    }
}

impl fmt::Debug for Federation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Federation").field(&self.audience).finish()
    }
}
