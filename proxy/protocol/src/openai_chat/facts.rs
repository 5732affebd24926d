//! The tables of Chat Completions.

use crate::facts::{ExtRule, Facts, Fate, Field, Otherwise};
use crate::ir::Scope;
use crate::protocol::Protocol;

const RESPONSES: &[Protocol] = &[Protocol::OpenAiResponses];

const MESSAGES: &[Protocol] = &[Protocol::Anthropic];

const fn request(key: &'static str, otherwise: Otherwise) -> ExtRule {
    ExtRule::new(Scope::Request, "", key, otherwise)
}

const fn turn(key: &'static str, otherwise: Otherwise) -> ExtRule {
    ExtRule::new(Scope::Turn, "", key, otherwise)
}

const fn carried(scope: Scope, key: &'static str) -> ExtRule {
    ExtRule::new(scope, "", key, Otherwise::Carried)
}

pub(super) static FACTS: Facts = Facts {
    messages: "messages",
    parts: "content",
    calls: "tool_calls",
    system: "",
    names: &[
        (Field::MaxOutput, "max_completion_tokens"),
        (Field::Temperature, "temperature"),
        (Field::TopP, "top_p"),
        (Field::Stop, "stop"),
        (Field::N, "n"),
        (Field::Seed, "seed"),
        (Field::FrequencyPenalty, "frequency_penalty"),
        (Field::PresencePenalty, "presence_penalty"),
        (Field::LogitBias, "logit_bias"),
        (Field::Logprobs, "logprobs"),
        (Field::Tools, "tools"),
        (Field::ToolChoice, "tool_choice"),
        (Field::ParallelTools, "parallel_tool_calls"),
        (Field::Output, "response_format"),
        (Field::Thinking, "reasoning_effort"),
        (Field::EndUser, "safety_identifier"),
        (Field::Metadata, "metadata"),
        (Field::ServiceTier, "service_tier"),
        (Field::Verbosity, "verbosity"),
        (Field::Store, "store"),
    ],
    lacks: &[(Field::TopK, Fate::Drop)],
    extensions: EXTENSIONS,
};

const EXTENSIONS: &[ExtRule] = &[
    // Twins: the neutral form holds the meaning.
    request("max_tokens", Otherwise::Carried),
    request("max_completion_tokens", Otherwise::Carried),
    request("stop", Otherwise::Carried),
    request("stream_options", Otherwise::Carried),
    request("tool_choice", Otherwise::Carried),
    request("functions", Otherwise::Carried),
    request("function_call", Otherwise::Carried),
    request("user", Otherwise::Carried),
    request("safety_identifier", Otherwise::Carried),
    request("tools", Otherwise::Carried),
    request("n", Otherwise::Carried),
    request("top_logprobs", Otherwise::Carried),
    // What changes the answer.
    request("modalities", Otherwise::Refuse).unless(&["[\"text\"]", "[]"]),
    request("audio", Otherwise::Refuse),
    request("web_search_options", Otherwise::Refuse),
    request("moderation", Otherwise::Refuse),
    // A form that the vendor does not know.
    request("response_format", Otherwise::Refuse),
    // What only tunes cost, speed or records.
    request("prediction", Otherwise::Drop),
    request("prompt_cache_key", Otherwise::Drop).same_in(RESPONSES),
    request("prompt_cache_retention", Otherwise::Drop).same_in(RESPONSES),
    request("prompt_cache_options", Otherwise::Drop).same_in(RESPONSES),
    // Messages.
    turn("reasoning", Otherwise::Carried),
    turn("reasoning_content", Otherwise::Carried),
    turn("reasoning_details", Otherwise::Carried),
    turn("thought_signature", Otherwise::Carried),
    turn("extra_content", Otherwise::Carried),
    turn("content", Otherwise::Carried),
    turn("tool_calls", Otherwise::Carried),
    turn("tool_call_id", Otherwise::Carried),
    turn("role", Otherwise::Carried),
    turn("annotations", Otherwise::Drop).unless(&["[]"]),
    turn("audio", Otherwise::Refuse),
    turn("name", Otherwise::Drop),
    carried(Scope::Block, "type"),
    carried(Scope::Block, "id"),
    ExtRule::new(Scope::Block, "input_audio", "format", Otherwise::Carried),
    ExtRule::new(Scope::Block, "file", "file_id", Otherwise::Carried),
    carried(Scope::Block, "extra_content"),
    carried(Scope::Block, "thinking"),
    carried(Scope::Block, "closed"),
    carried(Scope::Block, "index"),
    carried(Scope::Tool, "type"),
    // Protocols without custom tools warn that the tool is wrapped.
    ExtRule::new(Scope::Tool, "custom", "format", Otherwise::Carried),
    // Not OpenAI's, but some gateways take it.
    ExtRule::new(Scope::Block, "", "cache_control", Otherwise::Drop).same_in(MESSAGES),
    ExtRule::new(Scope::Tool, "", "cache_control", Otherwise::Drop).same_in(MESSAGES),
    // Answers.
    carried(Scope::Response, "object"),
    carried(Scope::Response, "usage"),
    carried(Scope::Response, "error"),
    carried(Scope::Response, "system_fingerprint"),
    carried(Scope::Response, "service_tier"),
    carried(Scope::Response, "provider"),
    carried(Scope::Choice, "native_finish_reason"),
    carried(Scope::Choice, "logprobs"),
    ExtRule::new(Scope::Choice, "", "content_filter_results", Otherwise::Drop),
];
