//! Watches: LLMProviders and MasterKeys, the Secrets and ConfigMaps they name, and the labels of Namespaces.
//!
//! Each watch is a task that turns events into [`Update`]s; one [`Model`] takes them all. Secrets and
//! ConfigMaps are watched after the objects are listed, since only those that are named are kept.

pub mod convert;
pub mod metrics;
pub mod model;
pub mod refs;

mod fetch;
mod reflect;

pub use fetch::Fetcher;
pub use model::{Model, Want};

use crate::kubernetes::resource;
use crate::watch::metrics::WatchMetrics;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::api::{Api, DynamicObject};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::Config;
use kube::{Client, Resource};
use llm_compile::world::Labels;
use llm_compile::{Data, Object, ObjectName, Status};
use llm_snapshot::{EntryId, Kind};
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Type of the Secrets that hold the last good snapshot; it keeps them out of the operator's own watch.
pub const SNAPSHOT_SECRET_TYPE: &str = "llmproxy.dev/snapshot";
/// Secrets that are never credentials, and would be most of the traffic: Helm keeps releases in them.
const SECRET_FIELDS: &str = "type!=helm.sh/release.v1,type!=llmproxy.dev/snapshot";
/// A watch is renewed this often, in seconds, so that a connection that died silently is noticed.
const WATCH_SECONDS: u32 = 120;
/// Objects a page of a list; Secrets and ConfigMaps may be large.
const PAGE: u32 = 200;

/// What a watch is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    /// LLMProviders or MasterKeys.
    Objects(Kind),
    /// Secrets or ConfigMaps.
    Data(Source),
    /// Namespaces.
    Namespaces,
}

/// Where a value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// In a Secret.
    Secret,
    /// In a ConfigMap.
    ConfigMap,
}

impl What {
    /// Everything there is to watch.
    pub const ALL: [Self; 5] = [
        Self::Objects(Kind::Provider),
        Self::Objects(Kind::Key),
        Self::Data(Source::Secret),
        Self::Data(Source::ConfigMap),
        Self::Namespaces,
    ];

    /// The resource's plural, as in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Objects(Kind::Provider) => "llmproviders",
            Self::Objects(Kind::Key) => "masterkeys",
            Self::Data(Source::Secret) => "secrets",
            Self::Data(Source::ConfigMap) => "configmaps",
            Self::Namespaces => "namespaces",
        }
    }
}

/// One watch: a resource, in one namespace or in all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// What is watched.
    pub what: What,
    /// Where; `None` is everywhere. Of Namespaces, the one that is watched.
    pub namespace: Option<Arc<str>>,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} of {namespace}", self.what.name()),
            None => f.write_str(self.what.name()),
        }
    }
}

/// One watched thing.
#[derive(Clone, Debug)]
pub enum Item {
    /// An LLMProvider or MasterKey, and the status it has.
    Object(Object, Box<Status>),
    /// Data of a Secret or ConfigMap.
    Data(Source, ObjectName, Data),
    /// A Namespace.
    Namespace(String, Labels),
}

/// Identity of an [`Item`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// Of an LLMProvider or MasterKey.
    Object(EntryId),
    /// Of a Secret or ConfigMap.
    Data(Source, ObjectName),
    /// Of a Namespace.
    Namespace(String),
}

impl Item {
    /// Its identity.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::Object(object, _) => Key::Object(object.id.clone()),
            Self::Data(source, name, _) => Key::Data(*source, name.clone()),
            Self::Namespace(name, _) => Key::Namespace(name.clone()),
        }
    }
}

/// What a watch tells.
#[derive(Clone, Debug)]
pub enum Update {
    /// A list begins; what is known stays until it is complete.
    ListBegins,
    /// One item of the list.
    Listed(Item),
    /// The list is complete: what it did not name is gone.
    ListEnds,
    /// An item is new or different.
    Set(Item),
    /// An item is gone.
    Gone(Key),
    /// The answer about a Secret or ConfigMap that was asked for by name.
    Fetched(Source, ObjectName, Option<Data>),
}

/// Every watch there has to be for these namespaces; none named means all.
#[must_use]
pub fn scopes(namespaces: &[String]) -> Vec<Scope> {
    let everywhere: [Option<Arc<str>>; 1] = [None];
    let named: Vec<Option<Arc<str>>> = namespaces.iter().map(|name| Some(name.as_str().into())).collect();
    let places = if named.is_empty() { everywhere.to_vec() } else { named };
    What::ALL
        .iter()
        .flat_map(|what| places.iter().map(|place| Scope { what: *what, namespace: place.clone() }))
        .collect()
}

/// The watches of one operator.
#[derive(Clone)]
pub struct Watches {
    /// The API server.
    pub client: Client,
    /// Where updates go.
    pub updates: mpsc::Sender<(Scope, Update)>,
    /// Whether LLMProviders and MasterKeys are listed, so that what they name is known.
    pub objects_listed: watch::Receiver<bool>,
    /// Counters.
    pub metrics: WatchMetrics,
    /// Ends the watches.
    pub stop: CancellationToken,
}

impl Watches {
    /// Starts the watch of `scope`.
    pub fn start(&self, scope: Scope) {
        match scope.what {
            What::Objects(kind) => {
                let api: Api<DynamicObject> = match &scope.namespace {
                    Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource(kind)),
                    None => Api::all_with(self.client.clone(), &resource(kind)),
                };
                self.spawn(api, Config::default(), scope, move |object| convert::object(kind, object));
            }
            What::Data(Source::Secret) => {
                let config = Config::default().page_size(PAGE).fields(SECRET_FIELDS);
                self.spawn(self.api::<Secret>(&scope), config, scope, convert::secret);
            }
            What::Data(Source::ConfigMap) => {
                let config = Config::default().page_size(PAGE);
                self.spawn(self.api::<ConfigMap>(&scope), config, scope, convert::config_map);
            }
            What::Namespaces => {
                let api: Api<PartialObjectMeta<Namespace>> = Api::all(self.client.clone());
                let config = match &scope.namespace {
                    Some(name) => Config::default().fields(&format!("metadata.name={name}")),
                    None => Config::default(),
                };
                self.spawn(api, config, scope, convert::namespace);
            }
        }
    }

    fn api<K>(&self, scope: &Scope) -> Api<K>
    where
        K: Resource<Scope = kube::core::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        match &scope.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    fn spawn<K, F>(&self, api: Api<K>, config: Config, scope: Scope, convert: F)
    where
        K: Resource + Clone + DeserializeOwned + fmt::Debug + Send + 'static,
        F: Fn(K) -> Option<convert::Converted> + Send + 'static,
    {
        let watches = self.clone();
        tokio::spawn(async move {
            let waits = matches!(scope.what, What::Data(_));
            let work = async {
                let mut listed = watches.objects_listed.clone();
                // The sender lives as long as the model does; without it there is nothing to watch for.
                if waits && listed.wait_for(|listed| *listed).await.is_err() {
                    return;
                }
                let config = config.timeout(WATCH_SECONDS);
                reflect::run(api, config, scope, convert, watches.updates, watches.metrics).await;
            };
            tokio::select! {
                () = watches.stop.cancelled() => {}
                () = work => {}
            }
        });
    }
}
