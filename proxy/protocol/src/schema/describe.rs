//! What a schema is for, said in the schema itself: where the protocol has no other place for it.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::json::record::record;
use crate::json::{Json, Str, object_text, owned, write};

/// The schema with a description, unless it has its own or is no object.
pub(crate) fn described<'s>(schema: &'s RawValue, description: Option<&str>) -> Json<'s> {
    record! {
        struct Described<'a> rest {
            description: Str<'a>,
        }
    }
    let as_it_is = Cow::Borrowed(schema);
    let Some(description) = description.filter(|text| !text.is_empty()) else { return as_it_is };
    let read =
        object_text(schema.get()).and_then(|raw| serde_json::from_str::<Described<'_>>(raw.get()).ok());
    let Some(members) = read.filter(|read| read.description.is_none()) else { return as_it_is };
    let mut out = Vec::with_capacity(schema.get().len() + description.len() + 20);
    write::object(&mut out, |o| {
        o.str("description", description);
        members
            .rest
            .iter()
            .filter(|(key, _)| key != "description")
            .for_each(|(key, value)| o.field(key, value));
    });
    owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_schema_without_one_gets_a_description() {
        let with = |schema: &str, description| {
            let raw = RawValue::from_string(schema.to_owned()).unwrap();
            described(&raw, description).get().to_owned()
        };
        assert_eq!(with(r#"{"type":"object"}"#, Some("x")), r#"{"description":"x","type":"object"}"#);
        assert_eq!(with(r#"{"description":"own"}"#, Some("x")), r#"{"description":"own"}"#);
        assert_eq!(with(r#"{"a":1}"#, None), r#"{"a":1}"#);
        assert_eq!(with("true", Some("x")), "true");
    }
}
