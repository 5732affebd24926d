//! How streams end: with their last event, whatever becomes of the connection.

use llm_protocol::ProviderCodec;
use llm_protocol::aws_eventstream::write_event;
use llm_protocol::bedrock_converse::Converse;

use super::*;

/// What a stream sends.
type Parts = Vec<Vec<u8>>;

/// A stream: what it sends before it says why it ended, that and what follows before its end, and the event that ends
/// it, if there is one.
type Stream = (&'static dyn ProviderCodec, Parts, Parts, Option<Vec<u8>>);

/// One of every provider.
fn streams() -> Vec<Stream> {
    let event = |data: Value| format!("data: {data}\n\n").into_bytes();
    let aws = |name: &str, data: Value| {
        let mut out = Vec::new();
        write_event(&mut out, name, data.to_string().as_bytes());
        out
    };
    let done = b"data: [DONE]\n\n".to_vec();
    let usage = json!({"prompt_tokens": 1, "completion_tokens": 2});
    let choice = |members: Value| json!({"choices": [members]});
    vec![
        (
            of(CHAT),
            vec![event(choice(json!({"index": 0, "delta": {"content": "Hi"}})))],
            vec![
                event(choice(json!({"index": 0, "delta": {}, "finish_reason": "stop"}))),
                event(json!({"choices": [], "usage": usage})),
            ],
            Some(done.clone()),
        ),
        (
            of(COMPLETIONS),
            vec![event(choice(json!({"index": 0, "text": "Hi"})))],
            vec![event(choice(json!({"index": 0, "text": "", "finish_reason": "stop"})))],
            Some(done),
        ),
        (
            of(MESSAGES),
            vec![
                event(json!({"type": "message_start", "message": {"id": "m"}})),
                event(
                    json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "Hi"}}),
                ),
                event(json!({"type": "content_block_stop", "index": 0})),
            ],
            vec![event(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}))],
            Some(event(json!({"type": "message_stop"}))),
        ),
        (
            of(RESPONSES),
            vec![event(json!({"type": "response.output_text.delta", "output_index": 0, "delta": "Hi"}))],
            vec![],
            Some(event(json!({"type": "response.completed", "response": {"status": "completed"}}))),
        ),
        (
            of(GEMINI),
            vec![event(json!({"candidates": [{"content": {"parts": [{"text": "H"}]}}]}))],
            vec![
                event(
                    json!({"candidates": [{"content": {"parts": [{"text": "i"}]}, "finishReason": "STOP"}]}),
                ),
                event(json!({"usageMetadata": {"promptTokenCount": 1}})),
            ],
            None,
        ),
        (
            &Converse,
            vec![aws("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": "Hi"}}))],
            vec![aws("messageStop", json!({"stopReason": "end_turn"}))],
            Some(aws("metadata", json!({"usage": {"inputTokens": 1, "outputTokens": 2}}))),
        ),
    ]
}

#[test]
fn an_answer_ends_with_its_last_event_and_nothing_follows() {
    for (provider, before, after, last) in streams() {
        let Some(last) = last else { continue };
        let name = provider.protocol().name();
        let mut reader = StreamReader::new(provider.framing(), provider.stream_decoder(Exchange::default()));
        let mut fold = Fold::new(provider.protocol());
        before.iter().chain(&after).for_each(|part| reader.push(part, &mut fold));
        assert!(!fold.is_complete(), "{name}");
        reader.push(&last, &mut fold);
        assert!(fold.is_complete() && !reader.is_complete(), "{name}");
        let mut more = |event: Event<'_>| panic!("{name}: {event:?}");
        before.iter().chain([&last]).for_each(|part| reader.push(part, &mut more));
        reader.finish(&mut more);
        assert_eq!(text(&fold.into_parts().0), "Hi", "{name}");
    }
}

#[test]
fn an_answer_that_said_why_it_ended_is_complete_though_its_stream_breaks() {
    for (provider, before, after, _) in streams() {
        let name = provider.protocol().name();
        let mut reader = StreamReader::new(provider.framing(), provider.stream_decoder(Exchange::default()));
        let mut fold = Fold::new(provider.protocol());
        for part in &before {
            reader.push(part, &mut fold);
            assert!(!reader.is_complete(), "{name}");
        }
        for part in &after {
            reader.push(part, &mut fold);
            assert!(reader.is_complete(), "{name}");
        }
        reader.finish(&mut fold);
        assert_eq!(fold.is_complete(), !after.is_empty(), "{name}");
    }
}

#[test]
fn a_reason_that_comes_with_every_chunk_does_not_make_an_answer_complete() {
    let mut reader = StreamReader::new(Framing::Sse, of(GEMINI).stream_decoder(Exchange::default()));
    let mut fold = Fold::new(GEMINI);
    let chunk = json!({"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}]});
    reader.push(sse(&[chunk.clone(), chunk]).as_bytes(), &mut fold);
    assert!(!reader.is_complete());
    reader.finish(&mut fold);
    assert!(fold.is_complete(), "the stream was not cut");
}

#[test]
fn a_stream_that_says_it_is_done_and_nothing_else_is_no_answer() {
    for protocol in [CHAT, COMPLETIONS] {
        let mut reader = StreamReader::new(Framing::Sse, of(protocol).stream_decoder(Exchange::default()));
        let mut fold = Fold::new(protocol);
        reader.push(b"data: [DONE]\n\n", &mut fold);
        assert!(!fold.is_complete() && fold.into_parts().1.is_some(), "{}", protocol.name());
    }
}
