//! One watch: events in, updates out, and patience when the API server is away.

use super::convert::Converted;
use super::metrics::WatchMetrics;
use super::{Scope, Update};
use crate::kubernetes::{Failures, watch_error};
use futures_util::StreamExt as _;
use kube::Resource;
use kube::api::Api;
use kube::runtime::watcher::{Config, Event, watcher};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::mpsc;
use tracing::{info, warn};

const MIN_PAUSE: Duration = Duration::from_millis(200);
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// Watches until the receiver of updates is gone. Nothing that happens to the watch removes what is known:
/// only a complete list does.
pub(super) async fn run<K, F>(
    api: Api<K>,
    config: Config,
    scope: Scope,
    convert: F,
    updates: mpsc::Sender<(Scope, Update)>,
    metrics: WatchMetrics,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    F: Fn(K) -> Option<Converted>,
{
    let mut events = pin!(watcher(api, config));
    let mut failures = Failures::default();
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                // The beginning of a list is no sign of life: it comes before the API server is asked.
                if failures.count() > 0 && !matches!(event, Event::Init) {
                    info!(watch = %scope, failures = failures.over(), "watch recovered");
                }
                let Some(update) = update(event, &convert) else { continue };
                if updates.send((scope.clone(), update)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                metrics.failed(scope.what);
                if failures.one_more() {
                    let failures = failures.count();
                    warn!(watch = %scope, failures, error = %watch_error(&error), "watch failed");
                }
                tokio::time::sleep(failures.pause(MIN_PAUSE, MAX_PAUSE)).await;
            }
        }
    }
}

fn update<K>(event: Event<K>, convert: impl Fn(K) -> Option<Converted>) -> Option<Update> {
    match event {
        Event::Init => Some(Update::ListBegins),
        Event::InitApply(object) => match convert(object)? {
            Converted::Is(item) => Some(Update::Listed(item)),
            Converted::Going(_) => None,
        },
        Event::InitDone => Some(Update::ListEnds),
        Event::Apply(object) => Some(match convert(object)? {
            Converted::Is(item) => Update::Set(item),
            Converted::Going(key) => Update::Gone(key),
        }),
        Event::Delete(object) => Some(Update::Gone(convert(object)?.key())),
    }
}
