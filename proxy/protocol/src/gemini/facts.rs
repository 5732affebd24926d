//! The tables of generateContent.

use serde_json::value::RawValue;

use crate::facts::{ExtRule, Facts, Fate, Field, Otherwise};
use crate::ir::{Ext, Scope};
use crate::json::record::camel;

use super::{grounding, logprobs};

/// The settings of the answer, inside the request.
pub(super) const CONFIG: &str = "generationConfig";
/// The settings of thinking, inside the request.
pub(super) const THINKING: &str = "generationConfig.thinkingConfig";
/// The settings of tools, inside the request.
pub(super) const TOOL_CONFIG: &str = "toolConfig";
/// Which functions may be called, inside the request.
pub(super) const CALLING: &str = "toolConfig.functionCallingConfig";
pub(super) use crate::ir::ABSENT;
/// Marks a body that names its model although the URL does; never written.
pub(super) const NAMED: &str = "+";

/// Keeps a field as it is, unless it is kept already because its key is spelled in the other way.
pub(super) fn twin<'a>(ext: &mut Ext<'a>, inside: &'static str, key: &'static str, raw: &'a RawValue) {
    if !ext.inside(inside).any(|field| camel(&field.key) == key) {
        ext.push(inside, key, raw);
    }
}

const fn rule(scope: Scope, inside: &'static str, key: &'static str, otherwise: Otherwise) -> ExtRule {
    ExtRule::new(scope, inside, key, otherwise)
}

const fn carried(scope: Scope, inside: &'static str, key: &'static str) -> ExtRule {
    rule(scope, inside, key, Otherwise::Carried)
}

const fn request(key: &'static str, otherwise: Otherwise) -> ExtRule {
    rule(Scope::Request, "", key, otherwise)
}

const fn config(key: &'static str, otherwise: Otherwise) -> ExtRule {
    rule(Scope::Request, CONFIG, key, otherwise)
}

const fn block(key: &'static str, otherwise: Otherwise) -> ExtRule {
    rule(Scope::Block, "", key, otherwise)
}

pub(super) static FACTS: Facts = Facts {
    messages: "contents",
    parts: "parts",
    calls: "",
    system: "systemInstruction.parts",
    names: &[
        (Field::MaxOutput, "generationConfig.maxOutputTokens"),
        (Field::Temperature, "generationConfig.temperature"),
        (Field::TopP, "generationConfig.topP"),
        (Field::TopK, "generationConfig.topK"),
        (Field::Stop, "generationConfig.stopSequences"),
        (Field::N, "generationConfig.candidateCount"),
        (Field::Seed, "generationConfig.seed"),
        (Field::FrequencyPenalty, "generationConfig.frequencyPenalty"),
        (Field::PresencePenalty, "generationConfig.presencePenalty"),
        (Field::Logprobs, "generationConfig.responseLogprobs"),
        (Field::Tools, "tools"),
        (Field::ToolChoice, "toolConfig.functionCallingConfig"),
        (Field::Output, "generationConfig.responseJsonSchema"),
        (Field::Thinking, "generationConfig.thinkingConfig"),
        (Field::Metadata, "labels"),
        (Field::ServiceTier, "serviceTier"),
    ],
    lacks: &[
        (Field::LogitBias, Fate::Drop),
        (Field::ParallelTools, Fate::Drop),
        (Field::EndUser, Fate::Drop),
        // Only Vertex has labels, and with another alphabet.
        (Field::Metadata, Fate::Drop),
        (Field::Verbosity, Fate::Drop),
        (Field::Store, Fate::Drop),
    ],
    extensions: EXTENSIONS,
};

