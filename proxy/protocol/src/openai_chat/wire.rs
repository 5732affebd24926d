//! The shapes of Chat Completions on the wire.

use std::borrow::Cow;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::json::record::{Rest, record};
use crate::json::{Count, Few, Num, Str, StrOr};

record! {
    /// A request body.
    pub(super) struct Body<'a> rest {
        model: Str<'a>,
        messages: Vec<Message<'a>>,
        stream: bool,
        stream_options: &'a RawValue,
        max_completion_tokens: &'a RawValue,
        max_tokens: &'a RawValue,
        temperature: Num<'a>,
        top_p: Num<'a>,
        seed: Num<'a>,
        frequency_penalty: Num<'a>,
        presence_penalty: Num<'a>,
        logit_bias: &'a RawValue,
        logprobs: bool,
        top_logprobs: &'a RawValue,
        n: &'a RawValue,
        stop: &'a RawValue,
        tools: Vec<Tool<'a>>,
        functions: &'a RawValue,
        tool_choice: &'a RawValue,
        function_call: &'a RawValue,
        parallel_tool_calls: bool,
        response_format: &'a RawValue,
        reasoning_effort: Str<'a>,
        safety_identifier: &'a RawValue,
        user: &'a RawValue,
        metadata: &'a RawValue,
        service_tier: Str<'a>,
        verbosity: Str<'a>,
        store: bool,
    }
}

record! {
    /// A message of a request or a response.
    pub(super) struct Message<'a> rest {
        role: Str<'a>,
        content: StrOr<'a, Part<'a>>,
        refusal: Str<'a>,
        tool_calls: Few<Call<'a>>,
        function_call: Box<CallFunction<'a>>,
        tool_call_id: Str<'a>,
        reasoning_content: &'a RawValue,
        reasoning: &'a RawValue,
        extra_content: &'a RawValue,
    }
}

record! {
    /// A content part.
    pub(super) struct Part<'a> rest {
        kind("type"): Str<'a>,
        text: Str<'a>,
        refusal: Str<'a>,
        thinking: &'a RawValue,
        image_url: Image<'a>,
        input_audio: Box<InputAudio<'a>>,
        file: Box<File<'a>>,
    }
}

/// Where an image is; some servers take the URL in place of the object.
#[derive(Debug, Default)]
pub(super) struct Image<'a> {
    pub(super) url: Option<Str<'a>>,
    pub(super) detail: Option<Str<'a>>,
    /// It was the URL alone.
    pub(super) plain: bool,
    pub(super) rest: Rest<'a>,
}

impl<'a> Deserialize<'a> for Image<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct ImageVisitor;
        impl<'a> Visitor<'a> for ImageVisitor {
            type Value = Image<'a>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object or a string")
            }
            fn visit_borrowed_str<E: Error>(self, v: &'a str) -> Result<Self::Value, E> {
                Ok(Image { url: Some(Str(Cow::Borrowed(v))), plain: true, ..Image::default() })
            }
            fn visit_str<E: Error>(self, v: &str) -> Result<Self::Value, E> {
                Ok(Image { url: Some(Str(Cow::Owned(v.to_owned()))), plain: true, ..Image::default() })
            }
            fn visit_map<A: MapAccess<'a>>(self, map: A) -> Result<Self::Value, A::Error> {
                let ImageUrl { url, detail, rest } = ImageUrl::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Image { url, detail, plain: false, rest })
            }
        }
        deserializer.deserialize_any(ImageVisitor)
    }
}

record! {
    /// Where an image is.
    pub(super) struct ImageUrl<'a> rest {
        url: Str<'a>,
        detail: Str<'a>,
    }
}

record! {
    /// Sound.
    pub(super) struct InputAudio<'a> rest {
        data: Str<'a>,
        format: Str<'a>,
    }
}

record! {
    /// A file.
    pub(super) struct File<'a> rest {
        file_data: Str<'a>,
        file_id: Str<'a>,
        filename: Str<'a>,
    }
}

record! {
    /// A tool call of a message.
    pub(super) struct Call<'a> rest {
        id: Str<'a>,
        function: CallFunction<'a>,
        custom: Box<CallCustom<'a>>,
        extra_content: &'a RawValue,
    }
}

record! {
    /// The function of a tool call. Some compatible servers send arguments as an object.
    pub(super) struct CallFunction<'a> rest {
        name: Str<'a>,
        arguments: &'a RawValue,
    }
}

record! {
    /// The custom tool of a tool call.
    pub(super) struct CallCustom<'a> rest {
        name: Str<'a>,
        input: Str<'a>,
    }
}

record! {
    /// A tool definition.
    pub(super) struct Tool<'a> rest {
        kind("type"): Str<'a>,
        function: Function<'a>,
        custom: Function<'a>,
    }
}

