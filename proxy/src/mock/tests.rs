use super::*;
use crate::upstream::{BodyError, Target};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    first_byte: Duration::from_secs(60),
    stream_idle: Duration::from_secs(30),
    total: Duration::from_secs(600),
};

fn config() -> Mock {
    Mock { latency_ms: 0, tokens_per_second: 0, reply: None, error_percent: 0, fault: Fault::ServerError }
}

fn failing(fault: Fault) -> MockProvider {
    MockProvider::new(&Mock { error_percent: 100, fault, ..config() })
}

fn post(body: &Value) -> Request<Bytes> {
    Request::builder().method(Method::POST).uri(PATH).body(body.to_string().into()).unwrap()
}

fn chat(text: &str) -> Value {
    json!({"model": "m-1", "messages": [{"role": "user", "content": text}]})
}

fn streamed(text: &str, include_usage: bool) -> Value {
    let mut chat = chat(text);
    chat["stream"] = json!(true);
    if include_usage {
        chat["stream_options"] = json!({"include_usage": true});
    }
    chat
}

async fn answer(mock: &MockProvider, request: &Value) -> (StatusCode, Value) {
    let response = mock.send(post(request), &TIMEOUTS).await.unwrap();
    assert_eq!(response.headers()[CONTENT_TYPE], JSON);
    let status = response.status();
    (status, serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap())
}

/// The events of a stream; the last is the terminator.
fn events(stream: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stream).unwrap().strip_suffix("data: [DONE]\n\n").unwrap();
    let event = |event: &str| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap();
    text.split_terminator("\n\n").map(event).collect()
}

async fn stream(mock: &MockProvider, request: &Value) -> Vec<Value> {
    let response = mock.send(post(request), &TIMEOUTS).await.unwrap();
    assert_eq!((response.status(), &response.headers()[CONTENT_TYPE]), (StatusCode::OK, &EVENTS));
    events(&response.into_body().collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn it_repeats_the_last_user_message() {
    let mock = MockProvider::new(&config());
    let request = json!({"model": "m-1", "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": null, "tool_calls": []},
        {"role": "user", "content": [
            {"type": "text", "text": "one two "},
            {"type": "image_url", "image_url": {"url": "data:"}},
            {"type": "text", "text": "three"},
        ]},
        {"role": "tool", "content": "ignored", "tool_call_id": "1"},
    ]});
    let (status, body) = answer(&mock, &request).await;
    assert_eq!(status, StatusCode::OK);
    assert!(body["id"].as_str().unwrap().starts_with("chatcmpl-") && body["created"].as_u64().unwrap() > 0);
    assert_eq!((&body["object"], &body["model"]), (&json!("chat.completion"), &json!("m-1")));
    assert_eq!(
        body["choices"],
        json!([{
            "index": 0,
            "message": {"role": "assistant", "content": "one two three", "refusal": null},
            "logprobs": null,
            "finish_reason": "stop",
        }])
    );
    let usage = json!({"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10});
    assert_eq!(body["usage"], usage);
}

#[tokio::test]
async fn it_says_what_it_is_told_to() {
    let mock = MockProvider::new(&Mock { reply: Some("It is \"so\".\n".into()), ..config() });
    assert_eq!(answer(&mock, &chat("is it?")).await.1["choices"][0]["message"]["content"], "It is \"so\".\n");
    let silent = json!({"model": "m", "messages": [{"role": "system", "content": "x"}]});
    let mock = MockProvider::new(&config());
    assert_eq!(answer(&mock, &silent).await.1["choices"][0]["message"]["content"], answer::GREETING);
}

#[tokio::test]
async fn it_stops_at_the_most_tokens_allowed() {
    let mock = MockProvider::new(&config());
    for limit in ["max_tokens", "max_completion_tokens"] {
        let mut request = chat("one two three");
        request[limit] = json!(2);
        let (_, body) = answer(&mock, &request).await;
        assert_eq!(body["choices"][0]["message"]["content"], "one two");
        assert_eq!(
            (&body["choices"][0]["finish_reason"], &body["usage"]["completion_tokens"]),
            (&json!("length"), &json!(2))
        );
        request["stream"] = json!(true);
        let chunks = stream(&mock, &request).await;
        assert_eq!((chunks.len(), &chunks[3]["choices"][0]["finish_reason"]), (4, &json!("length")));
        (request[limit], request["stream"]) = (json!(3), json!(false));
        assert_eq!(answer(&mock, &request).await.1["choices"][0]["finish_reason"], "stop");
    }
}

#[tokio::test]
async fn a_stream_has_the_role_the_tokens_and_the_end() {
    let mock = MockProvider::new(&config());
    let chunks = stream(&mock, &streamed("Hello, my world", false)).await;
    let deltas: Vec<_> = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]).collect();
    assert_eq!(
        deltas,
        [
            &json!({"role": "assistant", "content": ""}),
            &json!({"content": "Hello,"}),
            &json!({"content": " my"}),
            &json!({"content": " world"}),
            &json!({}),
        ]
    );
    let finish: Vec<_> = chunks.iter().map(|chunk| &chunk["choices"][0]["finish_reason"]).collect();
    assert_eq!(finish, [&Value::Null, &Value::Null, &Value::Null, &Value::Null, &json!("stop")]);
    for chunk in &chunks {
        assert_eq!((&chunk["id"], &chunk["created"]), (&chunks[0]["id"], &chunks[0]["created"]));
        assert_eq!((&chunk["object"], &chunk["model"]), (&json!("chat.completion.chunk"), &json!("m-1")));
        assert!(chunk.get("usage").is_none(), "nobody asked for it");
    }
    assert_ne!(chunks[0]["id"], stream(&mock, &streamed("again", false)).await[0]["id"]);
}

