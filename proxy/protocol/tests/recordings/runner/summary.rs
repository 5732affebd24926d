//! What an answer says, in the words of `expect.json`.

use llm_protocol::ApiError;
use llm_protocol::ir::{Choice, Content, Finish, Response, ToolCall, Usage};
use llm_protocol::{ErrorKind, Protocol};
use serde_json::{Map, Value, json};

use super::difference::same;

/// Keys of `expect.json` that say something about the bytes rather than about the answer.
const NOT_OF_THE_ANSWER: &[&str] =
    &["done_sentinel", "event_types", "events", "streamed_text_equals_final", "signatures_note"];

/// Compares an answer, and the error that ended its stream, with what the recording says; `shown` is the reasoning
/// that a recording may leave out.
pub(crate) fn check(
    expect: &Value,
    response: &Response<'_>,
    error: Option<&ApiError>,
    shown: &str,
) -> Result<(), String> {
    let Value::Object(expect) = expect else { return Err("expect.json is not an object".to_owned()) };
    let seen = summary(response, error.or(response.error.as_ref()));
    for (key, value) in expect {
        if NOT_OF_THE_ANSWER.contains(&key.as_str()) {
            continue;
        }
        match key.as_str() {
            "tool_calls" => check_calls(value, &seen["tool_calls"])?,
            "error" => check_error(value, error.or(response.error.as_ref()))?,
            // A word of the provider that the recorder had no neutral one for.
            "finish" if is_native(value, expect, &seen) => same(key, value, &seen["native_finish"])?,
            // The error that ends a stream stands for the end: its events have no other.
            "native_finish" if value == "failed" && error.is_some() => {}
            "choices" => same("choices", value, &json!(response.choices.len()))?,
            key => same(key, value, &seen[key])?,
        }
    }
    for key in ["text", "refusal", "reasoning_text", "tool_calls"] {
        if key == "reasoning_text" && !shown.is_empty() && seen[key] == shown {
            continue;
        }
        if !expect.contains_key(key) && !seen[key].is_null() {
            return Err(format!("{key}: not expected, seen {}", seen[key]));
        }
    }
    Ok(())
}

/// What models showed of their reasoning itself, of a body or of frames of Responses: the recorder noted summaries only.
pub(crate) fn shown_reasoning<'b>(protocol: Protocol, parts: impl IntoIterator<Item = &'b [u8]>) -> String {
    if protocol != Protocol::OpenAiResponses {
        return String::new();
    }
    let mut shown = String::new();
    for part in parts.into_iter().filter_map(|part| serde_json::from_slice::<Value>(part).ok()) {
        if part["type"] == "response.reasoning_text.delta" {
            shown.push_str(part["delta"].as_str().unwrap_or(""));
        }
        let items = part["output"].as_array().into_iter().flatten();
        for item in items.filter(|item| item["type"] == "reasoning" && item["summary"] == json!([])) {
            let texts = item["content"].as_array().into_iter().flatten();
            let texts: Vec<&str> = texts.filter_map(|part| part["text"].as_str()).collect();
            shown.push_str(&texts.join("\n\n"));
        }
    }
    shown
}

/// Whether a reason for the end is in a provider's own words: Gemini's, or one that nobody knows.
fn is_native(word: &Value, expect: &Map<String, Value>, seen: &Value) -> bool {
    let is_gemini = |word: &str| word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let is_unknown = seen["finish"] == "unknown" || seen["finish"] == "none";
    word.as_str().is_some_and(|word| !word.is_empty() && is_gemini(word))
        || is_unknown && expect.get("native_finish") == Some(word)
}

