//! The tables of Converse.

use crate::facts::{Facts, Fate, Field};

pub(super) static FACTS: Facts = Facts {
    messages: "messages",
    parts: "content",
    calls: "",
    system: "system",
    names: &[
        (Field::MaxOutput, "inferenceConfig.maxTokens"),
        (Field::Temperature, "inferenceConfig.temperature"),
        (Field::TopP, "inferenceConfig.topP"),
        (Field::TopK, "additionalModelRequestFields.top_k"),
        (Field::Stop, "inferenceConfig.stopSequences"),
        (Field::Tools, "toolConfig.tools"),
        (Field::ToolChoice, "toolConfig.toolChoice"),
        (Field::Output, "outputConfig.textFormat"),
        (Field::Thinking, "additionalModelRequestFields.thinking"),
        (Field::ServiceTier, "serviceTier"),
    ],
    lacks: &[
        (Field::N, Fate::Refuse),
        (Field::Seed, Fate::Drop),
        (Field::FrequencyPenalty, Fate::Drop),
        (Field::PresencePenalty, Fate::Drop),
        (Field::LogitBias, Fate::Drop),
        (Field::Logprobs, Fate::Drop),
        (Field::ParallelTools, Fate::Drop),
        (Field::EndUser, Fate::Drop),
        (Field::Metadata, Fate::Drop),
        (Field::Verbosity, Fate::Drop),
        (Field::Store, Fate::Drop),
    ],
    extensions: &[],
};
