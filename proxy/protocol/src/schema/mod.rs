//! JSON Schema and what providers take of it: Anthropic's limits, OpenAI's strict form, and the subset of OpenAPI schemas that
//! Gemini's older fields take (TRANSLATION §5).

mod anthropic;
mod describe;
mod openai;
mod openapi;
mod standard;

#[cfg(test)]
mod tests;

use serde_json::value::RawValue;

use crate::json::record::record;

pub(crate) use anthropic::to_anthropic;
pub(crate) use describe::described;
pub(crate) use openai::to_strict;
pub(crate) use openapi::to_openapi;
pub(crate) use standard::{from_openapi, reordered};

record! {
    struct Typed<'a> {
        kind("type"): &'a RawValue,
    }
}

/// The type a schema says, if it says one.
fn kind_of(schema: &RawValue) -> Option<&str> {
    let typed: Option<Typed<'_>> = serde_json::from_str(schema.get()).ok();
    typed.and_then(|typed| typed.kind).map(RawValue::get)
}

/// Whether a schema says that it admits objects only: what arguments of a function are.
pub(crate) fn is_object(schema: &RawValue) -> bool {
    kind_of(schema) == Some("\"object\"")
}

/// Whether a schema says that it admits something else than objects only.
pub(crate) fn is_other(schema: &RawValue) -> bool {
    kind_of(schema).is_some_and(|kind| kind != "\"object\"")
}

/// A schema in the OpenAPI subset.
#[derive(Debug)]
pub(crate) struct Subset {
    /// The schema, as JSON text.
    pub(crate) schema: String,
    /// Constraints were left out that the subset has no words for.
    pub(crate) lossy: bool,
}

/// A schema that the OpenAPI subset cannot express at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SchemaError {
    /// It refers to itself: the subset has no references.
    #[error("the schema is recursive, which the provider's form of schemas cannot express")]
    Recursive,
    /// A reference leads nowhere.
    #[error("the schema refers to {0:?}, which it does not define")]
    Unresolved(String),
    /// With its references written out it has too many nodes.
    #[error("the schema is too large with its references written out")]
    TooLarge,
    /// It is no schema.
    #[error("this is not a JSON Schema")]
    Invalid,
}
