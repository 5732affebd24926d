//! Lists of models (TRANSLATION §10).

use std::borrow::Cow;

use crate::json::record::record;
use crate::json::write::{self, Object};
use crate::json::{DecodeError, Str, read};

/// A model as lists show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelEntry<'a> {
    /// The name requests use.
    pub name: Cow<'a, str>,
    /// The name for people.
    pub display_name: Option<Cow<'a, str>>,
    /// Since when there is such a model, in seconds since 1970.
    pub created: Option<u64>,
    /// Whose it is.
    pub owner: Option<Cow<'a, str>>,
    /// The most tokens it reads.
    pub max_input: Option<u64>,
    /// The most tokens it answers with.
    pub max_output: Option<u64>,
}

/// How a protocol lists models.
pub trait ModelList: Sync {
    /// Writes a list for a client. It has one page.
    fn encode(&self, models: &[ModelEntry<'_>]) -> Vec<u8>;

    /// Writes one model for a client.
    fn encode_one(&self, model: &ModelEntry<'_>) -> Vec<u8>;

    /// Reads a page of a provider's list.
    ///
    /// # Errors
    /// The body is not what the protocol promises: 502.
    fn decode<'a>(&self, body: &'a [u8]) -> Result<Vec<ModelEntry<'a>>, DecodeError>;
}

/// OpenAI's lists, for Chat Completions and Responses.
#[derive(Clone, Copy, Debug)]
pub struct OpenAiModels;

record! {
    struct Body<'a> {
        data: Vec<Entry<'a>>,
    }
}

record! {
    struct Entry<'a> {
        id: Str<'a>,
        created: u64,
        owned_by: Str<'a>,
    }
}

impl ModelList for OpenAiModels {
    fn encode(&self, models: &[ModelEntry<'_>]) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + 96 * models.len());
        write::object(&mut out, |o| {
            o.str("object", "list");
            o.list("data", |l| models.iter().for_each(|model| l.object(|o| members(o, model))));
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
            Some(ModelEntry {
                name: one.id?.0,
                created: one.created,
                owner: one.owned_by.map(|owner| owner.0),
                ..ModelEntry::default()
            })
        };
        Ok(data.into_iter().filter_map(entry).collect())
    }
}

fn members(o: &mut Object<'_>, model: &ModelEntry<'_>) {
    o.str("id", &model.name);
    o.str("object", "model");
    o.u64("created", model.created.unwrap_or(0));
    o.str("owned_by", model.owner.as_deref().unwrap_or("system"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openai_lists_come_back() {
        let models = [
            ModelEntry {
                name: "a".into(),
                created: Some(7),
                owner: Some("system".into()),
                ..ModelEntry::default()
            },
            ModelEntry {
                name: "b/c".into(),
                created: Some(0),
                owner: Some("x".into()),
                ..ModelEntry::default()
            },
        ];
        let body = OpenAiModels.encode(&models);
        assert_eq!(OpenAiModels.decode(&body).unwrap(), models);
        assert!(OpenAiModels.decode(b"{}").is_err());
        let one: serde_json::Value = serde_json::from_slice(&OpenAiModels.encode_one(&models[0])).unwrap();
        assert_eq!(one["object"], "model");
    }
}
