//! Citations of pages: between the two protocols of OpenAI, and from the others to them.

use serde_json::{Value, json};

use crate::anthropic::Anthropic;
use crate::codec::{Codec, Exchange, Reply};
use crate::gemini::Gemini;
use crate::ir::{Event, Request};
use crate::notes::Notes;
use crate::openai_chat::OpenAiChat;
use crate::openai_completions::OpenAiCompletions;
use crate::openai_responses::OpenAiResponses;
use crate::stream::{Framing, StreamReader};

/// What is cited, as it stands in the texts below.
const CITED: [&str; 2] = ["[a]", "[b]"];

fn reply(to: &dyn Codec) -> Reply {
    Reply::to(to, &Request::new(to.protocol(), "m".into()), 1, 7)
}

fn whole(from: &dyn Codec, to: &dyn Codec, body: &Value) -> (Value, Option<String>) {
    let body = body.to_string();
    let response = from.decode_response(body.as_bytes(), &Exchange::default()).unwrap();
    let mut notes = Notes::new(false);
    let written = to.encode_response(&response, &mut reply(to), &mut notes);
    (serde_json::from_slice(&written).unwrap(), notes.header())
}

fn stream(from: &dyn Codec, to: &dyn Codec, events: &[Value]) -> Vec<Value> {
    warned_stream(from, to, events).0
}

fn warned_stream(from: &dyn Codec, to: &dyn Codec, events: &[Value]) -> (Vec<Value>, Option<String>) {
    let mut encoder = to.stream_encoder(reply(to));
    let mut out = Vec::new();
    let exchange = Exchange { searches: true, ..Exchange::default() };
    let mut reader = StreamReader::new(Framing::Sse, from.stream_decoder(exchange));
    let mut sink = |event: Event<'_>| encoder.event(&event, &mut out);
    events.iter().for_each(|event| reader.push(format!("data: {event}\n\n").as_bytes(), &mut sink));
    reader.finish(&mut sink);
    let text = String::from_utf8(out).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    (data.map(|data| serde_json::from_str(data).unwrap()).collect(), encoder.notes().header())
}

/// A citation of what stands in a text, flat as Responses has it.
fn flat(text: &str, cited: &str) -> Value {
    let start = text.chars().count() - text[text.find(cited).unwrap()..].chars().count();
    json!({"type": "url_citation", "start_index": start, "end_index": start + cited.chars().count(), "title": cited, "url": "https://a"})
}

/// The same, nested as Chat Completions has it.
fn nested(text: &str, cited: &str) -> Value {
    let mut page = flat(text, cited);
    page.as_object_mut().unwrap().remove("type");
    json!({"type": "url_citation", "url_citation": page})
}

fn part(text: &str, annotations: Value) -> Value {
    json!({"type": "output_text", "text": text, "annotations": annotations, "logprobs": []})
}

fn message(parts: Value) -> Value {
    json!({"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": parts})
}

fn response(output: Value) -> Value {
    json!({"id": "r", "status": "completed", "output": output})
}

fn chat(content: &str, annotations: Value) -> Value {
    let message = json!({"role": "assistant", "content": content, "annotations": annotations});
    json!({"id": "c", "choices": [{"index": 0, "finish_reason": "stop", "message": message}]})
}

/// Whether annotations of a message say where in it what they cite stands.
fn check(content: &str, annotations: &Value) {
    let annotations = annotations.as_array().unwrap();
    assert_eq!(annotations.len(), CITED.len());
    for (annotation, cited) in annotations.iter().zip(CITED) {
        assert_eq!(*annotation, nested(content, cited), "{content}");
    }
}

#[test]
fn citations_of_joined_texts_move_with_them() {
    let output = json!([
        message(json!([part("é", json!([])), part("x [a]", json!([flat("x [a]", "[a]")]))])),
        message(json!([part("ü [b]", json!([flat("ü [b]", "[b]")]))])),
    ]);
    let (body, warnings) = whole(&OpenAiResponses, &OpenAiChat, &response(output));
    let message = &body["choices"][0]["message"];
    assert_eq!(message["content"], "éx [a]\n\nü [b]");
    check(message["content"].as_str().unwrap(), &message["annotations"]);
    assert_eq!(warnings, None);
}

