//! What travels on the config stream: newline-delimited JSON, one [`Message`] a line, and the [`Report`]s the
//! other way.

use crate::{Digest, Entry, EntryId, Snapshot};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One line of the config stream.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Everything; comes first unless the proxy holds a version the operator knows.
    Snapshot(Snapshot),
    /// What changed.
    Delta(Delta),
    /// The stream is alive and this is the newest version; every 5 seconds.
    Ping {
        /// Version the proxy should hold.
        version: Digest,
    },
}

/// What turns one snapshot into the next.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Delta {
    /// Version it starts from.
    pub from: Digest,
    /// Version it leads to.
    pub to: Digest,
    /// Entries that are new or different.
    #[serde(default)]
    pub set: BTreeMap<EntryId, Arc<Entry>>,
    /// Entries that are gone.
    #[serde(default)]
    pub unset: Vec<EntryId>,
}

/// What a proxy tells the operator after every message it applied, and at least every few seconds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Report {
    /// Name of the proxy (its pod).
    pub proxy: String,
    /// Identifies the stream the report is about, so that a report that comes late is not taken for news.
    pub stream: String,
    /// Version it holds: the acknowledgement.
    pub version: Digest,
    /// Entries of that version it cannot use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<Rejection>,
}

/// An entry a proxy cannot use, and why. It goes on with the form it had before, if it had one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Rejection {
    /// Which entry.
    pub id: EntryId,
    /// The form it could not use.
    pub digest: Digest,
    /// Why, for people. Holds nothing secret.
    pub reason: String,
}
