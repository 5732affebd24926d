//! What is asked for beside answers: token counts, embeddings, lists of models.

use super::speakers::{SPEAKERS, Speaker, recorded};
use crate::support::fake::Body;
use crate::support::{Answer, Client, Fake, KEY, Proxy, get, json, model};
use http::Response;
use llm_snapshot::provider::{Protocol, Provider};
use serde_json::{Value, json as value};

async fn send(proxy: &Proxy, client: Speaker, path: &str, body: &Value) -> Answer {
    Client::connect(proxy.address).await.send(client.request(path, body)).await
}

/// What counts the tokens of a question, and where the count stands.
fn count(client: Speaker) -> (String, Value, &'static str) {
    let (_, mut body) = client.question(false);
    match client {
        Speaker::Messages => {
            body.as_object_mut().unwrap().retain(|key, _| !["max_tokens", "stream"].contains(&key.as_str()));
            ("/v1/messages/count_tokens".to_owned(), body, "input_tokens")
        }
        Speaker::Responses => {
            body.as_object_mut().unwrap().remove("stream");
            ("/v1/responses/input_tokens".to_owned(), body, "input_tokens")
        }
        _ => ("/v1beta/models/m:countTokens".to_owned(), body, "totalTokens"),
    }
}

#[tokio::test]
async fn tokens_are_counted_by_the_provider_or_estimated() {
    let counted = value!({"input_tokens": 42, "totalTokens": 42}).to_string();
    for client in [Speaker::Messages, Speaker::Gemini, Speaker::Responses] {
        for speaker in SPEAKERS {
            let body = counted.clone();
            let fake = Fake::start(move |_| {
                let body = body.clone();
                async move { json(200, body) }
            })
            .await;
            let proxy = Proxy::serving(&[speaker.provider("a", &fake)]).await;
            let (path, body, name) = count(client);
            let answer = send(&proxy, client, &path, &body).await;
            let (told, warnings) =
                (answer.json()[name].as_u64().unwrap(), answer.header("x-llm-proxy-warnings"));
            let what = format!("{client:?} of {speaker:?}: {}", answer.text());
            if speaker == Speaker::Chat {
                assert!(told > 5 && told < 100 && warnings == "tokens_estimated", "{what}");
                assert_eq!(fake.count(), 0, "{what}");
                continue;
            }
            assert_eq!(told, 42, "{what}");
            let path = match speaker {
                Speaker::Messages => "/v1/messages/count_tokens",
                Speaker::Responses => "/v1/responses/input_tokens",
                _ => "/v1/models/gemini-2.5-flash:countTokens",
            };
            assert_eq!(fake.seen()[0].path, path, "{what}");
            assert!(fake.seen()[0].json().to_string().contains("What is it?"), "{what}");
        }
    }
}

fn embedding(mut provider: Provider, protocol: Protocol) -> Provider {
    provider.protocols = [protocol].into();
    provider.models = vec![model("m", "embedder")];
    provider
}

fn answer(folder: &'static str, case: &'static str) -> impl Fn() -> Response<Body> + Clone {
    move || json(200, recorded(folder, case, "response.json").unwrap())
}

