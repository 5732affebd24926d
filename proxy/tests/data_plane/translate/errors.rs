//! Errors, in the words of the client's protocol: the proxy's own, those of providers, and those in a stream.

use super::said::events;
use super::speakers::{SPEAKERS, Speaker, pairs, recorded};
use crate::support::fake::{sse, sse_of};
use crate::support::{Answer, Client, Fake, KEY, MAX_BODY, Proxy, get, json, post};
use bytes::Bytes;
use serde_json::{Value, json as value};
use std::sync::{Arc, Mutex};

/// The word for a kind of error that a client hears, and its message.
fn word(client: Speaker, error: &Value) -> (String, String) {
    let (object, name) = match client {
        Speaker::Chat | Speaker::Responses => (&error["error"], "type"),
        Speaker::Messages => {
            assert_eq!(error["type"], "error", "{error}");
            (&error["error"], "type")
        }
        Speaker::Gemini => (&error["error"], "status"),
    };
    let text =
        |name: &str| object[name].as_str().unwrap_or_else(|| panic!("no {name} in {error}")).to_owned();
    (text(name), text("message"))
}

/// The place of a client's words in the tables below. Those of Responses are OpenAI's.
fn place(client: Speaker) -> usize {
    match client {
        Speaker::Chat | Speaker::Responses => 0,
        Speaker::Messages => 1,
        Speaker::Gemini => 2,
    }
}

fn assert_error(client: Speaker, answer: &Answer, status: u16, words: [&str; 3], what: &str) -> String {
    let at = place(client);
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json", "{what}");
    let (word, message) = word(client, &answer.json());
    assert_eq!(word, words[at], "{what}");
    message
}

#[tokio::test]
async fn the_proxys_own_errors_are_in_the_callers_dialect() {
    let fake = Speaker::Chat.fake("text-basic", 200).await;
    let proxy = Proxy::serving(&[Speaker::Chat.provider("a", &fake)]).await;
    for client in SPEAKERS {
        let (path, body) = client.question(false);
        let send = async |request| Client::connect(proxy.address).await.send(request).await;
        let answer = send(post(&path, body.to_string())).await;
        let words = ["invalid_request_error", "authentication_error", "UNAUTHENTICATED"];
        assert_error(client, &answer, 401, words, "no key");
        let other = |text: &str| text.replace("models/m:", "models/nothing:");
        let mut unknown = body.clone();
        unknown["model"] = "nothing".into();
        let answer = send(client.request(&other(&path), &unknown)).await;
        let words = ["invalid_request_error", "not_found_error", "NOT_FOUND"];
        assert_error(client, &answer, 404, words, "unknown model");
        let request = post(&path, " ".repeat(MAX_BODY as usize + 1)).header("x-api-key", KEY);
        let words = ["invalid_request_error", "request_too_large", "INVALID_ARGUMENT"];
        assert_error(client, &send(request).await, 413, words, "too large");
        let words = ["invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"];
        let request = get(&path).header("x-api-key", KEY).header("anthropic-version", "2023-06-01");
        if client == Speaker::Messages {
            assert_error(client, &send(request).await, 405, words, "method");
        }
        if client != Speaker::Chat {
            let request =
                client.request(&path, &value!({"messages": 7, "contents": 7, "input": 7, "model": "m"}));
            assert_error(client, &send(request).await, 400, words, "unreadable");
        }
    }
    let nowhere = get("/v1beta/nowhere").header("x-goog-api-key", KEY);
    let answer = Client::connect(proxy.address).await.send(nowhere).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]["status"]), (404, &"NOT_FOUND".into()));
}