#[test]
fn citations_of_a_message_are_those_of_its_part() {
    let text = "é [a] [b]";
    let (body, warnings) =
        whole(&OpenAiChat, &OpenAiResponses, &chat(text, json!([nested(text, "[a]"), nested(text, "[b]")])));
    let expected = json!([part(text, json!([flat(text, "[a]"), flat(text, "[b]")]))]);
    assert_eq!((&body["output"][0]["content"], warnings), (&expected, None));
    let (body, _) =
        whole(&OpenAiResponses, &OpenAiChat, &response(json!([message(json!([part("x", json!([]))]))])));
    assert!(body["choices"][0]["message"].get("annotations").is_none());
}

#[test]
fn annotations_without_a_place_are_warned_about() {
    let file = json!({"type": "file_citation", "file_id": "f", "filename": "n", "index": 0});
    let cited = |annotation: &Value| response(json!([message(json!([part("x [a]", json!([annotation]))]))]));
    let page = flat("x [a]", "[a]");
    let dropped = Some("annotations_dropped".to_owned());
    assert_eq!(whole(&OpenAiResponses, &OpenAiChat, &cited(&file)).1, dropped);
    for to in [&Anthropic as &dyn Codec, &Gemini, &OpenAiCompletions] {
        assert_eq!(whole(&OpenAiResponses, to, &cited(&page)).1, dropped, "{}", to.protocol().name());
        assert_eq!(whole(&OpenAiChat, to, &chat("x [a]", json!([nested("x [a]", "[a]")]))).1, dropped);
        assert_eq!(whole(&OpenAiChat, to, &chat("x", json!([]))).1, None);
    }
}

#[test]
fn streams_of_responses_cite_in_chat() {
    let delta = |part: u32, text: &str| json!({"type": "response.output_text.delta", "output_index": 0, "content_index": part, "delta": text});
    let cite = |part: u32, annotation: Value| {
        json!({"type": "response.output_text.annotation.added", "output_index": 0, "content_index": part, "annotation_index": 0,
            "annotation": annotation})
    };
    let (first, second) = ("é [a]", "x [b]");
    let late = message(json!([
        part(first, json!([flat(first, "[a]")])),
        part(second, json!([flat(second, "[b]")]))
    ]));
    let done = json!({"type": "response.output_item.done", "output_index": 0, "item": late});
    let end = json!({"type": "response.completed", "response": response(json!([]))});
    let in_time = vec![
        delta(0, "é "),
        delta(0, "[a]"),
        cite(0, flat(first, "[a]")),
        cite(0, json!({"type": "file_path", "file_id": "f", "index": 0})),
        delta(1, second),
        cite(1, flat(second, "[b]")),
        // Of a part that is closed.
        cite(0, flat(first, "[a]")),
        done.clone(),
        end.clone(),
    ];
    for events in [in_time, vec![done.clone(), end.clone()]] {
        let chunks = stream(&OpenAiResponses, &OpenAiChat, &events);
        let delta = |key: &str| {
            let deltas = chunks.iter().map(|chunk| chunk["choices"][0]["delta"][key].clone());
            deltas.filter(|value| !value.is_null()).collect::<Vec<Value>>()
        };
        let content: String = delta("content").iter().map(|text| text.as_str().unwrap()).collect();
        let annotations: Vec<Value> = delta("annotations").iter().map(|list| list[0].clone()).collect();
        check(&content, &json!(annotations));
    }
}

