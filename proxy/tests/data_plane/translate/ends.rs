//! Answers that are complete, whatever becomes of the connection, and answers that are no streams.

use super::said::events;
use super::speakers::{SPEAKERS, Speaker, recorded};
use crate::support::fake::{broken, sse};
use crate::support::{Fake, Proxy, json};
use bytes::Bytes;
use serde_json::json as value;
use std::sync::{Arc, Mutex};

/// A stream that says all of it, but for its end.
const STREAMS: [(Speaker, &str); 3] = [
    (
        Speaker::Chat,
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"whole\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n",
    ),
    (
        Speaker::Chat,
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"whole\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n",
    ),
    (
        Speaker::Gemini,
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"whole\"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":1,\"candidatesTokenCount\":2}}\n\n",
    ),
];

#[tokio::test]
async fn an_answer_that_is_there_is_good_though_the_connection_breaks_or_stays() {
    for ((speaker, stream), breaks) in STREAMS.iter().flat_map(|one| [(one, true), (one, false)]) {
        let kept = Arc::<Mutex<Vec<_>>>::default();
        let keep = kept.clone();
        let answer = move |_| {
            let (parts, response) = sse();
            parts.send(Ok(Bytes::from_static(stream.as_bytes()))).unwrap();
            match breaks {
                true => parts.send(Err(broken())).unwrap(),
                false => keep.lock().unwrap().push(parts),
            }
            async move { response }
        };
        let fake = Fake::start(answer).await;
        let mut provider = speaker.provider("a", &fake);
        provider.timeouts.stream_idle_ms = 300;
        let proxy = Proxy::serving(&[provider]).await;
        let answer = Speaker::Messages.ask(&proxy, true).await;
        let text = answer.text();
        assert!(text.contains("\"whole\""), "{text}");
        assert_eq!(events(&text).pop().unwrap(), value!({"type": "message_stop"}), "{stream} {breaks}");
        assert_eq!(proxy.log(1).await[0]["outcome"], "ok", "{stream} {breaks}");
    }
}

#[tokio::test]
async fn a_provider_that_does_not_stream_is_heard() {
    let body = value!({"choices": [{"index": 0, "message": {"role": "assistant", "content": "whole"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2}});
    let fake = Fake::start(move |_| {
        let body = body.to_string();
        async move { json(200, body) }
    })
    .await;
    let proxy = Proxy::serving(&[Speaker::Chat.provider("a", &fake)]).await;
    for client in SPEAKERS.into_iter().filter(|client| *client != Speaker::Chat) {
        let text = client.ask(&proxy, true).await.text();
        assert!(text.contains("\"whole\""), "{client:?}: {text}");
    }
}

/// A recorded stream of text, without its last event where that one only says that it is over.
fn unended(speaker: Speaker) -> String {
    let stream = recorded(speaker.folder(), "text-basic-stream", "response.sse").unwrap();
    let last = match speaker {
        Speaker::Chat => stream.rfind("data: [DONE]"),
        Speaker::Messages => stream.rfind("event: message_stop"),
        _ => None,
    };
    stream[..last.unwrap_or(stream.len())].to_owned()
}

/// A provider that streams it, and then ends the body or breaks the connection.
async fn streaming(text: String, breaks: bool) -> Fake {
    Fake::start(move |_| {
        let (parts, response) = sse();
        parts.send(Ok(text.clone().into())).unwrap();
        if breaks {
            parts.send(Err(broken())).unwrap();
        }
        async move { response }
    })
    .await
}

#[tokio::test]
async fn what_said_why_it_ends_is_complete_however_its_body_ends() {
    for provider in [Speaker::Chat, Speaker::Messages, Speaker::Gemini] {
        for (client, breaks) in SPEAKERS.iter().flat_map(|client| [(*client, false), (*client, true)]) {
            let what = format!("{client:?} of {provider:?}, breaks: {breaks}");
            let text = unended(provider);
            let fake = streaming(text.clone(), breaks).await;
            let proxy = Proxy::serving(&[provider.provider("a", &fake)]).await;
            let answer = client.ask(&proxy, true).await;
            let told = answer.text().contains("\"error\":{");
            let outcome = proxy.log(1).await[0]["outcome"].clone();
            assert_eq!((outcome, told), ("ok".into(), false), "{what}: {}", answer.text());
            if client == provider {
                assert_eq!(answer.text(), text, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn what_did_not_say_why_it_ends_is_not_complete() {
    for provider in [Speaker::Chat, Speaker::Messages] {
        let text = unended(provider);
        let key = if provider == Speaker::Chat { "\"finish_reason\":\"" } else { "\"stop_reason\":\"" };
        let event = text[..text.find(key).unwrap()].rfind("\n\n").unwrap() + 2;
        let fake = streaming(text[..event].to_owned(), false).await;
        let proxy = Proxy::serving(&[provider.provider("a", &fake)]).await;
        for (number, client) in SPEAKERS.into_iter().enumerate() {
            let answer = client.ask(&proxy, true).await;
            assert!(answer.text().contains("\"error\":{"), "{client:?} of {provider:?}: {}", answer.text());
            assert_eq!(proxy.log(number + 1).await[number]["outcome"], "upstream_incomplete");
        }
    }
}
