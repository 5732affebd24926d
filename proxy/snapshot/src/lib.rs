//! The contract between the control plane and the data plane. Pure.
//!
//! A [`Snapshot`] is a map of [`Entry`]s by [`EntryId`], each with the digest of its own bytes; its version
//! is the digest of the digests. A [`Delta`] turns one snapshot into another. [`Message`] is what the operator
//! sends down the config stream and [`Report`] what a proxy sends back. [`provider`] and [`key`] are the
//! typed bodies of the entries, and [`archive`] the form kept for proxies that start without the operator.
//!
//! Entries travel as opaque JSON and are read one by one, so that an entry one proxy cannot read (made by a
//! newer operator, say) costs that entry alone.

pub mod archive;
pub mod digest;
pub mod entry;
pub mod key;
pub mod message;
pub mod provider;
pub mod secret;
pub mod snapshot;

pub use digest::Digest;
pub use entry::{Body, Entry, EntryId, Kind};
pub use key::Key;
pub use message::{Delta, Message, Rejection, Report};
pub use provider::Provider;
pub use secret::Secret;
pub use snapshot::{ApplyError, Snapshot};