#[test]
fn messages_of_a_stream_are_apart_and_citations_know_it() {
    let delta = |item: u32, text: &str| json!({"type": "response.output_text.delta", "output_index": item, "content_index": 0, "delta": text});
    let cite = |item: u32, annotation: Value| json!({"type": "response.output_text.annotation.added", "output_index": item, "content_index": 0, "annotation": annotation});
    let added = |item: u32| json!({"type": "response.output_item.added", "output_index": item, "item": message(json!([]))});
    let end = json!({"type": "response.completed", "response": response(json!([]))});
    let events = [
        added(0),
        delta(0, "é [a]"),
        cite(0, flat("é [a]", "[a]")),
        added(1),
        delta(1, "ü "),
        delta(1, "[b]"),
        cite(1, flat("ü [b]", "[b]")),
        end,
    ];
    let chunks = stream(&OpenAiResponses, &OpenAiChat, &events);
    let deltas = || chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]);
    let content: String = deltas().filter_map(|delta| delta["content"].as_str()).collect();
    assert_eq!(content, "é [a]\n\nü [b]");
    check(&content, &deltas().filter_map(|delta| delta["annotations"].get(0).cloned()).collect());
    // Where texts are blocks of their own nothing stands between them.
    let written = stream(&OpenAiResponses, &Anthropic, &events);
    let texts: Vec<&str> = written.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
    assert_eq!(texts, ["é [a]", "ü [b]"]);
}

/// What Gemini found for a text, with places in bytes.
fn grounding(text: &str) -> Value {
    let segment = |cited: &str| {
        let start = text.find(cited).unwrap();
        json!({"startIndex": start, "endIndex": start + cited.len(), "text": cited})
    };
    let page = |title: &str| json!({"web": {"uri": "https://a", "title": title}});
    json!({
        "webSearchQueries": ["q"],
        "groundingChunks": [page("[b]"), page("[a]")],
        "groundingSupports": [
            {"segment": segment("[a]"), "groundingChunkIndices": [1]},
            {"segment": segment("[b]"), "groundingChunkIndices": [0]},
        ],
    })
}

#[test]
fn what_gemini_found_is_cited_where_its_place_is_known() {
    let text = "é [a] ü [b]";
    let candidate = |text: &str, found: Value| json!({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP", "groundingMetadata": found}]});
    let piece =
        |text: &str| json!({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}}]});
    let events = [piece("é [a"), piece("] ü "), candidate("[b]", grounding(text))];
    let mut elsewhere = grounding(text);
    elsewhere["groundingSupports"][0]["segment"]["startIndex"] = json!(1);
    let dropped = Some("annotations_dropped".to_owned());

    let (body, warnings) = whole(&Gemini, &OpenAiChat, &candidate(text, grounding(text)));
    check(text, &body["choices"][0]["message"]["annotations"]);
    assert_eq!(warnings, None);
    let (chunks, warnings) = warned_stream(&Gemini, &OpenAiChat, &events);
    let deltas = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]);
    check(text, &deltas.filter_map(|delta| delta["annotations"].get(0).cloned()).collect());
    assert_eq!(warnings, None);

    for found in [elsewhere, json!({"webSearchQueries": ["q"]}), json!({"groundingChunks": 5})] {
        let body = candidate(text, found);
        assert_eq!(whole(&Gemini, &OpenAiResponses, &body).1, dropped, "{body}");
        assert_eq!(warned_stream(&Gemini, &OpenAiResponses, &[body]).1, dropped);
    }
    assert_eq!(whole(&Gemini, &Anthropic, &candidate(text, grounding(text))).1, dropped);
    assert_eq!(warned_stream(&Gemini, &Anthropic, &events).1, dropped);
    let found = serde_json::from_str::<Value>(
        &whole(&Gemini, &Gemini, &candidate(text, grounding(text))).0.to_string(),
    );
    assert_eq!(found.unwrap()["candidates"][0]["groundingMetadata"], grounding(text));
}

