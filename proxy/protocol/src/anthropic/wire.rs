//! The shapes of Messages on the wire.

use serde_json::value::RawValue;

use crate::json::record::record;
use crate::json::{Count, Num, Str, StrOr};

record! {
    /// A request body.
    pub(super) struct Body<'a> rest {
        model: Str<'a>,
        messages: Vec<Message<'a>>,
        system: StrOr<'a, Block<'a>>,
        max_tokens: &'a RawValue,
        stream: bool,
        temperature: Num<'a>,
        top_p: Num<'a>,
        top_k: Num<'a>,
        stop_sequences: Vec<Str<'a>>,
        tools: Vec<Tool<'a>>,
        tool_choice: &'a RawValue,
        thinking: &'a RawValue,
        output_config: &'a RawValue,
        output_format: &'a RawValue,
        metadata: &'a RawValue,
        service_tier: &'a RawValue,
    }
}

record! {
    /// A message.
    pub(super) struct Message<'a> rest {
        role: Str<'a>,
        content: StrOr<'a, Block<'a>>,
    }
}

record! {
    /// A content block. What it holds besides text depends on its type and is taken from the rest.
    pub(super) struct Block<'a> rest {
        kind("type"): Str<'a>,
        text: Str<'a>,
    }
}

record! {
    /// Where media is.
    pub(super) struct Source<'a> rest {
        kind("type"): Str<'a>,
        media_type: Str<'a>,
        data: Str<'a>,
        url: Str<'a>,
        file_id: Str<'a>,
    }
}

record! {
    /// A tool definition.
    pub(super) struct Tool<'a> rest {
        kind("type"): Str<'a>,
        name: Str<'a>,
        description: Str<'a>,
        input_schema: &'a RawValue,
        strict: bool,
    }
}

record! {
    /// Which tools.
    pub(super) struct Choice<'a> rest {
        kind("type"): Str<'a>,
        name: Str<'a>,
        disable_parallel_tool_use: bool,
    }
}

record! {
    /// How to reason.
    pub(super) struct Thinking<'a> rest {
        kind("type"): Str<'a>,
        budget_tokens: Num<'a>,
        display: Str<'a>,
    }
}

record! {
    /// Effort and form of the answer.
    pub(super) struct OutputConfig<'a> rest {
        effort: Str<'a>,
        format: Format<'a>,
    }
}

record! {
    /// The form of the answer.
    pub(super) struct Format<'a> rest {
        kind("type"): Str<'a>,
        name: Str<'a>,
        schema: &'a RawValue,
    }
}

record! {
    /// Who asks.
    pub(super) struct Metadata<'a> rest {
        user_id: Str<'a>,
    }
}

record! {
    /// A search result in a message.
    pub(super) struct SearchResult<'a> {
        source: Str<'a>,
        title: Str<'a>,
        content: Vec<Block<'a>>,
    }
}

record! {
    /// A response body.
    pub(super) struct Answer<'a> rest {
        id: Str<'a>,
        model: Str<'a>,
        content: Vec<Block<'a>>,
        stop_reason: Str<'a>,
        stop_sequence: Str<'a>,
        stop_details: &'a RawValue,
        usage: &'a RawValue,
        error: &'a RawValue,
    }
}

record! {
    /// More about why an answer ended.
    pub(super) struct StopDetails<'a> {
        explanation: Str<'a>,
    }
}

record! {
    /// Token counts.
    pub(super) struct Usage<'a> {
        input_tokens: Count<'a>,
        output_tokens: Count<'a>,
        cache_read_input_tokens: Count<'a>,
        cache_creation_input_tokens: Count<'a>,
        output_tokens_details: UsageDetails<'a>,
    }
}

record! {
    /// Parts of token counts.
    pub(super) struct UsageDetails<'a> {
        thinking_tokens: Count<'a>,
    }
}

record! {
    /// An event of a stream.
    pub(super) struct Event<'a> {
        kind("type"): Str<'a>,
        index: u32,
        message: StartedMessage<'a>,
        content_block: StartedBlock<'a>,
        delta: Delta<'a>,
        usage: Usage<'a>,
        context_management: &'a RawValue,
        error: &'a RawValue,
    }
}

record! {
    /// The message of `message_start`. It goes on what the vendor's own tools did before: then it begins with blocks,
    /// and may have ended already.
    pub(super) struct StartedMessage<'a> {
        id: Str<'a>,
        model: Str<'a>,
        content: &'a RawValue,
        stop_reason: Str<'a>,
        stop_sequence: Str<'a>,
        stop_details: StopDetails<'a>,
        usage: Usage<'a>,
    }
}

record! {
    /// The block of `content_block_start`.
    pub(super) struct StartedBlock<'a> {
        kind("type"): Str<'a>,
        text: Str<'a>,
        thinking: Str<'a>,
        signature: Str<'a>,
        data: Str<'a>,
        id: Str<'a>,
        name: Str<'a>,
        input: &'a RawValue,
    }
}

record! {
    /// What an event adds: to a block, or to the message.
    pub(super) struct Delta<'a> {
        kind("type"): Str<'a>,
        text: Str<'a>,
        thinking: Str<'a>,
        signature: Str<'a>,
        partial_json: Str<'a>,
        citation: &'a RawValue,
        container: &'a RawValue,
        stop_reason: Str<'a>,
        stop_sequence: Str<'a>,
        stop_details: StopDetails<'a>,
    }
}
