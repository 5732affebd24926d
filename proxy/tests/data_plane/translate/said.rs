//! What an answer says, read from the bytes a client gets, by the shapes of its own protocol and nothing else.

use serde_json::Value;

/// What an answer says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Said {
    pub(super) text: String,
    /// Name and arguments of each call.
    pub(super) calls: Vec<(String, Value)>,
    /// The protocol's word for why it ended.
    pub(super) finish: String,
    /// Tokens of input and output.
    pub(super) tokens: (u64, u64),
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// The JSON of each event; `[DONE]` is left out. Every event must be whole.
pub(super) fn events(stream: &str) -> Vec<Value> {
    assert!(stream.ends_with("\n\n"), "{stream:?} ends within an event");
    let data =
        stream.split("\n\n").filter_map(|event| event.lines().find_map(|line| line.strip_prefix("data: ")));
    data.filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap_or_else(|_| panic!("{data}")))
        .collect()
}

pub(super) fn chat(answer: &Value) -> Said {
    assert_eq!(answer["object"], "chat.completion", "{answer}");
    let message = &answer["choices"][0]["message"];
    let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
    let arguments =
        |call: &Value| serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
    assert!(calls.iter().all(|call| !text(&call["id"]).is_empty()), "{answer}");
    Said {
        text: text(&message["content"]),
        calls: calls.iter().map(|call| (text(&call["function"]["name"]), arguments(call))).collect(),
        finish: text(&answer["choices"][0]["finish_reason"]),
        tokens: (number(&answer["usage"]["prompt_tokens"]), number(&answer["usage"]["completion_tokens"])),
    }
}

/// Of a stream that asked for its usage.
pub(super) fn chat_stream(stream: &str) -> Said {
    assert!(stream.ends_with("data: [DONE]\n\n"), "{stream}");
    let mut said = Said::default();
    let mut arguments: Vec<String> = Vec::new();
    for chunk in events(stream) {
        let choice = &chunk["choices"][0];
        said.text += &text(&choice["delta"]["content"]);
        for call in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let at = number(&call["index"]) as usize;
            if at == arguments.len() {
                assert!(!text(&call["id"]).is_empty(), "{chunk}");
                arguments.push(String::new());
                said.calls.push((text(&call["function"]["name"]), Value::Null));
            }
            arguments[at] += &text(&call["function"]["arguments"]);
        }
        if let Some(finish) = choice["finish_reason"].as_str() {
            said.finish = finish.to_owned();
        }
        if chunk["usage"].is_object() {
            said.tokens =
                (number(&chunk["usage"]["prompt_tokens"]), number(&chunk["usage"]["completion_tokens"]));
        }
    }
    for (call, arguments) in said.calls.iter_mut().zip(arguments) {
        call.1 = serde_json::from_str(&arguments).unwrap();
    }
    said
}

pub(super) fn responses(answer: &Value) -> Said {
    assert_eq!(answer["object"], "response", "{answer}");
    let mut said = Said::default();
    for item in answer["output"].as_array().unwrap() {
        match item["type"].as_str().unwrap() {
            "message" => {
                let parts = item["content"].as_array().unwrap();
                said.text.extend(parts.iter().map(|part| text(&part["text"])));
            }
            "function_call" => {
                assert!(!text(&item["call_id"]).is_empty(), "{item}");
                let arguments = serde_json::from_str(item["arguments"].as_str().unwrap()).unwrap();
                said.calls.push((text(&item["name"]), arguments));
            }
            _ => {}
        }
    }
    let reason = answer["incomplete_details"]["reason"].as_str();
    said.finish = reason.map_or_else(|| text(&answer["status"]), str::to_owned);
    said.tokens = (number(&answer["usage"]["input_tokens"]), number(&answer["usage"]["output_tokens"]));
    said
}

