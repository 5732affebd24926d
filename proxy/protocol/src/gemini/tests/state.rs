//! State of models at clients of Gemini: it waits for a part to go with, and their SDKs take it for bytes.

use super::*;
use crate::anthropic::Anthropic;
use crate::ir::State;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// A stream of a reasoning model of OpenAI with its state.
fn reasoned() -> String {
    let item = json!({"id": "rs", "type": "reasoning", "summary": [], "encrypted_content": "gAAA-_="});
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

/// An answer of OpenAI with these items, as a client of Gemini gets it that sees thoughts.
fn answered(items: &Value) -> Value {
    let text = json!({"id": "resp_1", "model": "gpt", "status": "completed", "output": items}).to_string();
    let response = OpenAiResponses.decode_response(text.as_bytes(), &Exchange::default()).unwrap();
    let mut reply = Reply { show_reasoning: true, ..reply(&Gemini) };
    let written = Gemini.encode_response(&response, &mut reply, &mut Notes::default());
    serde_json::from_slice::<Value>(&written).unwrap()["candidates"][0]["content"]["parts"].clone()
}

fn base64(state: &str) -> String {
    STANDARD.encode(format!("xp1.openai#rs.{state}"))
}

#[test]
fn state_without_a_thought_goes_with_the_next_part() {
    let reasoning = |state: &str, summary: Value| json!({"id": "rs", "type": "reasoning", "summary": summary, "encrypted_content": state});
    let call = json!({"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"});
    let said =
        json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]});
    let thought = json!([{"type": "summary_text", "text": "hm"}]);
    let function = json!({"id": "c1", "name": "f", "args": {}});
    for (items, parts) in [
        (
            json!([reasoning("a", json!([])), call]),
            json!([{"functionCall": function, "thoughtSignature": base64("a")}]),
        ),
        (json!([reasoning("a", json!([])), said]), json!([{"text": "hi", "thoughtSignature": base64("a")}])),
        (
            json!([reasoning("a", thought.clone()), call]),
            json!([{"text": "hm", "thought": true, "thoughtSignature": base64("a")}, {"functionCall": function}]),
        ),
        // None is lost, and they stay in order.
        (
            json!([
                reasoning("a", json!([])),
                reasoning("b", thought),
                reasoning("c", json!([])),
                reasoning("d", json!([])),
                call
            ]),
            json!([
                {"text": "", "thoughtSignature": base64("a")},
                {"text": "hm", "thought": true, "thoughtSignature": base64("b")},
                {"text": "", "thoughtSignature": base64("c")},
                {"functionCall": function, "thoughtSignature": base64("d")},
            ]),
        ),
    ] {
        assert_eq!(answered(&items), parts, "{items}");
    }
    let shown = Reply { show_reasoning: true, ..reply(&Gemini) };
    let written = translate(&OpenAiResponses, &reasoned(), Framing::Sse, Exchange::default(), &Gemini, shown);
    let chunks = events(&written);
    assert_eq!(
        chunks[0]["candidates"][0]["content"]["parts"],
        json!([{"functionCall": function, "thoughtSignature": base64("gAAA-_=")}])
    );
    assert_eq!(chunks.len(), 2);
}

#[test]
fn states_in_a_stream_are_none_lost_and_in_order() {
    let reasoning = |state: &str, summary: &str| {
        let done = json!({"id": "rs", "type": "reasoning", "summary": [], "encrypted_content": state});
        let mut events = vec![("response.output_item.added", json!({"item": done}))];
        if !summary.is_empty() {
            events.push((
                "response.reasoning_summary_text.delta",
                json!({"summary_index": 0, "delta": summary}),
            ));
        }
        events.push(("response.output_item.done", json!({"item": done})));
        events
    };
    let mut stream = String::from(
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"model\":\"gpt\"}}\n\n",
    );
    for (at, (state, summary)) in [("a", ""), ("b", "hm"), ("c", ""), ("d", "")].into_iter().enumerate() {
        for (kind, mut event) in reasoning(state, summary) {
            event["output_index"] = json!(at);
            event["type"] = json!(kind);
            stream.push_str(&format!("event: {kind}\ndata: {event}\n\n"));
        }
    }
    stream.push_str("event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"status\":\"completed\"}}\n\n");
    let shown = Reply { show_reasoning: true, ..reply(&Gemini) };
    let written = translate(&OpenAiResponses, &stream, Framing::Sse, Exchange::default(), &Gemini, shown);
    let parts: Vec<Value> =
        events(&written).iter().map(|chunk| chunk["candidates"][0]["content"]["parts"][0].clone()).collect();
    assert_eq!(
        parts,
        [
            json!({"text": "", "thoughtSignature": base64("a")}),
            json!({"text": "hm", "thought": true}),
            json!({"text": "", "thought": true, "thoughtSignature": base64("b")}),
            json!({"text": "", "thoughtSignature": base64("c")}),
            json!({"text": "", "thoughtSignature": base64("d")}),
        ]
    );
}

