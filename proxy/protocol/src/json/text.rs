//! The scalar types records are made of.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A string that borrows from the input unless it held an escape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Str<'a>(pub(crate) Cow<'a, str>);

impl AsRef<str> for Str<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<'a> Deserialize<'a> for Str<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct StrVisitor;
        impl<'a> Visitor<'a> for StrVisitor {
            type Value = Str<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: Error>(self, v: &'a str) -> Result<Str<'a>, E> {
                Ok(Str(Cow::Borrowed(v)))
            }
            fn visit_str<E: Error>(self, v: &str) -> Result<Str<'a>, E> {
                Ok(Str(Cow::Owned(v.to_owned())))
            }
            fn visit_string<E: Error>(self, v: String) -> Result<Str<'a>, E> {
                Ok(Str(Cow::Owned(v)))
            }
        }
        deserializer.deserialize_str(StrVisitor)
    }
}

/// A number kept as its text, so that `1.0` stays `1.0` and no digit is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Num<'a>(pub(crate) &'a str);

impl Num<'_> {
    /// The value as a count; a fraction is cut, a negative number is none.
    pub(crate) fn as_u64(&self) -> Option<u64> {
        if let Ok(whole) = self.0.parse() {
            return Some(whole);
        }
        let value: f64 = self.0.parse().ok()?;
        (0.0..9e18).contains(&value).then_some(value as u64)
    }
}

impl<'a> Deserialize<'a> for Num<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        if raw.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            Ok(Num(raw))
        } else {
            Err(D::Error::custom("expected a number"))
        }
    }
}

/// A count as providers write them: some as text, some as a number with a fraction. Never an error: what is no whole
/// number tells nothing.
#[derive(Clone, Debug)]
pub(crate) struct Count<'a>(&'a str);

impl Count<'_> {
    /// The count, if it is one.
    pub(crate) fn as_u64(&self) -> Option<u64> {
        let text = self.0.trim_matches('"').trim();
        if let Ok(whole) = text.parse() {
            return Some(whole);
        }
        let value: f64 = text.parse().ok()?;
        (value.fract() == 0.0 && (0.0..9e18).contains(&value)).then_some(value as u64)
    }
}

impl<'a> Deserialize<'a> for Count<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Count(<&RawValue>::deserialize(deserializer)?.get()))
    }
}

/// A list that most often holds one item or two: parts of a message, calls of a turn.
#[derive(Clone, Debug)]
pub(crate) struct Few<T>(pub(crate) Vec<T>);

impl<'a, T: Deserialize<'a>> Deserialize<'a> for Few<T> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct FewVisitor<T>(PhantomData<T>);
        impl<'a, T: Deserialize<'a>> Visitor<'a> for FewVisitor<T> {
            type Value = Few<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sequence")
            }
            fn visit_seq<A: SeqAccess<'a>>(self, seq: A) -> Result<Self::Value, A::Error> {
                few(seq).map(Few)
            }
        }
        deserializer.deserialize_seq(FewVisitor(PhantomData))
    }
}

/// Reads a list with room for two items at first, where `Vec` makes room for four: records are large.
fn few<'a, T: Deserialize<'a>, A: SeqAccess<'a>>(mut seq: A) -> Result<Vec<T>, A::Error> {
    let mut list = Vec::new();
    while let Some(item) = seq.next_element()? {
        if list.is_empty() {
            list.reserve_exact(2);
        }
        list.push(item);
    }
    Ok(list)
}

/// A field that is either a string or a list.
#[derive(Clone, Debug)]
pub(crate) enum StrOr<'a, T> {
    /// A string.
    Str(Cow<'a, str>),
    /// A list.
    List(Vec<T>),
}

impl<'a, T: Deserialize<'a>> Deserialize<'a> for StrOr<'a, T> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct StrOrVisitor<T>(PhantomData<T>);
        impl<'a, T: Deserialize<'a>> Visitor<'a> for StrOrVisitor<T> {
            type Value = StrOr<'a, T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list")
            }
            fn visit_borrowed_str<E: Error>(self, v: &'a str) -> Result<Self::Value, E> {
                Ok(StrOr::Str(Cow::Borrowed(v)))
            }
            fn visit_str<E: Error>(self, v: &str) -> Result<Self::Value, E> {
                Ok(StrOr::Str(Cow::Owned(v.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'a>>(self, seq: A) -> Result<Self::Value, A::Error> {
                few(seq).map(StrOr::List)
            }
        }
        deserializer.deserialize_any(StrOrVisitor(PhantomData))
    }
}
