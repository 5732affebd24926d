//! The program's own identities at clouds, from what its flags and the cluster say.

use crate::args;
use crate::cloud::Own;
use crate::cloud::aws::{Container, Role};
use crate::cloud::google::{Account, Federation, Metadata};
use crate::cloud::grant::Grant;
use std::fs::File;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why an identity that is allowed cannot be used: the variable, whose flag has the same name, and what is wrong with it.
/// Values are never told.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} (--{}) {problem}", variable.to_ascii_lowercase().replace('_', "-"))]
pub struct Invalid {
    variable: &'static str,
    problem: &'static str,
}

const GOOGLE: &str = "GOOGLE_CREDENTIALS_FILE";
const ALLOWED: &str = "AWS_WORKLOAD_IDENTITY";
const ROLE: &str = "AWS_ROLE_ARN";
const TOKEN: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const SESSION: &str = "AWS_ROLE_SESSION_NAME";
const REGION: &str = "AWS_REGION";
const CONTAINER: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const CONTAINER_TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// Where agents answer without TLS, beside loopback ("Container credential provider" in the AWS SDKs and Tools Reference
/// Guide): ECS, and EKS in both families.
const AGENTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

impl TryFrom<args::Own> for Own {
    type Error = Invalid;

    fn try_from(own: args::Own) -> Result<Self, Invalid> {
        let google = match (&own.google_metadata_server, &own.google_credentials_file) {
            (Some(url), _) => Some(Arc::new(Metadata::at(url)) as Arc<dyn Grant>),
            (None, Some(file)) => Some(google(file)?),
            (None, None) => None,
        };
        Ok(Self { google, aws: if own.aws_workload_identity { Some(aws(&own)?) } else { None } })
    }
}

/// Who this program is at Google, by a file: a federation, or the key of a service account.
fn google(file: &Path) -> Result<Arc<dyn Grant>, Invalid> {
    #[derive(serde::Deserialize)]
    struct Kind {
        r#type: String,
    }
    const UNKNOWN: &str = "names no file of type external_account or service_account";
    let invalid = |problem| Invalid { variable: GOOGLE, problem };
    let text = std::fs::read_to_string(file).map_err(|_| invalid("names a file that cannot be read"))?;
    let kind: Kind = serde_json::from_str(&text).map_err(|_| invalid(UNKNOWN))?;
    match kind.r#type.as_str() {
        "external_account" => {
            let federation = Federation::read(&text).map_err(invalid)?;
            let readable = File::open(federation.token_file()).is_ok();
            check(readable, GOOGLE, "has a credential_source.file that cannot be read")?;
            Ok(Arc::new(federation))
        }
        "service_account" => match Account::read(&text) {
            Some(account) => Ok(Arc::new(account)),
            None => Err(invalid("holds a key of a service account that cannot be used")),
        },
        _ => Err(invalid(UNKNOWN)),
    }
}

/// Who this program is at AWS: its role, if it may take one, as in AWS's SDKs.
fn aws(own: &args::Own) -> Result<Arc<dyn Grant>, Invalid> {
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let file = |path: &Option<PathBuf>| path.clone().filter(|path| !path.as_os_str().is_empty());
    match (text(&own.aws_role_arn), file(&own.aws_web_identity_token_file)) {
        (Some(arn), Some(token_file)) => {
            readable(&token_file, TOKEN)?;
            let region =
                text(&own.aws_region).ok_or(Invalid { variable: REGION, problem: "is required for IRSA" })?;
            let session = own.aws_role_session_name.clone();
            check(is_region(&region), REGION, "is no region, like eu-west-1")?;
            check(is_arn(&arn), ROLE, "is no ARN of a role, like arn:aws:iam::123456789012:role/llm-proxy")?;
            check(is_session(&session), SESSION, "is not 2 to 64 letters, digits and any of + = , . @ - _")?;
            Ok(Arc::new(Role { arn, session, token_file, sts: Role::sts_of(&region) }))
        }
        (Some(_), None) => {
            Err(Invalid { variable: TOKEN, problem: "goes with AWS_ROLE_ARN: set both or none" })
        }
        (None, Some(_)) => Err(Invalid {
            variable: ROLE,
            problem: "goes with AWS_WEB_IDENTITY_TOKEN_FILE: set both or none",
        }),
        (None, None) => {
            const NONE: &str = "is on, but nothing says who this program is: annotate its ServiceAccount for IRSA, or \
                associate it with a role for EKS Pod Identity";
            let url = text(&own.aws_container_credentials_full_uri)
                .ok_or(Invalid { variable: ALLOWED, problem: NONE })?;
            check(
                is_agent(&url),
                CONTAINER,
                "is neither an https URL nor one of this host or of AWS's agents",
            )?;
            let token_file = file(&own.aws_container_authorization_token_file);
            token_file.as_deref().map_or(Ok(()), |file| readable(file, CONTAINER_TOKEN))?;
            Ok(Arc::new(Container { url, token_file }))
        }
    }
}

fn check(good: bool, variable: &'static str, problem: &'static str) -> Result<(), Invalid> {
    if good { Ok(()) } else { Err(Invalid { variable, problem }) }
}

/// A file that cannot be read now is told now and not at the first request.
fn readable(file: &Path, variable: &'static str) -> Result<(), Invalid> {
    check(File::open(file).is_ok(), variable, "names a file that cannot be read")
}

fn is_region(text: &str) -> bool {
    let word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    text.len() <= 32 && text.split('-').all(word)
}

fn is_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    matches!(parts[..], ["arn", _, "iam", "", _, role] if role.starts_with("role/"))
}

fn is_session(text: &str) -> bool {
    (2..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@-_".contains(&b))
}

/// Whether credentials may be fetched from there: over TLS, or from where nobody else can stand.
fn is_agent(url: &str) -> bool {
    let Ok(url) = url.parse::<http::Uri>() else { return false };
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let near = || {
        AGENTS.contains(&host)
            || host == "localhost"
            || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    };
    match url.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => near(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
