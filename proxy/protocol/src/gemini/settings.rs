//! Reading `generationConfig`.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::ir::{Effort, Ext, OutputFormat, Request, Sampling, Thinking};
use crate::json::{DecodeError, Num, Str, compact, constant, read_raw, string, whole};
use crate::schema::{from_openapi, reordered};

use super::facts::{ABSENT, CONFIG, THINKING, twin};
use super::wire;

/// Reads the settings of the answer into the request.
pub(super) fn decode<'a>(
    raw: &'a RawValue,
    request: &mut Request<'a>,
    ext: &mut Ext<'a>,
) -> Result<(), DecodeError> {
    if is_empty(raw) {
        twin(ext, "", "generationConfig", raw);
        return Ok(());
    }
    let config: wire::GenerationConfig<'a> = read_raw(raw)?;
    ext.add(CONFIG, config.rest);
    let text = |number: Option<Num<'a>>| number.map(|number| Cow::Borrowed(number.0));
    request.max_output = count(ext, CONFIG, "maxOutputTokens", config.max_output_tokens)?;
    if config.stop_sequences.as_ref().is_some_and(Vec::is_empty) {
        twin(ext, CONFIG, "stopSequences", constant("[]"));
    }
    request.stop = config.stop_sequences.into_iter().flatten().map(|text| text.0).collect();
    request.sampling = Sampling {
        temperature: text(config.temperature),
        top_p: text(config.top_p),
        top_k: text(config.top_k),
        seed: text(config.seed),
        frequency_penalty: text(config.frequency_penalty),
        presence_penalty: text(config.presence_penalty),
        logit_bias: None,
        logprobs: config.response_logprobs,
        top_logprobs: count(ext, CONFIG, "logprobs", config.logprobs)?,
        n: count(ext, CONFIG, "candidateCount", config.candidate_count)?,
    };
    request.output =
        output(config.response_mime_type, config.response_json_schema, config.response_schema, ext);
    request.thinking = config.thinking_config.map(|raw| thinking(raw, ext)).transpose()?;
    Ok(())
}

fn is_empty(raw: &RawValue) -> bool {
    compact(raw.get()) == "{}"
}

/// A count; its twin where it is spelled in another way than digits. Protobuf's JSON has numbers as strings, too.
///
/// # Errors
/// It is none.
fn count<'a>(
    ext: &mut Ext<'a>,
    inside: &'static str,
    key: &'static str,
    raw: Option<&'a RawValue>,
) -> Result<Option<u64>, DecodeError> {
    let Some(raw) = raw else { return Ok(None) };
    let spelled = string(raw).and_then(|text| text.parse().ok());
    let count = match spelled {
        None => whole(Some(raw), &[inside, key].join("."))?,
        spelled => spelled,
    };
    if count.is_none_or(|count| raw.get() != count.to_string()) {
        twin(ext, inside, key, raw);
    }
    Ok(count)
}

fn output<'a>(
    mime: Option<&'a RawValue>,
    json_schema: Option<&'a RawValue>,
    openapi: Option<&'a RawValue>,
    ext: &mut Ext<'a>,
) -> Option<OutputFormat<'a>> {
    if let Some(raw) = openapi {
        twin(ext, CONFIG, "responseSchema", raw);
        if json_schema.is_none() {
            ext.push(ABSENT, "responseJsonSchema", RawValue::NULL);
        }
    }
    let schema = json_schema.map(|raw| {
        let reordered = reordered(raw);
        if reordered.is_some() {
            twin(ext, CONFIG, "responseJsonSchema", raw);
        }
        reordered.unwrap_or(Cow::Borrowed(raw))
    });
    let schema = schema.or_else(|| openapi.map(from_openapi));
    match (mime.map(RawValue::get), &schema) {
        (None | Some("\"application/json\""), Some(_)) => {
            if mime.is_none() {
                ext.push(ABSENT, "responseMimeType", RawValue::NULL);
            }
            // Gemini always holds the answer to the schema.
            Some(OutputFormat::Schema { name: None, description: None, schema, strict: Some(true) })
        }
        (None, None) => None,
        (Some("\"application/json\""), None) => Some(OutputFormat::Json),
        (Some("\"text/plain\""), None) => Some(OutputFormat::Text),
        // A media type of Gemini's own: kept as it is, and refused elsewhere.
        (Some(_), _) => {
            if let Some(raw) = mime {
                twin(ext, CONFIG, "responseMimeType", raw);
            }
            if let Some(raw) = json_schema {
                twin(ext, CONFIG, "responseJsonSchema", raw);
            }
            None
        }
    }
}

fn thinking<'a>(raw: &'a RawValue, ext: &mut Ext<'a>) -> Result<Thinking<'a>, DecodeError> {
    let mut thinking = Thinking::default();
    if is_empty(raw) {
        twin(ext, CONFIG, "thinkingConfig", raw);
        return Ok(thinking);
    }
    let config: wire::ThinkingConfig<'a> = read_raw(raw)?;
    ext.add(THINKING, config.rest);
    thinking.visible = config.include_thoughts;
    match config.thinking_budget.map(RawValue::get) {
        // The model decides.
        Some("-1") => thinking.adaptive = true,
        _ => thinking.budget = count(ext, THINKING, "thinkingBudget", config.thinking_budget)?,
    }
    if let Some(raw) = config.thinking_level {
        twin(ext, THINKING, "thinkingLevel", raw);
        let word = serde_json::from_str::<Str<'a>>(raw.get()).ok();
        let word = word.filter(|word| word.as_ref() != "THINKING_LEVEL_UNSPECIFIED");
        thinking.effort = word.map(|word| Effort::from_word(Cow::Owned(word.0.to_ascii_lowercase())));
    }
    Ok(thinking)
}
