//! Entries: what one object became, as opaque JSON with its digest.

use crate::{Digest, Key, Provider};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;
use std::sync::Arc;

/// The kinds of entry a snapshot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// An LLMProvider, as [`Provider`].
    Provider,
    /// A MasterKey, as [`Key`].
    Key,
}

impl Kind {
    const NAMES: [(Self, &'static str); 2] = [(Self::Provider, "providers"), (Self::Key, "keys")];

    /// The first segment of an [`EntryId`].
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

/// Stable identity of an entry: `providers/NAMESPACE/NAME` or `keys/NAMESPACE/NAME`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(Arc<str>);

impl EntryId {
    /// The entry of an object.
    #[must_use]
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self(format!("{}/{namespace}/{name}", kind.name()).into())
    }

    /// The kind, when this program knows it.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        let (name, _) = self.0.split_once('/')?;
        Kind::NAMES.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }

    /// `NAMESPACE/NAME`.
    #[must_use]
    pub fn object(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, object)| object)
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for EntryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EntryId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        if text.split('/').count() != 3 {
            return Err(D::Error::custom("an entry is named KIND/NAMESPACE/NAME"));
        }
        Ok(Self(text.into()))
    }
}

/// The compiled form of one object: the bytes of a JSON document and their digest. `Debug` shows the digest
/// only, since the document holds credentials.
#[derive(Clone)]
pub struct Entry {
    body: Box<RawValue>,
    digest: Digest,
}

/// The typed form of an [`Entry`].
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Of `providers/…`.
    Provider(Box<Provider>),
    /// Of `keys/…`.
    Key(Key),
}

/// An entry this program cannot read.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableEntry {
    /// The kind is of a newer version.
    #[error("this version knows no entries of this kind")]
    UnknownKind,
    /// The document is not what the kind wants. The position is told, the content is not.
    #[error("malformed at line {line} column {column}: {category:?} error")]
    Malformed {
        /// Line of the document.
        line: usize,
        /// Column of the document.
        column: usize,
        /// What sort of error.
        category: serde_json::error::Category,
    },
}

impl Entry {
    /// Wraps a document.
    #[must_use]
    pub fn new(body: Box<RawValue>) -> Self {
        let digest = Digest::of(body.get().as_bytes());
        Self { body, digest }
    }

    /// The entry of a typed body.
    ///
    /// # Errors
    /// When the body has no JSON form, which those of this crate always have.
    pub fn of<T: Serialize>(body: &T) -> serde_json::Result<Self> {
        serde_json::value::to_raw_value(body).map(Self::new)
    }

    /// Digest of the document's bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The document.
    #[must_use]
    pub fn json(&self) -> &str {
        self.body.get()
    }

    /// Reads the document as its kind wants.
    ///
    /// # Errors
    /// [`UnreadableEntry`], which never repeats content.
    pub fn read(&self, id: &EntryId) -> Result<Body, UnreadableEntry> {
        match id.kind() {
            Some(Kind::Provider) => self.parse().map(Box::new).map(Body::Provider),
            Some(Kind::Key) => self.parse().map(Body::Key),
            None => Err(UnreadableEntry::UnknownKind),
        }
    }

    fn parse<T: DeserializeOwned>(&self) -> Result<T, UnreadableEntry> {
        serde_json::from_str(self.json()).map_err(|error| UnreadableEntry::Malformed {
            line: error.line(),
            column: error.column(),
            category: error.classify(),
        })
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({:?})", self.digest)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Entry {}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.body.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::new)
    }
}
