//! Access tokens of Google: for the key of a service account, or for the identity of the workload itself.
//!
//! Source: "Using OAuth 2.0 for Server to Server Applications" of Google Identity (the JWT is signed with RS256, lasts
//! an hour, and is exchanged at the key's `token_uri`), and "Access tokens of the metadata server" of Compute Engine.

mod account;
mod federation;
mod metadata;

pub use account::Account;
pub use federation::Federation;
pub use metadata::Metadata;

use super::grant::{GrantError, Issued};
use super::{Proof, bearer};
use llm_protocol::percent;
use serde::Deserialize;
use std::fmt::Write as _;
use std::time::Duration;

/// What tokens are for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// A token as OAuth 2.0 answers with it (RFC 6749, section 5.1).
#[derive(Deserialize)]
struct Token {
    access_token: String,
    expires_in: u64,
}

impl Token {
    fn issued(self) -> Result<Issued, GrantError> {
        let value = bearer(&self.access_token).map_err(|_| GrantError::Malformed)?;
        Ok(Issued { proof: Proof::Bearer(value), lifetime: Duration::from_secs(self.expires_in) })
    }
}

/// Where a model is asked, below the version of the API: `path` is where its protocol has it.
///
/// Source: `projects.locations.publishers.models` in the REST reference of Vertex AI; Claude's methods are
/// `rawPredict` and `streamRawPredict`.
pub(super) fn place(
    project: &str,
    region: &str,
    path: &str,
    query: Option<&str>,
    model: &str,
    stream: bool,
) -> String {
    let mut out = format!("/projects/{}/locations/{}/publishers/", escaped(project), escaped(region));
    let _ = match path {
        "/messages/count_tokens" => write!(out, "anthropic/models/count-tokens:rawPredict"),
        "/messages" => {
            let method = if stream { "streamRawPredict" } else { "rawPredict" };
            write!(out, "anthropic/models/{}:{method}", escaped(model))
        }
        _ => {
            let method = path.rsplit_once(':').map_or("", |(_, method)| method);
            write!(out, "google/models/{}:{method}", escaped(model))
        }
    };
    if let Some(query) = query {
        out.push('?');
        out.push_str(query);
    }
    out
}

/// A name as one segment of a path.
fn escaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    percent::escape(&mut out, name, b"@");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_their_places() {
        let of = |path, query, model, stream| place("p", "europe-west1", path, query, model, stream);
        let prefix = "/projects/p/locations/europe-west1/publishers/";
        for (path, query, model, stream, expected) in [
            (
                "/messages",
                None,
                "claude-sonnet-4-5@20250929",
                false,
                "anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
            ),
            ("/messages", None, "claude-x", true, "anthropic/models/claude-x:streamRawPredict"),
            ("/messages/count_tokens", None, "claude-x", false, "anthropic/models/count-tokens:rawPredict"),
            (
                "/models/gemini-2.5-flash:generateContent",
                None,
                "gemini-2.5-flash",
                false,
                "google/models/gemini-2.5-flash:generateContent",
            ),
            (
                "/models/g:streamGenerateContent",
                Some("alt=sse"),
                "g",
                true,
                "google/models/g:streamGenerateContent?alt=sse",
            ),
            ("/models/x", None, "../a?b", false, "google/models/..%2Fa%3Fb:"),
        ] {
            assert_eq!(of(path, query, model, stream), [prefix, expected].concat());
        }
    }
}
