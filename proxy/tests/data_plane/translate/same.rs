//! Clients of the provider's own protocol: their bytes pass, but for what policy changes.

use super::speakers::{SPEAKERS, Speaker, recorded};
use crate::support::fake::sse_of;
use crate::support::{Client, Fake, Proxy, Seen, json};
use serde_json::{Value, json as value};

#[tokio::test]
async fn bytes_pass_in_both_directions_and_are_counted() {
    for speaker in SPEAKERS {
        for (case, stream) in [("text-basic", false), ("text-basic-stream", true)] {
            let fake = speaker.fake(case, 200).await;
            let proxy = Proxy::serving(&[speaker.provider("a", &fake)]).await;
            let answer = speaker.ask(&proxy, stream).await;
            let file = if stream { "response.sse" } else { "response.json" };
            assert_eq!(answer.text(), recorded(speaker.folder(), case, file).unwrap(), "{speaker:?} {case}");
            let (_, mut sent) = speaker.question(stream);
            if speaker != Speaker::Gemini {
                sent["model"] = fake.seen()[0].json()["model"].clone();
            }
            assert_eq!(fake.seen()[0].json(), sent, "{speaker:?}");
            speaker.got_the_question(&fake.seen()[0], stream);
            let usage = &speaker.expected(case)["usage"];
            let line = &proxy.log(1).await[0];
            assert_eq!(line["outcome"], "ok", "{speaker:?} {case}");
            let counted = (&line["input_tokens"], &line["output_tokens"]);
            assert_eq!(counted, (&usage["input_total"], &usage["output_total"]), "{speaker:?} {case}");
        }
    }
}

#[tokio::test]
async fn streams_that_end_early_are_errors_in_their_own_protocol() {
    for (speaker, case) in [(Speaker::Messages, "stream-cut-eof"), (Speaker::Gemini, "stream-cut-eof")] {
        let fake = speaker.fake(case, 200).await;
        let proxy = Proxy::serving(&[speaker.provider("a", &fake)]).await;
        let answer = speaker.ask(&proxy, true).await;
        let last = super::said::events(&answer.text()).pop().unwrap();
        assert!(last["error"].is_object(), "{}", answer.text());
        assert_eq!(answer.text().contains("event: error\n"), speaker == Speaker::Messages);
        assert_eq!(proxy.log(1).await[0]["outcome"], "upstream_incomplete");
    }
}

