//! JSON as a tree that keeps the order of keys, for the few places that rewrite a value rather than copy it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Str, write};

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree<'a> {
    /// An object, its members in order. A key that occurs twice stands twice; [`Tree::get`] finds the first.
    Object(Vec<(Cow<'a, str>, Tree<'a>)>),
    /// A list.
    List(Vec<Tree<'a>>),
    /// A string.
    Text(Cow<'a, str>),
    /// A number, a truth value or `null`, as JSON text.
    Scalar(Cow<'a, str>),
}

impl<'a> Tree<'a> {
    /// Reads JSON text; `None` if it is none, or nested more than 128 deep.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The member of an object.
    pub(crate) fn get(&self, key: &str) -> Option<&Tree<'a>> {
        let Tree::Object(members) = self else { return None };
        members.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// The string, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Tree::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this is `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Tree::Scalar(text) if text == "null")
    }

    /// Writes the value, without white space.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Tree::Scalar(text) => out.extend_from_slice(text.as_bytes()),
            Tree::Text(text) => write::string(out, text),
            Tree::List(items) => write::list(out, |l| items.iter().for_each(|item| item.write(l.item()))),
            Tree::Object(members) => {
                out.push(b'{');
                for (i, (key, value)) in members.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    write::string(out, key);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }
}

impl<'a> Deserialize<'a> for Tree<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'a> Visitor<'a> for TreeVisitor {
    type Value = Tree<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Tree<'a>, E> {
        Ok(Tree::Scalar(Cow::Borrowed("null")))
    }

    fn visit_bool<E: Error>(self, v: bool) -> Result<Tree<'a>, E> {
        Ok(Tree::Scalar(Cow::Borrowed(if v { "true" } else { "false" })))
    }

    fn visit_u64<E: Error>(self, v: u64) -> Result<Tree<'a>, E> {
        Ok(Tree::Scalar(Cow::Owned(v.to_string())))
    }

    fn visit_i64<E: Error>(self, v: i64) -> Result<Tree<'a>, E> {
        Ok(Tree::Scalar(Cow::Owned(v.to_string())))
    }

    fn visit_f64<E: Error>(self, v: f64) -> Result<Tree<'a>, E> {
        // JSON has no text for what is not finite, and reading it gives nothing else.
        let text = serde_json::to_string(&v).map_err(E::custom)?;
        Ok(Tree::Scalar(Cow::Owned(text)))
    }

    fn visit_borrowed_str<E: Error>(self, v: &'a str) -> Result<Tree<'a>, E> {
        Ok(Tree::Text(Cow::Borrowed(v)))
    }

    fn visit_str<E: Error>(self, v: &str) -> Result<Tree<'a>, E> {
        Ok(Tree::Text(Cow::Owned(v.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Tree<'a>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Tree<'a>, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = map.next_entry::<Str<'a>, Tree<'a>>()? {
            members.push((key.0, value));
        }
        Ok(Tree::Object(members))
    }
}
