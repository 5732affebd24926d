//! The workload's own identity, by Google's metadata server.

use super::Token;
use crate::cloud::grant::{Grant, GrantError, Issued, ask, get};
use crate::upstream::Target;
use futures_util::future::BoxFuture;
use http::header::{HeaderName, HeaderValue};
use llm_snapshot::Digest;

const PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
const FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");

/// The metadata server at a base URL.
#[derive(Debug)]
pub struct Metadata(String);

impl Metadata {
    /// The one at this base URL.
    #[must_use]
    pub fn at(base_url: impl Into<String>) -> Self {
        Self(base_url.into())
    }
}

impl Grant for Metadata {
    fn identity(&self) -> Digest {
        Digest::of_all([b"metadata\0", self.0.as_bytes()])
    }

    fn places(&self) -> Vec<&str> {
        vec![&self.0]
    }

    fn fetch<'f>(&'f self, at: &'f [Target]) -> BoxFuture<'f, Result<Issued, GrantError>> {
        Box::pin(async move {
            let mut request = get(PATH)?;
            request.headers_mut().insert(FLAVOR, HeaderValue::from_static("Google"));
            let token: Token = ask(at.first(), request).await?;
            token.issued()
        })
    }
}
