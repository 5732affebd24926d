//! Providers in clouds: Bedrock of AWS and Vertex AI of Google. What they speak depends on the model, and they want more
//! with a request than an API key: a signature ([`sigv4`]) or a token that is fetched ([`google`]).

pub mod aws;
pub mod google;
pub mod sigv4;

use crate::route::Rotation;
use crate::state::Upstreams;
use crate::upstream::{BuildError, Target};
use aws::AccessKey;
use bytes::Bytes;
use google::{Account, TokenError, Tokens};
use http::header::{AUTHORIZATION, HOST, HeaderValue};
use http::{Request, Uri};
use jiff::Timestamp;
use llm_snapshot::provider::{self, Credential, Http, Protocol};
use sigv4::{Scope, Signed, sign};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What signs requests to Bedrock, by the name it has in signatures.
const BEDROCK: &str = "bedrock";

/// A provider's place in a cloud, and what it is authenticated with.
#[derive(Debug)]
pub struct Cloud {
    place: provider::Cloud,
    proofs: Box<[Proof]>,
    rotation: Rotation,
}

/// What a request is authenticated with.
#[derive(Debug)]
enum Proof {
    /// An API key, in the header it is sent in.
    Bearer(HeaderValue),
    /// A signature by this key.
    Key(Box<AccessKey>),
    /// A token.
    Tokens(Arc<Tokens>),
}

/// Why a provider in a cloud cannot be used. Holds nothing secret.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// A credential is not what it should be.
    #[error("the credential {0} is neither an API key nor a key of the cloud's own kind")]
    Credential(String),
    /// There is nothing to authenticate with.
    #[error("there is no credential, and the proxy has no identity at a cloud that it may use")]
    NoIdentity,
    /// Tokens cannot be asked for.
    #[error("the place tokens come from: {0}")]
    Tokens(#[from] BuildError),
}

