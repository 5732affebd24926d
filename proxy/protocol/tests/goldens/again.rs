//! Answers read, written for clients of another protocol, and read again: they say the same but for the losses stated
//! here (TRANSLATION §14).

use llm_protocol::ir::{CallStyle, Choice, Content, Finish, Fold, Response, Role};
use llm_protocol::{Exchange, Framing, Protocol, StreamReader};
use serde_json::{Value, json};

use crate::case::Case;
use crate::translate::{self, Answer, Mode, PAIRED, speak};
use crate::{cases, unfold};

/// A stream that begins again after something was said: only Messages can say that to its clients, others get an error.
const BEGUN_AGAIN: &str = "anthropic_messages/spliced-message-start-stream";

/// What a recording answers; `None` if it is an error, or broke off.
fn recorded(case: &Case) -> Option<Response<'_>> {
    let from = speak(Protocol::from_name(&case.protocol)?);
    let body = case.response.as_ref().filter(|_| case.status() < 400)?;
    if case.framing() == "json" {
        return from.decode_response(body, &Exchange::default()).ok().filter(|answer| answer.error.is_none());
    }
    let mut fold = Fold::new(from.protocol());
    translate::read(case, from, &mut fold);
    unfold::whole(fold)
}

/// What a client reads in its answer.
fn read(answer: &Answer, to: Protocol) -> Option<Value> {
    if !answer.is_stream {
        return speak(to)
            .decode_response(&answer.body, &Exchange::default())
            .ok()
            .map(|answer| said(&answer));
    }
    let mut reader = StreamReader::new(Framing::Sse, speak(to).stream_decoder(Exchange::default()));
    let mut fold = Fold::new(to);
    reader.push(&answer.body, &mut fold);
    reader.finish(&mut fold);
    unfold::whole(fold).map(|answer| said(&answer))
}

/// What an answer says.
fn said(response: &Response<'_>) -> Value {
    let usage = response.usage.map(|usage| {
        json!({"input": usage.input_total, "tools": usage.tool_input, "read": usage.cache_read,
            "write": usage.cache_write, "output": usage.output_total, "reasoning": usage.reasoning})
    });
    json!({"choices": response.choices.iter().map(choice).collect::<Vec<_>>(), "usage": usage})
}

fn choice(choice: &Choice<'_>) -> Value {
    let texts = |pick: fn(&Content<'_>) -> Option<String>| {
        let turns = choice.turns.iter().filter(|turn| turn.role == Role::Assistant);
        let joined = turns.map(|turn| turn.blocks.iter().filter_map(|block| pick(&block.content)).collect());
        joined.filter(|text: &String| !text.is_empty()).collect::<Vec<_>>()
    };
    let text = texts(|content| match content {
        Content::Text(text) => Some(text.to_string()),
        _ => None,
    });
    let refusal = texts(|content| match content {
        Content::Refusal(text) => Some(text.to_string()),
        _ => None,
    });
    let reasoning = texts(|content| match content {
        Content::Reasoning(text) => Some(text.to_string()),
        _ => None,
    });
    let calls = choice.blocks().filter_map(|block| block.content.call()).map(|call| {
        let arguments = call.arguments.as_text();
        let arguments = match call.style {
            CallStyle::Custom => json!({"input": arguments}),
            _ => serde_json::from_str(&arguments).unwrap_or_else(|_| json!(arguments)),
        };
        json!({"id": call.id, "name": call.name, "arguments": arguments})
    });
    let cited: usize = choice.blocks().map(|block| block.citations().len()).sum();
    let likely: usize = choice.blocks().map(|block| block.logprobs().len()).sum();
    let finish = choice.finish.map(Finish::name);
    json!({"text": text, "refusal": refusal, "reasoning": reasoning, "calls": calls.collect::<Vec<_>>(),
        "finish": finish, "cited": cited, "likely": likely})
}

