//! How likely tokens were, from every protocol that says it to every other.

use serde_json::{Value, json};

use crate::codec::{Codec, Exchange, ProviderCodec as _, Reply};
use crate::gemini::Gemini;
use crate::ir::{Event, Fold, Logprob, Request, Sink};
use crate::notes::Notes;
use crate::openai_chat::OpenAiChat;
use crate::openai_responses::OpenAiResponses;
use crate::stream::{Framing, StreamReader};

/// The protocols, each with a whole answer of `hé` and the same as a stream. The second token is a part of a character.
fn answers() -> [(&'static dyn Codec, Value, Vec<Value>); 3] {
    let other = json!({"token": "H", "logprob": -3.0, "bytes": [72]});
    let first = json!({"token": "h", "logprob": -0.25, "bytes": [104], "top_logprobs": [other]});
    let parts = |byte: u8| json!({"token": "?", "logprob": -1e-7, "bytes": [byte], "top_logprobs": []});
    let tokens = json!([first, parts(195), parts(169)]);
    let choice = |delta: Value, tokens: Value| json!({"id": "c", "choices": [{"index": 0, "delta": delta, "logprobs": {"content": tokens, "refusal": null}}]});
    let end = json!({"choices": [{"index": 0, "delta": {}, "logprobs": null, "finish_reason": "stop"}]});
    let chat = [
        choice(json!({"content": "h"}), json!([first])),
        choice(json!({"content": ""}), json!([parts(195)])),
        choice(json!({"content": "é"}), json!([parts(169)])),
        end,
    ];
    let item = json!({"type": "message", "role": "assistant", "status": "completed", "id": "m",
        "content": [{"type": "output_text", "text": "hé", "annotations": [], "logprobs": tokens}]});
    let delta = |text: &str, tokens: Value| json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": text, "logprobs": tokens});
    let responses = [
        json!({"type": "response.created", "response": {"id": "r"}}),
        delta("h", json!([first])),
        delta("é", json!([parts(195), parts(169)])),
        json!({"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "hé", "logprobs": tokens}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
        json!({"type": "response.completed", "response": {"id": "r", "status": "completed", "output": [item]}}),
    ];
    let token = |text: &str, logprob: f64| json!({"token": text, "tokenId": 5, "logProbability": logprob});
    let alone = json!({"token": "é", "tokenId": 6});
    let candidate = |text: &str, result: Value, finish: Value| {
        json!({"responseId": "g", "candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": text}]},
            "logprobsResult": result, "finishReason": finish}]})
    };
    let result = |chosen: Value, top: Value| json!({"chosenCandidates": chosen, "topCandidates": top});
    let top = json!([{"candidates": [token("H", -3.0)]}]);
    let gemini = [
        candidate("h", result(json!([token("h", -0.25)]), top.clone()), Value::Null),
        candidate("é", result(json!([alone]), Value::Null), json!("STOP")),
    ];
    [
        (
            &OpenAiChat,
            json!({"id": "c", "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hé"},
                "logprobs": {"content": tokens, "refusal": null}}]}),
            chat.into(),
        ),
        (&OpenAiResponses, json!({"id": "r", "status": "completed", "output": [item]}), responses.into()),
        (
            &Gemini,
            candidate("hé", result(json!([token("h", -0.25), alone]), top), json!("STOP")),
            gemini.into(),
        ),
    ]
}

fn frames(events: &[Value]) -> String {
    events.iter().map(|event| format!("data: {event}\n\n")).collect()
}

fn read(codec: &dyn Codec, body: &str, sink: &mut dyn Sink) {
    let mut reader = StreamReader::new(Framing::Sse, codec.stream_decoder(Exchange::default()));
    reader.push(body.as_bytes(), sink);
    reader.finish(sink);
}

