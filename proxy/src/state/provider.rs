//! A provider in the form requests use it.

use super::headers::{HeaderRules, InvalidHeader};
use super::upstreams::Upstreams;
use crate::cloud::{self, Cloud};
use crate::forward::metrics::{ModelSeries, ProviderSeries};
use crate::route::Rotation;
use crate::upstream::{BuildError, Target, Timeouts};
use http::header::{self, HeaderName, HeaderValue};
use llm_protocol::capabilities::Capabilities;
use llm_snapshot::EntryId;
use llm_snapshot::provider::{self, Auth, Credential, Options, Protocol, Visibility};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Every protocol that clients speak; tables by protocol are in this order.
pub const PROTOCOLS: [Protocol; 13] = [
    Protocol::ChatCompletions,
    Protocol::Responses,
    Protocol::Completions,
    Protocol::Embeddings,
    Protocol::Messages,
    Protocol::GenerateContent,
    Protocol::EmbedContent,
    Protocol::Images,
    Protocol::Audio,
    Protocol::Moderations,
    Protocol::Rerank,
    Protocol::Files,
    Protocol::Batches,
];

/// The place of a protocol in [`PROTOCOLS`].
#[must_use]
pub fn position(protocol: Protocol) -> usize {
    PROTOCOLS.iter().position(|one| *one == protocol).unwrap_or(0)
}

/// A provider, ready for use.
#[derive(Debug)]
pub struct Provider {
    /// Its entry.
    pub id: EntryId,
    /// `NAMESPACE/NAME`, in metrics and logs.
    pub name: Arc<str>,
    /// What answers.
    pub target: Target,
    /// What it is authenticated with; `None`: nothing.
    pub credentials: Option<Credentials>,
    /// Which headers it gets.
    pub headers: HeaderRules,
    /// Time limits of an attempt.
    pub timeouts: Timeouts,
    /// The place in a cloud, if it has one: it is authenticated there in other ways.
    pub cloud: Option<Cloud>,
    /// How requests are written for it.
    pub options: Options,
    /// The version of Azure's API, which has paths of its own.
    pub azure_api_version: Option<Box<str>>,
    /// Its share within a priority.
    pub weight: u32,
    /// What it offers.
    pub offers: Vec<Offer>,
    /// Whose keys may use it.
    pub visible_to: Visibility,
    /// Its series, once it was used.
    pub series: Arc<OnceLock<ProviderSeries>>,
}

/// A model that a provider offers.
#[derive(Debug)]
pub struct Offer {
    /// Public name; a trailing `*` stands for any ending.
    pub name: Arc<str>,
    /// The provider's name for it.
    pub upstream: UpstreamName,
    /// What it is spoken to in.
    pub protocols: Arc<BTreeSet<Protocol>>,
    /// 0 is asked first.
    pub priority: u32,
    /// What it can do.
    pub capabilities: ModelCapabilities,
    /// Its series.
    pub series: Arc<ModelSeries>,
}

/// A provider's name for a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamName {
    /// Always the same.
    Fixed(Box<str>),
    /// This, and then what the `*` of the public name stands for.
    Prefix(Box<str>),
}

/// The credentials of a provider, and whose turn it is.
pub struct Credentials {
    names: Box<[String]>,
    /// The header they are sent in.
    header: HeaderName,
    /// Values of that header.
    values: Box<[HeaderValue]>,
    rotation: Arc<Rotation>,
}

