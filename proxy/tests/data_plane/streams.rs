//! Streams that do not end as they should never look as if they did.

use crate::support::fake::{broken, sse, sse_of};
use crate::support::{Client, Fake, KEY, Proxy, post, provider};
use bytes::Bytes;
use std::sync::{Arc, Mutex};

const EVENT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n";

/// The JSON of the last event, which must be whole.
fn last_event(text: &str) -> serde_json::Value {
    let events: Vec<&str> = text.split("\n\n").collect();
    assert_eq!(events.last(), Some(&""), "{text:?} ends within an event");
    let data = events[events.len() - 2].lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    serde_json::from_str(data).unwrap_or_else(|_| panic!("{data}"))
}

/// How a provider's stream goes on after its first event.
#[derive(Clone, Copy, Debug)]
enum Then {
    Ends,
    Breaks,
    Hangs,
    EndsWithin(&'static str),
    BreaksWithin(&'static str),
}

async fn streamed(path: &str, then: Then) -> (String, bool, serde_json::Value) {
    let kept = Arc::<Mutex<Vec<_>>>::default();
    let keep = kept.clone();
    let answer = move |_| {
        let (parts, response) = sse();
        parts.send(Ok(Bytes::from_static(EVENT.as_bytes()))).unwrap();
        match then {
            Then::Ends => {}
            Then::Breaks => parts.send(Err(broken())).unwrap(),
            Then::Hangs => keep.lock().unwrap().push(parts),
            Then::EndsWithin(text) => parts.send(Ok(text.into())).unwrap(),
            Then::BreaksWithin(text) => {
                parts.send(Ok(text.into())).unwrap();
                parts.send(Err(broken())).unwrap();
            }
        }
        async move { response }
    };
    let fake = Fake::start(answer).await;
    let mut a = provider("a", &fake.url());
    a.timeouts.stream_idle_ms = 300;
    let proxy = Proxy::serving(&[a]).await;
    let request =
        post(path, r#"{"model":"m","stream":true}"#).header("authorization", format!("Bearer {KEY}"));
    let coming = Client::connect(proxy.address).await.start(request).await;
    assert_eq!(coming.0.status(), 200);
    let (text, proper) = coming.rest().await;
    let mut log = proxy.log(1).await;
    assert_eq!(proxy.series("llm_proxy_errors_total{type=\"upstream_incomplete\"}").await, 1.0);
    (text, proper, log.remove(0))
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_in_an_error_event() {
    let table = [
        (Then::Ends, "upstream_incomplete"),
        (Then::Breaks, "upstream_incomplete"),
        (Then::Hangs, "timeout"),
        (Then::EndsWithin("data: {\"choices\":[{\"del"), "upstream_incomplete"),
        (Then::BreaksWithin("data: {\"choices\":[]}\n"), "upstream_incomplete"),
        (Then::EndsWithin("data: [DON"), "upstream_incomplete"),
    ];
    for (then, code) in table {
        let (text, proper, log) = streamed("/v1/chat/completions", then).await;
        assert!(proper, "{then:?}: the connection was broken as well");
        let rest = text.strip_prefix(EVENT).unwrap_or_else(|| panic!("{then:?}: {text:?}"));
        assert!(rest.starts_with("data: {\"error\":"), "{then:?}: {rest:?} holds a part of an event");
        let error = &last_event(&text)["error"];
        assert_eq!((&error["type"], &error["code"]), (&"server_error".into(), &code.into()), "{then:?}");
        assert_eq!(
            (&log["outcome"], &log["status"]),
            (&"upstream_incomplete".into(), &200.into()),
            "{then:?}"
        );
    }
}

/// The JSON of all events.
fn all_events(text: &str) -> Vec<serde_json::Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[tokio::test]
async fn responses_streams_end_in_an_error_and_the_response_that_failed() {
    let (text, proper, _) = streamed("/v1/responses", Then::Ends).await;
    assert!(proper && text.contains("event: error\ndata: "), "{text}");
    let [_, error, failed] = &all_events(&text)[..] else { panic!("{text}") };
    assert_eq!((&error["type"], &error["code"]), (&"error".into(), &"upstream_incomplete".into()));
    // Nothing is known of it.
    let numbers = (&error["sequence_number"], &failed["sequence_number"]);
    assert_eq!((numbers, &failed["response"]["status"]), ((&0.into(), &1.into()), &"failed".into()));
}

#[tokio::test]
async fn a_response_that_breaks_off_is_the_one_that_began_and_its_events_are_numbered_on() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/protocol/fixtures/openai_responses/text-basic-stream/response.sse"
    );
    let recorded = std::fs::read_to_string(path).unwrap();
    let events: Vec<&str> = recorded.split_inclusive("\n\n").collect();
    for (breaks, within) in [(false, ""), (true, ""), (false, "event: response.out"), (true, "data: {\"seq")]
    {
        let sent = events[..events.len() - 2].concat();
        let stream = [&*sent, within].concat();
        let fake = Fake::start(move |_| {
            let (parts, response) = sse();
            parts.send(Ok(stream.clone().into())).unwrap();
            if breaks {
                parts.send(Err(broken())).unwrap();
            }
            async move { response }
        })
        .await;
        let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
        let answer = proxy.ask("/v1/responses", r#"{"model":"m","input":"hi","stream":true}"#).await;
        let text = answer.text();
        let told = text.strip_prefix(&sent).unwrap_or_else(|| panic!("{text}"));
        assert!(
            told.starts_with("event: error\ndata: ") && told.contains("\n\nevent: response.failed\ndata: ")
        );
        let all = all_events(&text);
        for (number, event) in all.iter().enumerate() {
            assert_eq!(event["sequence_number"], number, "{event}");
        }
        let [created, .., error, failed] = &all[..] else { panic!("{text}") };
        assert_eq!((&error["type"], &error["code"]), (&"error".into(), &"upstream_incomplete".into()));
        assert_eq!(failed["type"], "response.failed");
        let (mut begun, response) = (created["response"].clone(), &failed["response"]);
        let error = serde_json::json!({"code": "server_error", "message": error["message"]});
        assert_eq!((&response["status"], &response["error"]), (&"failed".into(), &error));
        for key in ["status", "error"] {
            begun[key] = response[key].clone();
        }
        for (key, value) in begun.as_object().unwrap() {
            assert_eq!(response[key], *value, "{key}");
        }
        assert_eq!(proxy.log(1).await[0]["outcome"], "upstream_incomplete");
    }
}

#[tokio::test]
async fn an_error_of_the_provider_is_its_last_word() {
    let event = "data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    let fake = Fake::start(move |_| async move { sse_of(&[EVENT, event]) }).await;
    let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    assert_eq!(proxy.chat("m").await.text(), [EVENT, event].concat());
    assert_eq!(proxy.log(1).await[0]["outcome"], "upstream_stream_error");
}

#[tokio::test]
async fn errors_within_a_stream_hide_whose_account_it_is() {
    let said = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"org-of-the-model-itself\"}}]}\n\n";
    let event =
        "data: {\"error\":{\"message\":\"limit reached for org-abcdefgh1234, key sk-abcdefgh1234\"}}\n\n";
    for parts in [vec![said, event], vec![EVENT, event, said]] {
        let sent = parts.clone();
        let fake = Fake::start(move |_| {
            let whole = sent.concat();
            async move { sse_of(&[&whole]) }
        })
        .await;
        let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
        let told = event.replace("abcdefgh1234", "[redacted]");
        assert_eq!(proxy.chat("m").await.text(), parts.concat().replace(event, &told));
        assert_eq!(proxy.log(1).await[0]["outcome"], "upstream_stream_error");
    }
}

#[tokio::test]
async fn what_happens_after_the_end_is_no_error() {
    let kept = Arc::<Mutex<Vec<_>>>::default();
    for breaks in [true, false] {
        let keep = kept.clone();
        let answer = move |_| {
            let (parts, response) = sse();
            parts.send(Ok([EVENT, "data: [DONE]\n\n"].concat().into())).unwrap();
            if breaks {
                parts.send(Err(broken())).unwrap();
            } else {
                keep.lock().unwrap().push(parts);
            }
            async move { response }
        };
        let fake = Fake::start(answer).await;
        let mut a = provider("a", &fake.url());
        a.timeouts.stream_idle_ms = 200;
        let proxy = Proxy::serving(&[a]).await;
        assert_eq!(proxy.chat("m").await.text(), [EVENT, "data: [DONE]\n\n"].concat());
        assert_eq!(proxy.log(1).await[0]["outcome"], "ok");
    }
}

#[tokio::test]
async fn a_plain_answer_that_breaks_off_breaks_the_connection() {
    let answer = |_| async {
        let (parts, mut response) = sse();
        parts.send(Ok(format!("{{\"choices\":\"{}", "x".repeat(2000)).into())).unwrap();
        parts.send(Err(broken())).unwrap();
        response.headers_mut().insert("content-type", "application/json".parse().unwrap());
        response
    };
    let fake = Fake::start(answer).await;
    let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    let request =
        post("/v1/chat/completions", r#"{"model":"m"}"#).header("authorization", format!("Bearer {KEY}"));
    // The head may be gone as well: both are noticed.
    if let Ok(response) = Client::connect(proxy.address).await.try_start(request).await {
        let (text, proper) = crate::support::client::Coming(response).rest().await;
        assert!(!proper, "{text} looks whole");
    }
    assert_eq!(proxy.log(1).await[0]["outcome"], "upstream_incomplete");
}

#[tokio::test]
async fn events_are_passed_on_as_they_come() {
    let (senders, mut queue) = tokio::sync::mpsc::unbounded_channel();
    let answer = move |_| {
        let (parts, response) = sse();
        senders.send(parts).unwrap();
        async move { response }
    };
    let fake = Fake::start(answer).await;
    let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    let request = post("/v1/chat/completions", r#"{"model":"m","stream":true}"#)
        .header("authorization", format!("Bearer {KEY}"));
    let mut client = Client::connect(proxy.address).await;
    let asking = tokio::spawn(async move { client.start(request).await });
    let parts = queue.recv().await.unwrap();
    let event = |number: usize| format!("data: {{\"n\":{number}}}\n\n");
    parts.send(Ok(event(0).into())).unwrap();
    let mut coming = asking.await.unwrap();
    // Each one is sent only when the one before has arrived.
    for number in 0..20 {
        assert_eq!(coming.part().await.unwrap().unwrap(), event(number));
        parts.send(Ok(event(number + 1).into())).unwrap();
    }
}
