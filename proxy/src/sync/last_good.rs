//! A start without the operator: the last good snapshot, as files.

use super::Timing;
use super::apply::Applier;
use super::log::Complaints;
use llm_snapshot::Snapshot;
use llm_snapshot::archive::{self, ArchiveError};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::sleep;
use tracing::info;

/// Largest file that is looked at, in bytes; a shard fits a Secret, which may hold 1 MiB.
const MAX_FILE: u64 = 4 * 1024 * 1024;
/// Most files that are looked at.
const MAX_FILES: usize = 256;
/// Deepest folder that is looked into.
const MAX_DEPTH: usize = 4;

/// Why there is no last good snapshot.
#[derive(Debug, thiserror::Error)]
pub(super) enum LastGoodError {
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("reading it failed: an internal error")]
    Failed,
}

/// Applies the snapshot in `dir` when nothing else came `after` that time; tries until something is applied, since the
/// files may be in the middle of a change.
pub(super) async fn start(dir: Option<PathBuf>, after: Duration, applier: Applier, timing: Timing) {
    let Some(dir) = dir else { return };
    sleep(after).await;
    let mut complaints = Complaints::default();
    while applier.holding().await.is_none() {
        let path = dir.clone();
        let read = tokio::task::spawn_blocking(move || read(&path)).await;
        match read.unwrap_or(Err(LastGoodError::Failed)) {
            Ok((sequence, snapshot)) => {
                if applier.take_first(snapshot).await {
                    info!(sequence, "the operator is away: serving by the last good snapshot");
                }
            }
            Err(error) => {
                complaints.tell("the operator is away, and there is no last good snapshot yet", &error);
                sleep(timing.last_good).await;
            }
        }
    }
}

/// The newest complete snapshot among the files under `dir`, and its sequence.
fn read(dir: &Path) -> Result<(u64, Snapshot), LastGoodError> {
    let mut shards = Vec::new();
    collect(dir, MAX_DEPTH, &mut shards)?;
    Ok(archive::unpack(shards.iter().map(Vec::as_slice))?)
}

/// What is in the files under `dir`, those of names with a dot in front left out: a mounted Secret keeps its versions in
/// such folders, and links to the current one.
fn collect(dir: &Path, depth: usize, shards: &mut Vec<Vec<u8>>) -> Result<(), LastGoodError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| LastGoodError::Unreadable { path, source }
    };
    for child in fs::read_dir(dir).map_err(unreadable(dir))? {
        let path = child.map_err(unreadable(dir))?.path();
        if path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b".")) {
            continue;
        }
        // Files come and go while the kubelet writes them; the next try sees them again.
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if metadata.is_dir() && depth > 0 {
            collect(&path, depth - 1, shards)?;
        } else if metadata.is_file() && shards.len() < MAX_FILES {
            shards.extend(fs::File::open(&path).and_then(shard).ok().flatten());
        }
    }
    Ok(())
}

/// What is in the file, if it is a shard.
fn shard(file: fs::File) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(archive::sequence(&bytes).map(|_| bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use llm_snapshot::{Entry, EntryId, Kind};
    use std::collections::BTreeMap;
    use std::os::unix::fs::symlink;
    use std::sync::Arc;

    fn snapshot(value: u8) -> Snapshot {
        // Random text does not compress, so that there is more than one shard.
        let text: String = (0..2_000_000).map(|_| char::from(rand::random_range(b'a'..=b'z'))).collect();
        let entry = Entry::of(&serde_json::json!({ "value": value, "text": text })).unwrap();
        Snapshot::new(BTreeMap::from([(EntryId::new(Kind::Key, "a", "b"), Arc::new(entry))]))
    }

    #[test]
    fn shards_are_found_wherever_secrets_are_mounted() {
        let dir = tempfile::tempdir().unwrap();
        let snapshot = snapshot(1);
        let shards = archive::pack(&snapshot, 7).unwrap();
        assert!(shards.len() > 1);
        for (index, shard) in shards.iter().enumerate() {
            let secret = dir.path().join(format!("snapshot-a-{index}"));
            fs::create_dir_all(secret.join("..2026")).unwrap();
            fs::write(secret.join("..2026/shard"), shard).unwrap();
            symlink("..2026", secret.join("..data")).unwrap();
            symlink("..data/shard", secret.join("shard")).unwrap();
        }
        fs::write(dir.path().join("README"), "no shard").unwrap();
        symlink("nowhere", dir.path().join("broken")).unwrap();
        symlink(dir.path(), dir.path().join("loop")).unwrap();
        assert_eq!(read(dir.path()).unwrap(), (7, snapshot));

        fs::remove_file(dir.path().join("snapshot-a-0/shard")).unwrap();
        let error = read(dir.path()).unwrap_err().to_string();
        assert!(error.contains("no complete snapshot"), "{error}");
        let error = read(&dir.path().join("nowhere")).unwrap_err().to_string();
        assert!(error.contains("nowhere cannot be read"), "{error}");
    }
}
