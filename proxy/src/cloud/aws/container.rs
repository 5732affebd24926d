//! The workload's own identity, by an endpoint beside it: the agent of EKS Pod Identity, or that of ECS.
//!
//! Source: "Container credential provider" in the AWS SDKs and Tools Reference Guide.

use super::Session;
use crate::cloud::grant::{Grant, GrantError, Issued, ask, divided, get, read};
use crate::upstream::Target;
use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, HeaderValue};
use jiff::Timestamp;
use llm_snapshot::Digest;
use std::path::PathBuf;

/// The endpoint. `Debug` shows where it is, which is no secret.
#[derive(Debug)]
pub struct Container {
    /// Its URL.
    pub url: String,
    /// File of the token it wants to see. Read at every use.
    pub token_file: Option<PathBuf>,
}

impl Grant for Container {
    fn identity(&self) -> Digest {
        let file = self.token_file.as_deref().unwrap_or("".as_ref()).to_string_lossy();
        let parts = ["container", &self.url, &file];
        Digest::of_all(parts.iter().flat_map(|part| [part.as_bytes(), b"\0"]))
    }

    fn places(&self) -> Vec<&str> {
        vec![divided(&self.url).0]
    }

    fn fetch<'f>(&'f self, at: &'f [Target]) -> BoxFuture<'f, Result<Issued, GrantError>> {
        Box::pin(async move {
            let mut request = get(match divided(&self.url).1 {
                "" => "/",
                path => path,
            })?;
            if let Some(file) = &self.token_file {
                let token = read(file).await?;
                let mut value = HeaderValue::try_from(token).map_err(|_| GrantError::Unreadable)?;
                value.set_sensitive(true);
                request.headers_mut().insert(AUTHORIZATION, value);
            }
            let session: Session = ask(at.first(), request).await?;
            session.issued(Timestamp::now())
        })
    }
}