/// Two readings of one stream: as it was recorded, and as it was written again in its own protocol and read.
pub(crate) fn check_same(
    protocol: Protocol,
    (recorded, recorded_error): (&Response<'_>, Option<&ApiError>),
    (again, again_error): (&Response<'_>, Option<&ApiError>),
) -> Result<(), String> {
    let broke = recorded_error.is_some();
    let mut expected = summary(&carried(recorded, broke), recorded_error);
    let seen = summary(&carried(again, broke), again_error);
    if protocol == Protocol::Anthropic && broke {
        // Counts come with the start and the end, and an error is neither.
        expected["usage"] = seen["usage"].clone();
    }
    for (call, again) in calls(&mut expected).zip(seen["tool_calls"].as_array().into_iter().flatten()) {
        if call["id"] == "" && again["id"].as_str().is_some_and(|id| !id.is_empty()) {
            // Made, where the provider gives none (TRANSLATION §4).
            call["id"] = again["id"].clone();
        }
    }
    require_counts(protocol, &mut expected["usage"], !broke);
    if expected["finish"] == "unknown" && protocol != Protocol::Gemini {
        // A word nobody knows is written as that of a plain end, unless what was said decides (TRANSLATION §7).
        let plain = ["stop", "tool_use", "refusal"].into_iter().find(|plain| seen["finish"] == *plain);
        expected["finish"] = json!(plain.unwrap_or("stop"));
        expected["native_finish"] = seen["native_finish"].clone();
    }
    if expected["finish"] == "tool_use" || expected["native_finish"] == "incomplete" {
        // Calls decide over the provider's word, and the reason of an incomplete answer is not left out.
        expected["native_finish"] = seen["native_finish"].clone();
    }
    if protocol == Protocol::Gemini && expected["finish"] == "unknown" && seen["native_finish"] == "OTHER" {
        expected["native_finish"] = json!("OTHER");
    }
    same("written again and read: ", &expected, &seen)
}

fn calls(summary: &mut Value) -> impl Iterator<Item = &mut Value> {
    summary.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten()
}

/// An answer without what only its own protocol knows: that has no events, since streams of one protocol pass as they
/// are. If the stream broke, also without blocks that hold nothing: some encoders begin a block with its first piece.
fn carried<'a>(response: &Response<'a>, broke: bool) -> Response<'a> {
    let mut response = response.clone();
    for turn in response.choices.iter_mut().flat_map(|choice| &mut choice.turns) {
        turn.blocks.retain(|block| match &block.content {
            Content::Opaque(..) => false,
            Content::Text(text) | Content::Reasoning(text) | Content::Refusal(text) if broke => {
                !text.is_empty() || block.state.is_some()
            }
            Content::ToolCall(call) if broke => call.arguments.as_text() != "{}",
            _ => true,
        });
    }
    response
}

/// Counts that a protocol requires are written as 0 where they were not told.
fn require_counts(protocol: Protocol, usage: &mut Value, complete: bool) {
    let required: &[&str] = match protocol {
        Protocol::OpenAiResponses => {
            &["input_total", "cache_read", "cache_write", "output_total", "reasoning"]
        }
        Protocol::Anthropic => &["input_total", "cache_read", "cache_write", "output_total"],
        _ => &[],
    };
    if usage.is_null() {
        // Those of an answer that is complete, that is.
        if required.is_empty() || !complete {
            return;
        }
        *usage = json!({ "reasoning": null });
    }
    for key in required {
        if usage[key].is_null() {
            usage[key] = json!(0);
        }
    }
}

