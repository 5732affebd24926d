//! The tables of Messages.

use crate::facts::{ExtRule, Facts, Fate, Field, Otherwise};
use crate::ir::Scope;
use crate::protocol::Protocol;

use super::block::{DOCUMENT, SEARCH_RESULT};

const fn request(key: &'static str, otherwise: Otherwise) -> ExtRule {
    ExtRule::new(Scope::Request, "", key, otherwise)
}

const fn block(key: &'static str, otherwise: Otherwise) -> ExtRule {
    ExtRule::new(Scope::Block, "", key, otherwise)
}

const fn tool(key: &'static str, otherwise: Otherwise) -> ExtRule {
    ExtRule::new(Scope::Tool, "", key, otherwise)
}

const fn response(key: &'static str, otherwise: Otherwise) -> ExtRule {
    ExtRule::new(Scope::Response, "", key, otherwise)
}

pub(super) static FACTS: Facts = Facts {
    messages: "messages",
    parts: "content",
    calls: "",
    system: "system",
    names: &[
        (Field::MaxOutput, "max_tokens"),
        (Field::Temperature, "temperature"),
        (Field::TopP, "top_p"),
        (Field::TopK, "top_k"),
        (Field::Stop, "stop_sequences"),
        (Field::Tools, "tools"),
        (Field::ToolChoice, "tool_choice"),
        (Field::ParallelTools, "tool_choice.disable_parallel_tool_use"),
        (Field::Output, "output_config.format"),
        (Field::Thinking, "thinking"),
        (Field::EndUser, "metadata.user_id"),
        (Field::ServiceTier, "service_tier"),
    ],
    lacks: &[
        (Field::N, Fate::Refuse),
        (Field::Seed, Fate::Drop),
        (Field::FrequencyPenalty, Fate::Drop),
        (Field::PresencePenalty, Fate::Drop),
        (Field::LogitBias, Fate::Drop),
        (Field::Logprobs, Fate::Drop),
        (Field::Metadata, Fate::Drop),
        (Field::Verbosity, Fate::Drop),
        (Field::Store, Fate::Drop),
    ],
    extensions: EXTENSIONS,
};

/// Protocols that have the same marks for the prompt cache.
const CACHES: &[Protocol] = &[Protocol::BedrockConverse];

const EXTENSIONS: &[ExtRule] = &[
    // Twins: the neutral form holds the meaning.
    request("max_tokens", Otherwise::Carried),
    request("stop_sequences", Otherwise::Carried),
    request("tools", Otherwise::Carried),
    request("tool_choice", Otherwise::Carried),
    request("thinking", Otherwise::Carried),
    request("output_config", Otherwise::Carried),
    request("output_format", Otherwise::Carried),
    request("metadata", Otherwise::Carried),
    request("service_tier", Otherwise::Carried),
    // Says how the body is to be read (Bedrock, Vertex).
    request("anthropic_version", Otherwise::Carried),
    request("anthropic_beta", Otherwise::Drop),
    // What changes the answer, what the model may do, or where the data goes.
    request("container", Otherwise::Refuse),
    request("mcp_servers", Otherwise::Refuse).unless(&["[]"]),
    request("inference_geo", Otherwise::Refuse),
    request("workspace_id", Otherwise::Refuse),
    // What only tunes cost, speed or records.
    request("cache_control", Otherwise::Drop),
    request("context_management", Otherwise::Drop),
    request("diagnostics", Otherwise::Drop),
    request("speed", Otherwise::Drop).unless(&["\"standard\""]),
    request("user_profile_id", Otherwise::Drop),
    // Messages and blocks.
    block("cache_control", Otherwise::Drop).same_in(CACHES),
    block("citations", Otherwise::Drop).unless(&["[]"]),
    block("content", Otherwise::Carried),
    block("caller", Otherwise::Carried),
    block("signature", Otherwise::Carried),
    block("toolset_name", Otherwise::Drop),
    block("transformations", Otherwise::Drop),
    block(SEARCH_RESULT, Otherwise::Drop),
    ExtRule::new(Scope::Block, DOCUMENT, "citations", Otherwise::Refuse)
        .unless(&["{\"enabled\":false}", "{}"]),
    ExtRule::new(Scope::Block, DOCUMENT, "context", Otherwise::Refuse).unless(&["\"\""]),
    // Tools.
    tool("type", Otherwise::Carried),
    tool("cache_control", Otherwise::Drop).same_in(CACHES),
    tool("allowed_callers", Otherwise::Refuse).unless(&["[\"direct\"]", "[]"]),
    tool("defer_loading", Otherwise::Drop).unless(&["false"]),
    tool("eager_input_streaming", Otherwise::Drop).unless(&["false"]),
    tool("input_examples", Otherwise::Drop).unless(&["[]"]),
    // Answers.
    response("type", Otherwise::Carried),
    response("role", Otherwise::Carried),
    response("usage", Otherwise::Carried),
    response("error", Otherwise::Carried),
    response("stop_details", Otherwise::Carried),
    response("container", Otherwise::Drop),
    response("diagnostics", Otherwise::Drop),
    response("context_management", Otherwise::Drop).unless(&["{\"applied_edits\":[]}"]),
];