#[tokio::test]
async fn errors_of_a_gemini_stream_without_events_are_an_array() {
    let fake = Speaker::Messages.fake("error-500", 500).await;
    let proxy = Proxy::serving(&[Speaker::Messages.provider("a", &fake)]).await;
    let (_, body) = Speaker::Gemini.question(true);
    for (model, status) in [("m", 500), ("nothing", 404)] {
        let path = format!("/v1beta/models/{model}:streamGenerateContent");
        let answer = Client::connect(proxy.address).await.send(Speaker::Gemini.request(&path, &body)).await;
        assert_eq!(answer.json()[0]["error"]["code"], answer.status.as_u16(), "{status} {}", answer.text());
    }
}

#[tokio::test]
async fn errors_of_providers_are_in_the_callers_dialect() {
    let limited = ["requests", "rate_limit_error", "RESOURCE_EXHAUSTED"];
    // OpenAI says which limit it is.
    let tokens = ["tokens", "rate_limit_error", "RESOURCE_EXHAUSTED"];
    let server = ["server_error", "api_error", "INTERNAL"];
    let overloaded = ["server_error", "overloaded_error", "UNAVAILABLE"];
    let missing = ["invalid_request_error", "not_found_error", "NOT_FOUND"];
    let table = [
        (Speaker::Messages, "error-429", 429, 429, limited),
        (Speaker::Messages, "error-500", 500, 502, server),
        (Speaker::Messages, "model-not-found", 404, 404, missing),
        (Speaker::Messages, "auth-error", 401, 502, server),
        (Speaker::Chat, "error-429-tokens", 429, 429, tokens),
        (Speaker::Chat, "error-500", 500, 502, server),
        (Speaker::Chat, "model-not-found", 404, 404, missing),
        (Speaker::Chat, "auth-error", 401, 502, server),
        (Speaker::Gemini, "error-429-quota-retryinfo", 429, 429, limited),
        (Speaker::Gemini, "error-503-overloaded", 503, 503, overloaded),
        (Speaker::Gemini, "auth-error", 400, 502, server),
    ];
    for (speaker, case, status, expected, words) in table {
        let fake = speaker.fake(case, status).await;
        let proxy = Proxy::serving(&[speaker.provider("a", &fake)]).await;
        for (client, _) in pairs().filter(|(_, provider)| *provider == speaker) {
            for stream in [false, true] {
                let what = format!("{client:?} of {speaker:?}, {case}, stream: {stream}");
                let answer = client.ask(&proxy, stream).await;
                // Anthropic has a status of its own for what is overloaded.
                let expected = if expected == 503 && client == Speaker::Messages { 529 } else { expected };
                let message = assert_error(client, &answer, expected, words, &what);
                assert!(!message.contains("org-REDACTED") && !message.is_empty(), "{message}");
                if case == "error-429-quota-retryinfo" {
                    assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0, "{what}");
                }
                if case == "auth-error" {
                    assert!(
                        !message.contains("API key not valid") && !message.contains("x-api-key"),
                        "{message}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn a_gemini_client_of_gemini_is_not_blamed_for_the_proxys_key() {
    let fake = Speaker::Gemini.fake("auth-error", 400).await;
    let proxy = Proxy::serving(&[Speaker::Gemini.provider("a", &fake)]).await;
    let answer = Speaker::Gemini.ask(&proxy, false).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]["status"]), (502, &"INTERNAL".into()));
}

#[tokio::test]
async fn ids_of_organisations_stay_with_the_proxy_whatever_the_protocols() {
    let fake = Speaker::Chat.fake("error-429-tokens", 429).await;
    let proxy = Proxy::serving(&[Speaker::Chat.provider("a", &fake)]).await;
    let answer = Speaker::Chat.ask(&proxy, false).await;
    assert!(answer.status == 429 && answer.text().contains("org-[redacted] on tokens"), "{}", answer.text());
}

/// A recorded stream up to its first words, and the rest.
fn halves(speaker: Speaker, case: &str) -> (String, String) {
    let stream = recorded(speaker.folder(), case, "response.sse").unwrap();
    let words = stream.find("\"H").unwrap();
    let end = words + stream[words..].find("\n\n").unwrap() + 2;
    (stream[..end].to_owned(), stream[end..].to_owned())
}

#[tokio::test]
async fn a_stream_that_fails_ends_in_an_error_of_the_clients_protocol() {
    let incomplete = ["server_error", "api_error", "INTERNAL"];
    let overloaded = ["server_error", "overloaded_error", "UNAVAILABLE"];
    let table = [
        (Speaker::Messages, "error-midstream-overloaded", overloaded, "upstream_stream_error"),
        (Speaker::Messages, "stream-cut-eof", incomplete, "upstream_incomplete"),
        (Speaker::Chat, "stream-no-done-eof", incomplete, "upstream_incomplete"),
        (Speaker::Gemini, "stream-cut-eof", incomplete, "upstream_incomplete"),
    ];
    for (speaker, case, words, outcome) in table {
        for (client, _) in pairs().filter(|(_, provider)| *provider == speaker) {
            let what = format!("{client:?} of {speaker:?}, {case}");
            let (head, rest) = halves(speaker, case);
            let (parts, response) = sse();
            parts.send(Ok(head.into())).unwrap();
            let response = Arc::new(Mutex::new(Some(response)));
            let fake = Fake::start(move |_| {
                let response = response.lock().unwrap().take().unwrap();
                async move { response }
            })
            .await;
            let proxy = Proxy::serving(&[speaker.provider("a", &fake)]).await;
            let (path, body) = client.question(true);
            let mut coming = Client::connect(proxy.address).await.start(client.request(&path, &body)).await;
            assert_eq!(coming.0.status(), 200, "{what}");
            let mut text = coming.read_to("\"H").await;
            parts.send(Ok(rest.into())).unwrap();
            drop(parts);
            text.push_str(&coming.rest().await.0);
            assert!(
                !text.contains("[DONE]") && !text.contains("message_stop") && !text.contains("finishReason")
            );
            let events = events(&text);
            assert!(events.len() > 1, "{what}: {text}");
            if client == Speaker::Responses {
                let types: Vec<_> = events.iter().rev().take(2).map(|event| event["type"].clone()).collect();
                assert_eq!(types, ["response.failed", "error"], "{what}: {text}");
                assert_eq!(proxy.log(1).await[0]["outcome"], outcome, "{what}");
                continue;
            }
            let at = place(client);
            assert_eq!(word(client, events.last().unwrap()).0, words[at], "{what}");
            assert_eq!(text.contains("event: error\n"), client == Speaker::Messages, "{what}");
            assert_eq!(proxy.log(1).await[0]["outcome"], outcome, "{what}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_or_hangs_is_an_error_too() {
    for breaks in [true, false] {
        let kept = Arc::<Mutex<Vec<_>>>::default();
        let keep = kept.clone();
        let answer = move |_| {
            let (parts, response) = sse();
            let stream = recorded("anthropic_messages", "stream-cut-eof", "response.sse").unwrap();
            parts.send(Ok(Bytes::from(stream))).unwrap();
            match breaks {
                true => parts.send(Err(crate::support::fake::broken())).unwrap(),
                false => keep.lock().unwrap().push(parts),
            }
            async move { response }
        };
        let fake = Fake::start(answer).await;
        let mut provider = Speaker::Messages.provider("a", &fake);
        provider.timeouts.stream_idle_ms = 300;
        let proxy = Proxy::serving(&[provider]).await;
        let answer = Speaker::Chat.ask(&proxy, true).await;
        let last = events(&answer.text()).pop().unwrap();
        let code = if breaks { "upstream_incomplete" } else { "timeout" };
        assert_eq!(last["error"]["code"], code, "{}", answer.text());
    }
}

#[tokio::test]
async fn garbage_is_the_providers_fault() {
    for body in ["not json", "{}", "[]", "{\"candidates\":7}"] {
        let fake = Fake::start(move |_| async move { json(200, body) }).await;
        let proxy = Proxy::serving(&[Speaker::Messages.provider("a", &fake)]).await;
        let answer = Speaker::Chat.ask(&proxy, false).await;
        assert_eq!(answer.error(), (502, "server_error".to_owned(), "upstream_error".to_owned()), "{body}");
    }
    let fake = Fake::start(|_| async { sse_of(&["data: {\"type\":\"message_start\"\n\n"]) }).await;
    let proxy = Proxy::serving(&[Speaker::Messages.provider("a", &fake)]).await;
    assert_eq!(Speaker::Chat.ask(&proxy, true).await.status, 502);
}

#[tokio::test]
async fn limits_are_told_in_the_clients_words() {
    let fake = Fake::start(|_| async {
        let mut response = Speaker::Chat.answer("error-429-tokens", 429);
        for (name, value) in [("x-ratelimit-limit-tokens", "30000"), ("retry-after-ms", "18642")] {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        response
    })
    .await;
    let proxy = Proxy::serving(&[Speaker::Chat.provider("a", &fake)]).await;
    let claude = Speaker::Messages.ask(&proxy, false).await;
    let names =
        ["anthropic-ratelimit-tokens-limit", "retry-after", "x-should-retry", "x-ratelimit-limit-tokens"];
    assert_eq!(names.map(|name| claude.header(name)), ["30000", "19", "true", ""]);
    for speaker in [Speaker::Chat, Speaker::Responses] {
        let same = speaker.ask(&proxy, false).await;
        assert_eq!(same.header("x-ratelimit-limit-tokens"), "30000", "{speaker:?}");
    }
}

#[tokio::test]
async fn when_to_come_back_is_told_to_every_client() {
    let date = "Wed, 21 Oct 2026 07:28:00 GMT";
    // What the provider says, and what its clients hear in each of the two headers; only OpenAI's know the second.
    let table = [
        (("retry-after-ms", "18642"), ("19", "18642")),
        (("retry-after", "7"), ("7", "7000")),
        (("retry-after", "0.2"), ("1", "200")),
        (("retry-after", date), (date, "")),
        (("retry-after", "soon"), ("", "")),
        (("retry-after", "-1"), ("", "")),
    ];
    for ((name, value), (after, exactly)) in table {
        for (speaker, case) in [(Speaker::Responses, "error-429-tokens"), (Speaker::Messages, "error-429")] {
            let fake = Fake::start(move |_| async move {
                let mut response = speaker.answer(case, 429);
                response.headers_mut().insert(name, value.parse().unwrap());
                response
            })
            .await;
            let proxy = Proxy::serving(&[speaker.provider("a", &fake)]).await;
            for (client, _) in pairs().filter(|(_, provider)| *provider == speaker) {
                let answer = client.ask(&proxy, false).await;
                let is_openais = matches!(client, Speaker::Chat | Speaker::Responses);
                let expected = (after, if is_openais { exactly } else { "" });
                let told = (answer.header("retry-after"), answer.header("retry-after-ms"));
                assert_eq!(told, expected, "{name}: {value} of {speaker:?} to {client:?}");
            }
        }
    }
}

#[tokio::test]
async fn clients_of_anthropic_are_told_whether_to_try_again_by_the_proxy_itself_too() {
    let fake = Fake::start(|_| async { json(200, "<html>") }).await;
    let proxy = Proxy::serving(&[Speaker::Chat.provider("a", &fake)]).await;
    for (client, again) in [(Speaker::Messages, "true"), (Speaker::Chat, ""), (Speaker::Gemini, "")] {
        let answer = client.ask(&proxy, false).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-should-retry")), (502, again), "{client:?}");
    }
    let (path, body) = Speaker::Messages.question(false);
    let answer = Client::connect(proxy.address).await.send(post(&path, body.to_string())).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-should-retry")), (401, "false"));
}
