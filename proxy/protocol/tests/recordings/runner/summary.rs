//! What an answer says, in the words of `expect.json`.

use llm_protocol::ApiError;
use llm_protocol::ErrorKind;
use llm_protocol::ir::{Content, Finish, Response, ToolCall, Usage};
use serde_json::{Map, Value, json};

use super::difference::same;

/// Keys of `expect.json` that say something about the bytes rather than about the answer.
const NOT_OF_THE_ANSWER: &[&str] =
    &["done_sentinel", "event_types", "events", "streamed_text_equals_final", "signatures_note"];

/// Compares an answer, and the error that ended its stream, with what the recording says.
pub(crate) fn check(expect: &Value, response: &Response<'_>, error: Option<&ApiError>) -> Result<(), String> {
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
            "finish" if value.as_str().is_some_and(is_native) => same(key, value, &seen["native_finish"])?,
            // An answer that failed has no end in the neutral form.
            "native_finish" if value == "failed" && seen["finish"] == "error" => {}
            "choices" => same("choices", value, &json!(response.choices.len()))?,
            key => same(key, value, &seen[key])?,
        }
    }
    for key in ["text", "refusal", "reasoning_text", "tool_calls"] {
        if key == "reasoning_text" && has_open_reasoning(expect) {
            continue;
        }
        if !expect.contains_key(key) && !seen[key].is_null() {
            return Err(format!("{key}: not expected, seen {}", seen[key]));
        }
    }
    Ok(())
}

/// Whether a model showed its reasoning itself, which the recorder did not note: it noted summaries.
fn has_open_reasoning(expect: &Map<String, Value>) -> bool {
    let events = expect.get("event_types").and_then(Value::as_array);
    events.is_some_and(|events| events.iter().any(|event| event == "response.reasoning_text.delta"))
}

/// Whether a reason for the end is in a provider's own words.
fn is_native(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

/// Two readings of one answer.
pub(crate) fn check_same(
    what: &str,
    (left, left_error): (&Response<'_>, Option<&ApiError>),
    (right, right_error): (&Response<'_>, Option<&ApiError>),
) -> Result<(), String> {
    let told = |response: &Response<'_>, error| {
        let mut summary = summary(response, error);
        // Some protocols must say 0 where another says nothing.
        for key in ["cache_read", "cache_write", "reasoning"] {
            if summary["usage"][key].is_null() && summary["usage"].is_object() {
                summary["usage"][key] = json!(0);
            }
        }
        summary
    };
    same(what, &told(left, left_error), &told(right, right_error))
}

fn summary(response: &Response<'_>, error: Option<&ApiError>) -> Value {
    let mut out = Map::new();
    let first = response.choices.iter().min_by_key(|choice| choice.index);
    let finish = match error {
        Some(error) if error.kind == ErrorKind::Incomplete => "truncated",
        Some(_) => "error",
        None => first.and_then(|choice| choice.finish).map_or("none", Finish::name),
    };
    out.insert("finish".into(), json!(finish));
    out.insert("usage".into(), response.usage.as_ref().map_or(Value::Null, usage));
    if let Some(choice) = first {
        let text = |pick: for<'c> fn(&'c Content<'_>) -> Option<&'c str>| -> Value {
            let text: String = choice.blocks().filter_map(|block| pick(&block.content)).collect();
            if text.is_empty() { Value::Null } else { json!(text) }
        };
        out.insert("text".into(), text(|c| if let Content::Text(t) = c { Some(t) } else { None }));
        out.insert("refusal".into(), text(|c| if let Content::Refusal(t) = c { Some(t) } else { None }));
        out.insert(
            "reasoning_text".into(),
            text(|c| if let Content::Reasoning(t) = c { Some(t) } else { None }),
        );
        out.insert("native_finish".into(), json!(choice.native_finish));
        out.insert("stop_sequence".into(), json!(choice.stop_sequence));
        let calls: Vec<Value> = choice.blocks().filter_map(|block| call(&block.content)).collect();
        out.insert("tool_calls".into(), if calls.is_empty() { Value::Null } else { Value::Array(calls) });
        let others: Vec<&str> = choice.blocks().filter_map(|block| other(&block.content)).collect();
        out.insert("other_items".into(), json!(others));
    }
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

/// Compares an error with what the recording says of it.
pub(crate) fn check_error(expect: &Value, error: Option<&ApiError>) -> Result<(), String> {
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
