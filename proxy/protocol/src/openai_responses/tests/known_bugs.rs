//! Bugs of other gateways that concern Responses, as client or as provider (TRANSLATION §13).

use super::*;

fn call_stream(done: &[Value]) -> String {
    let item = json!({"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": ""});
    let mut all = vec![
        json!({"type": "response.created", "response": {"id": "resp_1", "model": "gpt", "output": []}}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": item}),
    ];
    all.extend_from_slice(done);
    all.push(json!({"type": "response.completed", "response": {"status": "completed", "output": []}}));
    events(&all)
}

/// BerriAI/litellm#25321: arguments that came only with `.done` gave a client of Anthropic `input: {}`.
#[test]
fn known_bug_01_arguments_that_come_only_when_done() {
    let arguments = "{\"x\":1}";
    let item =
        json!({"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": arguments});
    let by_event =
        json!({"type": "response.function_call_arguments.done", "output_index": 0, "arguments": arguments});
    let by_item = json!({"type": "response.output_item.done", "output_index": 0, "item": item});
    for done in [vec![by_event.clone()], vec![by_item.clone()], vec![by_event, by_item]] {
        let events = replay(&OpenAiResponses, &Anthropic, &call_stream(&done));
        let deltas: Vec<_> =
            events.iter().filter_map(|event| event["delta"]["partial_json"].as_str()).collect();
        assert_eq!(deltas, [arguments], "{done:?}");
    }
}

/// BerriAI/litellm#37852: a message was closed that had never been opened.
#[test]
fn known_bug_14_every_end_has_its_beginning() {
    let call =
        json!({"tool_calls": [{"index": 0, "id": "c0", "function": {"name": "f", "arguments": "{}"}}]});
    for deltas in [
        vec![],
        vec![call.clone()],
        vec![json!({"content": ""}), call.clone()],
        vec![json!({"reasoning_content": "hm"}), json!({"content": "a"}), call, json!({"content": "b"})],
    ] {
        let events = replay(&OpenAiChat, &OpenAiResponses, &chunks(&deltas, "stop"));
        let ids = |kind: &str| -> Vec<String> {
            let of_kind = events.iter().filter(|event| event["type"] == kind);
            of_kind.map(|event| event["item"]["id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(ids("response.output_item.added"), ids("response.output_item.done"), "{deltas:?}");
        let count = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
        assert_eq!(count("response.content_part.added"), count("response.content_part.done"));
        assert_eq!(count("response.content_part.added"), count("response.output_text.done"));
    }
}

/// BerriAI/litellm PR#28899: events without `sequence_number`, responses without `text.format` or the details of usage
/// broke clients that read them strictly.
#[test]
fn known_bug_15_nothing_a_strict_client_reads_is_missing() {
    let events = replay(&OpenAiChat, &OpenAiResponses, &chunks(&[json!({"content": "a"})], "stop"));
    let numbers: Vec<_> = events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>());
    let response = last(&events);
    assert_eq!(response["text"]["format"]["type"], "text");
    assert_eq!(
        response["usage"],
        json!({
            "input_tokens": 20, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 25,
        })
    );
}

/// BerriAI/litellm PR#32724, #37039: the last event's output was empty although items had been streamed.
#[test]
fn known_bug_16_the_last_event_has_all_items() {
    let deltas = [
        json!({"content": "a"}),
        json!({"tool_calls": [{"index": 0, "id": "c0", "function": {"name": "f", "arguments": "{}"}}]}),
    ];
    let events = replay(&OpenAiChat, &OpenAiResponses, &chunks(&deltas, "tool_calls"));
    let done: Vec<_> = events.iter().filter(|event| event["type"] == "response.output_item.done").collect();
    let items: Vec<_> = done.iter().map(|event| event["item"].clone()).collect();
    assert_eq!(last(&events)["output"], json!(items));
    assert_eq!(items.len(), 2);
    // The other way: an empty output in the last event takes nothing away.
    let item = json!({"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"});
    let done = [json!({"type": "response.output_item.done", "output_index": 0, "item": item})];
    let chunks = replay(&OpenAiResponses, &OpenAiChat, &call_stream(&done));
    assert!(chunks.iter().any(|chunk| chunk["choices"][0]["finish_reason"] == "tool_calls"));
}

/// BerriAI/litellm PR#34352: the counts of an answer that was cut were lost.
#[test]
fn known_bug_17_an_incomplete_answer_has_its_usage() {
    let events = replay(&OpenAiChat, &OpenAiResponses, &chunks(&[json!({"content": "a"})], "length"));
    assert_eq!(events.last().unwrap()["type"], "response.incomplete");
    assert_eq!(last(&events)["incomplete_details"]["reason"], "max_output_tokens");
    assert_eq!(last(&events)["usage"]["total_tokens"], 25);
    let cut = json!({"type": "response.incomplete", "response": {"id": "r", "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
        "usage": {"input_tokens": 7, "output_tokens": 2}, "output": []}});
    let chunks = replay(&OpenAiResponses, &OpenAiChat, &super::events(&[cut]));
    let usage = chunks.iter().find_map(|chunk| chunk["usage"]["total_tokens"].as_u64());
    assert_eq!(usage, Some(9));
}

/// BerriAI/litellm#16893: the signature of a call was lost on its way through the client.
#[test]
fn known_bug_08_the_signature_of_a_call_goes_before_it() {
    let body = json!({"responseId": "r", "candidates": [{"finishReason": "STOP", "content": {"role": "model", "parts": [
        {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2ln"}]}}]});
    let (body, _) = answer(&Gemini, &OpenAiResponses, &body);
    let output = body["output"].as_array().unwrap();
    assert_eq!((&output[0]["type"], &output[1]["type"]), (&json!("reasoning"), &json!("function_call")));
    assert_eq!(output[0]["encrypted_content"], "xp1.gemini.c2ln");
    let call = &output[1]["call_id"];
    let history = json!([{"role": "user", "content": "q"}, output[0], output[1],
        {"type": "function_call_output", "call_id": call, "output": "ok"}]);
    let (back, _) = write(&OpenAiResponses, &Gemini, "gemini-3-pro-preview", &input(history)).unwrap();
    assert_eq!(back["contents"][1]["parts"][0]["thoughtSignature"], "c2ln");
}

/// microsoft/autogen#6377: an id longer than the provider takes.
#[test]
fn known_bug_23_ids_fit_responses() {
    let long = "x".repeat(80);
    let body = json!({"model": "m", "messages": [
        {"role": "assistant", "tool_calls": [{"id": long, "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": long, "content": "ok"}]});
    let (body, _) = responses(PLAIN, body);
    let id = body["input"][0]["call_id"].as_str().unwrap();
    assert!(id.len() <= 64 && body["input"][1]["call_id"] == id);
}