/// Texts of tokens, their numbers, and what could have stood there.
fn said(logprobs: &[Logprob<'_>]) -> Vec<(String, String, usize)> {
    let number = |text: &str| text.parse::<f64>().unwrap().to_string();
    logprobs
        .iter()
        .map(|one| (one.token.text.to_string(), number(&one.token.logprob), one.top.len()))
        .collect()
}

/// What a whole answer says about its first block.
fn of_whole(codec: &dyn Codec, body: &[u8]) -> Vec<(String, String, usize)> {
    let response = codec.decode_response(body, &Exchange::default()).unwrap();
    said(response.choices[0].blocks().next().unwrap().logprobs())
}

fn of_stream(codec: &dyn Codec, body: &str) -> Vec<(String, String, usize)> {
    let mut fold = Fold::new(codec.protocol());
    read(codec, body, &mut fold);
    assert!(fold.is_complete(), "{body}");
    let (response, _) = fold.into_parts();
    said(response.choices[0].blocks().next().unwrap().logprobs())
}

#[test]
fn log_probabilities_reach_every_protocol_that_has_them() {
    for (from, whole, stream) in answers() {
        let whole = whole.to_string();
        let known = of_whole(from, whole.as_bytes());
        assert!(known.len() > 1 && known[0] == ("h".into(), "-0.25".into(), 1), "{known:?}");
        let stream = frames(&stream);
        assert_eq!(of_stream(from, &stream), known);
        for (to, ..) in answers() {
            let pair = format!("{} to {}", from.protocol().name(), to.protocol().name());
            let reply = || Reply::to(to, &Request::new(to.protocol(), "m".into()), 1, 7);
            let response = from.decode_response(whole.as_bytes(), &Exchange::default()).unwrap();
            let mut notes = Notes::new(false);
            let body = to.encode_response(&response, &mut reply(), &mut notes);
            assert_eq!(of_whole(to, &body), known, "{pair}");
            assert_eq!(notes.header(), None, "{pair}");
            let mut encoder = to.stream_encoder(reply());
            let mut out = Vec::new();
            read(from, &stream, &mut |event: Event<'_>| encoder.event(&event, &mut out));
            let written = String::from_utf8(out).unwrap();
            assert_eq!(of_stream(to, &written), known, "{pair}: {written}");
        }
    }
}

#[test]
fn tokens_go_with_their_pieces_and_have_bytes() {
    let gemini = &answers()[2];
    let write = |to: &dyn Codec| {
        let mut encoder = to.stream_encoder(Reply::to(to, &Request::new(to.protocol(), "m".into()), 1, 7));
        let mut out = Vec::new();
        read(&Gemini, &frames(&gemini.2), &mut |event: Event<'_>| encoder.event(&event, &mut out));
        let text = String::from_utf8(out).unwrap();
        let data =
            text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
        data.map(|data| serde_json::from_str(data).unwrap()).collect::<Vec<Value>>()
    };
    let token = json!([{"token": "é", "logprob": 0, "bytes": [195, 169], "top_logprobs": []}]);
    let chunks = write(&OpenAiChat);
    let piece = chunks.iter().find(|chunk| chunk["choices"][0]["delta"]["content"] == "é").unwrap();
    assert_eq!(piece["choices"][0]["logprobs"], json!({"content": token, "refusal": null}));
    let events = write(&OpenAiResponses);
    let of = |kind: &str| events.iter().rfind(|event| event["type"] == kind).unwrap();
    assert_eq!(of("response.content_part.added")["part"]["logprobs"], json!([]));
    assert_eq!(of("response.output_text.delta")["logprobs"], token);
    assert_eq!(of("response.output_text.done")["logprobs"].as_array().unwrap().len(), 2);
    assert_eq!(of("response.completed")["response"]["output"][0]["content"][0]["logprobs"][1], token[0]);
}

#[test]
fn tokens_of_refusals_have_a_place_in_chat_alone() {
    let tokens = json!([{"token": "no", "logprob": -1, "bytes": null, "top_logprobs": []}]);
    let body = json!({"id": "c", "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "refusal": "no"},
        "logprobs": {"content": null, "refusal": tokens}}]});
    let body = body.to_string();
    let response = OpenAiChat.decode_response(body.as_bytes(), &Exchange::default()).unwrap();
    let mut reply = Reply::to(&OpenAiResponses, &Request::new(OpenAiResponses.protocol(), "m".into()), 1, 7);
    let mut notes = Notes::new(false);
    OpenAiResponses.encode_response(&response, &mut reply, &mut notes);
    assert_eq!(notes.header().as_deref(), Some("logprobs_dropped"));
    // What cannot be read says nothing.
    for bad in
        [json!(5), json!([1]), json!({"content": [{"token": 1}]}), json!({"content": [{"logprob": 1}]})]
    {
        let body = json!({"choices": [{"message": {"content": "a"}, "logprobs": bad}]}).to_string();
        assert_eq!(of_whole(&OpenAiChat, body.as_bytes()), []);
    }
}
