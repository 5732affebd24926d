//! Which files there are, what is in them, and whether they changed.

use super::LoadError;
use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What ends the names of files that hold objects.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];
/// Deepest folder that is looked into; links can make a folder its own child.
const MAX_DEPTH: usize = 8;
/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 256 * 1024 * 1024;

/// A file and what is in it.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// What tells a file from what it was before, without reading it: device, inode, size, and times in nanoseconds. A
/// file that is written or replaced, or a link that leads elsewhere now, has another one.
type Mark = (u64, u64, u64, i128, i128);

/// The files under a path, each with its mark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp(BTreeMap<PathBuf, Mark>);

/// The files under `path`: itself if it is a file, or those in it and its subfolders whose names end in `.yaml`, `.yml`
/// or `.json`. Names that begin with a dot are passed by: a mounted ConfigMap keeps its versions in such folders, and
/// links to the current one.
pub(super) fn stamp(path: &Path) -> Result<Stamp, LoadError> {
    let mut stamp = Stamp::default();
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if metadata.is_dir() {
        collect(path, MAX_DEPTH, &mut stamp)?;
        if stamp.0.is_empty() {
            return Err(LoadError::of(format!(
                "{}: no file here ends in .yaml, .yml or .json",
                path.display()
            )));
        }
    } else {
        stamp.0.insert(path.to_owned(), mark(&metadata));
    }
    Ok(stamp)
}

fn collect(folder: &Path, depth: usize, stamp: &mut Stamp) -> Result<(), LoadError> {
    let children = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    for child in children {
        let path = child.map_err(|error| unreadable(folder, &error))?.path();
        if path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b".")) {
            continue;
        }
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            // Gone since it was listed, or a link that leads nowhere for the moment.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unreadable(&path, &error)),
        };
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if metadata.is_dir() {
            if depth > 0 {
                collect(&path, depth - 1, stamp)?;
            }
        } else if EXTENSIONS.contains(&extension) {
            stamp.0.insert(path, mark(&metadata));
        }
    }
    Ok(())
}

fn mark(metadata: &Metadata) -> Mark {
    let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    (
        metadata.dev(),
        metadata.ino(),
        metadata.size(),
        nanos(metadata.mtime(), metadata.mtime_nsec()),
        nanos(metadata.ctime(), metadata.ctime_nsec()),
    )
}

/// What is in the files of a stamp, in order of their names.
pub(super) fn read(stamp: &Stamp) -> Result<Vec<File>, LoadError> {
    let mut error = LoadError::default();
    let mut files = Vec::with_capacity(stamp.0.len());
    for path in stamp.0.keys() {
        match read_one(path) {
            Ok(text) => files.push(File { path: path.clone(), text }),
            Err(problem) => error.problems.extend(problem.problems),
        }
    }
    error.or(files)
}

fn read_one(path: &Path) -> Result<String, LoadError> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !metadata.is_file() || metadata.len() > MAX_FILE {
        return Err(LoadError::of(format!("{}: is no file of at most 256 MiB", path.display())));
    }
    let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
    String::from_utf8(bytes).map_err(|_| LoadError::of(format!("{}: is not UTF-8 text", path.display())))
}

fn unreadable(path: &Path, error: &io::Error) -> LoadError {
    LoadError::of(format!("{}: cannot be read: {error}", path.display()))
}
