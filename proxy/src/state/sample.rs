//! Objects for tests.

use super::Store;
use llm_snapshot::provider::*;
use llm_snapshot::{Digest, Entry, EntryId, Key, Kind, Provider, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A provider in `team-a` that offers these names by these upstream names.
pub(crate) fn provider(name: &str, models: &[(&str, &str)]) -> Provider {
    let models = models.iter().map(|(name, upstream)| Model::new(*name, *upstream));
    Provider {
        namespace: "team-a".to_owned(),
        name: name.to_owned(),
        upstream: Upstream::Http(Http::new(format!("http://{name}.invalid/v1"))),
        protocols: [Protocol::ChatCompletions].into(),
        weight: 1,
        models: models.collect(),
        timeouts: Timeouts { connect_ms: 1000, first_byte_ms: 1000, stream_idle_ms: 1000, total_ms: 1000 },
        headers: Headers::default(),
        visible_to: Visibility::All,
        options: Options::default(),
    }
}

/// A key of `team-a`.
pub(crate) fn key(name: &str, secret: &str) -> Key {
    Key {
        namespace: "team-a".to_owned(),
        name: name.to_owned(),
        sha256: Digest::of(secret.as_bytes()),
        disabled: false,
        expires_at: None,
        allowed_models: None,
        denied_models: Vec::new(),
    }
}

/// The snapshot of these.
pub(crate) fn snapshot(providers: &[Provider], keys: &[Key]) -> Snapshot {
    let mut entries = BTreeMap::new();
    for provider in providers {
        let id = EntryId::new(Kind::Provider, &provider.namespace, &provider.name);
        entries.insert(id, Arc::new(Entry::of(provider).unwrap()));
    }
    for key in keys {
        let id = EntryId::new(Kind::Key, &key.namespace, &key.name);
        entries.insert(id, Arc::new(Entry::of(key).unwrap()));
    }
    Snapshot::new(entries)
}

/// Applies these, none of which is rejected.
pub(crate) fn apply(store: &Store, providers: &[Provider]) {
    assert_eq!(store.apply(Arc::new(snapshot(providers, &[]))), []);
}
