//! State of models at clients of Gemini, whose SDKs take it for bytes.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// A stream of a reasoning model of OpenAI with its state.
fn reasoned() -> String {
    let item = json!({"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAA-_="});
    let call =
        json!({"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"});
    let response = json!({"id": "resp_1", "model": "gpt", "status": "completed", "output": [item, call]});
    [
        ("response.created", json!({"response": {"id": "resp_1", "model": "gpt", "output": []}})),
        ("response.output_item.added", json!({"output_index": 0, "item": item})),
        ("response.output_item.done", json!({"output_index": 0, "item": item})),
        ("response.output_item.added", json!({"output_index": 1, "item": call})),
        ("response.output_item.done", json!({"output_index": 1, "item": call})),
        ("response.completed", json!({"response": response})),
    ]
    .into_iter()
    .map(|(kind, mut event)| {
        event["type"] = json!(kind);
        format!("event: {kind}\ndata: {event}\n\n")
    })
    .collect()
}

#[test]
fn foreign_state_is_base64_and_comes_back_as_sdks_spell_it() {
    let to = reply(&Gemini);
    let written = translate(&OpenAiResponses, &reasoned(), Framing::Sse, Exchange::default(), &Gemini, to);
    let signature = written.split("\"thoughtSignature\":\"").nth(1).unwrap().split('"').next().unwrap();
    let bytes = STANDARD.decode(signature).unwrap();
    assert_eq!(bytes, b"xp1.openai.gAAA-_=");
    // Google's SDK for Python writes bytes so.
    let again = URL_SAFE_NO_PAD.encode(bytes);
    let part = json!({"functionCall": {"id": "c1", "name": "f", "args": {}}, "thoughtSignature": again});
    let body = json!({"contents": [{"role": "model", "parts": [part]}]}).to_string();
    let request = from_gemini(&body);
    let state = request.turns[0].blocks[0].state.as_ref().unwrap();
    assert_eq!((state.family.as_ref(), state.data.as_ref()), ("openai", "gAAA-_="));
}