/// What is lost on the way to a protocol.
fn lose(mut said: Value, response: &Response<'_>, to: Protocol) -> Value {
    let only_first = matches!(to, Protocol::OpenAiResponses | Protocol::Anthropic);
    let choices = said["choices"].as_array_mut().unwrap();
    if only_first {
        choices.truncate(1);
    }
    for (choice, told) in choices.iter_mut().zip(&response.choices) {
        lose_of_choice(choice, told, to);
    }
    let usage = &mut said["usage"];
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    if usage.is_null() {
        // Who wants counts is told of an estimate, or of none.
        *usage = json!("any");
        return said;
    }
    if to != Protocol::Gemini {
        // Only Gemini tells what tools of the provider said apart.
        usage["input"] = json!(count(&usage["input"]) + count(&usage["tools"]));
        usage["tools"] = Value::Null;
    }
    match to {
        // All counts are required.
        Protocol::OpenAiResponses => {
            ["read", "write", "reasoning"].iter().for_each(|key| usage[*key] = json!(count(&usage[*key])))
        }
        Protocol::Anthropic => {
            ["read", "write"].iter().for_each(|key| usage[*key] = json!(count(&usage[*key])))
        }
        // It has no word for what was written to a cache.
        Protocol::Gemini => usage["write"] = Value::Null,
        _ => {}
    }
    said
}

fn lose_of_choice(choice: &mut Value, told: &Choice<'_>, to: Protocol) {
    let join = |choice: &mut Value, key: &str, between: &str| {
        let list: Vec<&str> = choice[key].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        choice[key] = if list.is_empty() { json!([]) } else { json!([list.join(between)]) };
    };
    // Messages of one answer are one, with an empty line between where nothing else divides them.
    let between = if to == Protocol::OpenAiChat { "\n\n" } else { "" };
    let refusals = std::mem::take(&mut choice["refusal"]);
    let has_refusal = refusals.as_array().is_some_and(|list| !list.is_empty());
    let explained = told.finish_message.as_deref().filter(|_| told.finish == Some(Finish::Refusal));
    choice["refusal"] = json!([]);
    match to {
        Protocol::OpenAiChat | Protocol::OpenAiResponses if has_refusal => choice["refusal"] = refusals,
        // What is said about a refusal stands for it.
        Protocol::OpenAiChat | Protocol::OpenAiResponses => {
            choice["refusal"] = json!(explained.into_iter().collect::<Vec<_>>());
        }
        // A refusal is text there, and the end says what it is.
        _ => {
            choice["text"].as_array_mut().unwrap().extend(refusals.as_array().into_iter().flatten().cloned())
        }
    }
    let refuses = choice["refusal"].as_array().is_some_and(|list| !list.is_empty());
    let nothing = choice["text"] == json!([]);
    if let (Protocol::Gemini, Some(text), true) = (to, explained, nothing && choice["calls"] == json!([])) {
        choice["text"] = json!([text]);
    }
    ["text", "refusal", "reasoning"].iter().for_each(|key| join(choice, key, between));
    let calls = choice["calls"].as_array().is_some_and(|calls| !calls.is_empty());
    let finish = choice["finish"].as_str().unwrap_or("unknown").to_owned();
    choice["finish"] = json!(match (finish.as_str(), to) {
        // Calls decide over an end that is not known, or that is no end.
        ("unknown", _) if calls => "tool_use",
        // Nobody else has a word for it.
        ("unknown", Protocol::Gemini) => "unknown",
        ("unknown", _) => "stop",
        ("stop_sequence", _) if to != Protocol::Anthropic || told.stop_sequence.is_none() => "stop",
        ("pause", _) if to != Protocol::Anthropic => "stop",
        ("content_filter", Protocol::Anthropic) => "refusal",
        ("refusal", Protocol::Gemini) => "content_filter",
        ("refusal", Protocol::OpenAiChat | Protocol::OpenAiResponses) if !refuses => "content_filter",
        (same, _) => same,
    });
    if matches!(to, Protocol::Anthropic | Protocol::Gemini) {
        choice["cited"] = json!(0);
    }
    if to == Protocol::Anthropic {
        choice["likely"] = json!(0);
    }
}

/// What is only made on the way: ids of calls that had none, counts that nobody told; and how texts are divided.
fn settle(expected: &mut Value, seen: &mut Value, to: Protocol) {
    if expected["usage"] == "any" {
        seen["usage"] = json!("any");
    }
    let pairs =
        expected["choices"].as_array_mut().unwrap().iter_mut().zip(seen["choices"].as_array_mut().unwrap());
    for (expected, seen) in pairs {
        let between = if to == Protocol::OpenAiChat { "\n\n" } else { "" };
        for key in ["text", "refusal", "reasoning"] {
            let list: Vec<&str> = seen[key].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            seen[key] = if list.is_empty() { json!([]) } else { json!([list.join(between)]) };
        }
        let calls = seen["calls"].as_array_mut().unwrap().iter_mut();
        for (expected, seen) in expected["calls"].as_array_mut().unwrap().iter_mut().zip(calls) {
            if expected["id"] == "" && to != Protocol::Gemini {
                expected["id"] = seen["id"].clone();
            }
        }
    }
}

