//! Answers as they were recorded of providers of Chat Completions: `proxy/protocol/fixtures/openai_chat`.

use crate::Result;
use crate::programs;
use bytes::Bytes;
use serde_json::Value;

/// A recorded answer.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) body: Bytes,
}

/// The recording `name`.
///
/// # Errors
/// When there is none of that name.
pub(super) fn read(name: &str) -> Result<Recorded> {
    anyhow::ensure!(!name.contains(['/', '.']), "{name:?} is no name of a fixture");
    let folder = programs::root().join("proxy/protocol/fixtures/openai_chat").join(name);
    let meta: Value = serde_json::from_slice(&std::fs::read(folder.join("meta.json"))?)?;
    let http = &meta["http"];
    let stream = folder.join("response.sse");
    let (file, default_type) = if stream.is_file() {
        (stream, "text/event-stream")
    } else {
        (folder.join("response.json"), "application/json")
    };
    Ok(Recorded {
        status: http["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(200),
        content_type: http["response_headers"]["content-type"].as_str().unwrap_or(default_type).to_owned(),
        body: std::fs::read(file)?.into(),
    })
}