/// What the last event says, which must be what was said on the way.
pub(super) fn responses_stream(stream: &str) -> Said {
    let events = events(stream);
    let numbers = events.iter().map(|event| event["sequence_number"].as_u64().unwrap());
    assert!(numbers.eq(0..events.len() as u64), "{stream}");
    assert_eq!(events[0]["type"], "response.created", "{stream}");
    let deltas = |kind: &str| -> String {
        events.iter().filter(|event| event["type"] == kind).map(|event| text(&event["delta"])).collect()
    };
    let last = &events[events.len() - 1];
    assert!(
        ["response.completed", "response.incomplete"].contains(&last["type"].as_str().unwrap()),
        "{stream}"
    );
    let said = responses(&last["response"]);
    assert_eq!(said.text, deltas("response.output_text.delta"), "{stream}");
    said
}

fn messages_tokens(usage: &Value) -> (u64, u64) {
    let input = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
    (input.iter().map(|name| number(&usage[name])).sum(), number(&usage["output_tokens"]))
}

pub(super) fn messages(answer: &Value) -> Said {
    assert_eq!((&answer["type"], &answer["role"]), (&"message".into(), &"assistant".into()), "{answer}");
    let mut said = Said {
        finish: text(&answer["stop_reason"]),
        tokens: messages_tokens(&answer["usage"]),
        ..Said::default()
    };
    for block in answer["content"].as_array().unwrap() {
        match block["type"].as_str().unwrap() {
            "text" => said.text += &text(&block["text"]),
            "tool_use" => {
                assert!(
                    text(&block["id"]).starts_with("toolu_") || !text(&block["id"]).is_empty(),
                    "{block}"
                );
                said.calls.push((text(&block["name"]), block["input"].clone()));
            }
            _ => {}
        }
    }
    said
}

pub(super) fn messages_stream(stream: &str) -> Said {
    let mut said = Said::default();
    let mut arguments = String::new();
    let events = events(stream);
    assert_eq!(events[0]["type"], "message_start", "{stream}");
    assert_eq!(events[events.len() - 1]["type"], "message_stop", "{stream}");
    let mut open = None;
    for event in events {
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!(open.replace(number(&event["index"])), None, "blocks overlap: {stream}");
                if event["content_block"]["type"] == "tool_use" {
                    arguments.clear();
                    said.calls.push((text(&event["content_block"]["name"]), Value::Null));
                }
            }
            "content_block_delta" => {
                said.text += &text(&event["delta"]["text"]);
                arguments += &text(&event["delta"]["partial_json"]);
            }
            "content_block_stop" => {
                assert_eq!(open.take(), Some(number(&event["index"])), "{stream}");
                if let Some(call) = said.calls.last_mut().filter(|call| call.1.is_null()) {
                    call.1 = serde_json::from_str(&arguments).unwrap();
                }
            }
            "message_delta" => {
                said.finish = text(&event["delta"]["stop_reason"]);
                said.tokens = messages_tokens(&event["usage"]);
            }
            _ => {}
        }
    }
    said
}

pub(super) fn gemini(answer: &Value) -> Said {
    let mut said = Said::default();
    gemini_part(answer, &mut said);
    said
}

fn gemini_part(chunk: &Value, said: &mut Said) {
    let candidate = &chunk["candidates"][0];
    for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
        if part["thought"] != true {
            said.text += &text(&part["text"]);
        }
        if part["functionCall"].is_object() {
            let call = &part["functionCall"];
            said.calls.push((text(&call["name"]), call["args"].clone()));
        }
    }
    if let Some(finish) = candidate["finishReason"].as_str() {
        said.finish = finish.to_owned();
    }
    if let Some(usage) = chunk.get("usageMetadata") {
        let output = number(&usage["candidatesTokenCount"]) + number(&usage["thoughtsTokenCount"]);
        said.tokens = (number(&usage["promptTokenCount"]), output);
    }
}

/// Of a stream of events or of one array.
pub(super) fn gemini_stream(stream: &str) -> Said {
    let chunks = match stream.starts_with('[') {
        true => serde_json::from_str(stream).unwrap_or_else(|_| panic!("{stream}")),
        false => events(stream),
    };
    let mut said = Said::default();
    chunks.iter().for_each(|chunk| gemini_part(chunk, &mut said));
    said
}
