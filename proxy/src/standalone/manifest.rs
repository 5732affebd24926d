//! From text to documents, and from a document to its typed parts.

use super::files::File;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Where a document is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    file: Arc<str>,
    /// Counted from 1.
    number: usize,
    /// Line of the file it begins at, counted from 1.
    line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} document {} (from line {})", self.file, self.number, self.line)
    }
}

/// A document.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// What every object says first.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head {
    pub(super) kind: String,
    pub(super) api_version: String,
    #[serde(default)]
    pub(super) metadata: Metadata,
}

/// What is used of an object's metadata.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Metadata {
    #[serde(default)]
    pub(super) name: String,
    pub(super) namespace: Option<String>,
    pub(super) labels: Option<BTreeMap<String, String>>,
}

/// What is used of a Secret.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Secret {
    pub(super) data: Option<BTreeMap<String, String>>,
    pub(super) string_data: Option<BTreeMap<String, String>>,
}

/// What is used of a ConfigMap.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConfigMap {
    pub(super) data: Option<BTreeMap<String, String>>,
    pub(super) binary_data: Option<BTreeMap<String, String>>,
}

/// A list of objects, as `kubectl get -o yaml` writes it.
#[derive(Debug, Deserialize)]
pub(super) struct List {
    pub(super) items: Vec<Value>,
}

/// Reads `value` as a `T`; the error names the field and not what is in it.
pub(super) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let told = llm_compile::without_value(&error.inner().to_string());
        match error.path().to_string().as_str() {
            "." => told,
            path => format!("{path}: {told}"),
        }
    })
}

/// The documents of a file; empty ones are passed by.
pub(super) fn documents(file: &File) -> Vec<Result<Document, String>> {
    let name: Arc<str> = file.path.display().to_string().into();
    let json = file.path.extension().is_some_and(|extension| extension == "json");
    let texts = if json { vec![(1, file.text.as_str())] } else { split(&file.text) };
    let mut documents = Vec::new();
    for (line, text) in texts {
        let place = Place { file: name.clone(), number: documents.len() + 1, line };
        match parse(text, json) {
            Ok(Value::Null) => {}
            Ok(value) => documents.push(Ok(Document { place, value })),
            Err(error) => documents.push(Err(format!("{place}: {error}"))),
        }
    }
    documents
}

/// The texts between lines of three dashes, each with the line of the file it begins at. Such a line at the very left
/// ends a document wherever it is (YAML 1.2.2 section 9.1.4).
fn split(text: &str) -> Vec<(usize, &str)> {
    let mut texts = Vec::new();
    let (mut begin, mut begin_line, mut at) = (0, 1, 0);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if line.starts_with("---") && line[3..].chars().next().is_none_or(char::is_whitespace) {
            texts.push((begin_line, &text[begin..at]));
            (begin, begin_line) = (at, index + 1);
        }
        at += line.len();
    }
    texts.push((begin_line, &text[begin..]));
    texts
}

fn parse(text: &str, json: bool) -> Result<Value, String> {
    if json {
        return serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"));
    }
    if text.lines().all(|line| matches!(line.trim().chars().next(), None | Some('#'))) {
        return Ok(Value::Null);
    }
    // Without a snippet: the lines around an error may hold a key. Booleans as in YAML 1.2: a model may be called "n".
    let options = serde_saphyr::options! { with_snippet: false, strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let at = error.location().map_or(String::new(), |at| format!(" at line {} of it", at.line()));
        format!("is not YAML{at}: {}", first_line(&error.without_snippet().to_string()))
    })
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}
