//! Recordings as they lie on disk.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// One recording.
pub(crate) struct Case {
    /// `<protocol>/<case>`.
    pub(crate) name: String,
    /// The protocol's folder.
    pub(crate) protocol: String,
    /// Its facts.
    pub(crate) meta: Value,
    /// The client's request.
    pub(crate) request: Option<Vec<u8>>,
    /// The provider's answer.
    pub(crate) response: Option<Vec<u8>>,
    /// What the answer says.
    pub(crate) expect: Option<Value>,
}

/// What was asked for.
pub(crate) enum Operation {
    /// An answer of a model.
    Answer,
    /// The tokens of a request.
    Count,
    /// The models there are.
    Models,
}

impl Case {
    /// The status of the answer; 200 if not recorded.
    pub(crate) fn status(&self) -> u16 {
        self.meta["http"]["status"].as_u64().map_or(200, |status| status as u16)
    }

    /// A header of the answer.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.meta["http"]["response_headers"][name].as_str()
    }

    /// How the answer is framed: `json`, `sse`, `json-array`.
    pub(crate) fn framing(&self) -> &str {
        self.meta["framing"].as_str().unwrap_or("json")
    }

    /// The path and query of the request.
    pub(crate) fn path(&self) -> &str {
        self.meta["http"]["path"].as_str().unwrap_or("")
    }

    /// What was asked for.
    pub(crate) fn operation(&self) -> Operation {
        let path = self.path();
        let counts = self.expect.as_ref().is_some_and(|expect| expect["finish"] == "count");
        if counts || ["count_tokens", ":countTokens", "/input_tokens"].iter().any(|mark| path.contains(mark))
        {
            Operation::Count
        } else if path.ends_with("/models") {
            Operation::Models
        } else {
            Operation::Answer
        }
    }
}

/// Reads every `<dir>/<protocol>/<case>`.
pub(crate) fn load(dir: &Path) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for protocol in folders(dir)? {
        for folder in folders(&protocol)? {
            cases.push(read(&protocol, &folder)?);
        }
    }
    Ok(cases)
}

fn folders(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let mut folders: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}

fn read(protocol: &Path, folder: &Path) -> Result<Case, String> {
    let last =
        |path: &Path| path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
    let file = |name: &str| fs::read(folder.join(name)).ok();
    let json = |name: &str| -> Result<Option<Value>, String> {
        let Some(bytes) = file(name) else { return Ok(None) };
        let value = serde_json::from_slice(&bytes);
        value.map(Some).map_err(|error| format!("{}/{name}: {error}", folder.display()))
    };
    let protocol = last(protocol);
    Ok(Case {
        name: format!("{protocol}/{}", last(folder)),
        protocol,
        meta: json("meta.json")?.unwrap_or(Value::Null),
        request: file("request.json"),
        response: file("response.json").or_else(|| file("response.sse")),
        expect: json("expect.json")?,
    })
}
