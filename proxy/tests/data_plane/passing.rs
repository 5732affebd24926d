//! What is passed through to a provider that has it: images, audio, moderations, rerank, files, batches.

use crate::support::{Client, Fake, KEY, Proxy, Seen, json, key, model, post, provider, snapshot};
use http::Response;
use http_body_util::{BodyExt, Full};
use llm_snapshot::provider::Protocol;

#[tokio::test]
async fn requests_pass_with_the_models_name_and_are_counted() {
    let fake = Fake::start(async |seen: Seen| {
        assert_eq!(seen.json()["model"], "renamed");
        json(200, r#"{"data":[],"usage":{"input_tokens":3,"output_tokens":5}}"#)
    })
    .await;
    let mut images = provider("images", &fake.url());
    images.protocols = [Protocol::Images, Protocol::Audio, Protocol::Moderations, Protocol::Rerank].into();
    images.models = vec![model("m", "renamed")];
    let mut chat = provider("chat", &fake.url());
    chat.protocols = [Protocol::ChatCompletions].into();
    let proxy = Proxy::serving(&[chat, images]).await;
    let paths =
        ["/v1/images/generations", "/v1/images/edits", "/v1/audio/speech", "/v1/moderations", "/v1/rerank"];
    for path in paths {
        assert_eq!(proxy.ask(path, r#"{"model":"m","prompt":"x"}"#).await.status, 200, "{path}");
        assert_eq!(fake.seen().last().unwrap().path, path);
    }
    let log = proxy.log(paths.len()).await;
    assert!(
        log.iter().all(|line| line["provider"] == "team-a/images" && line["output_tokens"] == 5),
        "{log:?}"
    );
    let series =
        "llm_proxy_requests_total{protocol=\"audio\",model=\"m\",provider=\"team-a/images\",code=\"200\"}";
    assert_eq!(proxy.series(series).await, 1.0);
}

#[tokio::test]
async fn a_provider_that_has_it_not_is_not_asked() {
    let fake = Fake::start(async |_| json(200, "{}")).await;
    let mut chat = provider("chat", &fake.url());
    chat.protocols = [Protocol::ChatCompletions, Protocol::Messages].into();
    let proxy = Proxy::serving(&[chat]).await;
    let answer = proxy.ask("/v1/images/generations", r#"{"model":"m"}"#).await;
    assert_eq!(answer.error().2, "endpoint_not_supported");
    assert_eq!((answer.status.as_u16(), fake.count()), (404, 0));
}

#[tokio::test]
async fn forms_and_sounds_pass_byte_for_byte() {
    let fake = Fake::start(async |seen: Seen| {
        let body = Full::new(seen.body).map_err(|never| match never {}).boxed_unsync();
        Response::builder().header("content-type", "audio/mpeg").body(body).unwrap()
    })
    .await;
    let mut audio = provider("audio", &fake.url());
    audio.protocols = [Protocol::Audio].into();
    audio.models = vec![model("m", "whisper-large")];
    let proxy = Proxy::serving(&[audio]).await;
    let form = |model: &str| {
        let head = "--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n";
        let file = "\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
        let mut form = [head, model, file].concat().into_bytes();
        form.extend((0..=255u8).cycle().take(70_000));
        form.extend_from_slice(b"\r\n--x--\r\n");
        form
    };
    let request = post("/v1/audio/transcriptions", form("m")).header("x-api-key", KEY);
    let mut request = request;
    request.headers_mut().unwrap().insert("content-type", "multipart/form-data; boundary=x".parse().unwrap());
    let answer = Client::connect(proxy.address).await.send(request).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "audio/mpeg"));
    assert!(answer.body == form("whisper-large"), "the form changed");
    assert_eq!(fake.seen()[0].header("content-type"), "multipart/form-data; boundary=x");
    let line = &proxy.log(1).await[0];
    assert_eq!((&line["model"], &line["upstream_model"]), (&"m".into(), &"whisper-large".into()));
}

#[tokio::test]
async fn files_and_batches_are_kept_by_one_provider() {
    let fake = Fake::start(async |_| json(200, r#"{"id":"file-1"}"#)).await;
    let other = Fake::start(async |_| json(200, "{}")).await;
    let mut keeper = provider("a", &fake.url());
    keeper.protocols = [Protocol::Files, Protocol::Batches].into();
    let mut second = provider("b", &other.url());
    second.protocols = keeper.protocols.clone();
    let mut chat = provider("0", &other.url());
    chat.protocols = [Protocol::ChatCompletions].into();
    let proxy = Proxy::serving(&[chat, second, keeper]).await;
    let table = [
        ("POST", "/v1/files", "/v1/files"),
        ("GET", "/v1/files?limit=2&key=x", "/v1/files?limit=2"),
        ("GET", "/v1/files/file-1/content", "/v1/files/file-1/content"),
        ("DELETE", "/v1/files/file-1", "/v1/files/file-1"),
        ("POST", "/v1/batches/batch_1/cancel", "/v1/batches/batch_1/cancel"),
    ];
    for (method, path, upstream) in table {
        let request = post(path, "bytes").method(method).header("x-api-key", KEY);
        assert_eq!(Client::connect(proxy.address).await.send(request).await.status, 200, "{path}");
        let seen = fake.seen().pop().unwrap();
        assert_eq!((seen.path.as_str(), &seen.body[..]), (upstream, &b"bytes"[..]));
        assert_eq!(seen.header("authorization"), "Bearer a-credential");
    }
    assert_eq!(other.count(), 0);
    let log = proxy.log(table.len()).await;
    assert!(log.iter().all(|line| line["provider"] == "team-a/a" && line["model"].is_null()), "{log:?}");
    let series = "llm_proxy_requests_total{protocol=\"files\",model=\"\",provider=\"\",code=\"200\"}";
    assert_eq!(proxy.series(series).await, 4.0);
    for path in ["/v1/files/../chat/completions", "/v1/files/a/b/c", "/v1/files/"] {
        let request = post(path, "{}").header("x-api-key", KEY);
        assert_eq!(Client::connect(proxy.address).await.send(request).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_key_for_some_models_has_no_batches() {
    let fake = Fake::start(async |_| json(200, "{}")).await;
    let mut keeper = provider("a", &fake.url());
    keeper.protocols = [Protocol::Files, Protocol::Batches].into();
    let mut some = key("client", KEY);
    some.allowed_models = Some(vec!["m".to_owned()]);
    let proxy = Proxy::empty().await;
    proxy.store.apply(snapshot(&[keeper], &[some]));
    let answer = proxy.ask("/v1/batches", "{}").await;
    assert_eq!(
        (answer.status.as_u16(), answer.error().2.as_str(), fake.count()),
        (403, "model_not_allowed", 0)
    );
    proxy.apply(&[]);
    assert_eq!(proxy.ask("/v1/batches", "{}").await.error().2, "endpoint_not_supported");
}