fn summary(response: &Response<'_>, error: Option<&ApiError>) -> Value {
    let mut out = Map::new();
    let none = Choice::default();
    let choice = response.choices.iter().min_by_key(|choice| choice.index).unwrap_or(&none);
    let finish = match error {
        Some(error) if error.kind == ErrorKind::Incomplete => "truncated",
        Some(_) => "error",
        None => choice.finish.map_or("none", Finish::name),
    };
    out.insert("finish".into(), json!(finish));
    out.insert("usage".into(), response.usage.as_ref().map_or(Value::Null, usage));
    let text = |pick: for<'c> fn(&'c Content<'_>) -> Option<&'c str>| -> Value {
        let text: String = choice.blocks().filter_map(|block| pick(&block.content)).collect();
        if text.is_empty() { Value::Null } else { json!(text) }
    };
    out.insert("text".into(), text(|c| if let Content::Text(t) = c { Some(t) } else { None }));
    out.insert("refusal".into(), text(|c| if let Content::Refusal(t) = c { Some(t) } else { None }));
    out.insert("reasoning_text".into(), text(|c| if let Content::Reasoning(t) = c { Some(t) } else { None }));
    out.insert("native_finish".into(), json!(choice.native_finish));
    out.insert("stop_sequence".into(), json!(choice.stop_sequence));
    let calls: Vec<Value> = choice.blocks().filter_map(|block| call(&block.content)).collect();
    out.insert("tool_calls".into(), if calls.is_empty() { Value::Null } else { Value::Array(calls) });
    let others: Vec<&str> = choice.blocks().filter_map(|block| other(&block.content)).collect();
    out.insert("other_items".into(), json!(others));
    let signed =
        response.choices.iter().flat_map(|choice| choice.blocks()).filter(|b| b.state.is_some()).count();
    out.insert("signatures".into(), json!(signed));
    Value::Object(out)
}

fn usage(usage: &Usage) -> Value {
    json!({
        "input_total": usage.input_total,
        "cache_read": usage.cache_read,
        "cache_write": usage.cache_write,
        "output_total": usage.output_total,
        "reasoning": usage.reasoning,
    })
}

fn call(content: &Content<'_>) -> Option<Value> {
    let Content::ToolCall(ToolCall { id, name, arguments, .. }) = content else { return None };
    let object = arguments.as_object().and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    Some(json!({ "id": id, "name": name, "arguments": object, "arguments_raw": arguments.as_text() }))
}

fn other<'c>(content: &'c Content<'_>) -> Option<&'c str> {
    match content {
        Content::Opaque(kind, _) => Some(kind),
        _ => None,
    }
}

/// An id that is absent and one that is empty say the same.
fn check_calls(expect: &Value, seen: &Value) -> Result<(), String> {
    let (Some(expect), Some(seen)) = (expect.as_array(), seen.as_array()) else {
        return Err(format!("tool_calls: expected {expect}, seen {seen}"));
    };
    if expect.len() != seen.len() {
        return Err(format!("tool_calls: expected {}, seen {}", expect.len(), seen.len()));
    }
    for (i, (left, right)) in expect.iter().zip(seen).enumerate() {
        for (key, value) in left.as_object().into_iter().flatten() {
            let value = if key == "id" && value.is_null() { &Value::String(String::new()) } else { value };
            same(&format!("tool_calls[{i}].{key}"), value, &right[key])?;
        }
    }
    Ok(())
}

/// Compares the error of a whole response with what the recording says.
pub(crate) fn check_refusal(expect: &Value, error: &ApiError) -> Result<(), String> {
    let Value::Object(expect) = expect else { return Err("expect.json is not an object".to_owned()) };
    for (key, value) in expect {
        match key.as_str() {
            "error" => check_error(value, Some(error))?,
            "finish" => same(key, value, &json!("error"))?,
            // An error holds no answer.
            "signatures" => same(key, value, &json!(0))?,
            key => same(key, value, &Value::Null)?,
        }
    }
    Ok(())
}

/// Compares an error with what the recording says of it.
fn check_error(expect: &Value, error: Option<&ApiError>) -> Result<(), String> {
    let Some(error) = error else { return Err(format!("expected the error {expect}, seen none")) };
    let told = |key: &str| expect.get(key).filter(|value| !value.is_null());
    if let Some(message) = told("message") {
        same("error.message", message, &json!(error.message))?;
    }
    if let Some(code) = told("code") {
        let code = code.as_str().map_or_else(|| code.to_string(), str::to_owned);
        same("error.code", &json!(code), &json!(error.code))?;
    }
    if let Some(word) = told("type").or_else(|| told("status")) {
        same("error.type", word, &json!(error.native_type))?;
    }
    if let Some(param) = told("param") {
        same("error.param", param, &json!(error.param))?;
    }
    Ok(())
}
