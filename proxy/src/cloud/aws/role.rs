//! A role that the workload may take because of a token its cluster gives it (IAM roles for service accounts).
//!
//! Source: `AssumeRoleWithWebIdentity` in the API reference of AWS STS. The request is not signed, and the answer is JSON
//! where `Accept` asks for it, with times in seconds since 1970.

use super::Session;
use crate::cloud::grant::{Grant, GrantError, Issued, ask, post_form, read};
use crate::upstream::Target;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use llm_snapshot::Digest;
use serde::Deserialize;
use std::fmt;
use std::path::PathBuf;

/// The version of the API.
const VERSION: &str = "2011-06-15";

/// A role, and what it is taken with. `Debug` shows its name, which is no secret.
pub struct Role {
    /// Name of the role.
    pub arn: String,
    /// Name of the session, which AWS's logs show.
    pub session: String,
    /// File of the cluster's token. Read at every use.
    pub token_file: PathBuf,
    /// Base URL of STS.
    pub sts: String,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "AssumeRoleWithWebIdentityResponse")]
    response: Response,
}

#[derive(Deserialize)]
struct Response {
    #[serde(rename = "AssumeRoleWithWebIdentityResult")]
    result: Taken,
}

#[derive(Deserialize)]
struct Taken {
    #[serde(rename = "Credentials")]
    session: Session,
}

impl Role {
    /// Base URL of STS in a region.
    #[must_use]
    pub fn sts_of(region: &str) -> String {
        let china = if region.starts_with("cn-") { ".cn" } else { "" };
        format!("https://sts.{region}.amazonaws.com{china}")
    }
}

impl Grant for Role {
    fn identity(&self) -> Digest {
        let file = self.token_file.to_string_lossy();
        let parts = ["role", &self.arn, &self.session, &file, &self.sts];
        Digest::of_all(parts.iter().flat_map(|part| [part.as_bytes(), b"\0"]))
    }

    fn places(&self) -> Vec<&str> {
        vec![&self.sts]
    }

    fn fetch<'f>(&'f self, at: &'f [Target]) -> BoxFuture<'f, Result<Issued, GrantError>> {
        Box::pin(async move {
            let token = read(&self.token_file).await?;
            let form = [
                ("Action", "AssumeRoleWithWebIdentity"),
                ("Version", VERSION),
                ("RoleArn", &self.arn),
                ("RoleSessionName", &self.session),
                ("WebIdentityToken", &token),
            ];
            let answer: Answer = ask(at.first(), post_form("/", &form)?).await?;
            answer.response.result.session.issued(Timestamp::now())
        })
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Role").field(&self.arn).finish()
    }
}
