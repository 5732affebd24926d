//! Streams.

use super::*;
use crate::codec::ProviderCodec as _;

#[test]
fn a_chat_stream_for_a_client_of_responses() {
    let deltas = [
        json!({"reasoning_content": "h"}),
        json!({"reasoning_content": "m"}),
        json!({"content": "a"}),
        json!({"content": "b"}),
        json!({"tool_calls": [{"index": 0, "id": "c0", "function": {"name": "f", "arguments": ""}}]}),
        json!({"tool_calls": [{"index": 1, "id": "c1", "type": "custom", "custom": {"name": "g", "input": "raw"}}]}),
        json!({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}),
    ];
    let events = replay(&OpenAiChat, &OpenAiResponses, &chunks(&deltas, "tool_calls"));
    let expected = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.custom_tool_call_input.delta",
        "response.custom_tool_call_input.done",
        "response.output_item.done",
        "response.completed",
    ];
    assert_eq!(kinds(&events), expected);
    assert_eq!(events[0]["response"]["status"], "in_progress");
    assert_eq!(events[11]["item_id"], events[9]["item"]["id"]);
    assert_eq!((&events[13]["text"], &events[13]["output_index"]), (&json!("ab"), &json!(1)));
    let response = last(&events);
    assert_eq!((&response["id"], &response["status"]), (&json!("resp_1"), &json!("completed")));
    assert_eq!(response["output"][3]["input"], "raw");
}