#[tokio::test]
async fn a_stream_tells_its_usage_when_asked_to() {
    let mock = MockProvider::new(&config());
    let chunks = stream(&mock, &streamed("one two", true)).await;
    let (last, others) = chunks.split_last().unwrap();
    assert!(others.iter().all(|chunk| chunk["usage"].is_null() && chunk.get("usage").is_some()));
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"], json!({"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}));
}

#[tokio::test]
async fn a_long_answer_comes_in_frames_of_bounded_size() {
    let text = "word ".repeat(2_000);
    let mock = MockProvider::new(&config());
    let mut body = mock.send(post(&streamed(&text, false)), &TIMEOUTS).await.unwrap().into_body();
    let (mut read, mut frames) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.unwrap().into_data().unwrap();
        assert!(frame.len() < 2 * 16 * 1024);
        read.extend_from_slice(&frame);
        frames += 1;
    }
    assert!(frames > 10);
    let said: String =
        events(&read).iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(said, text);
}

#[tokio::test(start_paused = true)]
async fn it_takes_its_time() {
    let mock = MockProvider::new(&Mock { latency_ms: 300, tokens_per_second: 10, ..config() });
    let started = Instant::now();
    let elapsed = || (Instant::now() - started).as_millis();
    answer(&mock, &chat("one two three")).await;
    assert_eq!(elapsed(), 300);
    let mut body = mock.send(post(&streamed("one two three", false)), &TIMEOUTS).await.unwrap().into_body();
    assert_eq!(elapsed(), 600, "latency is the time to the first byte");
    let mut seen = Vec::new();
    while let Some(frame) = body.frame().await {
        let text = String::from_utf8(frame.unwrap().into_data().unwrap().into()).unwrap();
        seen.push((elapsed(), text.matches("\"content\"").count(), text.contains("[DONE]")));
    }
    assert_eq!(seen, [(600, 2, false), (700, 1, false), (800, 1, true)]);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_comes_late_gets_all_that_is_due() {
    let mock = MockProvider::new(&Mock { tokens_per_second: 10, ..config() });
    let mut body = mock.send(post(&streamed("1 2 3 4 5", false)), &TIMEOUTS).await.unwrap().into_body();
    tokio::time::sleep(Duration::from_millis(250)).await;
    let mut tokens = Vec::new();
    while let Some(frame) = body.frame().await {
        let text = String::from_utf8(frame.unwrap().into_data().unwrap().into()).unwrap();
        tokens.push(text.matches("\"content\"").count());
    }
    assert_eq!(tokens, [1 + 3, 1, 1]);
}

#[tokio::test]
async fn failures_are_spread_evenly_and_the_same_each_time() {
    for (percent, first) in [(0, None), (1, Some(99)), (25, Some(3)), (50, Some(1)), (100, Some(0))] {
        let failures = Failures::new(percent);
        let failed: Vec<usize> = (0..200).filter(|_| failures.next()).collect();
        assert_eq!(failed.len(), 2 * percent as usize);
        assert_eq!(failed.first().copied(), first, "{percent}");
        let gaps = failed.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(gaps.clone().max().unwrap_or(0) - gaps.min().unwrap_or(0) <= 1, "{percent}: {failed:?}");
    }
    let mock = MockProvider::new(&Mock { error_percent: 50, ..config() });
    let mut statuses = Vec::new();
    for _ in 0..4 {
        // What it cannot answer anyway does not count.
        answer(&mock, &json!({})).await;
        statuses.push(answer(&mock, &chat("x")).await.0.as_u16());
    }
    assert_eq!(statuses, [200, 500, 200, 500]);
}

#[tokio::test]
async fn it_fails_with_a_status() {
    for request in [chat("x"), streamed("x", false)] {
        let (status, body) = answer(&failing(Fault::ServerError), &request).await;
        assert_eq!((status.as_u16(), &body["error"]["type"]), (500, &json!("server_error")));
        let response = failing(Fault::RateLimit).send(post(&request), &TIMEOUTS).await.unwrap();
        assert_eq!((response.status().as_u16(), &response.headers()[RETRY_AFTER]), (429, &RETRY_SECONDS));
        let body: Value =
            serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap();
        assert_eq!(body["error"]["code"], "rate_limit_exceeded");
    }
}

#[tokio::test]
async fn it_fails_by_breaking_off() {
    let error = failing(Fault::Disconnect).send(post(&chat("x")), &TIMEOUTS).await.unwrap_err();
    assert!(matches!(error, SendError::Broken { sent: true, .. }), "{error:?}");

    let truncating = failing(Fault::Truncate);
    assert_eq!(answer(&truncating, &chat("x")).await.0.as_u16(), 500);
    let mut body = truncating.send(post(&streamed("1 2 3 4", true)), &TIMEOUTS).await.unwrap().into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let first = std::str::from_utf8(&first).unwrap();
    assert_eq!(first.matches("\"content\"").count(), 3, "the role and half of the tokens: {first}");
    assert!(!first.contains("[DONE]"));
    let error = body.frame().await.unwrap().unwrap_err();
    assert!(matches!(error, BodyError::Broken(None)), "{error:?}");
    assert!(body.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn it_hangs_until_a_limit() {
    for (total, expected, after) in [(600, "FirstByteTimeout", 60), (20, "TotalTimeout", 20)] {
        let timeouts = Timeouts { total: Duration::from_secs(total), ..TIMEOUTS };
        let slow = MockProvider::new(&Mock { latency_ms: u64::MAX, ..config() });
        for mock in [failing(Fault::Hang), slow] {
            let started = Instant::now();
            let error = mock.send(post(&chat("x")), &timeouts).await.unwrap_err();
            assert_eq!((format!("{error:?}"), started.elapsed().as_secs()), (expected.to_owned(), after));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_keeps_the_limits_too() {
    let mock = MockProvider::new(&Mock { tokens_per_second: 1, ..config() });
    let cases = [
        (Timeouts { stream_idle: Duration::from_millis(500), ..TIMEOUTS }, 1, "Idle", 500),
        (Timeouts { total: Duration::from_millis(1500), ..TIMEOUTS }, 2, "Total", 1500),
    ];
    for (timeouts, frames, expected, after) in cases {
        let started = Instant::now();
        let mut body = mock.send(post(&streamed("1 2 3 4", false)), &timeouts).await.unwrap().into_body();
        for _ in 0..frames {
            body.frame().await.unwrap().unwrap();
        }
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!((format!("{error:?}"), started.elapsed().as_millis()), (expected.to_owned(), after));
        assert!(body.frame().await.is_none());
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused_without_being_repeated() {
    let mock = MockProvider::new(&config());
    let cases = [
        (json!({"messages": [{"role": "user", "content": "x"}]}), json!("model")),
        (json!({"model": "", "messages": [{"role": "user", "content": "x"}]}), json!("model")),
        (json!({"model": "m"}), json!("messages")),
        (json!({"model": "m", "messages": []}), json!("messages")),
        (json!({"model": "m", "messages": "sk-canary"}), Value::Null),
        (json!({"model": "m", "messages": [{"role": "user", "content": {"sk-canary": 1}}]}), Value::Null),
        (json!({"model": {"sk-canary": 1}, "messages": []}), Value::Null),
        (json!("sk-canary"), Value::Null),
    ];
    for (request, param) in cases {
        let (status, body) = answer(&mock, &request).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{request}");
        assert_eq!(body["error"]["type"], "invalid_request_error");
        assert_eq!(body["error"]["param"], param, "{request}");
        assert!(!body.to_string().contains("canary"), "{body}");
    }
    let mut request = post(&chat("x"));
    *request.body_mut() = Bytes::from_static(b"{\"model\": \xff");
    assert_eq!(mock.send(request, &TIMEOUTS).await.unwrap().status(), StatusCode::BAD_REQUEST);
    for (method, path) in [(Method::GET, PATH), (Method::POST, "/embeddings")] {
        let mut request = post(&chat("x"));
        (*request.method_mut(), *request.uri_mut()) = (method, path.parse().unwrap());
        assert_eq!(mock.send(request, &TIMEOUTS).await.unwrap().status(), StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn as_a_target_it_is_like_any_other() {
    let target = Target::Mock(Arc::new(MockProvider::new(&config())));
    let response = target.send(post(&chat("hello")), &TIMEOUTS).await.unwrap();
    let body = response.into_body();
    let length = http_body::Body::size_hint(&body).exact().unwrap();
    assert_eq!(body.collect().await.unwrap().to_bytes().len() as u64, length);
}

#[test]
fn tokens_are_words_and_all_of_the_text() {
    let cases: [(&str, &[&str]); 6] = [
        ("", &[]),
        (" ", &[" "]),
        ("one two\n\nthree ", &["one", " two", "\n\nthree", " "]),
        ("abcdefghijklmnopqrstuvwxyz", &["abcdefghijklmnop", "qrstuvwxyz"]),
        ("日本語の長い文章はここで切れます", &["日本語の長い文章はここで切れます"]),
        ("日本語の長い文章はここで切れます。", &["日本語の長い文章はここで切れます", "。"]),
    ];
    for (text, expected) in cases {
        assert_eq!(tokens::Tokens(text).collect::<Vec<_>>(), expected);
        assert_eq!(tokens::count(text), expected.len() as u64);
    }
}
