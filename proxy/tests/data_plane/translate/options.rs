//! What the configuration says of translations, and which of a provider's protocols is chosen.

use super::speakers::{SPEAKERS, Speaker};
use crate::support::{Client, Fake, Proxy, json, model};
use llm_snapshot::provider::{Protocol, Provider};
use serde_json::{Value, json as value};

/// A provider of the model `m`, which it calls `upstream`.
fn calling(speaker: Speaker, fake: &Fake, upstream: &str) -> Provider {
    let mut provider = speaker.provider("a", fake);
    provider.models = vec![model("m", upstream)];
    provider
}

async fn send(proxy: &Proxy, client: Speaker, path: &str, body: &Value) -> crate::support::Answer {
    Client::connect(proxy.address).await.send(client.request(path, body)).await
}

#[tokio::test]
async fn a_strict_provider_refuses_what_would_be_dropped() {
    let claude = Speaker::Messages.fake("text-basic", 200).await;
    let mut provider = Speaker::Messages.provider("a", &claude);
    let body = value!({"model": "m", "seed": 7, "messages": [{"role": "user", "content": "hi"}]});
    for (strict, status) in [(true, 400), (false, 200)] {
        provider.options.strict = strict;
        let proxy = Proxy::serving(std::slice::from_ref(&provider)).await;
        let answer = send(&proxy, Speaker::Chat, "/v1/chat/completions", &body).await;
        assert_eq!(answer.status, status);
        if strict {
            assert_eq!(answer.json()["error"]["param"], "seed");
        }
    }
    assert_eq!(claude.count(), 1);
}

#[tokio::test]
async fn clients_of_chat_see_reasoning_where_the_provider_says_so() {
    let body =
        value!({"model": "m", "reasoning_effort": "high", "messages": [{"role": "user", "content": "hi"}]});
    for (show, stream) in [(false, false), (true, false), (false, true), (true, true)] {
        let case = if stream { "thinking-stream" } else { "thinking-turn1" };
        let claude = Speaker::Messages.fake(case, 200).await;
        let mut provider = Speaker::Messages.provider("a", &claude);
        provider.options.show_reasoning = show;
        let proxy = Proxy::serving(&[provider]).await;
        let mut body = body.clone();
        body["stream"] = stream.into();
        let answer = send(&proxy, Speaker::Chat, "/v1/chat/completions", &body).await.text();
        let said = |key: &str| -> String {
            let pieces: Vec<Value> = match stream {
                true => super::said::events(&answer),
                false => vec![serde_json::from_str(&answer).unwrap()],
            };
            let piece = if stream { "delta" } else { "message" };
            pieces.iter().filter_map(|part| part["choices"][0][piece][key].as_str()).collect()
        };
        let expected = Speaker::Messages.expected(case);
        assert_eq!(said("content"), expected["text"].as_str().unwrap());
        let reasoning = expected["reasoning_text"].as_str().unwrap();
        assert_eq!(said("reasoning_content"), if show { reasoning } else { "" }, "{stream}");
    }
}

#[tokio::test]
async fn gemini_fetches_urls_where_the_provider_says_so() {
    let url = "https://example.com/a.png";
    let body = value!({"model": "m", "messages": [{"role": "user",
        "content": [{"type": "image_url", "image_url": {"url": url}}]}]});
    let gemini = Speaker::Gemini.fake("text-basic", 200).await;
    let mut provider = Speaker::Gemini.provider("a", &gemini);
    for (fetch, status) in [(false, 400), (true, 200)] {
        provider.options.fetch_urls = fetch;
        let proxy = Proxy::serving(std::slice::from_ref(&provider)).await;
        let answer = send(&proxy, Speaker::Chat, "/v1/chat/completions", &body).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    let seen = gemini.seen()[0].json();
    assert_eq!(seen["contents"][0]["parts"][0]["fileData"]["fileUri"], url, "{seen}");
}

#[tokio::test]
async fn web_search_is_mapped_where_the_provider_says_so() {
    let body = value!({"model": "m", "input": "news", "tools": [{"type": "web_search"}]});
    for (speaker, tool) in [
        (Speaker::Gemini, value!({"googleSearch": {}})),
        (Speaker::Messages, value!({"type": "web_search_20250305", "name": "web_search"})),
    ] {
        let fake = speaker.fake("text-basic", 200).await;
        let mut provider = speaker.provider("a", &fake);
        for (map, status) in [(false, 400), (true, 200)] {
            provider.options.web_search = map;
            let proxy = Proxy::serving(std::slice::from_ref(&provider)).await;
            let answer = send(&proxy, Speaker::Responses, "/v1/responses", &body).await;
            assert_eq!(answer.status, status, "{}", answer.text());
        }
        assert_eq!(fake.seen()[0].json()["tools"], value!([tool]));
    }
}

#[tokio::test]
async fn a_server_of_one_system_message_gets_one() {
    let body = value!({"model": "m", "input": [
        {"role": "system", "content": "one"}, {"role": "developer", "content": "two"},
        {"role": "user", "content": "hi"}, {"role": "system", "content": "three"}, {"role": "user", "content": "go"}]});
    let openai = Speaker::Chat.fake("text-basic", 200).await;
    let mut provider = Speaker::Chat.provider("a", &openai);
    for single in [false, true] {
        provider.options.single_system = single;
        let proxy = Proxy::serving(std::slice::from_ref(&provider)).await;
        let answer = send(&proxy, Speaker::Responses, "/v1/responses", &body).await;
        let warnings = if single { "system_folded" } else { "" };
        assert_eq!((answer.status.as_u16(), answer.header("x-llm-proxy-warnings")), (200, warnings));
    }
    let said = |seen: usize| -> Vec<(String, String)> {
        let body = openai.seen()[seen].json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let messages = body["messages"].as_array().unwrap();
        messages.iter().map(|message| (text(&message["role"]), text(&message["content"]))).collect()
    };
    let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(role, text)| ((*role).to_owned(), (*text).to_owned())).collect()
    };
    let several = [("system", "one"), ("system", "two"), ("user", "hi"), ("system", "three"), ("user", "go")];
    assert_eq!(said(0), own(&several));
    let one = [("system", "one\n\ntwo"), ("user", "hi"), ("user", "<system>three</system>"), ("user", "go")];
    assert_eq!(said(1), own(&one));
}

