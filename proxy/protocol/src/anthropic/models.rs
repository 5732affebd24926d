//! Lists of models.

use crate::json::record::record;
use crate::json::write::{self, Object};
use crate::json::{DecodeError, Str, read};
use crate::models::{ModelEntry, ModelList};

/// How Anthropic lists models.
#[derive(Clone, Copy, Debug)]
pub(super) struct Models;

/// What stands for a moment that is not known: the field is required.
const UNKNOWN: &str = "1970-01-01T00:00:00Z";

record! {
    struct Body<'a> {
        data: Vec<Entry<'a>>,
    }
}

record! {
    struct Entry<'a> {
        id: Str<'a>,
        display_name: Str<'a>,
    }
}

impl ModelList for Models {
    fn encode(&self, models: &[ModelEntry<'_>]) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + 96 * models.len());
        write::object(&mut out, |o| {
            o.list("data", |l| models.iter().for_each(|model| l.object(|o| members(o, model))));
            o.bool("has_more", false);
            for (key, model) in [("first_id", models.first()), ("last_id", models.last())] {
                match model {
                    Some(model) => o.str(key, &model.name),
                    None => o.null(key),
                }
            }
        });
        out
    }

    fn encode_one(&self, model: &ModelEntry<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        write::object(&mut out, |o| members(o, model));
        out
    }

    fn decode<'a>(&self, body: &'a [u8]) -> Result<Vec<ModelEntry<'a>>, DecodeError> {
        let body: Body<'a> = read(body)?;
        let data = body.data.ok_or_else(|| DecodeError::field("data", "is required"))?;
        let entry = |one: Entry<'a>| {
            let display_name = one.display_name.map(|name| name.0);
            Some(ModelEntry { name: one.id?.0, display_name, ..ModelEntry::default() })
        };
        Ok(data.into_iter().filter_map(entry).collect())
    }
}

fn members(o: &mut Object<'_>, model: &ModelEntry<'_>) {
    o.str("type", "model");
    o.str("id", &model.name);
    o.str("display_name", model.display_name.as_deref().unwrap_or(&model.name));
    o.str("created_at", UNKNOWN);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_back() {
        let model = |name: &'static str| ModelEntry {
            name: name.into(),
            display_name: Some(name.into()),
            ..Default::default()
        };
        let body = Models.encode(&[model("a"), model("b")]);
        assert_eq!(Models.decode(&body).unwrap(), [model("a"), model("b")]);
        let list: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (&list["first_id"], &list["last_id"], &list["has_more"]),
            (&"a".into(), &"b".into(), &false.into())
        );
        let none: serde_json::Value = serde_json::from_slice(&Models.encode(&[])).unwrap();
        assert!(none["first_id"].is_null() && none["data"] == serde_json::json!([]));
    }
}