const EXTENSIONS: &[ExtRule] = &[
    // Twins: the neutral form holds the meaning.
    request("systemInstruction", Otherwise::Carried),
    request("tools", Otherwise::Carried),
    request("toolConfig", Otherwise::Carried),
    request("generationConfig", Otherwise::Carried),
    request("serviceTier", Otherwise::Carried),
    config("topP", Otherwise::Carried),
    config("topK", Otherwise::Carried),
    config("candidateCount", Otherwise::Carried),
    config("maxOutputTokens", Otherwise::Carried),
    config("stopSequences", Otherwise::Carried),
    config("presencePenalty", Otherwise::Carried),
    config("frequencyPenalty", Otherwise::Carried),
    config("responseLogprobs", Otherwise::Carried),
    config("logprobs", Otherwise::Carried),
    config("responseSchema", Otherwise::Carried),
    config("responseJsonSchema", Otherwise::Carried),
    config("thinkingConfig", Otherwise::Carried),
    carried(Scope::Request, THINKING, "includeThoughts"),
    carried(Scope::Request, THINKING, "thinkingBudget"),
    carried(Scope::Request, THINKING, "thinkingLevel"),
    carried(Scope::Request, TOOL_CONFIG, "functionCallingConfig"),
    carried(Scope::Request, CALLING, "allowedFunctionNames"),
    // What changes the answer.
    request("cachedContent", Otherwise::Refuse),
    config("responseMimeType", Otherwise::Refuse).unless(&["\"application/json\"", "\"text/plain\""]),
    config("responseModalities", Otherwise::Refuse).unless(&["[\"TEXT\"]", "[\"text\"]", "[]"]),
    config("responseFormat", Otherwise::Refuse).unless(&["[]"]),
    config("speechConfig", Otherwise::Refuse),
    config("imageConfig", Otherwise::Refuse),
    config("audioTranscriptionConfig", Otherwise::Refuse),
    config("translationConfig", Otherwise::Refuse),
    // What only tunes, is about safety, or chooses among Google's own.
    rule(Scope::Request, CALLING, "mode", Otherwise::Drop).unless(&[
        "\"MODE_UNSPECIFIED\"",
        "\"AUTO\"",
        "\"ANY\"",
        "\"NONE\"",
        "\"auto\"",
        "\"any\"",
        "\"none\"",
    ]),
    request("safetySettings", Otherwise::Drop).unless(&["[]"]),
    config("mediaResolution", Otherwise::Drop),
    config("audioTimestamp", Otherwise::Drop),
    config("routingConfig", Otherwise::Drop),
    config("modelSelectionConfig", Otherwise::Drop),
    // Messages. A role other than these is not understood.
    rule(Scope::Turn, "", "role", Otherwise::Refuse).unless(&[
        "\"user\"",
        "\"model\"",
        "\"function\"",
        "\"system\"",
    ]),
    carried(Scope::Turn, "", "parts"),
    block("thought", Otherwise::Carried),
    block("thoughtSignature", Otherwise::Carried),
    block("inlineData", Otherwise::Carried),
    block("fileData", Otherwise::Carried),
    block("functionCall", Otherwise::Carried),
    block("functionResponse", Otherwise::Carried),
    block("partMetadata", Otherwise::Carried),
    block("videoMetadata", Otherwise::Drop),
    block("mediaResolution", Otherwise::Drop),
    carried(Scope::Block, "inlineData", "mimeType"),
    carried(Scope::Block, "inlineData", "displayName"),
    carried(Scope::Block, "fileData", "mimeType"),
    carried(Scope::Block, "fileData", "fileUri"),
    carried(Scope::Block, "fileData", "displayName"),
    // Pieces of arguments, of which others would see a call without any.
    rule(Scope::Block, "functionCall", "partialArgs", Otherwise::Refuse).unless(&["[]"]),
    rule(Scope::Block, "functionCall", "willContinue", Otherwise::Drop).unless(&["false"]),
    carried(Scope::Block, "functionResponse", "response"),
    carried(Scope::Block, "functionResponse", "parts"),
    rule(Scope::Block, "functionResponse", "willContinue", Otherwise::Drop).unless(&["false"]),
    rule(Scope::Block, "functionResponse", "scheduling", Otherwise::Drop),
    // Tools.
    carried(Scope::Tool, "", "parameters"),
    carried(Scope::Tool, "", "parametersJsonSchema"),
    rule(Scope::Tool, "", "behavior", Otherwise::Drop).unless(&["\"BLOCKING\"", "\"UNSPECIFIED\""]),
    rule(Scope::Tool, "", "response", Otherwise::Drop),
    rule(Scope::Tool, "", "responseJsonSchema", Otherwise::Drop),
    // Answers.
    carried(Scope::Response, "", "candidates"),
    carried(Scope::Response, "", "promptFeedback"),
    carried(Scope::Response, "", "usageMetadata"),
    carried(Scope::Response, "", "createTime"),
    carried(Scope::Response, "", "modelStatus"),
    carried(Scope::Choice, "", "avgLogprobs"),
    carried(Scope::Choice, "", "safetyRatings"),
    carried(Scope::Choice, "", "tokenCount"),
    carried(Scope::Choice, "", logprobs::KEY),
    // Its citations go with the texts.
    carried(Scope::Choice, "", grounding::KEY),
    rule(Scope::Choice, "", "citationMetadata", Otherwise::Drop),
    rule(Scope::Choice, "", "urlContextMetadata", Otherwise::Drop),
];
