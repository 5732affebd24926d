//! Providers in clouds: Bedrock of AWS and Vertex AI of Google. What they speak depends on the model, and they want more
//! with a request than an API key: a signature ([`sigv4`]), or a credential that is fetched ([`grant`]) and renewed
//! before it ends ([`renewed`]).

pub mod aws;
pub mod google;
pub mod grant;
pub mod renewed;
pub mod sigv4;

use crate::route::Rotation;
use crate::state::Upstreams;
use crate::upstream::{BuildError, Target};
use aws::AccessKey;
use bytes::Bytes;
use google::Account;
use grant::{Grant, GrantError};
use http::header::{AUTHORIZATION, HOST, HeaderValue};
use http::{Request, Uri};
use jiff::Timestamp;
use llm_snapshot::provider::{self, Http, Protocol};
use renewed::Renewed;
use sigv4::{Scope, Signed, sign};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What signs requests to Bedrock, by the name it has in signatures.
const BEDROCK: &str = "bedrock";

/// A provider's place in a cloud, and what it is authenticated with.
#[derive(Debug)]
pub struct Cloud {
    place: provider::Cloud,
    credentials: Box<[Credential]>,
    rotation: Rotation,
}

/// The workload's own identities at clouds, as far as providers without credentials may use them.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// At Google.
    pub google: Option<Arc<dyn Grant>>,
    /// At AWS.
    pub aws: Option<Arc<dyn Grant>>,
}

/// What a request is authenticated with.
#[derive(Debug)]
pub enum Proof {
    /// An API key or a token, in the header it is sent in.
    Bearer(HeaderValue),
    /// A signature by this key.
    Key(Box<AccessKey>),
}

#[derive(Debug)]
enum Credential {
    /// It holds.
    Given(Proof),
    /// It holds for a while.
    Renewed(Arc<Renewed>),
}

/// Why a provider in a cloud cannot be used. Holds nothing secret.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// A credential is not what it should be.
    #[error("the credential {0} is neither an API key nor a key of the cloud's own kind")]
    Credential(String),
    /// There is nothing to authenticate with.
    #[error("there is no credential, and the proxy has no identity at the cloud that it may use ({0})")]
    NoIdentity(&'static str),
    /// Credentials cannot be asked for.
    #[error("the place credentials come from: {0}")]
    Place(#[from] BuildError),
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
    /// There is none.
    #[error(transparent)]
    Grant(#[from] GrantError),
}

impl Cloud {
    /// Of a provider in one; credentials that were fetched are those of everybody of the same identity.
    pub(crate) fn new(http: &Http, upstreams: &mut Upstreams) -> Result<Option<Self>, Unusable> {
        let Some(place) = http.cloud.clone() else { return Ok(None) };
        let mut credentials = Vec::with_capacity(http.credentials.len().max(1));
        let mut weights: Vec<u32> = http.credentials.iter().map(|credential| credential.weight).collect();
        for stated in &http.credentials {
            credentials.push(match &place {
                provider::Cloud::Bedrock { .. } => Credential::Given(of_aws(stated)?),
                provider::Cloud::Vertex { .. } => {
                    let account = Account::read(stated.value.expose())
                        .ok_or_else(|| Unusable::Credential(stated.name.clone()))?;
                    Credential::Renewed(upstreams.renewed(Arc::new(account))?)
                }
            });
        }
        if credentials.is_empty() {
            let (own, flag) = match &place {
                provider::Cloud::Bedrock { .. } => (&upstreams.own().aws, "--aws-workload-identity"),
                provider::Cloud::Vertex { .. } => {
                    (&upstreams.own().google, "--google-metadata-server, --google-credentials-file")
                }
            };
            let own = own.clone().ok_or(Unusable::NoIdentity(flag))?;
            credentials.push(Credential::Renewed(upstreams.renewed(own)?));
            weights.push(1);
        }
        Ok(Some(Self { place, credentials: credentials.into(), rotation: Rotation::new(weights) }))
    }

    /// What a model is spoken to in, by the provider's name of it.
    #[must_use]
    pub fn protocols(&self, model: &str) -> BTreeSet<Protocol> {
        let one = match &self.place {
            provider::Cloud::Bedrock { .. } if model.contains("titan-embed") => Protocol::TitanEmbeddings,
            provider::Cloud::Bedrock { .. } => Protocol::Converse,
            provider::Cloud::Vertex { .. } if model.contains("claude") => Protocol::Messages,
            provider::Cloud::Vertex { .. } if model.contains("embedding") => Protocol::VertexEmbeddings,
            provider::Cloud::Vertex { .. } => Protocol::GenerateContent,
        };
        [one].into()
    }

    /// Whether this is Vertex AI.
    #[must_use]
    pub fn is_vertex(&self) -> bool {
        matches!(self.place, provider::Cloud::Vertex { .. })
    }

    /// The keys and tokens that are sent as they were given.
    pub(crate) fn given(&self) -> impl Iterator<Item = &HeaderValue> {
        self.credentials.iter().filter_map(|credential| match credential {
            Credential::Given(Proof::Bearer(value)) => Some(value),
            _ => None,
        })
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
        let turn = self.rotation.next().and_then(|turn| self.credentials.get(turn));
        match turn.ok_or(Unauthorized::NoCredential)? {
            Credential::Given(proof) => self.prove(request, target, proof),
            Credential::Renewed(renewed) => {
                let held = renewed.get().await?;
                self.prove(request, target, &held.proof)
            }
        }
    }

    fn prove(
        &self,
        request: &mut Request<Bytes>,
        target: &Target,
        proof: &Proof,
    ) -> Result<(), Unauthorized> {
        match (proof, &self.place) {
            (Proof::Bearer(value), _) => {
                request.headers_mut().insert(AUTHORIZATION, value.clone());
            }
            (Proof::Key(key), provider::Cloud::Bedrock { region }) => {
                signed(request, target, key, Scope { region, service: BEDROCK })?;
            }
            (Proof::Key(_), provider::Cloud::Vertex { .. }) => return Err(Unauthorized::NoCredential),
        }
        Ok(())
    }
}

fn of_aws(stated: &provider::Credential) -> Result<Proof, Unusable> {
    let unusable = || Unusable::Credential(stated.name.clone());
    let text = stated.value.expose();
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