#[test]
fn foreign_state_is_base64_and_comes_back_as_sdks_spell_it() {
    let to = reply(&Gemini);
    let written = translate(&OpenAiResponses, &reasoned(), Framing::Sse, Exchange::default(), &Gemini, to);
    let signature = written.split("\"thoughtSignature\":\"").nth(1).unwrap().split('"').next().unwrap();
    let bytes = STANDARD.decode(signature).unwrap();
    assert_eq!(bytes, b"xp1.openai#rs.gAAA-_=");
    // Google's SDK for Python writes bytes so.
    let again = URL_SAFE_NO_PAD.encode(bytes);
    let part = json!({"functionCall": {"id": "c1", "name": "f", "args": {}}, "thoughtSignature": again});
    let body = json!({"contents": [{"role": "model", "parts": [part]}]}).to_string();
    let request = from_gemini(&body);
    let state = request.turns[0].blocks[0].state.as_ref().unwrap();
    assert_eq!(*state, State { id: Some("rs".into()), ..State::new("openai", "gAAA-_=") });
}

#[test]
fn state_that_is_lost_on_the_way_to_others_is_warned_about() {
    let request = |part: &str| {
        format!(
            r#"{{"contents":[{{"role":"user","parts":[{{"text":"q"}}]}},{{"role":"model","parts":[{part}]}},{{"role":"user","parts":[{{"text":"r"}}]}}]}}"#
        )
    };
    let text = request(r#"{"text":"a","thoughtSignature":"c2ln"}"#);
    let call = request(r#"{"functionCall":{"name":"f"},"thoughtSignature":"c2ln"}"#);
    let warned = |body: &str, to: &dyn Codec, model: &str| {
        let capabilities = Capabilities::of(model);
        let target = Target { model, capabilities, options: RouteOptions::default(), states: &NoStates };
        let mut notes = Notes::new(false);
        to.encode_request(&from_gemini(body), &target, &mut notes).unwrap();
        notes.codes().filter(|code| *code == "reasoning_state_dropped").count() == 1
    };
    let targets: [(&dyn Codec, &str); 3] =
        [(&OpenAiChat, "gpt-4o"), (&OpenAiResponses, "gpt-5.2"), (&Anthropic, "claude-sonnet-4-5")];
    for (to, model) in targets {
        for body in [&text, &call] {
            assert!(warned(body, to, model), "{model} {body}");
            assert!(!warned(&body.replace(r#","thoughtSignature":"c2ln""#, ""), to, model), "{model}");
        }
    }
    // Google's endpoint of Chat Completions takes that of calls.
    assert!(!warned(&call, &OpenAiChat, GEMINI_3) && warned(&text, &OpenAiChat, GEMINI_3));
}

/// What a client of another protocol sends next to get an answer of Gemini continued, as Gemini gets it.
fn continued(answer: &Value, client: &dyn Codec) -> Value {
    let body = if client.protocol() == crate::Protocol::Anthropic {
        let asked = |content: Value| json!({"role": "user", "content": content});
        let said = json!({"role": "assistant", "content": answer["content"]});
        json!({"model": "m", "max_tokens": 9, "messages": [asked(json!("q")), said, asked(json!("and?"))]})
    } else {
        let mut input = vec![user("q")];
        input.extend(answer["output"].as_array().unwrap().iter().cloned());
        input.push(user("and?"));
        json!({"model": "m", "input": input})
    };
    let text = body.to_string();
    let request = client.decode_request(text.as_bytes(), UrlFacts::default()).unwrap();
    // The result of a call is missing, which is made up for with a warning.
    let sent = encode(&request, GEMINI_3, false, RouteOptions::default(), &NoStates).unwrap();
    assert!(matches!(sent.warnings.as_str(), "" | "tool_result_missing"), "{}", sent.warnings);
    sent.body["contents"][1]["parts"].clone()
}

/// An answer of Gemini, whole, as a client of another protocol gets it, and the warnings.
fn whole(parts: Value, client: &dyn Codec) -> (Value, String) {
    let text = chunk(parts, Some("STOP")).to_string();
    let response = Gemini.decode_response(text.as_bytes(), &Exchange::default()).unwrap();
    let mut notes = Notes::default();
    let written = client.encode_response(&response, &mut reply(client), &mut notes);
    (serde_json::from_slice(&written).unwrap(), notes.header().unwrap_or_default())
}

/// The same streamed, put together as SDKs do it.
fn streamed(parts: &[Value], client: &dyn Codec) -> Value {
    let chunks: Vec<Value> = parts.iter().map(|part| chunk(json!([part]), Some("STOP"))).collect();
    let written = translate(&Gemini, &sse(&chunks), Framing::Sse, Exchange::default(), client, reply(client));
    let data = written.lines().filter_map(|line| line.strip_prefix("data: "));
    let events: Vec<Value> = data.map(|data| serde_json::from_str(data).unwrap()).collect();
    if let Some(last) = events.last().filter(|last| last["type"] == "response.completed") {
        return last["response"].clone();
    }
    let mut content: Vec<Value> = Vec::new();
    for event in events {
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!(event["index"], content.len());
                content.push(event["content_block"].clone());
            }
            "content_block_delta" => {
                let last = content.last_mut().unwrap();
                if let Some(more) = event["delta"]["text"].as_str() {
                    last["text"] = json!(format!("{}{more}", last["text"].as_str().unwrap()));
                }
            }
            _ => {}
        }
    }
    json!({"content": content})
}

#[test]
fn the_state_of_a_text_comes_back_to_gemini() {
    let clients: [&dyn Codec; 2] = [&Anthropic, &OpenAiResponses];
    for client in clients {
        let expected = json!([{"text": "hi"}, {"text": "", "thoughtSignature": "c2ln"}]);
        for parts in [
            vec![json!({"text": "hi", "thoughtSignature": "c2ln"})],
            vec![json!({"text": "hi"}), json!({"text": "", "thoughtSignature": "c2ln"})],
        ] {
            let (answer, warnings) = whole(json!(parts), client);
            assert_eq!(continued(&answer, client), expected, "{answer}");
            assert_eq!(warnings, "");
            let answer = streamed(&parts, client);
            assert_eq!(continued(&answer, client), expected, "{answer}");
        }
        // The text stays the first that a client reads.
        let (answer, _) = whole(json!([{"text": "hi", "thoughtSignature": "c2ln"}]), client);
        assert!(answer["content"][0]["text"] == "hi" || answer["output"][0]["content"][0]["text"] == "hi");
        // Before a call it would be taken for the call's.
        let parts = [
            json!({"text": "hi", "thoughtSignature": "c2ln"}),
            json!({"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "Y2FsbA=="}),
        ];
        let expected = json!([{"text": "hi"}, {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "Y2FsbA=="}]);
        let (answer, warnings) = whole(json!(parts), client);
        assert_eq!(warnings, "reasoning_state_dropped");
        for answer in [answer, streamed(&parts, client)] {
            assert_eq!(continued(&answer, client), expected, "{answer}");
        }
    }
}

#[test]
fn a_long_id_is_the_same_short_one_for_everybody_after_the_provider() {
    let long = "c".repeat(60);
    let exchange =
        send(&chat(json!([user("a")]), json!({"tools": [function("f")]})), GEMINI_3).unwrap().exchange;
    let answer = chunk(
        json!([{"functionCall": {"id": long, "name": "f", "args": {}}, "thoughtSignature": "c2ln"}]),
        Some("STOP"),
    );
    let text = answer.to_string();
    let response = Gemini.decode_response(text.as_bytes(), &exchange).unwrap();
    let read = response.choices[0].blocks().find_map(|block| block.content.call()).unwrap().id.to_string();
    assert_eq!(read, crate::names::fit_id(&long));
    let whole = OpenAiChat.encode_response(&response, &mut reply(&OpenAiChat), &mut Notes::default());
    let streamed =
        translate(&Gemini, &sse(&[answer]), Framing::Sse, exchange, &OpenAiChat, reply(&OpenAiChat));
    let id = format!("\"id\":\"{read}\"");
    assert!(String::from_utf8(whole).unwrap().contains(&id) && streamed.contains(&id), "{streamed}");
    let from_others = json!({"content": [{"type": "tool_use", "id": long, "name": "f", "input": {}}]});
    let events = [
        json!({"type": "message_start", "message": {"id": "m"}}),
        json!({"type": "content_block_start", "index": 0, "content_block": from_others["content"][0]}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}),
        json!({"type": "message_stop"}),
    ];
    let (anthropic, to) = (crate::anthropic::Anthropic, reply(&OpenAiChat));
    let streamed = translate(&anthropic, &sse(&events), Framing::Sse, Exchange::default(), &OpenAiChat, to);
    assert!(streamed.contains(&id), "{streamed}");
}
