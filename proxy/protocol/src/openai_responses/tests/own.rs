//! Responses to Responses: what was read is written.

use super::*;

fn same(body: Value) -> Value {
    write(&OpenAiResponses, &OpenAiResponses, "m", &body).unwrap().0
}

#[test]
fn a_request_is_written_as_it_was_read() {
    let items = json!([
        {"role": "user", "content": [{"type": "input_text", "text": "a", "x": 1}, {"type": "input_file", "file_id": "f", "detail": "low"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
        {"type": "web_search_call", "id": "ws", "status": "completed", "action": {"type": "search"}, "arguments": {}},
        {"type": "item_reference", "id": "x"},
    ]);
    let body = json!({
        "model": "m", "input": items, "instructions": null, "previous_response_id": "resp_1", "background": true,
        "tools": [{"type": "function", "name": "f", "parameters": null}, {"type": "mcp", "server_label": "s"}],
        "tool_choice": {"type": "mcp", "server_label": "s"}, "text": {"verbosity": "low"}, "stream": null,
        "reasoning": {"effort": "high", "generate_summary": "auto", "mode": "x"}, "include": ["a.b"], "top_p": 0.10,
        "store": false, "metadata": {"a": "b"}, "new": {"field": []},
    });
    assert_eq!(same(body.clone()), body);
}

#[test]
fn state_of_another_provider_stays_behind() {
    let own = json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "s"}], "encrypted_content": "gAAA"});
    let foreign =
        |state: &str| json!({"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": state});
    let user = json!({"role": "user", "content": "a", "x": 1});
    let body = input(json!([
        user,
        own,
        foreign("xp1.gemini.c2ln"),
        foreign("xp1.openai.gBBB"),
        foreign("xp1.none.")
    ]));
    let written = same(body);
    assert_eq!(written["input"].as_array().unwrap().len(), 3);
    assert_eq!((&written["input"][0], &written["input"][1]), (&user, &own));
    assert_eq!(written["input"][2]["encrypted_content"], "gBBB");
}

#[test]
fn a_response_is_written_as_it_was_read() {
    let body = json!({
        "id": "resp_1", "object": "response", "created_at": 1.5, "model": "m", "status": "completed", "error": null,
        "output": [{"type": "image_generation_call", "id": "i", "result": "x", "name": 1}], "usage": null, "new": 1,
    });
    assert_eq!(answer(&OpenAiResponses, &OpenAiResponses, &body).0, body);
}

#[test]
fn tokens_are_counted_both_ways() {
    let counter = OpenAiResponses.client_counter().unwrap();
    assert_eq!(counter.path("m"), "/v1/responses/input_tokens");
    assert_eq!(
        counter.decode_response(br#"{"object":"response.input_tokens","input_tokens":5}"#).unwrap(),
        5
    );
    assert!(counter.decode_response(b"{}").is_err());
    assert_eq!(counter.encode_response(5), br#"{"object":"response.input_tokens","input_tokens":5}"#);
    let body = json!({"model": "m", "max_tokens": 9, "temperature": 1, "stream": true, "messages": [{"role": "user", "content": "a"}]});
    let text = body.to_string();
    let request = Anthropic.decode_request(text.as_bytes(), UrlFacts::default()).unwrap();
    let options = RouteOptions::default();
    let target = Target { model: PLAIN, capabilities: Capabilities::of(PLAIN), options, states: &NoStates };
    let written = counter.encode_request(&request, &target, &mut Notes::new(false)).unwrap();
    let written: Value = serde_json::from_slice(&written.body).unwrap();
    let expected = json!({"model": PLAIN, "input": [{"type": "message", "role": "user", "content": "a"}]});
    assert_eq!(written, expected);
}
