//! The shapes of generateContent on the wire. Keys come in camelCase or snake_case: Google's own SDKs send
//! both.

use serde_json::value::RawValue;

use crate::json::record::record;
use crate::json::{Count, Few, Num, Str};

record! {
    /// A request body.
    pub(super) struct Body<'a> proto {
        model: Str<'a>,
        contents: Vec<Message<'a>>,
        system_instruction("systemInstruction"): Message<'a>,
        tools: &'a RawValue,
        tool_config("toolConfig"): &'a RawValue,
        generation_config("generationConfig"): &'a RawValue,
        service_tier("serviceTier"): &'a RawValue,
        labels: &'a RawValue,
    }
}

record! {
    /// A request body around another: what `countTokens` takes.
    pub(super) struct CountBody<'a> proto {
        generate_content_request("generateContentRequest"): &'a RawValue,
    }
}

record! {
    /// A message of a request or a response (`Content`).
    pub(super) struct Message<'a> proto {
        role: &'a RawValue,
        parts: Few<Part<'a>>,
    }
}

record! {
    /// A part. What it holds says which kind it is; a kind not named here is among the rest. Of the kinds each part has
    /// one, so that the others are no more than a pointer.
    pub(super) struct Part<'a> proto {
        text: Str<'a>,
        thought: &'a RawValue,
        thought_signature("thoughtSignature"): Str<'a>,
        inline_data("inlineData"): Box<Blob<'a>>,
        file_data("fileData"): Box<FileData<'a>>,
        function_call("functionCall"): Box<Call<'a>>,
        function_response("functionResponse"): Box<CallResponse<'a>>,
    }
}

record! {
    /// Bytes.
    pub(super) struct Blob<'a> proto {
        mime_type("mimeType"): Str<'a>,
        data: Str<'a>,
        display_name("displayName"): Str<'a>,
    }
}

record! {
    /// Bytes elsewhere.
    pub(super) struct FileData<'a> proto {
        mime_type("mimeType"): Str<'a>,
        file_uri("fileUri"): Str<'a>,
        display_name("displayName"): Str<'a>,
    }
}

record! {
    /// A call of a function, whole or a piece of one.
    pub(super) struct Call<'a> proto {
        id: Str<'a>,
        name: Str<'a>,
        args: &'a RawValue,
        partial_args("partialArgs"): &'a RawValue,
        will_continue("willContinue"): &'a RawValue,
    }
}

record! {
    /// A value somewhere in the arguments of a call.
    pub(super) struct PartialArg<'a> proto {
        json_path("jsonPath"): Str<'a>,
        string_value("stringValue"): Str<'a>,
        number_value("numberValue"): Num<'a>,
        bool_value("boolValue"): bool,
        will_continue("willContinue"): bool,
    }
}

record! {
    /// What a function answered.
    pub(super) struct CallResponse<'a> proto {
        id: Str<'a>,
        name: Str<'a>,
        response: &'a RawValue,
        parts: &'a RawValue,
    }
}

record! {
    /// An item of `tools`: functions, or one or more hosted tools by their keys.
    pub(super) struct ToolGroup<'a> proto {
        function_declarations("functionDeclarations"): Vec<Declaration<'a>>,
    }
}

record! {
    /// A function.
    pub(super) struct Declaration<'a> proto {
        name: Str<'a>,
        description: Str<'a>,
        parameters: &'a RawValue,
        parameters_json_schema("parametersJsonSchema"): &'a RawValue,
    }
}

record! {
    /// Settings of tools.
    pub(super) struct ToolConfig<'a> proto {
        function_calling_config("functionCallingConfig"): CallingConfig<'a>,
    }
}

record! {
    /// Which functions may or must be called.
    pub(super) struct CallingConfig<'a> proto {
        mode: &'a RawValue,
        allowed_function_names("allowedFunctionNames"): Vec<Str<'a>>,
    }
}

record! {
    /// Settings of the answer.
    pub(super) struct GenerationConfig<'a> proto {
        temperature: Num<'a>,
        top_p("topP"): Num<'a>,
        top_k("topK"): Num<'a>,
        candidate_count("candidateCount"): &'a RawValue,
        max_output_tokens("maxOutputTokens"): &'a RawValue,
        stop_sequences("stopSequences"): Vec<Str<'a>>,
        seed: Num<'a>,
        presence_penalty("presencePenalty"): Num<'a>,
        frequency_penalty("frequencyPenalty"): Num<'a>,
        response_logprobs("responseLogprobs"): bool,
        logprobs: &'a RawValue,
        response_mime_type("responseMimeType"): &'a RawValue,
        response_schema("responseSchema"): &'a RawValue,
        response_json_schema("responseJsonSchema"): &'a RawValue,
        thinking_config("thinkingConfig"): &'a RawValue,
    }
}

record! {
    /// How to think.
    pub(super) struct ThinkingConfig<'a> proto {
        include_thoughts("includeThoughts"): bool,
        thinking_budget("thinkingBudget"): &'a RawValue,
        thinking_level("thinkingLevel"): &'a RawValue,
    }
}

record! {
    /// A response, or a chunk of a stream.
    pub(super) struct Answer<'a> proto {
        candidates: Vec<Candidate<'a>>,
        prompt_feedback("promptFeedback"): &'a RawValue,
        usage_metadata("usageMetadata"): &'a RawValue,
        model_version("modelVersion"): Str<'a>,
        response_id("responseId"): Str<'a>,
        error: &'a RawValue,
    }
}

record! {
    /// One of the answers.
    pub(super) struct Candidate<'a> proto {
        index: u32,
        content: Message<'a>,
        finish_reason("finishReason"): Str<'a>,
        finish_message("finishMessage"): Str<'a>,
    }
}

record! {
    /// Why a prompt was not answered.
    pub(super) struct Feedback<'a> {
        block_reason("blockReason"): Str<'a>,
    }
}

record! {
    /// Token counts.
    pub(super) struct Usage<'a> {
        prompt_token_count("promptTokenCount"): Count<'a>,
        tool_use_prompt_token_count("toolUsePromptTokenCount"): Count<'a>,
        cached_content_token_count("cachedContentTokenCount"): Count<'a>,
        candidates_token_count("candidatesTokenCount"): Count<'a>,
        thoughts_token_count("thoughtsTokenCount"): Count<'a>,
    }
}
