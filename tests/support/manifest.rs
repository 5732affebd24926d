//! Manifests: YAML documents as Kubernetes objects.

use crate::Result;
use anyhow::Context as _;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The documents of `yaml`, empty ones left out.
///
/// # Errors
/// When it is no YAML.
pub fn parse(yaml: &str) -> Result<Vec<Value>> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(yaml).map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

/// The documents of a file, or of every `.yaml` file of a folder in order of their names.
///
/// # Errors
/// When a file cannot be read or is no YAML.
pub fn read(path: &Path) -> Result<Vec<Value>> {
    let mut documents = Vec::new();
    for file in files(path)? {
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        documents.extend(parse(&text).with_context(|| file.display().to_string())?);
    }
    Ok(documents)
}

/// The file itself, or every `.yaml` file of the folder in order of their names.
///
/// # Errors
/// When the folder cannot be read.
pub fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).with_context(|| path.display().to_string())?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    Ok(files)
}