#[tokio::test]
async fn counts_are_asked_for_in_streams_and_hidden_from_clients_that_did_not_ask() {
    let chunk = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}],\"usage\":null}\n\n";
    let counts = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}\n\n";
    let done = "data: [DONE]\n\n";
    for parts in
        [vec![chunk, counts, done], vec![chunk, "", counts.split_at(20).0, counts.split_at(20).1, done]]
    {
        let fake = Fake::start(move |_| {
            let parts = parts.clone();
            async move { sse_of(&parts) }
        })
        .await;
        let mut provider = Speaker::Chat.provider("a", &fake);
        provider.options.stream_usage = true;
        let proxy = Proxy::serving(&[provider]).await;
        let silent = proxy.ask("/v1/chat/completions", r#"{"model":"m","stream":true}"#).await;
        assert_eq!(silent.text(), [chunk, done].concat());
        let asking = r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#;
        assert_eq!(proxy.ask("/v1/chat/completions", asking).await.text(), [chunk, counts, done].concat());
        assert_eq!(proxy.ask("/v1/chat/completions", r#"{"model":"m"}"#).await.status, 200);
        let asked: Vec<Value> =
            fake.seen().iter().map(|seen| seen.json()["stream_options"].clone()).collect();
        assert_eq!(asked, [value!({"include_usage": true}), value!({"include_usage": true}), Value::Null]);
        let log = proxy.log(3).await;
        assert!(log[..2].iter().all(|line| line["output_tokens"] == 5), "{log:?}");
    }
}

#[tokio::test]
async fn prompts_are_marked_for_the_cache_where_that_is_wanted() {
    let fake = Speaker::Messages.fake("text-basic", 200).await;
    let mut provider = Speaker::Messages.provider("a", &fake);
    provider.options.cache_min_tokens = Some(100);
    let proxy = Proxy::serving(&[provider]).await;
    let long = "word ".repeat(1000);
    let body = value!({"model": "m", "max_tokens": 10, "system": long, "metadata": {"user_id": "u"},
        "unknown": {"kept": 1.50}, "messages": [{"role": "user", "content": "hi"}]});
    let request = Speaker::Messages.request("/v1/messages", &body);
    let answer = Client::connect(proxy.address).await.send(request).await;
    // The answer passes as it is all the same.
    assert_eq!(answer.text(), recorded("anthropic_messages", "text-basic", "response.json").unwrap());
    let seen = fake.seen()[0].json();
    assert_eq!(seen["system"][0]["cache_control"]["type"], "ephemeral", "{seen}");
    assert_eq!((&seen["unknown"], &seen["metadata"]), (&body["unknown"], &body["metadata"]));
    // Marks of the client's own are left alone.
    let mut marked = body.clone();
    marked["messages"][0]["content"] =
        value!([{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]);
    Client::connect(proxy.address).await.send(Speaker::Messages.request("/v1/messages", &marked)).await;
    assert_eq!(fake.seen()[1].json()["system"], long.as_str());
}

#[tokio::test]
async fn state_of_another_provider_never_reaches_one_that_did_not_make_it() {
    let fake = Fake::start(async |seen: Seen| json(200, seen.body)).await;
    let proxy = Proxy::serving(&[Speaker::Messages.provider("a", &fake)]).await;
    let thinking = |signature: &str| {
        value!({"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "so", "signature": signature}, {"type": "text", "text": "yes"}]},
            {"role": "user", "content": "and?"}]})
    };
    for (signature, kept) in [("EqQBCgIYAg==", true), ("xp1.gemini.AbCd", false)] {
        let request = Speaker::Messages.request("/v1/messages", &thinking(signature));
        assert_eq!(Client::connect(proxy.address).await.send(request).await.status, 200);
        let seen = fake.seen().pop().unwrap().json().to_string();
        assert_eq!(seen.contains(signature), kept, "{seen}");
        assert!(seen.contains("yes") && seen.contains("and?"), "{seen}");
    }
    // Gemini's SDKs take state for bytes: that of others is in base64 there.
    let proxy = Proxy::serving(&[Speaker::Gemini.provider("a", &fake)]).await;
    for (signature, kept) in [("EqQBCgIYAg==", true), ("eHAxLm9wZW5haS5BYkNk", false)] {
        let body = value!({"contents": [{"role": "user", "parts": [{"text": "hi"}]},
            {"role": "model", "parts": [{"text": "yes", "thoughtSignature": signature}]},
            {"role": "user", "parts": [{"text": "and?"}]}]});
        let request = Speaker::Gemini.request("/v1beta/models/m:generateContent", &body);
        assert_eq!(Client::connect(proxy.address).await.send(request).await.status, 200);
        let seen = fake.seen().pop().unwrap().json().to_string();
        assert_eq!(seen.contains(signature), kept, "{seen}");
        assert!(seen.contains("yes") && seen.contains("and?"), "{seen}");
    }
}

#[tokio::test]
async fn a_stream_that_begins_with_an_error_fails_over_or_is_told_by_its_status() {
    let errors = [
        (
            Speaker::Chat,
            "data: {\"error\":{\"message\":\"too much for org-ABCDEFGH\",\"type\":\"server_error\",\"code\":\"overloaded\"}}\n\n",
        ),
        (
            Speaker::Messages,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"org-ABCDEFGH\"}}\n\n",
        ),
        (
            Speaker::Gemini,
            "data: {\"error\":{\"code\":503,\"message\":\"org-ABCDEFGH\",\"status\":\"UNAVAILABLE\"}}\n\n",
        ),
    ];
    for (speaker, event) in errors {
        let bad = Fake::start(move |_| async move { sse_of(&[event]) }).await;
        let good = speaker.fake("text-basic-stream", 200).await;
        let mut second = speaker.provider("b", &good);
        second.models[0].priority = 1;
        let proxy = Proxy::serving(&[speaker.provider("a", &bad), second]).await;
        let answer = speaker.ask(&proxy, true).await;
        assert_eq!(answer.text(), recorded(speaker.folder(), "text-basic-stream", "response.sse").unwrap());
        proxy.apply(&[speaker.provider("a", &bad)]);
        let answer = speaker.ask(&proxy, true).await;
        let status = if speaker == Speaker::Messages { 529 } else { 503 };
        assert_eq!(answer.status, status, "{speaker:?}: {}", answer.text());
        assert!(answer.text().contains("org-[redacted]"), "{}", answer.text());
    }
}

#[tokio::test]
async fn ids_of_requests_stand_where_each_client_looks_for_them() {
    let fake = Fake::start(async |_| {
        let mut response = json(200, "{\"content\":[]}");
        response.headers_mut().insert("request-id", "req_theirs".parse().unwrap());
        response.headers_mut().insert("anthropic-organization-id", "org-theirs".parse().unwrap());
        response
    })
    .await;
    let proxy = Proxy::serving(&[Speaker::Messages.provider("a", &fake)]).await;
    let (path, body) = Speaker::Messages.question(false);
    let request = Speaker::Messages.request(&path, &body).header("x-request-id", "mine-1");
    let request = request.header("anthropic-beta", "one").header("anthropic-beta", "two");
    let answer = Client::connect(proxy.address).await.send(request).await;
    assert_eq!(fake.seen()[0].headers.get_all("anthropic-beta").iter().collect::<Vec<_>>(), ["one", "two"]);
    let ids = ["x-request-id", "request-id", "x-upstream-request-id", "anthropic-organization-id"];
    assert_eq!(ids.map(|name| answer.header(name)), ["mine-1", "mine-1", "req_theirs", ""]);
}

#[tokio::test]
async fn azures_deployments_have_paths_of_their_own() {
    let fake = Speaker::Chat.fake("text-basic", 200).await;
    let mut azure = Speaker::Chat.provider("a", &fake);
    if let llm_snapshot::provider::Upstream::Http(http) = &mut azure.upstream {
        http.auth = llm_snapshot::provider::Auth::ApiKey;
        http.azure_api_version = Some("2025-04-01-preview".to_owned());
    }
    azure.models[0].upstream = "gpt 4".to_owned();
    let proxy = Proxy::serving(&[azure]).await;
    for client in SPEAKERS {
        let answer = client.ask(&proxy, false).await;
        assert_eq!(client.said(&answer.text(), false).text, "\\(4200 + 42 = 4242\\).", "{client:?}");
        let seen = fake.seen().pop().unwrap();
        let path = "/v1/openai/deployments/gpt%204/chat/completions?api-version=2025-04-01-preview";
        assert_eq!((seen.path.as_str(), seen.header("api-key")), (path, "a-credential"));
        assert_eq!(seen.header("authorization"), "");
    }
}

#[tokio::test]
async fn a_stream_that_fails_after_its_opening_fails_over() {
    let event = |body: Value| format!("event: {}\ndata: {body}\n\n", body["type"].as_str().unwrap());
    let start = event(value!({"type": "message_start", "message": {"id": "x", "usage": {}}}));
    let ping = event(value!({"type": "ping"}));
    let error = event(value!({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}));
    let created =
        event(value!({"type": "response.created", "response": {"id": "x", "error": null, "output": []}}));
    let failed = event(value!({"type": "response.failed", "response": {"id": "x", "status": "failed",
        "error": {"code": "server_error", "message": "x"}}}));
    let comment = ": PROCESSING\n\n".to_owned();
    let role = value!({"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": null}]});
    let role = format!("data: {role}\n\n");
    let broken = "data: {\"error\":{\"message\":\"x\",\"code\":503}}\n\n".to_owned();
    for (speaker, start, rest) in [
        (Speaker::Messages, &start, vec![]),
        (Speaker::Messages, &start, vec![&ping]),
        (Speaker::Messages, &start, vec![&error]),
        (Speaker::Messages, &ping, vec![&start, &error]),
        (Speaker::Responses, &created, vec![&failed]),
        (Speaker::Chat, &comment, vec![&role, &broken]),
        (Speaker::Chat, &role, vec![]),
    ] {
        let (parts, response) = crate::support::fake::sse();
        parts.send(Ok(start.clone().into())).unwrap();
        let response = std::sync::Arc::new(std::sync::Mutex::new(Some(response)));
        let bad = Fake::start(move |_| {
            let response = response.lock().unwrap().take().unwrap();
            async move { response }
        })
        .await;
        let good = speaker.fake("text-basic-stream", 200).await;
        let mut second = speaker.provider("b", &good);
        second.models[0].priority = 1;
        let proxy = Proxy::serving(&[speaker.provider("a", &bad), second]).await;
        let asking = async { speaker.ask(&proxy, true).await };
        let failing = async {
            bad.asked(1).await;
            rest.iter().for_each(|part| parts.send(Ok(part.to_string().into())).unwrap());
            drop(parts);
        };
        let (answer, ()) = futures_util::future::join(asking, failing).await;
        let recorded = recorded(speaker.folder(), "text-basic-stream", "response.sse").unwrap();
        assert_eq!(answer.text(), recorded, "{rest:?}");
    }
}
