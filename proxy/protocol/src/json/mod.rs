//! Reading and writing JSON without a document tree.
//!
//! Bodies are read in one pass into records that borrow from the input (`record`); whatever a record does not
//! name is kept as raw text. Bodies are written straight into a buffer ([`mod@write`]). Numbers, tool arguments,
//! schemas and signatures are never interpreted on the way: they stay the text they arrived as.

mod compact;
mod escape;
pub(crate) mod lenient;
mod mend;
pub(crate) mod record;
mod text;
mod tree;
mod unescape;
pub mod write;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde_json::value::RawValue;

pub use compact::compact;
pub(crate) use lenient::{lenient, read_lenient};
pub(crate) use mend::Mender;
pub use mend::mend;
pub(crate) use text::{Count, Few, Num, Str, StrOr};
pub(crate) use tree::Tree;
pub(crate) use unescape::string;

/// A JSON value kept as the text it arrived as.
pub type Json<'a> = Cow<'a, RawValue>;

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The body is not UTF-8.
    #[error("the body is not valid UTF-8")]
    Utf8,
    /// The body is not JSON, or a field has the wrong type.
    #[error("invalid JSON body: {0}")]
    Json(#[source] serde_json::Error),
    /// The body is JSON, but a field says something the protocol has no meaning for.
    #[error("{path}: {message}")]
    Field {
        /// Where, in the protocol's own terms: `messages[2].role`.
        path: String,
        /// What is wrong with it.
        message: String,
    },
}

impl DecodeError {
    /// A field error.
    pub(crate) fn field(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Field { path: path.into(), message: message.into() }
    }
}

/// Reads one record from a whole body.
pub(crate) fn read<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, DecodeError> {
    // Checking UTF-8 once over the whole input is several times cheaper than once a string.
    let text = std::str::from_utf8(body).map_err(|_| DecodeError::Utf8)?;
    serde_json::from_str(text).map_err(DecodeError::Json)
}

/// Reads one record from a JSON value kept raw.
pub(crate) fn read_raw<'a, T: serde::Deserialize<'a>>(raw: &'a RawValue) -> Result<T, DecodeError> {
    serde_json::from_str(raw.get()).map_err(DecodeError::Json)
}

/// The count that a raw value is, if it is one.
pub(crate) fn count(raw: &RawValue) -> Option<u64> {
    serde_json::from_str::<Num<'_>>(raw.get()).ok()?.as_u64()
}

/// The count that a member of a client's request must be.
///
/// # Errors
/// It is something else.
pub(crate) fn whole(raw: Option<&RawValue>, path: &str) -> Result<Option<u64>, DecodeError> {
    let wrong = || DecodeError::field(path, "must be a whole number that is not negative");
    raw.map(|raw| count(raw).ok_or_else(wrong)).transpose()
}

/// The text that a member of a client's request must be.
///
/// # Errors
/// It is something else.
pub(crate) fn words<'a>(raw: Option<&'a RawValue>, path: &str) -> Result<Option<Cow<'a, str>>, DecodeError> {
    let wrong = || DecodeError::field(path, "must be a string");
    raw.map(|raw| string(raw).ok_or_else(wrong)).transpose()
}

/// The raw value if `text` is one JSON object, and nothing else.
pub(crate) fn object_text(text: &str) -> Option<&RawValue> {
    let raw: &RawValue = serde_json::from_str(text).ok()?;
    raw.get().starts_with('{').then_some(raw)
}

/// Text this crate wrote, as a raw value; `null` if it is not JSON.
pub(crate) fn owned<'a>(text: Vec<u8>) -> Json<'a> {
    let raw = String::from_utf8(text).ok().and_then(|text| RawValue::from_string(text).ok());
    raw.map_or(Cow::Borrowed(RawValue::NULL), Cow::Owned)
}

/// A raw value known when the program is built.
pub(crate) fn constant(text: &'static str) -> &'static RawValue {
    serde_json::from_str(text).unwrap_or(RawValue::NULL)
}