/// Compares, and gives back how many answers there were.
fn compare(is_compared: impl Fn(&Case, Protocol, Mode) -> bool) -> usize {
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for case in &cases() {
        let Some(response) = recorded(case) else { continue };
        for (to, model) in PAIRED {
            for mode in [Mode::Plain, Mode::Stream] {
                if !is_compared(case, to, mode) {
                    continue;
                }
                let Some(answer) = translate::answer(case, to, model, mode) else { continue };
                let seen = read(&answer, to);
                if case.name == BEGUN_AGAIN && mode == Mode::Stream {
                    assert!(seen.is_none(), "{} to {}", case.name, to.name());
                    continue;
                }
                let Some(mut seen) = seen else {
                    wrong.push(format!("{} to {} {mode:?}: no answer", case.name, to.name()));
                    continue;
                };
                let mut expected = lose(said(&response), &response, to);
                settle(&mut expected, &mut seen, to);
                compared += 1;
                if expected != seen {
                    wrong.push(format!("{} to {} {mode:?}\n  {expected}\n  {seen}", case.name, to.name()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {compared}\n{}", wrong.len(), wrong.join("\n"));
    compared
}

#[test]
fn an_answer_in_another_protocol_says_the_same_but_for_stated_losses() {
    let compared = compare(|case, to, _| to.name() != case.protocol);
    assert!(compared > 1000, "only {compared} compared");
}

#[test]
fn a_whole_answer_and_its_stream_say_the_same() {
    let compared = compare(|case, to, mode| {
        to.name() == case.protocol && mode == Mode::Stream && case.framing() == "json"
    });
    assert!(compared > 100, "only {compared} compared");
}

/// What two recordings of one scenario have in common, whatever the model said: the order of what it said, which tools it
/// called, how it ended, and what was counted.
fn shape(response: &Response<'_>) -> Value {
    let mut kinds: Vec<String> = Vec::new();
    for block in response.choices.iter().flat_map(Choice::blocks) {
        let kind = match &block.content {
            // A carrier of state alone, or nothing.
            Content::Text(text) if text.is_empty() => continue,
            Content::Text(_) => "text".to_owned(),
            Content::Reasoning(_) => "reasoning".to_owned(),
            Content::Refusal(_) => "refusal".to_owned(),
            Content::ToolCall(call) => format!("call of {}", call.name),
            Content::Opaque(kind, _) => kind.to_string(),
            Content::Media(_) | Content::ToolResult(_) => "media".to_owned(),
        };
        if kinds.last() != Some(&kind) || kind.starts_with("call") {
            kinds.push(kind);
        }
    }
    let finish: Vec<_> = response.choices.iter().map(|choice| choice.finish.map(Finish::name)).collect();
    let usage = response.usage.map(|usage| usage.input_total > 0 && usage.output_total > 0);
    json!({"said": kinds, "finish": finish, "counted": usage})
}

/// Twins in which the model itself did something else, and what.
const UNLIKE: &[(&str, &str)] = &[
    (
        "anthropic_messages/thinking-tools-stream-turn1",
        "another tool was offered, and no word said before its call",
    ),
    ("openai_chat/max-tokens-stream", "all tokens went into hidden reasoning"),
];

#[test]
fn a_recorded_answer_and_its_recorded_stream_have_one_shape() {
    let cases = cases();
    let (mut unlike, mut compared) = (Vec::new(), 0);
    for case in &cases {
        let whole_name = case.name.replace("-stream", "");
        let Some(twin) = cases.iter().find(|twin| twin.name == whole_name && twin.name != case.name) else {
            continue;
        };
        let (Some(stream), Some(whole)) = (recorded(case), recorded(twin)) else { continue };
        compared += 1;
        let known = UNLIKE.iter().any(|(name, _)| *name == case.name);
        if (shape(&stream) == shape(&whole)) == known {
            unlike.push(format!("{}\n  whole {}\n  stream {}", case.name, shape(&whole), shape(&stream)));
        }
    }
    assert!(unlike.is_empty(), "{} of {compared}\n{}", unlike.len(), unlike.join("\n"));
    assert!(compared > 20, "only {compared} compared");
}
