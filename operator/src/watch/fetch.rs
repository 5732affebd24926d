//! Asks for Secrets and ConfigMaps that were named after their list had gone by.

use super::convert::{self, Converted};
use super::{Item, Scope, Source, Update, Want, What};
use crate::kubernetes::{CallError, Failures, bounded};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Client;
use kube::api::Api;
use llm_compile::Data;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tracing::warn;

/// Questions under way at the same time.
const CONCURRENCY: usize = 8;
/// Pause before a question that failed is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Asks the API server for single Secrets and ConfigMaps.
#[derive(Clone)]
pub struct Fetcher {
    client: Client,
    updates: mpsc::Sender<(Scope, Update)>,
    permits: Arc<Semaphore>,
}

impl Fetcher {
    /// A fetcher that answers through `updates`.
    #[must_use]
    pub fn new(client: Client, updates: mpsc::Sender<(Scope, Update)>) -> Self {
        Self { client, updates, permits: Arc::new(Semaphore::new(CONCURRENCY)) }
    }

    /// Asks, until there is an answer or nobody waits for it any more.
    pub fn fetch(&self, want: Want) {
        let fetcher = self.clone();
        tokio::spawn(async move {
            let scope = Scope { what: What::Data(want.source), namespace: None };
            let mut failures = Failures::default();
            while !fetcher.updates.is_closed() && want.wanted() {
                let Ok(permit) = fetcher.permits.acquire().await else { return };
                let error = match fetcher.ask(&want).await {
                    Ok(data) => {
                        let update = Update::Fetched(want.source, want.name.clone(), data);
                        // A closed channel means that the operator is ending.
                        let _ = fetcher.updates.send((scope, update)).await;
                        return;
                    }
                    Err(error) => error,
                };
                if failures.one_more() {
                    warn!(object = %want.name, %error, "cannot read what an object refers to");
                }
                drop(permit);
                tokio::time::sleep(PAUSE).await;
            }
        });
    }

    async fn ask(&self, want: &Want) -> Result<Option<Data>, CallError> {
        let text = want.name.to_string();
        let (namespace, name) = text.split_once('/').unwrap_or_default();
        let found = match want.source {
            Source::Secret => {
                let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
                bounded(api.get_opt(name)).await?.and_then(convert::secret)
            }
            Source::ConfigMap => {
                let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
                bounded(api.get_opt(name)).await?.and_then(convert::config_map)
            }
        };
        Ok(match found {
            Some(Converted::Is(Item::Data(_, _, data))) => Some(data),
            _ => None,
        })
    }
}
