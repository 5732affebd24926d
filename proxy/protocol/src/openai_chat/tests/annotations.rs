//! Citations of pages, between the two protocols of OpenAI.

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
    let mut encoder = to.stream_encoder(reply(to));
    let mut out = Vec::new();
    let mut reader = StreamReader::new(Framing::Sse, from.stream_decoder(Exchange::default()));
    let mut sink = |event: Event<'_>| encoder.event(&event, &mut out);
    events.iter().for_each(|event| reader.push(format!("data: {event}\n\n").as_bytes(), &mut sink));
    reader.finish(&mut sink);
    let text = String::from_utf8(out).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
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
