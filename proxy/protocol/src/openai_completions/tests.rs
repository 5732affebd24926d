use crate::codec::ProviderCodec as _;
use serde_json::{Value, json};

use super::OpenAiCompletions;
use crate::capabilities::Capabilities;
use crate::codec::{Codec, Exchange, NoStates, Reply, RouteOptions, Target, UrlFacts};
use crate::ir::{Event, Request};
use crate::notes::{Notes, Rejected};
use crate::openai_chat::OpenAiChat;
use crate::protocol::Protocol;
use crate::stream::{Framing, StreamReader};

fn encode(body: &str, to: &dyn Codec) -> Result<Value, Rejected> {
    let request = OpenAiCompletions.decode_request(body.as_bytes(), UrlFacts::default()).unwrap();
    let target = Target {
        model: "gpt-4o",
        capabilities: Capabilities::of("gpt-4o"),
        options: RouteOptions::default(),
        states: &NoStates,
    };
    let encoded = to.encode_request(&request, &target, &mut Notes::new(true))?;
    Ok(serde_json::from_slice(&encoded.body).unwrap())
}

#[test]
fn a_prompt_becomes_what_the_user_says() {
    for prompt in ["\"Say hi\"", "[\"Say hi\"]"] {
        let body = format!(
            r#"{{"model":"m","prompt":{prompt},"max_tokens":5,"stop":"x","temperature":0.5,"n":2,"echo":false,"best_of":1,"user":"u"}}"#
        );
        assert_eq!(
            encode(&body, &OpenAiChat).unwrap(),
            json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Say hi"}], "max_completion_tokens": 5,
                "stop": ["x"], "temperature": 0.5, "n": 2, "safety_identifier": "u"})
        );
    }
}

#[test]
fn what_only_completions_have_is_refused() {
    for (member, path) in [
        (r#""prompt":["a","b"]"#, "prompt"),
        (r#""prompt":[1,2]"#, "prompt"),
        (r#""prompt":[[1],[2]]"#, "prompt"),
        (r#""prompt":"a","echo":true"#, "echo"),
        (r#""prompt":"a","suffix":"b""#, "suffix"),
        (r#""prompt":"a","best_of":3"#, "best_of"),
        (r#""prompt":"a","logprobs":1"#, "logprobs"),
    ] {
        let body = format!(r#"{{"model":"m",{member}}}"#);
        assert_eq!(encode(&body, &OpenAiChat).unwrap_err().path, path);
        let mut own: Value = serde_json::from_str(&body).unwrap();
        own["model"] = json!("gpt-4o");
        assert_eq!(encode(&body, &OpenAiCompletions).unwrap(), own);
    }
    let chat = Request::new(Protocol::OpenAiChat, "m".into());
    let target = Target {
        model: "m",
        capabilities: Capabilities::of("m"),
        options: RouteOptions::default(),
        states: &NoStates,
    };
    assert!(OpenAiCompletions.encode_request(&chat, &target, &mut Notes::default()).is_err());
}

fn reply() -> Reply {
    let mut reply =
        Reply::to(&OpenAiCompletions, &Request::new(Protocol::OpenAiCompletions, "m".into()), 7, 1);
    reply.include_usage = true;
    reply
}

#[test]
fn an_answer_becomes_a_completion() {
    let body = br#"{"id":"chatcmpl-1","created":5,"model":"gpt","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;
    let response = OpenAiChat.decode_response(body, &Exchange::default()).unwrap();
    let written = OpenAiCompletions.encode_response(&response, &mut reply(), &mut Notes::default());
    let written: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(
        written,
        json!({"id": "cmpl-1", "object": "text_completion", "created": 5, "model": "gpt",
            "choices": [{"text": "hi", "index": 0, "logprobs": null, "finish_reason": "length"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}})
    );
}

#[test]
fn a_stream_becomes_chunks_of_text() {
    let body = concat!(
        "data: {\"id\":\"chatcmpl-1\",\"model\":\"gpt\",\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n",
        "data: {\"id\":\"chatcmpl-1\",\"model\":\"gpt\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n",
        "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n",
    );
    let mut encoder = OpenAiCompletions.stream_encoder(reply());
    let mut out = Vec::new();
    let mut reader = StreamReader::new(Framing::Sse, OpenAiChat.stream_decoder(Exchange::default()));
    let mut sink = |event: Event<'_>| encoder.event(&event, &mut out);
    reader.push(body.as_bytes(), &mut sink);
    reader.finish(&mut sink);
    let out = String::from_utf8(out).unwrap();
    let data: Vec<&str> =
        out.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap()).collect();
    let chunk = |at: usize| serde_json::from_str::<Value>(data[at]).unwrap();
    assert_eq!(
        chunk(0),
        json!({"id": "cmpl-1", "object": "text_completion", "created": 7, "model": "gpt", "usage": null,
            "choices": [{"text": "hi", "index": 0, "logprobs": null, "finish_reason": null}]})
    );
    assert_eq!(chunk(1)["choices"][0]["finish_reason"], "stop");
    assert_eq!(chunk(2)["usage"]["total_tokens"], 3);
    assert_eq!(data[3], "[DONE]");
}