#[test]
fn the_stream_and_the_whole_answer_say_the_same() {
    let deltas = [
        json!({"content": "a"}),
        json!({"tool_calls": [{"index": 0, "id": "c0", "function": {"name": "f", "arguments": "{}"}}]}),
    ];
    let streamed = replay(&OpenAiChat, &OpenAiResponses, &chunks(&deltas, "tool_calls"));
    let body = json!({"id": "chatcmpl-1", "model": "gpt", "choices": [{"finish_reason": "tool_calls", "message": {"content": "a",
        "tool_calls": [{"id": "c0", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}});
    let (mut whole, _) = answer(&OpenAiChat, &OpenAiResponses, &body);
    let mut streamed = last(&streamed).clone();
    for response in [&mut whole, &mut streamed] {
        response["output"].as_array_mut().unwrap().iter_mut().for_each(|item| item["id"] = json!("x"));
    }
    assert_eq!(whole, streamed);
}

#[test]
fn the_signature_of_a_call_is_an_item_before_it() {
    let chunk = json!({"responseId": "r", "modelVersion": "g", "candidates": [{"finishReason": "STOP", "content": {"role": "model", "parts": [
        {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2ln"}]}}]});
    let events = replay(&Gemini, &OpenAiResponses, &format!("data: {chunk}\n\n"));
    let output = &last(&events)["output"];
    assert_eq!(
        (&output[0]["type"], &output[0]["encrypted_content"]),
        (&json!("reasoning"), &json!("xp1.gemini.c2ln"))
    );
    assert_eq!((&output[1]["type"], &output[1]["arguments"]), (&json!("function_call"), &json!("{}")));
}

#[test]
fn reasoning_that_nobody_asked_to_see_leaves_its_state_alone() {
    let stream = events(&[
        json!({"type": "message_start", "message": {"id": "msg_1", "model": "claude", "usage": {"input_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}),
        json!({"type": "message_stop"}),
    ]);
    let mut reader = StreamReader::new(Framing::Sse, Anthropic.stream_decoder(Exchange::default()));
    let mut encoder =
        OpenAiResponses.stream_encoder(Reply { show_reasoning: false, ..reply(&OpenAiResponses) });
    let mut out = Vec::new();
    reader.push(stream.as_bytes(), &mut |event: crate::ir::Event<'_>| encoder.event(&event, &mut out));
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.contains("xp1.anthropic.s") && !text.contains("hm") && !text.contains("summary_text"),
        "{text}"
    );
}

#[test]
fn an_error_ends_a_stream_and_is_said_twice() {
    let text = "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    let events = replay(
        &OpenAiChat,
        &OpenAiResponses,
        &format!("{text}data: {{\"error\":{{\"message\":\"slow\",\"code\":\"rate_limit_exceeded\"}}}}\n\n"),
    );
    let [.., error, failed] = events.as_slice() else { panic!("too few events") };
    assert_eq!(
        (&error["type"], &error["code"], &error["message"]),
        (&json!("error"), &json!("rate_limit_exceeded"), &json!("slow"))
    );
    assert_eq!(
        (&failed["type"], &failed["response"]["status"]),
        (&json!("response.failed"), &json!("failed"))
    );
    assert_eq!(failed["response"]["error"], json!({"code": "rate_limit_exceeded", "message": "slow"}));
    let events = replay(&OpenAiChat, &OpenAiResponses, text);
    assert_eq!(last(&events)["error"]["code"], "server_error");
    assert_eq!(events[events.len() - 2]["code"], "upstream_incomplete");
    // The other way, with the error at the top of its event as the vendor describes it.
    let stream = super::events(&[
        json!({"type": "error", "code": "server_error", "message": "m", "param": null, "sequence_number": 0}),
    ]);
    let chunks = replay(&OpenAiResponses, &OpenAiChat, &stream);
    assert_eq!(
        chunks,
        [json!({"error": {"message": "m", "type": "server_error", "param": null, "code": null}})]
    );
}

/// The items that an event of that kind holds, by their place.
fn items(events: &[Value], kind: &str) -> Vec<(u64, Value)> {
    let of_kind = events.iter().filter(|event| event["type"] == kind);
    of_kind.map(|event| (event["output_index"].as_u64().unwrap(), event["item"].clone())).collect()
}

#[test]
fn a_response_that_failed_holds_what_was_sent_of_it() {
    let chunk = |delta: Value| {
        format!("data: {}\n\n", json!({"id": "x", "model": "m", "choices": [{"index": 0, "delta": delta}]}))
    };
    let call = |function: Value| json!({"tool_calls": [{"index": 0, "id": "c0", "function": function}]});
    let summary = json!([{"type": "summary_text", "text": "h"}]);
    let text = json!([{"type": "output_text", "text": "ab", "annotations": [], "logprobs": []}]);
    for (deltas, statuses) in [
        (vec![], vec![]),
        (vec![json!({"reasoning_content": "h"})], vec!["incomplete"]),
        (vec![json!({"reasoning_content": "h"}), json!({"content": "a"})], vec!["none", "incomplete"]),
        // The call is not known before its arguments are.
        (vec![json!({"content": "a"}), call(json!({"name": "f"}))], vec!["incomplete"]),
        (
            vec![json!({"content": "a"}), call(json!({"name": "f", "arguments": "{\"x"}))],
            vec!["completed", "incomplete"],
        ),
    ] {
        let stream: String = deltas.into_iter().map(chunk).collect();
        let events = replay(&OpenAiChat, &OpenAiResponses, &stream);
        let (added, done) =
            (items(&events, "response.output_item.added"), items(&events, "response.output_item.done"));
        let places = |items: &[(u64, Value)]| items.iter().map(|(place, _)| *place).collect::<Vec<_>>();
        assert_eq!(places(&added), places(&done), "{stream}");
        let output: Vec<Value> = done.into_iter().map(|(_, item)| item).collect();
        assert_eq!(last(&events)["output"], json!(output), "{stream}");
        let said: Vec<&str> = output.iter().map(|item| item["status"].as_str().unwrap_or("none")).collect();
        assert_eq!(said, statuses, "{stream}");
        let kinds = kinds(&events);
        assert!(kinds.ends_with(&["error", "response.failed"]));
        assert!(!kinds.iter().any(|kind| kind.ends_with("arguments.done")), "{kinds:?}");
        let parts = |end: &str| kinds.iter().filter(|kind| kind.ends_with(end)).count();
        assert_eq!(parts("_part.added"), parts("_part.done"), "{kinds:?}");
    }
    let deltas = [json!({"reasoning_content": "h"}), json!({"content": "a"}), json!({"content": "b"})];
    let stream: String = deltas.into_iter().map(chunk).collect();
    let output = last(&replay(&OpenAiChat, &OpenAiResponses, &stream))["output"].clone();
    assert_eq!((&output[0]["summary"], &output[1]["content"]), (&summary, &text));
    let stream = chunk(call(json!({"name": "f", "arguments": "{\"x"})));
    let output = last(&replay(&OpenAiChat, &OpenAiResponses, &stream))["output"].clone();
    assert_eq!((&output[0]["call_id"], &output[0]["arguments"]), (&json!("c0"), &json!("{\"x")));
}

#[test]
fn a_call_that_the_token_limit_cut_is_incomplete_streamed_and_whole() {
    let call = |at: u32, arguments: &str| json!({"index": at, "id": format!("c{at}"), "type": "function", "function": {"name": "f", "arguments": arguments}});
    for (calls, finish, statuses) in [
        (vec![call(0, "{}"), call(1, "{\"x")], "length", ["completed", "incomplete"]),
        (vec![call(0, "{}"), call(1, "")], "length", ["completed", "incomplete"]),
        (vec![call(0, "{}"), call(1, "{}")], "tool_calls", ["completed", "completed"]),
    ] {
        let events = replay(&OpenAiChat, &OpenAiResponses, &chunks(&[json!({"tool_calls": calls})], finish));
        let body =
            json!({"id": "x", "choices": [{"finish_reason": finish, "message": {"tool_calls": calls}}]});
        let (whole, _) = answer(&OpenAiChat, &OpenAiResponses, &body);
        let said = |output: &Value| {
            let items = output.as_array().unwrap().iter();
            items.map(|item| (item["status"].clone(), item["arguments"].clone())).collect::<Vec<_>>()
        };
        assert_eq!(said(&whole["output"]), said(&last(&events)["output"]));
        let done = items(&events, "response.output_item.done");
        let done: Vec<_> = done.iter().map(|(_, item)| item["status"].as_str().unwrap()).collect();
        assert_eq!(done, statuses);
        let complete = statuses.iter().filter(|status| **status == "completed").count();
        let ends = kinds(&events).iter().filter(|kind| kind.ends_with("arguments.done")).count();
        assert_eq!(ends, complete);
    }
}

#[test]
fn a_call_is_done_as_soon_as_another_block_begins() {
    let stream = [
        json!({"type": "message_start", "message": {"id": "msg_1", "model": "claude"}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "c", "name": "f", "input": {}}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "a"}}),
    ];
    let done = |events: &[Value]| items(events, "response.output_item.done").len();
    let until = |end: usize| {
        let events = replay(&Anthropic, &OpenAiResponses, &events(&stream[..end]));
        let at = events.iter().position(|event| event["type"] == "error").unwrap();
        events[..at].to_vec()
    };
    assert_eq!(done(&until(3)), 1, "it had ended when the stream broke off");
    let events = until(4);
    let second = events.iter().position(|event| event["item"]["type"] == "message").unwrap();
    assert_eq!(done(&events[..second]), 1);
}

#[test]
fn a_second_start_after_a_block_is_an_error() {
    let start = json!({"type": "message_start", "message": {"id": "msg_1", "model": "claude"}});
    let block =
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "a"}});
    let events = replay(&Anthropic, &OpenAiResponses, &events(&[start.clone(), start.clone(), block, start]));
    assert_eq!(kinds(&events).iter().filter(|kind| **kind == "response.created").count(), 1);
    assert_eq!(events.last().unwrap()["type"], "response.failed");
}

#[test]
fn items_may_come_only_with_the_end_or_without_their_beginning() {
    let message = json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "b"}]});
    let end = |output: Value| json!({"type": "response.completed", "response": {"id": "r", "status": "completed", "output": output}});
    let done = json!({"type": "response.output_item.done", "output_index": 3, "item": message});
    let delta =
        |delta: &str| json!({"type": "response.output_text.delta", "output_index": 0, "delta": delta});
    for stream in [vec![end(json!([message]))], vec![done, end(json!([message]))]] {
        let chunks = replay(&OpenAiResponses, &OpenAiChat, &events(&stream));
        let said: Vec<_> = chunks.iter().map(|chunk| chunk["choices"][0]["delta"].clone()).collect();
        assert!(
            said.contains(&json!({"content": "a"})) && said.contains(&json!({"refusal": "b"})),
            "{said:?}"
        );
    }
    let chunks =
        replay(&OpenAiResponses, &OpenAiChat, &events(&[delta("a"), delta("b"), end(json!([message]))]));
    let text: String =
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "ab");
}

#[test]
fn settings_written_over_lines_are_repeated_on_one() {
    let request = "{\"model\":\"m\",\"input\":\"a\",\"metadata\":{\n\"a\":\"b\"},\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{\n}}]}";
    let request = OpenAiResponses.decode_request(request.as_bytes(), UrlFacts::default()).unwrap();
    let mut encoder = OpenAiResponses.stream_encoder(Reply::to(&OpenAiResponses, &request, 1, 1));
    let mut out = Vec::new();
    encoder.event(
        &crate::ir::Event::Start { id: "x".into(), model: "m".into(), created: None, service_tier: None },
        &mut out,
    );
    encoder.event(&crate::ir::Event::End, &mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.lines()
            .all(|line| line.is_empty() || line.starts_with("event: ") || line.starts_with("data: {")),
        "{text}"
    );
}

#[test]
fn an_answer_that_failed_tells_what_it_cost() {
    let counts = json!({"input_tokens": 3, "output_tokens": 4, "total_tokens": 7});
    let answer = json!({"id": "resp_1", "status": "failed", "usage": counts, "output": [],
        "error": {"code": "server_error", "message": "boom"}});
    for kind in ["response.failed", "response.completed"] {
        let body = format!("data: {}\n\n", json!({"type": kind, "response": answer}));
        let mut fold = crate::ir::Fold::new(OpenAiResponses.protocol());
        let decoder = OpenAiResponses.stream_decoder(Exchange::default());
        let mut reader = crate::stream::StreamReader::new(crate::stream::Framing::Sse, decoder);
        reader.push(body.as_bytes(), &mut fold);
        let (response, error) = fold.into_parts();
        assert_eq!(response.usage.map(|usage| (usage.input_total, usage.output_total)), Some((3, 4)));
        assert_eq!(error.unwrap().message, "boom");
    }
}

#[test]
fn reasoning_of_several_items_stands_apart_in_chat() {
    let reasoning = |text: &str| json!({"type": "reasoning", "id": text, "summary": [{"type": "summary_text", "text": text}]});
    let message = json!({"type": "message", "id": "m", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": "Hi", "annotations": []}]});
    let output = json!([reasoning("one"), reasoning("two"), message, reasoning("three")]);
    let answer = json!({"id": "resp_1", "status": "completed", "output": output});
    let mut events: Vec<Value> = Vec::new();
    for (index, item) in output.as_array().unwrap().iter().enumerate() {
        events.extend([
            json!({"type": "response.output_item.added", "output_index": index, "item": {"type": item["type"], "id": item["id"]}}),
            json!({"type": "response.output_item.done", "output_index": index, "item": item}),
        ]);
    }
    events.push(json!({"type": "response.completed", "response": answer}));
    let body: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let chunks = replay(&OpenAiResponses, &OpenAiChat, &body);
    let said = |key: &str| -> String {
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"][key].as_str()).collect()
    };
    assert_eq!((said("reasoning_content").as_str(), said("content").as_str()), ("one\n\ntwo\n\nthree", "Hi"));
}
