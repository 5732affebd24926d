//! Lists of models.

use std::borrow::Cow;

use crate::json::record::record;
use crate::json::write::{self, Object};
use crate::json::{DecodeError, Num, Str, read};
use crate::models::{ModelEntry, ModelList};

use super::resource;

/// How Gemini lists models.
#[derive(Clone, Copy, Debug)]
pub(super) struct Models;

/// What can be done with every model the proxy lists.
const METHODS: [&str; 3] = ["generateContent", "streamGenerateContent", "countTokens"];

record! {
    struct Body<'a> {
        models: Vec<Entry<'a>>,
    }
}

record! {
    struct Entry<'a> {
        name: Str<'a>,
        display_name("displayName"): Str<'a>,
        input_token_limit("inputTokenLimit"): Num<'a>,
        output_token_limit("outputTokenLimit"): Num<'a>,
    }
}

impl ModelList for Models {
    fn encode(&self, models: &[ModelEntry<'_>]) -> Vec<u8> {
        let mut out = Vec::with_capacity(16 + 192 * models.len());
        write::object(&mut out, |o| {
            o.list("models", |l| models.iter().for_each(|model| l.object(|o| members(o, model))));
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
        let models = body.models.ok_or_else(|| DecodeError::field("models", "is required"))?;
        Ok(models.into_iter().filter_map(entry).collect())
    }
}

fn entry(one: Entry<'_>) -> Option<ModelEntry<'_>> {
    let name = match one.name?.0 {
        Cow::Borrowed(name) => Cow::Borrowed(name.strip_prefix("models/").unwrap_or(name)),
        Cow::Owned(name) => Cow::Owned(name.strip_prefix("models/").unwrap_or(&name).to_owned()),
    };
    Some(ModelEntry {
        name,
        display_name: one.display_name.map(|name| name.0),
        created: None,
        owner: None,
        max_input: one.input_token_limit.as_ref().and_then(Num::as_u64),
        max_output: one.output_token_limit.as_ref().and_then(Num::as_u64),
    })
}

fn members(o: &mut Object<'_>, model: &ModelEntry<'_>) {
    o.str("name", &resource(&model.name));
    o.str("version", "001");
    o.str("displayName", model.display_name.as_deref().unwrap_or(&model.name));
    o.opt_u64("inputTokenLimit", model.max_input);
    o.opt_u64("outputTokenLimit", model.max_output);
    o.list("supportedGenerationMethods", |l| METHODS.iter().for_each(|method| l.str(method)));
}
