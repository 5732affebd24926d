//! What a protocol says beyond the neutral form.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::json::Json;
use crate::json::record::Rest;
use crate::protocol::Protocol;

/// The kind of node a field sits on; together with the field's name it finds the rule for the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// The request body.
    Request,
    /// A message, turn or item.
    Turn,
    /// A content part or block, a tool call, a tool result.
    Block,
    /// A tool definition.
    Tool,
    /// The response body.
    Response,
    /// A choice or candidate.
    Choice,
}

/// The sub-object of marks for fields that are not there although the neutral form has a value for them. A mark is
/// never written, and means nothing to another protocol.
pub(crate) const ABSENT: &str = "-";

/// One field.
#[derive(Clone, Debug)]
pub struct ExtField<'a> {
    /// The sub-object of the node that holds the field, in dots (`function`, `image_url`); empty for the node itself.
    pub inside: &'static str,
    /// The field's name.
    pub key: Cow<'a, str>,
    /// Its value.
    pub value: Json<'a>,
}

/// The fields of one node that the neutral form has no place for, and *twins*: raw copies of fields whose spelling
/// the neutral form does not keep (`stop` as a string, the deprecated `max_tokens`).
///
/// The protocol that wrote them reads a node as "every twin as it is, every neutral field that has no twin".
#[derive(Clone, Debug, Default)]
pub struct Ext<'a>(Vec<ExtField<'a>>);

impl<'a> Ext<'a> {
    /// Takes what a record did not name.
    pub(crate) fn of(rest: Rest<'a>) -> Self {
        let mut ext = Ext::default();
        ext.add("", rest);
        ext
    }

    /// Adds what the record of a sub-object did not name.
    pub(crate) fn add(&mut self, inside: &'static str, rest: Rest<'a>) {
        let fields =
            rest.into_iter().map(|(key, value)| ExtField { inside, key, value: Cow::Borrowed(value) });
        self.0.extend(fields);
    }

    /// Adds a field, or the twin of one.
    pub(crate) fn push(&mut self, inside: &'static str, key: &'static str, value: &'a RawValue) {
        self.0.push(ExtField { inside, key: Cow::Borrowed(key), value: Cow::Borrowed(value) });
    }

    /// Adds a field with a value made here.
    pub(crate) fn push_json(&mut self, inside: &'static str, key: &'static str, value: Json<'a>) {
        self.0.push(ExtField { inside, key: Cow::Borrowed(key), value });
    }

    /// Adds the fields of another node.
    pub(crate) fn append(&mut self, other: Ext<'a>) {
        self.0.extend(other.0);
    }

    /// Marks a field as not there: what the neutral form holds in its place is not written back.
    pub(crate) fn absent(&mut self, key: &'static str) {
        self.push(ABSENT, key, RawValue::NULL);
    }

    /// Whether a field is marked as not there.
    pub(crate) fn is_absent(&self, key: &str) -> bool {
        self.inside(ABSENT).any(|field| field.key == key)
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = &ExtField<'a>> {
        self.0.iter()
    }

    /// The fields of one sub-object; `""` for the node itself.
    pub fn inside<'s>(&'s self, inside: &str) -> impl Iterator<Item = &'s ExtField<'a>> {
        self.0.iter().filter(move |field| field.inside == inside)
    }

    /// The value of a field of the node itself.
    pub fn get(&self, key: &str) -> Option<&RawValue> {
        self.inside("").find(|field| field.key == key).map(|field| field.value.as_ref())
    }

    /// The value of a field of the node itself, if it was read from the body.
    pub(crate) fn read(&self, key: &str) -> Option<&'a RawValue> {
        match self.inside("").find(|field| field.key == key)?.value {
            Cow::Borrowed(raw) => Some(raw),
            Cow::Owned(_) => None,
        }
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields if `source`, which wrote them, is also the protocol being written: then they are written back as
    /// they are. Nothing otherwise.
    pub(crate) fn own(&self, source: Protocol, target: Protocol) -> &[ExtField<'a>] {
        if source == target { &self.0 } else { &[] }
    }
}

/// Whether one of `fields` is `key` of the node itself, or says that it is not there: then what the neutral form holds
/// is not written.
pub(crate) fn has(fields: &[ExtField<'_>], key: &str) -> bool {
    has_inside(fields, "", key)
}

/// The same of a sub-object.
pub(crate) fn has_inside(fields: &[ExtField<'_>], inside: &str, key: &str) -> bool {
    fields.iter().any(|field| field.key == key && (field.inside == inside || field.inside == ABSENT))
}