record! {
    /// A function or custom tool.
    pub(super) struct Function<'a> rest {
        name: Str<'a>,
        description: Str<'a>,
        parameters: &'a RawValue,
        strict: bool,
    }
}

record! {
    /// The form of the answer.
    pub(super) struct Format<'a> rest {
        kind("type"): Str<'a>,
        json_schema: JsonSchema<'a>,
    }
}

record! {
    /// A schema for the answer.
    pub(super) struct JsonSchema<'a> rest {
        name: Str<'a>,
        description: Str<'a>,
        schema: &'a RawValue,
        strict: bool,
    }
}

record! {
    /// `tool_choice` as an object.
    pub(super) struct Choice<'a> {
        kind("type"): Str<'a>,
        function: Named<'a>,
        custom: Named<'a>,
        allowed_tools: Allowed<'a>,
        name: Str<'a>,
    }
}

record! {
    /// A tool, a function or a custom tool by name.
    pub(super) struct Named<'a> {
        name: Str<'a>,
        function: Name<'a>,
        custom: Name<'a>,
    }
}

record! {
    /// A name.
    pub(super) struct Name<'a> {
        name: Str<'a>,
    }
}

record! {
    /// A subset of the tools.
    pub(super) struct Allowed<'a> {
        mode: Str<'a>,
        tools: Vec<Named<'a>>,
    }
}

/// Stream options.
#[derive(serde::Deserialize)]
pub(super) struct StreamOptions {
    pub(super) include_usage: Option<bool>,
}

record! {
    /// A response body.
    pub(super) struct Answer<'a> rest {
        id: Str<'a>,
        created: u64,
        model: Str<'a>,
        choices: Vec<AnswerChoice<'a>>,
        usage: &'a RawValue,
        error: &'a RawValue,
    }
}

record! {
    /// A choice of a response.
    pub(super) struct AnswerChoice<'a> rest {
        index: u32,
        message: Message<'a>,
        finish_reason: Str<'a>,
    }
}

record! {
    /// Token counts.
    pub(super) struct Usage<'a> {
        prompt_tokens: Count<'a>,
        completion_tokens: Count<'a>,
        total_tokens: Count<'a>,
        prompt_tokens_details: UsageDetails<'a>,
        completion_tokens_details: UsageDetails<'a>,
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
    /// A chunk of a stream.
    pub(super) struct Chunk<'a> {
        id: Str<'a>,
        created: &'a RawValue,
        model: Str<'a>,
        service_tier: &'a RawValue,
        choices: Vec<ChunkChoice<'a>>,
        usage: Usage<'a>,
        error: &'a RawValue,
    }
}

record! {
    /// A choice of a chunk. A server that does not stream gives all of its message at once.
    pub(super) struct ChunkChoice<'a> {
        index: u32,
        delta: ChunkDelta<'a>,
        message: Box<ChunkDelta<'a>>,
        logprobs: &'a RawValue,
        content_filter_results: &'a RawValue,
        finish_reason: Str<'a>,
    }
}

record! {
    /// What a chunk adds.
    pub(super) struct ChunkDelta<'a> {
        content: StrOr<'a, Piece<'a>>,
        refusal: Str<'a>,
        reasoning_content: Str<'a>,
        reasoning: Str<'a>,
        annotations: &'a RawValue,
        tool_calls: Vec<CallDelta<'a>>,
        function_call: CallDeltaFunction<'a>,
        extra_content: &'a RawValue,
    }
}

record! {
    /// A piece of content where a server sends a list of them (Mistral).
    pub(super) struct Piece<'a> {
        text: Str<'a>,
        thinking: &'a RawValue,
    }
}

record! {
    /// A piece of a thought.
    pub(super) struct Thought<'a> {
        text: Str<'a>,
    }
}

record! {
    /// What a chunk adds to a tool call.
    pub(super) struct CallDelta<'a> {
        index: u32,
        id: Str<'a>,
        function: CallDeltaFunction<'a>,
        custom: CallDeltaCustom<'a>,
        extra_content: &'a RawValue,
    }
}

record! {
    /// What a chunk adds to the function of a call. Some compatible servers send the arguments as an object.
    pub(super) struct CallDeltaFunction<'a> {
        name: Str<'a>,
        arguments: &'a RawValue,
    }
}

record! {
    /// What a chunk adds to the custom tool of a call.
    pub(super) struct CallDeltaCustom<'a> {
        name: Str<'a>,
        input: Str<'a>,
    }
}

record! {
    /// Google's additions to its OpenAI-compatible endpoint.
    pub(super) struct ExtraContent<'a> {
        google: Google<'a>,
    }
}

record! {
    /// Google's part of `extra_content`.
    pub(super) struct Google<'a> {
        thought_signature: Str<'a>,
    }
}