/// Why a provider cannot be used. Holds nothing secret.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// There is no upstream.
    #[error(transparent)]
    Upstream(#[from] BuildError),
    /// A header is not one.
    #[error(transparent)]
    Header(#[from] InvalidHeader),
    /// A credential does not fit a header.
    #[error("the credential {0} holds characters that a header cannot")]
    Credential(String),
    /// It cannot be authenticated in its cloud.
    #[error(transparent)]
    Cloud(#[from] cloud::Unusable),
    /// The capabilities of a model are none.
    #[error("the capabilities of the model {0:?} cannot be read")]
    Capabilities(String),
}

impl UpstreamName {
    fn new(public: &str, upstream: &str) -> Self {
        match upstream.strip_suffix('*') {
            Some(prefix) if public.ends_with('*') => Self::Prefix(prefix.into()),
            _ => Self::Fixed(upstream.into()),
        }
    }

    /// The name when the `*` of the public name stands for `rest`.
    #[must_use]
    pub fn with(&self, rest: &str) -> Cow<'_, str> {
        match self {
            Self::Fixed(name) => Cow::Borrowed(name),
            Self::Prefix(prefix) => Cow::Owned([&**prefix, rest].concat()),
        }
    }
}

/// What a model can do: known when the snapshot is made, unless a `*` makes the name.
#[derive(Debug)]
pub enum ModelCapabilities {
    /// What its name says.
    Listed(&'static Capabilities),
    /// What its name says, overridden by the provider's object.
    Overridden(Box<Capabilities>),
    /// What the name that the `*` makes says, overridden by these fields.
    ByName(Box<serde_json::Map<String, serde_json::Value>>),
}

impl ModelCapabilities {
    fn new(model: &provider::Model, upstream: &UpstreamName) -> Result<Self, Unusable> {
        let overrides = &model.capabilities;
        let listed = Capabilities::of(&upstream.with(""));
        if overrides.is_empty() {
            return Ok(match upstream {
                UpstreamName::Fixed(_) => Self::Listed(listed),
                UpstreamName::Prefix(_) => Self::ByName(Box::default()),
            });
        }
        // Whether fields and values are known does not depend on the name.
        let overridden =
            listed.overridden(overrides).map_err(|_| Unusable::Capabilities(model.name.clone()))?;
        Ok(match upstream {
            UpstreamName::Fixed(_) => Self::Overridden(Box::new(overridden)),
            UpstreamName::Prefix(_) => Self::ByName(Box::new(overrides.clone())),
        })
    }

    /// What the model of that upstream name can do.
    #[must_use]
    pub fn of(&self, name: &str) -> Cow<'_, Capabilities> {
        match self {
            Self::Listed(listed) => Cow::Borrowed(listed),
            Self::Overridden(overridden) => Cow::Borrowed(overridden),
            Self::ByName(fields) => {
                let listed = Capabilities::of(name);
                if fields.is_empty() {
                    return Cow::Borrowed(listed);
                }
                listed.overridden(fields).map_or(Cow::Borrowed(listed), Cow::Owned)
            }
        }
    }
}

impl Credentials {
    fn new(http: &provider::Http, before: Option<&Self>) -> Result<Option<Self>, Unusable> {
        let credentials = &http.credentials;
        if credentials.is_empty() || http.cloud.is_some() {
            return Ok(None);
        }
        let (header, scheme) = match http.auth {
            Auth::Bearer => (header::AUTHORIZATION, "Bearer "),
            Auth::XApiKey => (HeaderName::from_static("x-api-key"), ""),
            Auth::XGoogApiKey => (HeaderName::from_static("x-goog-api-key"), ""),
            Auth::ApiKey => (HeaderName::from_static("api-key"), ""),
        };
        let value = |credential: &Credential| {
            let mut value = HeaderValue::try_from([scheme, credential.value.expose()].concat())
                .map_err(|_| Unusable::Credential(credential.name.clone()))?;
            value.set_sensitive(true);
            Ok(value)
        };
        let values = credentials.iter().map(value).collect::<Result<_, Unusable>>()?;
        let names: Box<[String]> = credentials.iter().map(|credential| credential.name.clone()).collect();
        let weights: Vec<u32> = credentials.iter().map(|credential| credential.weight).collect();
        let same = before.filter(|before| before.names == names && before.rotation.weights() == weights);
        let rotation =
            same.map_or_else(|| Arc::new(Rotation::new(weights)), |before| before.rotation.clone());
        Ok(Some(Self { names, header, values, rotation }))
    }

    /// All of them, without what they are sent with.
    fn secrets(&self) -> impl Iterator<Item = &str> {
        self.values.iter().filter_map(bare)
    }

    /// The header with the credential whose turn it is; `None` when no credential has any weight.
    #[must_use]
    pub fn next(&self) -> Option<(&HeaderName, &HeaderValue)> {
        Some((&self.header, self.values.get(self.rotation.next()?)?))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Credentials").field(&self.names).finish()
    }
}

impl Provider {
    /// What it is authenticated with, as far as that is given and does not come from a cloud: for taking it out of what
    /// clients are told.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let own = self.credentials.iter().flat_map(Credentials::secrets);
        own.chain(self.cloud.iter().flat_map(Cloud::given).filter_map(bare))
    }

    /// The provider of an entry. What goes with its identity it takes over from what it was `before`.
    pub(super) fn new(
        id: EntryId,
        stated: provider::Provider,
        before: Option<&Self>,
        upstreams: &mut Upstreams,
    ) -> Result<Self, Unusable> {
        let credentials = match &stated.upstream {
            provider::Upstream::Http(http) => {
                Credentials::new(http, before.and_then(|before| before.credentials.as_ref()))?
            }
            provider::Upstream::Mock(_) => None,
        };
        let azure_api_version = match &stated.upstream {
            provider::Upstream::Http(http) => http.azure_api_version.as_deref().map(Into::into),
            provider::Upstream::Mock(_) => None,
        };
        let cloud = match &stated.upstream {
            provider::Upstream::Http(http) => Cloud::new(http, upstreams)?,
            provider::Upstream::Mock(_) => None,
        };
        let spoken = Arc::new(stated.protocols);
        let protocols = |model: &str| match &cloud {
            Some(cloud) => Arc::new(cloud.protocols(model)),
            None => spoken.clone(),
        };
        let offers = offers(&stated.models, before, protocols)?;
        Ok(Self {
            name: id.object().into(),
            target: upstreams.target(&stated.upstream)?,
            credentials,
            headers: HeaderRules::new(&stated.headers)?,
            timeouts: Timeouts::from(&stated.timeouts),
            cloud,
            options: stated.options,
            azure_api_version,
            weight: stated.weight,
            offers,
            visible_to: stated.visible_to,
            series: before.map(|before| before.series.clone()).unwrap_or_default(),
            id,
        })
    }
}

/// A credential without the scheme that is sent before it.
fn bare(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok().map(|text| text.strip_prefix("Bearer ").unwrap_or(text))
}

fn offers(
    models: &[provider::Model],
    before: Option<&Provider>,
    protocols: impl Fn(&str) -> Arc<BTreeSet<Protocol>>,
) -> Result<Vec<Offer>, Unusable> {
    let mut offers: Vec<Offer> = Vec::with_capacity(models.len());
    for model in models {
        let mut known = offers.iter().chain(before.iter().flat_map(|before| &before.offers));
        let (name, series) = match known.find(|offer| *offer.name == *model.name) {
            Some(offer) => (offer.name.clone(), offer.series.clone()),
            None => (model.name.as_str().into(), Arc::default()),
        };
        let upstream = UpstreamName::new(&model.name, &model.upstream);
        let capabilities = ModelCapabilities::new(model, &upstream)?;
        let protocols = protocols(&model.upstream);
        offers.push(Offer { name, upstream, protocols, priority: model.priority, capabilities, series });
    }
    Ok(offers)
}
