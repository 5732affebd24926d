//! The last good snapshot as a pod sees it: Secrets mounted as a folder each.

use crate::Result;
use crate::objects::Objects;
use anyhow::{Context as _, ensure};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ListParams};
use llm_snapshot::{Snapshot, archive};
use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;

/// What the names of the Secrets start with.
const PREFIX: &str = "llm-proxy-snapshot-";

/// Writes the Secrets of `namespace` that hold the snapshot as the kubelet projects them, `DIR/SECRET/KEY` through
/// its two links, and makes the newest content visible at once. Returns how many Secrets there were.
///
/// # Errors
/// As the API server says, and when there is none.
pub async fn mount(objects: &Objects, namespace: &str, dir: &Path) -> Result<usize> {
    let api: Api<Secret> = Api::namespaced(objects.client().clone(), namespace);
    let mut mounted = 0;
    for secret in api.list(&ListParams::default()).await? {
        let name = secret.metadata.name.context("a Secret without a name")?;
        if !name.starts_with(PREFIX) {
            continue;
        }
        let version = secret.metadata.resource_version.unwrap_or_default();
        project(&dir.join(&name), &version, secret.data.unwrap_or_default())?;
        mounted += 1;
    }
    ensure!(mounted > 0, "no Secret {PREFIX}… in {namespace}");
    Ok(mounted)
}

/// `KEY` is a link to `..data/KEY`, `..data` a link to the folder of this version, replaced by a rename.
fn project(folder: &Path, version: &str, data: BTreeMap<String, ByteString>) -> Result<()> {
    let content = format!("..{version}");
    std::fs::create_dir_all(folder.join(&content))?;
    for (key, value) in &data {
        std::fs::write(folder.join(&content).join(key), &value.0)?;
    }
    let fresh = folder.join("..data_tmp");
    symlink(&content, &fresh)?;
    std::fs::rename(&fresh, folder.join("..data"))?;
    for key in data.keys().filter(|key| !folder.join(key).exists()) {
        symlink(Path::new("..data").join(key), folder.join(key))?;
    }
    Ok(())
}

/// The snapshot in mounted Secrets.
///
/// # Errors
/// When there is none.
pub fn read(dir: &Path) -> Result<Snapshot> {
    let mut shards = Vec::new();
    for folder in std::fs::read_dir(dir)? {
        let shard = folder?.path().join("shard");
        if shard.exists() {
            shards.push(std::fs::read(shard)?);
        }
    }
    Ok(archive::unpack(shards.iter().map(Vec::as_slice))?.1)
}
