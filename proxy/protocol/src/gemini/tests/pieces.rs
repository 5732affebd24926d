//! Streamed answers that Google's SDKs send back: one message a chunk.

use super::*;
use crate::anthropic::Anthropic;

/// The contents that `chats.send_message_stream` sends next: what was asked, what came chunk by chunk, what is asked.
fn replayed(chunks: &str) -> String {
    let mut contents = vec![json!({"role": "user", "parts": [{"text": "q"}]})];
    contents.extend(events(chunks).iter().map(|chunk| chunk["candidates"][0]["content"].clone()));
    contents.push(json!({"role": "user", "parts": [{"text": "and?"}]}));
    let thinking = json!({"includeThoughts": true, "thinkingBudget": 2048});
    json!({"contents": contents, "generationConfig": {"thinkingConfig": thinking}}).to_string()
}

/// The request as a provider of another protocol gets it, and the warnings.
fn written(body: &str, to: &dyn Codec, model: &str) -> (Value, String) {
    let request = from_gemini(body);
    let capabilities = Capabilities::of(model);
    let target = Target { model, capabilities, options: RouteOptions::default(), states: &NoStates };
    let mut notes = Notes::new(false);
    let encoded = to.encode_request(&request, &target, &mut notes).unwrap();
    (serde_json::from_slice(&encoded.body).unwrap(), notes.header().unwrap_or_default())
}

fn said(parts: &[Value]) -> String {
    sse(&parts.iter().map(|part| chunk(json!([part]), None)).collect::<Vec<_>>())
}

#[test]
fn texts_of_one_answer_are_one_text() {
    let texts = ["420", "0", " + 42", "\n\n", "= 4242", ""].map(|text| json!({"text": text}));
    let body = replayed(&said(&texts));
    let whole = "4200 + 42\n\n= 4242";
    let (chat, warnings) = written(&body, &OpenAiChat, "gpt-4o");
    assert_eq!((&chat["messages"][1]["content"], warnings.as_str()), (&json!(whole), "reasoning_dropped"));
    assert_eq!(chat["messages"].as_array().unwrap().len(), 3);
    let (responses, _) = written(&body, &OpenAiResponses, "gpt-4o");
    assert_eq!(responses["input"][1], json!({"type": "message", "role": "assistant", "content": whole}));
    assert_eq!(responses["input"].as_array().unwrap().len(), 3);
    let (messages, _) = written(&body, &Anthropic, "claude-sonnet-4-5");
    assert_eq!(messages["messages"][1]["content"], json!([{"type": "text", "text": whole}]));
    // Gemini itself gets them as they came.
    let own = encode(&from_gemini(&body), GEMINI_3, true, RouteOptions::default(), &NoStates).unwrap().body;
    assert_eq!(own, serde_json::from_str::<Value>(&body).unwrap());
}

#[test]
fn a_thought_comes_back_to_claude_whole_and_signed() {
    let event = |kind: &str, mut event: Value| {
        event["type"] = json!(kind);
        format!("event: {kind}\ndata: {event}\n\n")
    };
    let delta = |index: u32, kind: &str, key: &str, text: &str| {
        event("content_block_delta", json!({"index": index, "delta": {"type": kind, key: text}}))
    };
    let start = |index: u32, block: Value| {
        event("content_block_start", json!({"index": index, "content_block": block}))
    };
    let call = json!({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}});
    let stream = [
        event(
            "message_start",
            json!({"message": {"id": "msg_1", "model": "claude", "content": [], "usage": {}}}),
        ),
        start(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
        delta(0, "thinking_delta", "thinking", "let me"),
        delta(0, "thinking_delta", "thinking", " see\n"),
        delta(0, "signature_delta", "signature", "c2ln"),
        event("content_block_stop", json!({"index": 0})),
        start(1, json!({"type": "redacted_thinking", "data": "cmVk"})),
        event("content_block_stop", json!({"index": 1})),
        start(2, json!({"type": "text", "text": ""})),
        delta(2, "text_delta", "text", "I"),
        delta(2, "text_delta", "text", " call"),
        event("content_block_stop", json!({"index": 2})),
        start(3, call.clone()),
        event("content_block_stop", json!({"index": 3})),
        event("message_delta", json!({"delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}})),
        event("message_stop", json!({})),
    ]
    .concat();
    let shown = Reply { show_reasoning: true, ..reply(&Gemini) };
    let chunks = translate(&Anthropic, &stream, Framing::Sse, Exchange::default(), &Gemini, shown);
    let (sent, _) = written(&replayed(&chunks), &Anthropic, "claude-sonnet-4-5");
    assert_eq!(
        sent["messages"][1]["content"],
        json!([
            {"type": "thinking", "thinking": "let me see\n", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "cmVk"},
            {"type": "text", "text": "I call"},
            call,
        ])
    );
    assert_eq!(sent["messages"].as_array().unwrap().len(), 3);
}

#[test]
fn state_ends_a_piece_and_stays_with_it() {
    let parts = [
        json!({"text": "a", "thought": true}),
        json!({"text": "b", "thought": true, "thoughtSignature": "one"}),
        json!({"text": "c", "thought": true}),
        json!({"text": "", "thought": true, "thoughtSignature": "two"}),
        json!({"text": "d"}),
        json!({"text": "e", "thoughtSignature": "three"}),
        json!({"text": "f"}),
        json!({"functionCall": {"name": "f"}}),
        json!({"text": "g"}),
    ];
    let body = replayed(&said(&parts));
    let request = from_gemini(&body);
    let whole = crate::ir::whole(&request);
    let blocks: Vec<(String, Option<&str>)> = whole.turns[1]
        .blocks
        .iter()
        .map(|block| {
            let said = match &block.content {
                crate::ir::Content::Text(text) => format!("text {text}"),
                crate::ir::Content::Reasoning(text) => format!("thought {text}"),
                _ => "other".to_owned(),
            };
            (said, block.state.as_ref().map(|state| state.data.as_ref()))
        })
        .collect();
    let expected = [
        ("thought ab", Some("one")),
        ("thought c", Some("two")),
        ("text de", Some("three")),
        ("text f", None),
        ("other", None),
        ("text g", None),
    ];
    assert_eq!(blocks, expected.map(|(said, state)| (said.to_owned(), state)));
    assert_eq!(whole.turns.len(), 3);
    // State that came with a part is not that of an unsigned thought before it.
    let openai = json!({"text": "h", "thoughtSignature": "eHAxLm9wZW5haS5z"});
    let body = replayed(&said(&[json!({"text": "t", "thought": true}), openai]));
    let request = from_gemini(&body);
    assert!(crate::ir::whole(&request).turns[1].blocks[0].state.is_none());
}

#[test]
fn a_path_into_a_later_piece_names_the_message() {
    let body = replayed(&said(&[
        json!({"text": "a"}),
        json!({"inlineData": {"mimeType": "image/png", "data": "aGk="}}),
    ]));
    let request = from_gemini(&body);
    let capabilities = Capabilities::of("gpt-4o");
    let target =
        Target { model: "gpt-4o", capabilities, options: RouteOptions::default(), states: &NoStates };
    let refused = OpenAiChat.encode_request(&request, &target, &mut Notes::new(false)).unwrap_err();
    assert_eq!(refused.path, "contents[1].parts");
}