#[test]
fn a_text_of_anthropic_cites_as_a_whole() {
    let cite = |page: &str| json!({"type": "web_search_result_location", "url": "https://a", "title": page, "encrypted_index": "E", "cited_text": "…"});
    let other = json!({"type": "char_location", "cited_text": "…", "document_index": 0, "start_char_index": 0, "end_char_index": 1});
    let texts =
        [("é ", vec![]), ("[a]", vec![cite("[a]")]), (" ü ", vec![]), ("[b]", vec![cite("[b]"), other])];
    let said = "é [a] ü [b]";
    let block = |(text, citations): &(&str, Vec<Value>)| match citations.as_slice() {
        [] => json!({"type": "text", "text": text}),
        citations => json!({"type": "text", "text": text, "citations": citations}),
    };
    let content: Vec<Value> = texts.iter().map(block).collect();
    let body = json!({"id": "m", "role": "assistant", "content": content, "stop_reason": "end_turn"});
    let mut events = vec![json!({"type": "message_start", "message": {"id": "m"}})];
    for (index, (text, citations)) in texts.iter().enumerate() {
        let delta = |delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
        let (first, last) = text.split_at(text.char_indices().nth(1).unwrap().0);
        events.push(json!({"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": first, "citations": []}}));
        let cited = |citation| delta(json!({"type": "citations_delta", "citation": citation}));
        events.extend(citations.iter().map(cited));
        events.push(delta(json!({"type": "text_delta", "text": last})));
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}));
    events.push(json!({"type": "message_stop"}));
    let dropped = Some("annotations_dropped".to_owned());

    let (message, warnings) = whole(&Anthropic, &OpenAiChat, &body);
    assert_eq!(message["choices"][0]["message"]["content"], said);
    check(said, &message["choices"][0]["message"]["annotations"]);
    assert_eq!(warnings, dropped, "the citation of a document");
    let (chunks, warnings) = warned_stream(&Anthropic, &OpenAiChat, &events);
    let deltas = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]);
    check(said, &deltas.filter_map(|delta| delta["annotations"].get(0).cloned()).collect());
    assert_eq!(warnings, dropped);

    let (response, _) = whole(&Anthropic, &OpenAiResponses, &body);
    let streamed = stream(&Anthropic, &OpenAiResponses, &events);
    for output in [&response["output"], &streamed.last().unwrap()["response"]["output"]] {
        let cited = &output[0]["content"];
        assert_eq!(cited[1], part("[a]", json!([flat("[a]", "[a]")])));
        assert_eq!(cited[3], part("[b]", json!([flat("[b]", "[b]")])));
    }
}

#[test]
fn streams_of_chat_cite_in_responses() {
    let chunk = |delta: Value| json!({"id": "c", "choices": [{"index": 0, "delta": delta}]});
    let (first, second) = ("é [a]", "x [b]");
    let all = format!("{first}{second}");
    let chunks = [
        chunk(json!({"content": first})),
        chunk(json!({"annotations": [nested(&all, "[a]"), {"type": "other"}]})),
        chunk(json!({"reasoning_content": "hm"})),
        chunk(json!({"content": second})),
        chunk(json!({"annotations": [nested(&all, "[b]")]})),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
    ];
    let events = stream(&OpenAiChat, &OpenAiResponses, &chunks);
    let added: Vec<&Value> =
        events.iter().filter(|event| event["type"] == "response.output_text.annotation.added").collect();
    let said: Vec<(&Value, &Value)> =
        added.iter().map(|event| (&event["annotation"], &event["annotation_index"])).collect();
    assert_eq!(said, [(&flat(first, "[a]"), &json!(0)), (&flat(second, "[b]"), &json!(0))]);
    let response = &events.last().unwrap()["response"];
    let messages = response["output"].as_array().unwrap().iter().filter(|item| item["type"] == "message");
    let parts: Vec<&Value> = messages.map(|item| &item["content"][0]).collect();
    assert_eq!(
        parts,
        [&part(first, json!([flat(first, "[a]")])), &part(second, json!([flat(second, "[b]")]))]
    );
}
