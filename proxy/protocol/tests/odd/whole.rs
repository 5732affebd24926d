//! Servers that do not stream: a whole answer where a stream was asked for.

use llm_protocol::bedrock_converse::Converse;
use llm_protocol::ir::Finish;
use llm_protocol::{ErrorKind, ProviderCodec};

use super::*;

/// Reads a body that the provider gives in place of a stream, in pieces of any size.
fn read(provider: &dyn ProviderCodec, body: &str) -> (Response<'static>, Option<ApiError>) {
    let mut reader = StreamReader::new(provider.framing(), provider.stream_decoder(Exchange::default()));
    let mut fold = Fold::new(provider.protocol());
    body.as_bytes().chunks(7).for_each(|chunk| reader.push(chunk, &mut fold));
    reader.finish(&mut fold);
    fold.into_parts()
}

/// The same answer of every provider: a thought, a text and a call, and how many tokens it took.
fn answers() -> Vec<(&'static dyn ProviderCodec, Value)> {
    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}});
    let message = json!({"role": "assistant", "content": "Hi", "reasoning_content": "hm", "tool_calls": [call], "refusal": null});
    let thinking = json!({"type": "thinking", "thinking": "hm", "signature": "s"});
    let tool_use = json!({"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}});
    let said = json!({"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "Hi", "annotations": []}]});
    let thought =
        json!({"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}]});
    let function =
        json!({"type": "function_call", "id": "i", "call_id": "c", "name": "f", "arguments": "{\"a\":1}"});
    vec![
        (
            of(CHAT),
            json!({"id": "x", "object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
                "usage": {"prompt_tokens": 3, "completion_tokens": 4}}),
        ),
        (
            of(RESPONSES),
            json!({"id": "x", "object": "response", "status": "completed", "error": null, "text": {"format": {"type": "text"}},
                "output": [thought, said, function], "usage": {"input_tokens": 3, "output_tokens": 4}}),
        ),
        (
            of(MESSAGES),
            json!({"id": "x", "type": "message", "role": "assistant", "content": [thinking, {"type": "text", "text": "Hi"}, tool_use],
                "stop_reason": "tool_use", "usage": {"input_tokens": 3, "output_tokens": 4}}),
        ),
        (
            of(GEMINI),
            json!({"candidates": [{"content": {"parts": [{"text": "hm", "thought": true}, {"text": "Hi"},
                {"functionCall": {"id": "c", "name": "f", "args": {"a": 1}}}]}, "finishReason": "STOP"}],
                "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4}}),
        ),
        (
            &Converse,
            json!({"output": {"message": {"role": "assistant", "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}}, {"text": "Hi"},
                {"toolUse": {"toolUseId": "c", "name": "f", "input": {"a": 1}}}]}},
                "stopReason": "tool_use", "usage": {"inputTokens": 3, "outputTokens": 4}}),
        ),
    ]
}

#[test]
fn a_whole_answer_is_read_where_a_stream_was_asked_for() {
    for (provider, body) in answers() {
        let name = provider.protocol().name();
        let (response, error) = read(provider, &format!(" {body:#}"));
        assert_eq!(error, None, "{name}");
        assert_eq!((text(&response).as_str(), reasoning(&response).as_str()), ("Hi", "hm"), "{name}");
        assert_eq!(calls(&response), json!([["c", "f", "{\"a\":1}"]]), "{name}");
        assert_eq!(response.choices[0].finish, Some(Finish::ToolUse), "{name}");
        let usage = response.usage.unwrap();
        assert_eq!((usage.input_total, usage.output_total), (3, 4), "{name}");
    }
}

#[test]
fn a_refusal_and_a_deprecated_call_of_a_whole_answer_are_read() {
    let body =
        |message: Value| json!({"choices": [{"message": message, "finish_reason": "stop"}]}).to_string();
    let (response, _) = read(of(CHAT), &body(json!({"content": null, "refusal": "no"})));
    assert_eq!(response.choices[0].finish, Some(Finish::Refusal));
    let (response, _) = read(of(CHAT), &body(json!({"function_call": {"name": "f", "arguments": "{}"}})));
    assert_eq!(calls(&response), json!([["", "f", "{}"]]));
}

#[test]
fn a_message_in_an_event_counts_unless_deltas_say_it() {
    let choice = |members: Value| json!({"choices": [members]});
    let whole = choice(json!({"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}));
    let (response, error) = stream(CHAT, &sse(std::slice::from_ref(&whole)));
    assert_eq!((text(&response).as_str(), error), ("Hi", None));
    // All that was said so far, next to each piece of it, and after all of them.
    let both = |so_far: &str, piece: &str| {
        choice(json!({"message": {"content": so_far}, "delta": {"content": piece}}))
    };
    let (response, error) = stream(CHAT, &sse(&[both("H", "H"), both("Hi", "i"), whole]));
    assert_eq!((text(&response).as_str(), error), ("Hi", None));
}

#[test]
fn a_whole_answer_that_was_cut_or_is_none_is_no_success() {
    for (provider, mut body) in answers() {
        let name = provider.protocol().name();
        let cut = body.to_string();
        let (_, error) = read(provider, &cut[..cut.len() - 2]);
        assert_eq!(error.unwrap().kind, ErrorKind::Incomplete, "{name}");
        for member in ["choices", "output", "content", "candidates", "stop_reason"] {
            body.as_object_mut().unwrap().remove(member);
        }
        assert!(read(provider, &body.to_string()).1.is_some(), "{name}");
    }
}