/// Why a request cannot be authenticated. Holds nothing secret.
#[derive(Debug, thiserror::Error)]
pub enum Unauthorized {
    /// No credential has any weight.
    #[error("no credential has any weight")]
    NoCredential,
    /// A credential does not fit a header.
    #[error("the credential holds characters that a header cannot")]
    Header(#[from] http::header::InvalidHeaderValue),
    /// There is no token.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl Cloud {
    /// Of a provider in one; tokens that were fetched are taken over from what it was `before`.
    pub(crate) fn new(
        http: &Http,
        before: Option<&Self>,
        upstreams: &mut Upstreams,
    ) -> Result<Option<Self>, Unusable> {
        let Some(place) = http.cloud.clone() else { return Ok(None) };
        let known = || before.into_iter().flat_map(|before| &before.proofs);
        let proof = |credential: &Credential| match &place {
            provider::Cloud::Bedrock { .. } => of_aws(credential),
            provider::Cloud::Vertex { .. } => {
                let account = Account::read(credential.value.expose())
                    .ok_or_else(|| Unusable::Credential(credential.name.clone()))?;
                tokens(Tokens::of(account), known(), upstreams)
            }
        };
        let mut proofs = http.credentials.iter().map(proof).collect::<Result<Vec<_>, _>>()?;
        let mut weights: Vec<u32> = http.credentials.iter().map(|credential| credential.weight).collect();
        if proofs.is_empty() {
            let server =
                upstreams.metadata_server().filter(|_| matches!(place, provider::Cloud::Vertex { .. }));
            let own = Tokens::of_workload(server.ok_or(Unusable::NoIdentity)?);
            proofs.push(tokens(own, known(), upstreams)?);
            weights.push(1);
        }
        Ok(Some(Self { place, proofs: proofs.into(), rotation: Rotation::new(weights) }))
    }

    /// What a model is spoken to in, by the provider's name of it.
    #[must_use]
    pub fn protocols(&self, model: &str) -> BTreeSet<Protocol> {
        let one = match &self.place {
            provider::Cloud::Bedrock { .. } if model.contains("titan-embed") => Protocol::TitanEmbeddings,
            provider::Cloud::Bedrock { .. } => Protocol::Converse,
            provider::Cloud::Vertex { .. } if model.contains("claude") => Protocol::Messages,
            provider::Cloud::Vertex { .. } => Protocol::GenerateContent,
        };
        [one].into()
    }

    /// Whether this is Vertex AI.
    #[must_use]
    pub fn is_vertex(&self) -> bool {
        matches!(self.place, provider::Cloud::Vertex { .. })
    }

    /// Where a model is asked, given where its protocol has it.
    #[must_use]
    pub fn place(&self, uri: Uri, model: &str, stream: bool) -> Uri {
        match &self.place {
            provider::Cloud::Bedrock { .. } => uri,
            provider::Cloud::Vertex { project, region } => {
                google::place(project, region, uri.path(), uri.query(), model, stream).parse().unwrap_or(uri)
            }
        }
    }

    /// Authenticates a request, which must not change afterwards.
    ///
    /// # Errors
    /// [`Unauthorized`]
    pub async fn authorize(&self, request: &mut Request<Bytes>, target: &Target) -> Result<(), Unauthorized> {
        let turn = self.rotation.next().and_then(|turn| self.proofs.get(turn));
        match (turn.ok_or(Unauthorized::NoCredential)?, &self.place) {
            (Proof::Bearer(value), _) => {
                request.headers_mut().insert(AUTHORIZATION, value.clone());
            }
            (Proof::Tokens(tokens), _) => {
                let value = tokens.get().await?;
                request.headers_mut().insert(AUTHORIZATION, value);
            }
            (Proof::Key(key), provider::Cloud::Bedrock { region }) => {
                let scope = Scope { region, service: BEDROCK };
                signed(request, target, key, scope)?;
            }
            (Proof::Key(_), provider::Cloud::Vertex { .. }) => return Err(Unauthorized::NoCredential),
        }
        Ok(())
    }
}

fn of_aws(credential: &Credential) -> Result<Proof, Unusable> {
    let unusable = || Unusable::Credential(credential.name.clone());
    let text = credential.value.expose();
    if text.starts_with('{') {
        let stated: provider::AwsAccessKey = serde_json::from_str(text).map_err(|_| unusable())?;
        return Ok(Proof::Key(Box::new(stated.into())));
    }
    bearer(text).map(Proof::Bearer).map_err(|_| unusable())
}

/// An API key or token as it is sent.
fn bearer(token: &str) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let mut value = HeaderValue::try_from(["Bearer ", token].concat())?;
    value.set_sensitive(true);
    Ok(value)
}

/// The tokens of an account: those that are known already, if they are.
fn tokens<'k>(
    fresh: google::Grant,
    known: impl Iterator<Item = &'k Proof>,
    upstreams: &mut Upstreams,
) -> Result<Proof, Unusable> {
    for proof in known {
        if let Proof::Tokens(tokens) = proof
            && tokens.are_of(&fresh)
        {
            return Ok(Proof::Tokens(tokens.clone()));
        }
    }
    let target = upstreams.target(&provider::Upstream::Http(Http::new(fresh.base_url())))?;
    Ok(Proof::Tokens(Arc::new(Tokens::new(fresh, target))))
}

fn signed(
    request: &mut Request<Bytes>,
    target: &Target,
    key: &AccessKey,
    scope: Scope<'_>,
) -> Result<(), Unauthorized> {
    // What the upstream makes of the request before it goes out.
    let (host, prefix) = target.place().unwrap_or_default();
    let path = [prefix, request.uri().path()].concat();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let (method, body) = (request.method().clone(), request.body().clone());
    let signed = Signed { method: &method, host, path: &path, query: &query, body: &body };
    request.headers_mut().remove(HOST);
    sign(&signed, request.headers_mut(), key, scope, Timestamp::now())?;
    Ok(())
}
