//! Who is asked, and what becomes of what cannot be carried.

use super::speakers::Speaker;
use crate::support::fake::{Body, refusing, sse, sse_of};
use crate::support::{Client, Fake, KEY, Proxy, json, provider};
use bytes::Bytes;
use http::Response;
use llm_snapshot::provider::{Protocol, Provider};
use serde_json::{Value, json as value};

/// The same provider, asked only when those before it cannot.
fn later(mut provider: Provider, priority: u32) -> Provider {
    provider.models.iter_mut().for_each(|model| model.priority = priority);
    provider
}

async fn ask(proxy: &Proxy, path: &str, body: &Value, strict: bool) -> crate::support::Answer {
    let mut request = Speaker::Chat.request(path, body);
    if strict {
        request = request.header("x-llm-proxy-strict", "true");
    }
    Client::connect(proxy.address).await.send(request).await
}

#[tokio::test]
async fn failover_goes_across_protocols() {
    let good = Speaker::Messages.fake("text-basic", 200).await;
    let bad = Speaker::Gemini.fake("error-503-overloaded", 503).await;
    let mut nowhere = provider("c", &refusing().await);
    nowhere.protocols = [Protocol::ChatCompletions].into();
    let providers = [
        nowhere,
        later(Speaker::Gemini.provider("b", &bad), 1),
        later(Speaker::Messages.provider("a", &good), 2),
    ];
    let proxy = Proxy::serving(&providers).await;
    for client in [Speaker::Chat, Speaker::Messages, Speaker::Gemini] {
        let answer = client.ask(&proxy, false).await;
        assert_eq!(client.said(&answer.text(), false).text, "4200 + 42 = 4242", "{client:?}");
    }
    assert_eq!((bad.count(), good.count()), (3, 3));
    let log = proxy.log(3).await;
    assert!(log.iter().all(|line| line["attempts"] == 3 && line["provider"] == "team-a/a"), "{log:?}");
}

#[tokio::test]
async fn a_stream_that_fails_before_its_first_content_fails_over() {
    let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"x\",\"usage\":{}}}\n\n";
    let overloaded = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n\n";
    for parts in
        [vec![start], vec![start, overloaded], vec![overloaded], vec![start, "event: ping\ndata: {}\n\n"]]
    {
        let what = parts.concat();
        let bad = Fake::start(move |_| {
            let parts = parts.clone();
            async move { sse_of(&parts) }
        })
        .await;
        let good = Speaker::Gemini.fake("text-basic-stream", 200).await;
        let providers =
            [Speaker::Messages.provider("a", &bad), later(Speaker::Gemini.provider("b", &good), 1)];
        let proxy = Proxy::serving(&providers).await;
        let answer = Speaker::Chat.ask(&proxy, true).await;
        let said = Speaker::Chat.said(&answer.text(), true);
        assert_eq!(
            said.text,
            Speaker::Gemini.expected("text-basic-stream")["text"].as_str().unwrap(),
            "{what}"
        );
        assert_eq!(bad.count(), 1);
    }
}

#[tokio::test]
async fn a_candidate_that_cannot_do_what_is_asked_is_passed_over() {
    let claude = Speaker::Messages.fake("text-basic", 200).await;
    let openai = Speaker::Chat.fake("text-basic", 200).await;
    let providers =
        [Speaker::Messages.provider("a", &claude), later(Speaker::Chat.provider("b", &openai), 1)];
    let proxy = Proxy::serving(&providers).await;
    let several = value!({"model": "m", "n": 2, "messages": [{"role": "user", "content": "hi"}]});
    let answer = ask(&proxy, "/v1/chat/completions", &several, false).await;
    assert_eq!((answer.status.as_u16(), claude.count(), openai.count()), (200, 0, 1));
    // What it can do it does: it comes first.
    assert_eq!(Speaker::Chat.ask(&proxy, false).await.status, 200);
    assert_eq!((claude.count(), openai.count()), (1, 1));
    // A failure of the one that can is told as it is, although another is left that cannot.
    let broken = Fake::start(|_| async { json(500, "{\"error\":{\"message\":\"broken\"}}") }).await;
    let providers =
        [Speaker::Chat.provider("b", &broken), later(Speaker::Messages.provider("a", &claude), 1)];
    proxy.apply(&providers);
    let answer = ask(&proxy, "/v1/chat/completions", &several, false).await;
    assert_eq!((answer.status.as_u16(), answer.text().contains("broken"), claude.count()), (500, true, 1));
}

