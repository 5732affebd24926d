//! Fields that nothing is said about, and why that is right.

use llm_protocol::Protocol;

/// Why nothing is said about a field.
pub(crate) fn reason(from: Protocol, path: &str) -> Option<&'static str> {
    let known = |row: &&(Protocol, &str, &str)| {
        row.0 == from && path.starts_with(row.1) && ends(&path[row.1.len()..])
    };
    SILENT.iter().find(known).map(|(.., reason)| *reason)
}

/// Whether what follows a field's name is no more of the name, but of its members.
fn ends(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(['.', '(', '['])
}

const CHAT: Protocol = Protocol::OpenAiChat;
const RESPONSES: Protocol = Protocol::OpenAiResponses;
const MESSAGES: Protocol = Protocol::Anthropic;
const GEMINI: Protocol = Protocol::Gemini;

const PAIRS: &str = "pairs calls with their results, which Gemini does by name and order";
const ITS_OWN: &str = "the vendor's own record of an item it made; nothing the model reads";
const STATE: &str =
    "the model's state: replayed in its own turns, to the family that made it, and warned about elsewhere";
const ALONE: &str = "counts only together with log probabilities, which have a row of their own";
const ALWAYS: &str = "schemas always hold there";

const CALLER: &str = "who made the call, in programmatic calling, whose tools are refused";
const PADDING: &str = "padding of the provider's events; the proxy writes its own events";
const ITS_OWN_NOTES: &str = "what the client notes for itself; nothing the model reads";
const NAMED: &str = "a picture's name is read by nobody; a document's is its file name";
const PLACED: &str =
    "what a reference in the response calls a picture; elsewhere pictures follow it in their order";
const ONE: &str = "has one value";
const WRAPPED: &str = "with the tool, which is wrapped with a warning";

#[rustfmt::skip]
const SILENT: &[(Protocol, &str, &str)] = &[
    (CHAT, "top_logprobs", ALONE),
    (CHAT, "messages[](function).name", "says which call is answered, as the id of the result does elsewhere"),
    (CHAT, "messages[](assistant).tool_calls[](function).id", PAIRS),
    (CHAT, "messages[](assistant).tool_calls[](custom).id", PAIRS),
    (CHAT, "stream_options.include_obfuscation", PADDING),
    (RESPONSES, "stream_options.include_obfuscation", PADDING),
    (RESPONSES, "top_logprobs", ALONE),
    (RESPONSES, "tool_choice.type", "chooses a tool of the vendor, whose definition is refused"),
    (RESPONSES, "tool_choice(allowed_tools).mode", "counts only where one of the tools it allows is there"),
    (RESPONSES, "tool_choice(mcp)", "chooses a tool of the vendor, whose definition is refused"),
    (RESPONSES, "tools[](custom).format", WRAPPED),
    (RESPONSES, "input[](reasoning).id", ITS_OWN),
    (RESPONSES, "input[](reasoning).status", ITS_OWN),
    (RESPONSES, "input[](reasoning).content", "thoughts in the open, which nobody reads again; their state is warned about"),
    (RESPONSES, "input[](function_call).caller", CALLER),
    (RESPONSES, "input[](function_call_output).caller", CALLER),
    (RESPONSES, "input[](message).content[](output_text).logprobs", ITS_OWN),
    (RESPONSES, "input[](message).id", ITS_OWN),
    (RESPONSES, "input[](message).phase", ITS_OWN),
    (RESPONSES, "input[](message).status", ITS_OWN),
    (RESPONSES, "input[](function_call).id", ITS_OWN),
    (RESPONSES, "input[](function_call).status", ITS_OWN),
    (RESPONSES, "input[](function_call).call_id", PAIRS),
    (RESPONSES, "input[](function_call_output).id", ITS_OWN),
    (RESPONSES, "input[](function_call_output).status", ITS_OWN),
    (RESPONSES, "input[](function_call_output).name", "the name of the call it answers, which its id says"),
    (RESPONSES, "input[](custom_tool_call).id", ITS_OWN),
    (RESPONSES, "input[](custom_tool_call).call_id", PAIRS),
    (RESPONSES, "input[](custom_tool_call_output).id", ITS_OWN),
    (RESPONSES, "text.format(json_schema).name", "a name for the vendor's books; nothing the model reads"),
    (RESPONSES, "text.format(json_schema).strict", ALWAYS),
    (MESSAGES, "messages[](user).content[](thinking).signature", STATE),
    (MESSAGES, "messages[](user).content[](redacted_thinking).data", STATE),
    (MESSAGES, "messages[](assistant).content[](tool_use).id", PAIRS),
    (MESSAGES, "messages[](user).content[](tool_use).id", PAIRS),
    (MESSAGES, "tools[].type", ONE),
    (MESSAGES, "messages[](user).content[](search_result)", "with the search result, which becomes text with a warning"),
    (MESSAGES, "messages[](assistant).content[](tool_use).caller", CALLER),
    (GEMINI, "contents[](user).parts[].partMetadata", ITS_OWN_NOTES),
    (GEMINI, "contents[](model).parts[].partMetadata", ITS_OWN_NOTES),
    (GEMINI, "contents[](user).parts[].thought", "thoughts are the model's: of the user it is text"),
    (GEMINI, "contents[](user).parts[].thoughtSignature", STATE),
    (GEMINI, "contents[](user).parts[].inlineData.displayName", NAMED),
    (GEMINI, "contents[](user).parts[].fileData.displayName", NAMED),
    (GEMINI, "contents[](user).parts[].functionResponse.parts[].inlineData.displayName", PLACED),
    (GEMINI, "contents[](user).parts[].functionResponse.parts[].fileData.displayName", PLACED),
    (GEMINI, "generationConfig.logprobs", ALONE),
    (GEMINI, "generationConfig.responseSchema.example", "an annotation that no value is held to"),
    (GEMINI, "generationConfig.responseSchema.nullable", "says something only beside the type it widens"),
];
