//! What is read of Converse.

use serde_json::value::RawValue;

use crate::ir::Usage as Counts;
use crate::json::record::record;
use crate::json::{Count, Str};

record! {
    /// A response body.
    pub(super) struct Answer<'a> {
        output: Output<'a>,
        stop_reason("stopReason"): Str<'a>,
        usage: Usage<'a>,
    }
}

record! {
    /// What was said.
    pub(super) struct Output<'a> {
        message: Message<'a>,
    }
}

record! {
    /// A message.
    pub(super) struct Message<'a> {
        content: Vec<Block<'a>>,
    }
}

record! {
    /// A block: one of its fields says what it is.
    pub(super) struct Block<'a> rest {
        text: Str<'a>,
        tool_use("toolUse"): ToolUse<'a>,
        reasoning("reasoningContent"): Reasoning<'a>,
        citations("citationsContent"): Cited<'a>,
    }
}

record! {
    /// A call.
    pub(super) struct ToolUse<'a> {
        id("toolUseId"): Str<'a>,
        name: Str<'a>,
        input: &'a RawValue,
    }
}

record! {
    /// Reasoning: readable, or not.
    pub(super) struct Reasoning<'a> {
        text("reasoningText"): ReasoningText<'a>,
        redacted("redactedContent"): Str<'a>,
    }
}

record! {
    /// Reasoning that can be read.
    pub(super) struct ReasoningText<'a> {
        text: Str<'a>,
        signature: Str<'a>,
    }
}

record! {
    /// Text with where it is from.
    pub(super) struct Cited<'a> {
        content: Vec<CitedText<'a>>,
    }
}

record! {
    /// A piece of it.
    pub(super) struct CitedText<'a> {
        text: Str<'a>,
    }
}

record! {
    /// Token counts.
    pub(super) struct Usage<'a> {
        input("inputTokens"): Count<'a>,
        output("outputTokens"): Count<'a>,
        cache_read("cacheReadInputTokens"): Count<'a>,
        cache_write("cacheWriteInputTokens"): Count<'a>,
    }
}

impl Usage<'_> {
    /// The neutral counts; `None` if nothing was told. `inputTokens` leaves cached tokens out.
    pub(super) fn counts(&self) -> Option<Counts> {
        let count = |number: &Option<Count<'_>>| number.as_ref().and_then(Count::as_u64);
        let (input, output) = (count(&self.input), count(&self.output));
        input.or(output)?;
        let (read, write) = (count(&self.cache_read), count(&self.cache_write));
        let cached = read.unwrap_or(0).saturating_add(write.unwrap_or(0));
        Some(Counts {
            input_total: input.unwrap_or(0).saturating_add(cached),
            tool_input: None,
            cache_read: read,
            cache_write: write,
            output_total: output.unwrap_or(0),
            reasoning: None,
        })
    }
}

record! {
    /// The payload of any event of a stream.
    pub(super) struct Event<'a> {
        index("contentBlockIndex"): u32,
        start: BlockStart<'a>,
        delta: Delta<'a>,
        stop_reason("stopReason"): Str<'a>,
        usage: Usage<'a>,
    }
}

record! {
    /// How a block starts that is not text or reasoning.
    pub(super) struct BlockStart<'a> {
        tool_use("toolUse"): ToolUse<'a>,
    }
}

record! {
    /// What is added to a block.
    pub(super) struct Delta<'a> {
        text: Str<'a>,
        tool_use("toolUse"): InputDelta<'a>,
        reasoning("reasoningContent"): ReasoningDelta<'a>,
    }
}

record! {
    /// A piece of the arguments of a call.
    pub(super) struct InputDelta<'a> {
        input: Str<'a>,
    }
}

record! {
    /// A piece of reasoning.
    pub(super) struct ReasoningDelta<'a> {
        text: Str<'a>,
        signature: Str<'a>,
        redacted("redactedContent"): Str<'a>,
    }
}

record! {
    /// An error or an exception.
    pub(super) struct Fault<'a> {
        kind("__type"): Str<'a>,
        message: Str<'a>,
        other_message("Message"): Str<'a>,
        original("originalMessage"): Str<'a>,
    }
}
