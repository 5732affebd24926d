//! The tables of legacy completions.

use crate::facts::{ExtRule, Facts, Field, Otherwise};
use crate::ir::Scope;

const fn request(key: &'static str, otherwise: Otherwise) -> ExtRule {
    ExtRule::new(Scope::Request, "", key, otherwise)
}

pub(super) static FACTS: Facts = Facts {
    messages: "prompt",
    parts: "prompt",
    calls: "",
    system: "prompt",
    names: &[
        (Field::MaxOutput, "max_tokens"),
        (Field::Temperature, "temperature"),
        (Field::TopP, "top_p"),
        (Field::Stop, "stop"),
        (Field::N, "n"),
        (Field::Seed, "seed"),
        (Field::FrequencyPenalty, "frequency_penalty"),
        (Field::PresencePenalty, "presence_penalty"),
        (Field::LogitBias, "logit_bias"),
        (Field::EndUser, "user"),
    ],
    lacks: &[],
    extensions: EXTENSIONS,
};

/// What only completes text does not translate to a conversation (TRANSLATION §10).
const EXTENSIONS: &[ExtRule] = &[
    request("max_tokens", Otherwise::Carried),
    request("n", Otherwise::Carried),
    request("stop", Otherwise::Carried),
    request("stream_options", Otherwise::Carried),
    request("prompt", Otherwise::Refuse),
    request("echo", Otherwise::Refuse).unless(&["false"]),
    request("suffix", Otherwise::Refuse).unless(&["\"\""]),
    request("best_of", Otherwise::Refuse).unless(&["1"]),
    request("logprobs", Otherwise::Refuse),
    ExtRule::new(Scope::Response, "", "object", Otherwise::Carried),
    ExtRule::new(Scope::Response, "", "usage", Otherwise::Carried),
    ExtRule::new(Scope::Response, "", "error", Otherwise::Carried),
    ExtRule::new(Scope::Response, "", "system_fingerprint", Otherwise::Carried),
    ExtRule::new(Scope::Choice, "", "logprobs", Otherwise::Drop),
];
