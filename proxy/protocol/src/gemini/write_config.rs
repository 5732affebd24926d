//! Writing `generationConfig` back as it was read.

use crate::ir::{OutputFormat, Request, Thinking};
use crate::json::write::Object;

use super::facts::{CONFIG, THINKING};
use super::write_native::Own;

/// Writes the members of `generationConfig` as it was read.
pub(super) fn native(o: &mut Object<'_>, request: &Request<'_>, own: &Own<'_, '_>) {
    own.write(o, CONFIG);
    let sampling = &request.sampling;
    let mut number = |key: &'static str, value: Option<&str>| {
        if !own.has(CONFIG, key) {
            o.opt_raw(key, value);
        }
    };
    number("temperature", sampling.temperature.as_deref());
    number("topP", sampling.top_p.as_deref());
    number("topK", sampling.top_k.as_deref());
    number("seed", sampling.seed.as_deref());
    number("frequencyPenalty", sampling.frequency_penalty.as_deref());
    number("presencePenalty", sampling.presence_penalty.as_deref());
    let mut count = |key: &'static str, value: Option<u64>| {
        if !own.has(CONFIG, key) {
            o.opt_u64(key, value);
        }
    };
    count("candidateCount", sampling.n);
    count("maxOutputTokens", request.max_output);
    count("logprobs", sampling.top_logprobs);
    if !own.has(CONFIG, "responseLogprobs") {
        o.opt_bool("responseLogprobs", sampling.logprobs);
    }
    if !request.stop.is_empty() && !own.has(CONFIG, "stopSequences") {
        o.list("stopSequences", |l| request.stop.iter().for_each(|text| l.str(text)));
    }
    if let Some(output) = &request.output {
        write_output(o, output, own);
    }
    if let (Some(thinking), false) = (&request.thinking, own.has(CONFIG, "thinkingConfig")) {
        o.object("thinkingConfig", |o| write_thinking(o, thinking, own));
    }
}

fn write_output(o: &mut Object<'_>, output: &OutputFormat<'_>, own: &Own<'_, '_>) {
    if !own.has(CONFIG, "responseMimeType") {
        let plain = matches!(output, OutputFormat::Text);
        o.str("responseMimeType", if plain { "text/plain" } else { "application/json" });
    }
    if let OutputFormat::Schema { schema: Some(schema), .. } = output
        && !own.has(CONFIG, "responseJsonSchema")
    {
        o.raw("responseJsonSchema", schema.get());
    }
}

fn write_thinking(o: &mut Object<'_>, thinking: &Thinking<'_>, own: &Own<'_, '_>) {
    own.write(o, THINKING);
    if !own.has(THINKING, "includeThoughts") {
        o.opt_bool("includeThoughts", thinking.visible);
    }
    if !own.has(THINKING, "thinkingBudget") {
        if thinking.adaptive {
            o.raw("thinkingBudget", "-1");
        }
        o.opt_u64("thinkingBudget", thinking.budget);
    }
}
