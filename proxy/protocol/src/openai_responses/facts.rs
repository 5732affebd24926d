//! The tables of Responses.

use crate::facts::{ExtRule, Facts, Fate, Field, Otherwise};
use crate::ir::Scope;
use crate::protocol::Protocol;

/// The sub-objects of a request.
pub(super) const TEXT: &str = "text";
pub(super) const FORMAT: &str = "text.format";
pub(super) const REASONING: &str = "reasoning";

const CHAT: &[Protocol] = &[Protocol::OpenAiChat];

const fn request(key: &'static str, otherwise: Otherwise) -> ExtRule {
    ExtRule::new(Scope::Request, "", key, otherwise)
}

const fn turn(key: &'static str, otherwise: Otherwise) -> ExtRule {
    ExtRule::new(Scope::Turn, "", key, otherwise)
}

const fn block(key: &'static str, otherwise: Otherwise) -> ExtRule {
    ExtRule::new(Scope::Block, "", key, otherwise)
}

const fn tool(key: &'static str, otherwise: Otherwise) -> ExtRule {
    ExtRule::new(Scope::Tool, "", key, otherwise)
}

const fn carried(scope: Scope, key: &'static str) -> ExtRule {
    ExtRule::new(scope, "", key, Otherwise::Carried)
}

pub(super) static FACTS: Facts = Facts {
    messages: "input",
    parts: "content",
    calls: "",
    system: "instructions",
    names: &[
        (Field::MaxOutput, "max_output_tokens"),
        (Field::Temperature, "temperature"),
        (Field::TopP, "top_p"),
        (Field::Logprobs, "include"),
        (Field::Tools, "tools"),
        (Field::ToolChoice, "tool_choice"),
        (Field::ParallelTools, "parallel_tool_calls"),
        (Field::Output, "text.format"),
        (Field::Thinking, "reasoning"),
        (Field::EndUser, "safety_identifier"),
        (Field::Metadata, "metadata"),
        (Field::ServiceTier, "service_tier"),
        (Field::Verbosity, "text.verbosity"),
        (Field::Store, "store"),
    ],
    lacks: &[
        (Field::TopK, Fate::Drop),
        (Field::Stop, Fate::Refuse),
        (Field::N, Fate::Refuse),
        (Field::Seed, Fate::Drop),
        (Field::FrequencyPenalty, Fate::Drop),
        (Field::PresencePenalty, Fate::Drop),
        (Field::LogitBias, Fate::Drop),
    ],
    extensions: EXTENSIONS,
};

const EXTENSIONS: &[ExtRule] = &[
    // Twins: the neutral form holds the meaning.
    request("input", Otherwise::Carried),
    request("instructions", Otherwise::Carried),
    request("max_output_tokens", Otherwise::Carried),
    request("include", Otherwise::Carried),
    request("tools", Otherwise::Carried),
    request("tool_choice", Otherwise::Carried),
    request("text", Otherwise::Carried),
    request("reasoning", Otherwise::Carried),
    request("safety_identifier", Otherwise::Carried),
    request("user", Otherwise::Carried),
    request("stream_options", Otherwise::Carried),
    ExtRule::new(Scope::Request, REASONING, "generate_summary", Otherwise::Carried),
    // State the proxy does not keep (TRANSLATION §10), and what changes the answer.
    request("previous_response_id", Otherwise::Refuse),
    request("conversation", Otherwise::Refuse),
    request("background", Otherwise::Refuse).unless(&["false"]),
    request("prompt", Otherwise::Refuse),
    request("image", Otherwise::Refuse),
    request("moderation", Otherwise::Refuse),
    request("access_programs", Otherwise::Refuse).unless(&["[]"]),
    // What only tunes cost, speed or records.
    request("truncation", Otherwise::Drop).unless(&["\"disabled\""]),
    request("max_tool_calls", Otherwise::Drop),
    request("context_management", Otherwise::Drop).unless(&["[]"]),
    request("prompt_cache_key", Otherwise::Drop).same_in(CHAT),
    request("prompt_cache_retention", Otherwise::Drop).same_in(CHAT),
    request("prompt_cache_options", Otherwise::Drop).same_in(CHAT),
    // Items.
    turn("id", Otherwise::Carried),
    turn("status", Otherwise::Carried),
    turn("phase", Otherwise::Carried),
    turn("content", Otherwise::Carried),
    turn("caller", Otherwise::Carried),
    turn("namespace", Otherwise::Drop),
    turn("async", Otherwise::Drop).unless(&["false"]),
    block("annotations", Otherwise::Drop).unless(&["[]"]),
    block("logprobs", Otherwise::Carried),
    block("prompt_cache_breakpoint", Otherwise::Drop),
    // Of a file; that of an image is in the neutral form.
    block("detail", Otherwise::Drop).unless(&["\"auto\""]),
    // Tools.
    tool("format", Otherwise::Carried),
    tool("defer_loading", Otherwise::Drop).unless(&["false"]),
    tool("allowed_callers", Otherwise::Refuse).unless(&["[\"direct\"]", "[]"]),
    tool("output_schema", Otherwise::Drop),
    tool("async", Otherwise::Drop).unless(&["false"]),
    // Answers: mostly settings repeated.
    carried(Scope::Response, "object"),
    carried(Scope::Response, "created_at"),
    carried(Scope::Response, "completed_at"),
    carried(Scope::Response, "status"),
    carried(Scope::Response, "incomplete_details"),
    carried(Scope::Response, "output"),
    carried(Scope::Response, "usage"),
    carried(Scope::Response, "error"),
    carried(Scope::Response, "access_programs"),
    carried(Scope::Response, "background"),
    carried(Scope::Response, "billing"),
    carried(Scope::Response, "frequency_penalty"),
    carried(Scope::Response, "image"),
    carried(Scope::Response, "input"),
    carried(Scope::Response, "instructions"),
    carried(Scope::Response, "max_output_tokens"),
    carried(Scope::Response, "max_tool_calls"),
    carried(Scope::Response, "metadata"),
    carried(Scope::Response, "parallel_tool_calls"),
    carried(Scope::Response, "presence_penalty"),
    carried(Scope::Response, "previous_response_id"),
    carried(Scope::Response, "prompt"),
    carried(Scope::Response, "prompt_cache_key"),
    carried(Scope::Response, "prompt_cache_options"),
    carried(Scope::Response, "prompt_cache_retention"),
    carried(Scope::Response, "reasoning"),
    carried(Scope::Response, "safety_identifier"),
    carried(Scope::Response, "service_tier"),
    carried(Scope::Response, "store"),
    carried(Scope::Response, "temperature"),
    carried(Scope::Response, "text"),
    carried(Scope::Response, "tool_choice"),
    carried(Scope::Response, "tool_usage"),
    carried(Scope::Response, "tools"),
    carried(Scope::Response, "top_logprobs"),
    carried(Scope::Response, "top_p"),
    carried(Scope::Response, "truncation"),
    carried(Scope::Response, "user"),
];
