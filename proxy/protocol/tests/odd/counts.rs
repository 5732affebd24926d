//! Counts of tokens that are no numbers, or none at all.

use llm_protocol::ProviderCodec;
use llm_protocol::bedrock_converse::Converse;
use llm_protocol::ir::Usage;

use super::*;

/// An answer of every provider, whole, with those counts of what was read and written.
fn answers(read: &Value, written: &Value) -> Vec<(&'static dyn ProviderCodec, Value)> {
    let usage = json!({"prompt_tokens": read, "completion_tokens": written, "input_tokens": read, "output_tokens": written,
        "inputTokens": read, "outputTokens": written, "promptTokenCount": read, "candidatesTokenCount": written});
    let said = json!({"type": "message", "id": "m", "content": [{"type": "output_text", "text": "a"}]});
    vec![
        (
            of(CHAT),
            json!({"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}], "usage": usage}),
        ),
        (of(COMPLETIONS), json!({"choices": [{"text": "a", "finish_reason": "stop"}], "usage": usage})),
        (of(RESPONSES), json!({"status": "completed", "output": [said], "usage": usage})),
        (
            of(MESSAGES),
            json!({"type": "message", "content": [{"type": "text", "text": "a"}], "stop_reason": "end_turn", "usage": usage}),
        ),
        (
            of(GEMINI),
            json!({"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}], "usageMetadata": usage}),
        ),
        (
            &Converse,
            json!({"output": {"message": {"content": [{"text": "a"}]}}, "stopReason": "end_turn", "usage": usage}),
        ),
    ]
}

#[test]
fn counts_are_read_however_they_are_written_or_not_told() {
    for (read, written, expected) in [
        (json!(7), json!(9), Some((7, 9))),
        (json!("7"), json!(" 9 "), Some((7, 9))),
        (json!(7.0), json!("9.0"), Some((7, 9))),
        (json!("7"), json!(null), Some((7, 0))),
        (json!("many"), json!({"all": 9}), None),
        (json!(7.5), json!(-9), None),
        (json!(null), json!("inf"), None),
    ] {
        for (provider, body) in answers(&read, &written) {
            let name = format!("{} {read} {written}", provider.protocol().name());
            let body = body.to_string();
            let whole = provider.decode_response(body.as_bytes(), &Exchange::default()).unwrap();
            let told = |usage: Option<Usage>| usage.map(|usage| (usage.input_total, usage.output_total));
            assert_eq!(told(whole.usage), expected, "{name}");
            let decoder = provider.stream_decoder(Exchange::default());
            let mut reader = StreamReader::new(provider.framing(), decoder);
            let mut fold = Fold::new(provider.protocol());
            reader.push(body.as_bytes(), &mut fold);
            reader.finish(&mut fold);
            assert_eq!(told(fold.usage()), expected, "a stream of {name}");
            assert!(fold.is_complete(), "{name}");
        }
    }
}
