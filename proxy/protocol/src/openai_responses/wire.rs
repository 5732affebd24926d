//! The shapes of Responses on the wire.

use serde_json::value::RawValue;

use crate::json::record::record;
use crate::json::{Count, Num, Str, StrOr};

/// Declares the request body twice: with its input, and without, for one that cannot be read in one pass.
macro_rules! bodies {
    ($($field:ident: $type:ty,)*) => {
        record! {
            /// A request body with its input.
            pub(super) struct Whole<'a> rest {
                input: StrOr<'a, Item<'a>>,
                $($field: $type,)*
            }
        }

        record! {
            /// The settings of a request body.
            pub(super) struct Body<'a> rest {
                $($field: $type,)*
            }
        }

        impl<'a> Whole<'a> {
            /// The settings and the input.
            pub(super) fn divide(self) -> (Body<'a>, Option<StrOr<'a, Item<'a>>>) {
                (Body { $($field: self.$field,)* rest: self.rest }, self.input)
            }
        }
    };
}

bodies! {
    model: Str<'a>,
    instructions: &'a RawValue,
    stream: bool,
    stream_options: &'a RawValue,
    max_output_tokens: &'a RawValue,
    temperature: Num<'a>,
    top_p: Num<'a>,
    top_logprobs: u64,
    include: &'a RawValue,
    tools: &'a RawValue,
    tool_choice: &'a RawValue,
    parallel_tool_calls: bool,
    text: &'a RawValue,
    reasoning: &'a RawValue,
    safety_identifier: &'a RawValue,
    user: &'a RawValue,
    metadata: &'a RawValue,
    service_tier: Str<'a>,
    store: bool,
}

record! {
    /// The input of a request body, as it stands there.
    pub(super) struct Input<'a> {
        input: &'a RawValue,
    }
}

record! {
    /// An item of the input or the output.
    pub(super) struct Item<'a> rest {
        kind("type"): Str<'a>,
        role: Str<'a>,
        content: StrOr<'a, Part<'a>>,
        call_id: Str<'a>,
        name: Str<'a>,
        arguments: Str<'a>,
        input: Str<'a>,
        output: StrOr<'a, Part<'a>>,
        summary: Vec<Thought<'a>>,
        encrypted_content: Str<'a>,
    }
}

record! {
    /// How far an item has come.
    pub(super) struct Status<'a> {
        status: Str<'a>,
    }
}

record! {
    /// The parts of an item, kept raw.
    pub(super) struct RawParts<'a> {
        content: StrOr<'a, &'a RawValue>,
        output: StrOr<'a, &'a RawValue>,
    }
}

record! {
    /// A piece of reasoning, or of its summary.
    pub(super) struct Thought<'a> {
        text: Str<'a>,
    }
}

record! {
    /// A part of a message or of a tool's answer.
    pub(super) struct Part<'a> rest {
        kind("type"): Str<'a>,
        text: Str<'a>,
        refusal: Str<'a>,
        image_url: Str<'a>,
        detail: &'a RawValue,
        file_data: Str<'a>,
        file_id: Str<'a>,
        file_url: Str<'a>,
        filename: Str<'a>,
    }
}

record! {
    /// A tool definition.
    pub(super) struct Tool<'a> rest {
        kind("type"): Str<'a>,
        name: Str<'a>,
        description: Str<'a>,
        parameters: &'a RawValue,
        strict: bool,
    }
}

record! {
    /// `tool_choice` as an object.
    pub(super) struct Choice<'a> {
        kind("type"): Str<'a>,
        name: Str<'a>,
        mode: Str<'a>,
        tools: Vec<Named<'a>>,
    }
}

record! {
    /// A tool by name.
    pub(super) struct Named<'a> {
        name: Str<'a>,
    }
}

record! {
    /// `text`.
    pub(super) struct Text<'a> rest {
        format: Format<'a>,
        verbosity: Str<'a>,
    }
}

record! {
    /// The form of the answer.
    pub(super) struct Format<'a> rest {
        kind("type"): Str<'a>,
        name: Str<'a>,
        description: Str<'a>,
        schema: &'a RawValue,
        strict: bool,
    }
}

record! {
    /// `reasoning`.
    pub(super) struct Reasoning<'a> rest {
        effort: Str<'a>,
        summary: Str<'a>,
        generate_summary: Str<'a>,
    }
}

record! {
    /// A response body. Only the members that mean something elsewhere; the rest stays as it is.
    pub(super) struct Answer<'a> rest {
        id: Str<'a>,
        model: Str<'a>,
        created_at: &'a RawValue,
        status: &'a RawValue,
        incomplete_details: &'a RawValue,
        output: &'a RawValue,
        usage: &'a RawValue,
        error: &'a RawValue,
    }
}

record! {
    /// Why a response is incomplete.
    pub(super) struct Incomplete<'a> {
        reason: Str<'a>,
    }
}

record! {
    /// Token counts.
    pub(super) struct Usage<'a> {
        input_tokens: Count<'a>,
        output_tokens: Count<'a>,
        input_tokens_details: UsageDetails<'a>,
        output_tokens_details: UsageDetails<'a>,
    }
}

record! {
    /// Parts of token counts.
    pub(super) struct UsageDetails<'a> {
        cached_tokens: Count<'a>,
        cache_write_tokens: Count<'a>,
        reasoning_tokens: Count<'a>,
    }
}

record! {
    /// An event of a stream.
    pub(super) struct Event<'a> {
        kind("type"): Str<'a>,
        response: &'a RawValue,
        output_index: u32,
        item_id: Str<'a>,
        content_index: u32,
        summary_index: u32,
        item: &'a RawValue,
        delta: Str<'a>,
        logprobs: &'a RawValue,
        annotation: &'a RawValue,
        text: Str<'a>,
        refusal: Str<'a>,
        arguments: Str<'a>,
        input: Str<'a>,
        error: &'a RawValue,
    }
}
