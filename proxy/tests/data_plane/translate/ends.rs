//! Answers that are complete, whatever becomes of the connection, and answers that are no streams.

use super::said::events;
use super::speakers::{SPEAKERS, Speaker};
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
