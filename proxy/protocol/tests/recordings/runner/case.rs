//! Recordings as they lie on disk.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// One recording.
#[derive(Clone)]
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
        } else if path.split('?').next().is_some_and(|path| path.ends_with("/models")) {
            Operation::Models
        } else {
            Operation::Answer
        }
    }
}

/// What was found under a name: a case, or why it is none.
pub(crate) type Found = (String, Result<Case, String>);

/// Reads every `<dir>/<protocol>/<case>`. A folder of a protocol without cases is none either.
///
/// # Errors
/// The folder cannot be listed.
pub(crate) fn load(dir: &Path) -> Result<Vec<Found>, String> {
    let mut found = Vec::new();
    for protocol in folders(dir)? {
        let cases = folders(&protocol)?;
        if cases.is_empty() {
            found.push((last(&protocol), Err("the folder holds no cases".to_owned())));
        }
        for folder in cases {
            let name = format!("{}/{}", last(&protocol), last(&folder));
            found.push((name.clone(), read(name, &protocol, &folder)));
        }
    }
    Ok(found)
}

fn folders(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let mut folders: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && !last(path).starts_with('.'))
        .collect();
    folders.sort();
    Ok(folders)
}

fn last(path: &Path) -> String {
    path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned())
}

fn read(name: String, protocol: &Path, folder: &Path) -> Result<Case, String> {
    let file = |name: &str| fs::read(folder.join(name)).ok();
    let json = |name: &str| -> Result<Option<Value>, String> {
        let Some(bytes) = file(name) else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| format!("{name}: {error}"))
    };
    let meta = json("meta.json")?.ok_or("there is no meta.json")?;
    check_meta(&meta)?;
    Ok(Case {
        name,
        protocol: last(protocol),
        meta,
        request: file("request.json"),
        response: file("response.json").or_else(|| file("response.sse")),
        expect: json("expect.json")?,
    })
}

/// What decides how a case is checked must be said in words that are known.
fn check_meta(meta: &Value) -> Result<(), String> {
    let framing = &meta["framing"];
    if !framing.is_null() && !["json", "sse", "json-array"].iter().any(|known| framing == known) {
        return Err(format!("meta.json: the framing {framing} is not known"));
    }
    let status = &meta["http"]["status"];
    if !status.is_null() && !status.as_u64().is_some_and(|status| (100..=599).contains(&status)) {
        return Err(format!("meta.json: {status} is no status"));
    }
    Ok(())
}