#[tokio::test]
async fn counts_are_asked_for_in_translated_streams_unless_the_server_refuses() {
    for (asks, expected) in [(true, value!({"include_usage": true})), (false, Value::Null)] {
        let openai = Speaker::Chat.fake("text-basic-stream", 200).await;
        let mut provider = Speaker::Chat.provider("a", &openai);
        provider.options.stream_usage = asks;
        let proxy = Proxy::serving(&[provider]).await;
        assert_eq!(Speaker::Messages.ask(&proxy, true).await.status, 200);
        assert_eq!(openai.seen()[0].json()["stream_options"], expected);
    }
}

/// A provider with both of OpenAI's protocols, which answers each in its own.
async fn openai(upstream: &str) -> (Fake, Proxy) {
    let fake = Fake::start(|seen: crate::support::Seen| async move {
        match seen.path.as_str() {
            "/v1/responses" => Speaker::Responses.answer("text-basic", 200),
            "/v1/chat/completions" => Speaker::Chat.answer("text-basic", 200),
            "/v1/responses/input_tokens" => {
                json(200, value!({"object": "response.input_tokens", "input_tokens": 41}).to_string())
            }
            other => panic!("{other}"),
        }
    })
    .await;
    let mut provider = calling(Speaker::Chat, &fake, upstream);
    provider.protocols = [Protocol::ChatCompletions, Protocol::Responses].into();
    let proxy = Proxy::serving(&[provider]).await;
    (fake, proxy)
}

#[tokio::test]
async fn models_that_reason_are_asked_in_responses_for_clients_that_can_be_shown_it() {
    for (upstream, translated) in [("gpt-5.1", "/v1/responses"), ("gpt-4o", "/v1/chat/completions")] {
        let (fake, proxy) = openai(upstream).await;
        for client in SPEAKERS {
            let answer = client.ask(&proxy, false).await;
            assert_eq!(answer.status, 200, "{client:?}: {}", answer.text());
            let (own, _) = client.question(false);
            let expected = match client {
                Speaker::Chat | Speaker::Responses => own.as_str(),
                Speaker::Messages | Speaker::Gemini => translated,
            };
            assert_eq!(fake.seen().last().unwrap().path, expected, "{client:?} {upstream}");
        }
    }
}

#[tokio::test]
async fn what_responses_would_refuse_is_asked_in_chat() {
    let (fake, proxy) = openai("gpt-5.1").await;
    let (path, mut body) = Speaker::Messages.question(false);
    body["stop_sequences"] = value!(["END"]);
    let answer = send(&proxy, Speaker::Messages, &path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = &fake.seen()[0];
    assert_eq!((seen.path.as_str(), &seen.json()["stop"]), ("/v1/chat/completions", &value!(["END"])));
    // What neither can do is refused in the words of the better one.
    body["container"] = "c".into();
    let answer = send(&proxy, Speaker::Messages, &path, &body).await;
    assert_eq!((answer.status.as_u16(), fake.count()), (400, 1), "{}", answer.text());
}

#[tokio::test]
async fn tokens_are_counted_by_whoever_can() {
    let (fake, proxy) = openai("gpt-4o").await;
    let (_, mut body) = Speaker::Messages.question(false);
    body.as_object_mut().unwrap().remove("max_tokens");
    body.as_object_mut().unwrap().remove("stream");
    let answer = send(&proxy, Speaker::Messages, "/v1/messages/count_tokens", &body).await;
    assert_eq!((answer.json(), answer.header("x-llm-proxy-warnings")), (value!({"input_tokens": 41}), ""));
    assert_eq!(fake.seen()[0].path, "/v1/responses/input_tokens");
}