#[tokio::test]
async fn embeddings_are_translated_both_ways() {
    let gemini = answer("gemini_embeddings", "batch-dimensions");
    let fake = Fake::start(move |_| {
        let response = gemini();
        async move { response }
    })
    .await;
    let proxy =
        Proxy::serving(&[embedding(Speaker::Gemini.provider("a", &fake), Protocol::EmbedContent)]).await;
    let body = value!({"model": "m", "input": ["one"]});
    let told = send(&proxy, Speaker::Chat, "/v1/embeddings", &body).await.json();
    assert_eq!((&told["object"], &told["model"]), (&"list".into(), &"m".into()));
    assert!(told["data"][0]["embedding"][0].is_number() && told["data"][0]["index"] == 0, "{told}");
    let seen = &fake.seen()[0];
    assert_eq!(seen.path, "/v1/models/embedder:batchEmbedContents");
    assert_eq!(seen.json()["requests"][0]["content"]["parts"][0]["text"], "one");
    // A client takes vectors by their places: there is one for each input, or none.
    let two = value!({"model": "m", "input": ["one", "two"]});
    let refused = send(&proxy, Speaker::Chat, "/v1/embeddings", &two).await;
    assert_eq!((refused.status.as_u16(), fake.seen().len()), (502, 2));

    let openai = answer("openai_embeddings", "basic");
    let fake = Fake::start(move |_| {
        let response = openai();
        async move { response }
    })
    .await;
    let proxy = Proxy::serving(&[embedding(Speaker::Chat.provider("a", &fake), Protocol::Embeddings)]).await;
    let one = value!({"content": {"parts": [{"text": "one"}]}});
    let told = send(&proxy, Speaker::Gemini, "/v1beta/models/m:embedContent", &one).await.json();
    assert!(told["embedding"]["values"][0].is_number(), "{told}");
    let batch = value!({"requests": [{"model": "models/m", "content": {"parts": [{"text": "one"}]}}]});
    let told = send(&proxy, Speaker::Gemini, "/v1beta/models/m:batchEmbedContents", &batch).await.json();
    assert!(told["embeddings"][0]["values"][0].is_number(), "{told}");
    let seen = &fake.seen()[1];
    assert_eq!((seen.path.as_str(), &seen.json()["model"]), ("/v1/embeddings", &"embedder".into()));
    assert!(proxy.log(2).await[0]["input_tokens"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn a_client_of_geminis_embeddings_gets_the_answer_it_asked_for() {
    let gemini = answer("gemini_embeddings", "batch-dimensions");
    let fake = Fake::start(move |_| {
        let response = gemini();
        async move { response }
    })
    .await;
    let proxy =
        Proxy::serving(&[embedding(Speaker::Gemini.provider("a", &fake), Protocol::EmbedContent)]).await;
    let request = value!({"model": "models/other", "content": {"parts": [{"text": "one"}]}});
    let batch = value!({"requests": [request]});
    let told = send(&proxy, Speaker::Gemini, "/v1beta/models/m:batchEmbedContents", &batch).await.json();
    assert!(told["embeddings"][0]["values"][0].is_number(), "{told}");
    // What a request says of itself never leads to another model than the one that was checked.
    assert_eq!(fake.seen()[0].json()["requests"][0]["model"], "models/embedder");
}

#[tokio::test]
async fn models_are_listed_as_the_client_wants_them() {
    let fake = Speaker::Chat.fake("text-basic", 200).await;
    let proxy = Proxy::serving(&[Speaker::Chat.provider("a", &fake)]).await;
    let list = async |path: &str, anthropic: bool| {
        let mut request = get(path).header("x-api-key", KEY);
        if anthropic {
            request = request.header("anthropic-version", "2023-06-01");
        }
        Client::connect(proxy.address).await.send(request).await.json()
    };
    assert_eq!(list("/v1/models", false).await["object"], "list");
    assert_eq!(list("/v1/models/m", false).await["object"], "model");
    let messages = list("/v1/models", true).await;
    assert_eq!((&messages["data"][0]["type"], &messages["last_id"]), (&"model".into(), &"m".into()));
    assert_eq!(list("/v1/models/m", true).await["type"], "model");
    assert_eq!(list("/v1/models/nothing", true).await["error"]["type"], "not_found_error");
    let gemini = list("/v1beta/models", false).await;
    assert_eq!(gemini["models"][0]["name"], "models/m");
    assert_eq!(list("/v1beta/models/m", false).await["name"], "models/m");
    // Google's client asks at the same path as OpenAI's.
    let request = get("/v1/models").header("x-goog-api-key", KEY);
    let google = Client::connect(proxy.address).await.send(request).await.json();
    assert_eq!(google["models"][0]["name"], "models/m");
    assert_eq!(list("/v1beta/models/nothing", false).await["error"]["status"], "NOT_FOUND");
}

#[tokio::test]
async fn the_second_version_is_the_first() {
    let fake = Speaker::Chat.fake("text-basic", 200).await;
    let proxy = Proxy::serving(&[Speaker::Chat.provider("a", &fake)]).await;
    for client in [Speaker::Chat, Speaker::Messages, Speaker::Responses] {
        let (path, body) = client.question(false);
        let answer = send(&proxy, client, &path.replace("/v1/", "/v2/"), &body).await;
        assert_eq!(client.said(&answer.text(), false).text, "\\(4200 + 42 = 4242\\).");
    }
    assert_eq!(proxy.log(3).await[1]["endpoint"], "/v1/messages");
}

#[tokio::test]
async fn the_mock_answers_clients_of_every_protocol() {
    let mut mock =
        super::speakers::Speaker::Chat.provider("mock", &Speaker::Chat.fake("text-basic", 200).await);
    mock.upstream = llm_snapshot::provider::Upstream::Mock(llm_snapshot::provider::Mock {
        latency_ms: 0,
        tokens_per_second: 0,
        reply: Some("hello from nowhere".to_owned()),
        error_percent: 0,
        fault: llm_snapshot::provider::Fault::ServerError,
    });
    let proxy = Proxy::serving(&[mock]).await;
    for client in SPEAKERS {
        for stream in [false, true] {
            let answer = client.ask(&proxy, stream).await;
            assert_eq!(client.said(&answer.text(), stream).text, "hello from nowhere", "{client:?} {stream}");
        }
    }
}

#[tokio::test]
async fn signatures_of_calls_come_back_to_the_provider_that_made_them() {
    let fake = Speaker::Gemini.fake("tools-thought-id-turn1", 200).await;
    let proxy = Proxy::serving(&[Speaker::Gemini.provider("a", &fake)]).await;
    let first = Speaker::Chat.ask(&proxy, false).await.json();
    let said = recorded("gemini_generate", "tools-thought-id-turn1", "response.json").unwrap();
    let said: Value = serde_json::from_str(&said).unwrap();
    let parts = said["candidates"][0]["content"]["parts"].as_array().unwrap();
    let signature = parts.iter().find_map(|part| part["thoughtSignature"].as_str()).unwrap();
    let message = &first["choices"][0]["message"];
    let call = &message["tool_calls"][0];
    let (path, mut body) = Speaker::Chat.question(false);
    // A client that knows nothing of signatures sends back what the protocol has places for.
    let call = value!({"id": call["id"], "type": "function", "function": call["function"]});
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(value!({"role": "assistant", "content": null, "tool_calls": [call]}));
    messages.push(value!({"role": "tool", "tool_call_id": call["id"], "content": "42"}));
    assert_eq!(send(&proxy, Speaker::Chat, &path, &body).await.status, 200);
    let sent = fake.seen()[1].json().to_string();
    assert!(sent.contains(signature), "{signature} is not in {sent}");
    assert!(sent.contains("42"), "{sent}");
}