#[tokio::test]
async fn what_nobody_can_do_is_refused_by_its_path() {
    let claude = Speaker::Messages.fake("text-basic", 200).await;
    let proxy = Proxy::serving(&[Speaker::Messages.provider("a", &claude)]).await;
    let several = value!({"model": "m", "n": 2, "messages": [{"role": "user", "content": "hi"}]});
    let answer = ask(&proxy, "/v1/chat/completions", &several, false).await;
    let error = &answer.json()["error"];
    assert_eq!(answer.error().2, "unsupported_by_provider");
    assert_eq!((answer.status.as_u16(), &error["param"]), (400, &"n".into()));
    assert_eq!(claude.count(), 0);
    let line = &proxy.log(1).await[0];
    assert_eq!((&line["outcome"], &line["attempts"]), (&"unsupported_by_provider".into(), &0.into()));
}

#[tokio::test]
async fn what_is_dropped_is_told_or_refused() {
    let claude = Speaker::Messages.fake("text-basic", 200).await;
    let proxy = Proxy::serving(&[Speaker::Messages.provider("a", &claude)]).await;
    let body = value!({"model": "m", "seed": 7, "logit_bias": {"1": 2}, "temperature": 1.5,
        "messages": [{"role": "user", "content": "hi"}]});
    let answer = ask(&proxy, "/v1/chat/completions", &body, false).await;
    let warnings = answer.header("x-llm-proxy-warnings");
    for warning in ["seed_dropped", "logit_bias_dropped", "temperature_clamped"] {
        assert!(warnings.contains(warning), "{warnings}");
    }
    let strict = ask(&proxy, "/v1/chat/completions", &body, true).await;
    assert_eq!((strict.status.as_u16(), strict.error().2.as_str()), (400, "unsupported_by_provider"));
    assert_eq!(claude.count(), 1);
    // Nothing is dropped on the way to a provider of the same protocol.
    let openai = Speaker::Chat.fake("text-basic", 200).await;
    proxy.apply(&[Speaker::Chat.provider("b", &openai)]);
    let same = ask(&proxy, "/v1/chat/completions", &body, true).await;
    assert_eq!((same.status.as_u16(), same.header("x-llm-proxy-warnings")), (200, ""));
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_exchange() {
    let kept = std::sync::Arc::<std::sync::Mutex<Vec<_>>>::default();
    let keep = kept.clone();
    let answer = move |_| {
        let (parts, response) = sse();
        let stream =
            super::speakers::recorded("anthropic_messages", "stream-cut-eof", "response.sse").unwrap();
        parts.send(Ok(Bytes::from(stream))).unwrap();
        keep.lock().unwrap().push(parts);
        async move { response }
    };
    let fake = Fake::start(answer).await;
    let proxy = Proxy::serving(&[Speaker::Messages.provider("a", &fake)]).await;
    let (path, body) = Speaker::Gemini.question(true);
    let mut client = Client::connect(proxy.address).await;
    let mut coming = client.start(Speaker::Gemini.request(&path, &body)).await;
    coming.read_to("candidates").await;
    drop((coming, client));
    fake.left_alone().await;
    assert_eq!(proxy.log(1).await[0]["outcome"], "cancelled");
}

#[tokio::test]
async fn each_part_is_sent_on_when_it_comes() {
    let (parts, response) = sse();
    let response = std::sync::Mutex::new(Some(response));
    let response = std::sync::Arc::new(response);
    let fake = Fake::start(move |_| {
        let response: Response<Body> = response.lock().unwrap().take().unwrap();
        async move { response }
    })
    .await;
    let proxy = Proxy::serving(&[Speaker::Chat.provider("a", &fake)]).await;
    let (path, body) = Speaker::Messages.question(true);
    let asked =
        async { Client::connect(proxy.address).await.start(Speaker::Messages.request(&path, &body)).await };
    let chunk = |text: &str| {
        let chunk = value!({"id": "1", "model": "x", "choices": [{"index": 0, "delta": {"content": text}}]});
        parts.send(Ok(format!("data: {chunk}\n\n").into())).unwrap();
    };
    chunk("one");
    let mut coming = asked.await;
    coming.read_to("\"one\"").await;
    for word in ["two", "three"] {
        chunk(word);
        coming.read_to(&format!("\"{word}\"")).await;
    }
}

#[tokio::test]
async fn the_clients_key_goes_nowhere() {
    let openai = Speaker::Chat.fake("text-basic", 200).await;
    let gemini = Speaker::Gemini.fake("text-basic", 200).await;
    let (_, body) = Speaker::Gemini.question(false);
    for (fake, provider) in
        [(&openai, Speaker::Chat.provider("a", &openai)), (&gemini, Speaker::Gemini.provider("b", &gemini))]
    {
        let proxy = Proxy::serving(&[provider]).await;
        let path = format!("/v1beta/models/m:generateContent?key={KEY}");
        let request = crate::support::post(&path, body.to_string());
        assert_eq!(Client::connect(proxy.address).await.send(request).await.status, 200);
        let seen = &fake.seen()[0];
        assert!(!format!("{seen:?}").contains(KEY), "{seen:?}");
        let log = proxy.log(1).await;
        assert!(!log[0].to_string().contains(KEY), "{log:?}");
    }
}

#[tokio::test]
async fn a_call_that_its_provider_could_not_parse_is_no_answer() {
    let bad = value!({"candidates": [{"index": 0, "finishReason": "MALFORMED_FUNCTION_CALL", "content": {}}],
        "usageMetadata": {"promptTokenCount": 3}, "modelVersion": "gemini-2.5-flash"});
    let event = format!("data: {bad}\r\n\r\n");
    let gemini = Fake::start(move |seen: crate::support::Seen| {
        let response = match seen.path.contains("stream") {
            true => sse_of(&[&event]),
            false => json(200, bad.to_string()),
        };
        async move { response }
    })
    .await;
    let claude = Speaker::Messages.fake("text-basic", 200).await;
    let proxy = Proxy::serving(&[Speaker::Gemini.provider("a", &gemini)]).await;
    for stream in [false, true] {
        let answer = Speaker::Chat.ask(&proxy, stream).await;
        assert_eq!((answer.status.as_u16(), answer.error().1.as_str()), (502, "server_error"), "{stream}");
    }
    proxy
        .apply(&[Speaker::Gemini.provider("a", &gemini), later(Speaker::Messages.provider("b", &claude), 1)]);
    let answer = Speaker::Chat.ask(&proxy, false).await;
    assert_eq!(Speaker::Chat.said(&answer.text(), false).text, "4200 + 42 = 4242");
}

#[tokio::test]
async fn what_a_model_can_do_is_the_configurations_to_say() {
    let claude = Speaker::Messages.fake("text-basic", 200).await;
    let mut provider = Speaker::Messages.provider("a", &claude);
    let capabilities = value!({"max_output": 777, "sampling": "always"}).as_object().unwrap().clone();
    let mut any = crate::support::model("any-*", "claude-opus-5-*");
    any.capabilities.clone_from(&capabilities);
    provider.models[0].capabilities = capabilities;
    provider.models.push(any);
    provider.models.push(crate::support::model("known", "claude-3-haiku"));
    let proxy = Proxy::serving(std::slice::from_ref(&provider)).await;
    for (model, limit) in [("m", 777), ("any-x", 777), ("known", 4096)] {
        let body =
            value!({"model": model, "temperature": 0.5, "messages": [{"role": "user", "content": "hi"}]});
        assert_eq!(ask(&proxy, "/v1/chat/completions", &body, false).await.status, 200);
        let seen = claude.seen().pop().unwrap().json();
        assert_eq!((&seen["max_tokens"], &seen["temperature"]), (&limit.into(), &0.5.into()), "{model}");
    }
    provider.models[0].capabilities.insert("sampling".to_owned(), "sometimes".into());
    assert_eq!(proxy.apply(&[provider]).len(), 1, "an entry that cannot be read is rejected");
}

#[tokio::test]
async fn compatible_servers_are_asked_with_the_older_name_of_the_limit() {
    for (legacy, name) in [(true, "max_tokens"), (false, "max_completion_tokens")] {
        let openai = Speaker::Chat.fake("text-basic", 200).await;
        let mut provider = Speaker::Chat.provider("a", &openai);
        provider.options.legacy_max_tokens = legacy;
        let proxy = Proxy::serving(&[provider]).await;
        assert_eq!(Speaker::Messages.ask(&proxy, false).await.status, 200);
        let seen = openai.seen()[0].json();
        let limits = ["max_tokens", "max_completion_tokens"].map(|limit| seen.get(limit).is_some());
        assert_eq!(limits, [legacy, !legacy], "{seen}");
        assert_eq!(seen[name], 1000);
    }
}
