//! Providers that fail in the client's own protocol, in whatever form: the client is told once, and nothing of whose
//! account it is.

use super::speakers::{SPEAKERS, Speaker, recorded};
use crate::support::fake::{Body, sse, sse_of};
use crate::support::{Answer, Client, Fake, Proxy, credential, json, model};
use http::Response;
use llm_snapshot::provider::{Provider, Upstream};
use std::sync::{Arc, Mutex};

/// A key of the provider's in no form that keys are known by.
const SECRET: &str = "0a1b2c3d4e5f+/=ABCDEF";

/// A provider that answers so.
async fn answering(make: impl Fn() -> Response<Body> + Clone + Send + Sync + 'static) -> Fake {
    Fake::start(move |_| {
        let response = make();
        async move { response }
    })
    .await
}

/// That provider, with a key of no known form.
fn secretive(speaker: Speaker, name: &str, fake: &Fake) -> Provider {
    let mut provider = speaker.provider(name, fake);
    if let Upstream::Http(http) = &mut provider.upstream {
        http.credentials = vec![credential(SECRET)];
    }
    provider
}

/// What a stream of text begins with.
fn begun(speaker: Speaker) -> &'static str {
    match speaker {
        Speaker::Chat => "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n",
        Speaker::Messages => {
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":\
             {\"type\":\"text\",\"text\":\"hi\"}}\n\n"
        }
        Speaker::Gemini => {
            "data: {\"candidates\":[{\"index\":0,\"content\":{\"parts\":[{\"text\":\"hi\"}]}}]}\n\n"
        }
        Speaker::Responses => {
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}\n\n"
        }
    }
}

const ERRORS: [(Speaker, &str); 12] = [
    (
        Speaker::Responses,
        "event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\",\"message\":\"SECRET\",\"param\":null,\
         \"sequence_number\":6}\n\n",
    ),
    (Speaker::Responses, "data: {\"type\":\"error\",\"message\":\"SECRET\"}\n\n"),
    (Speaker::Responses, "event: error\ndata: {\"message\":\"SECRET\"}\n\n"),
    (Speaker::Responses, "event:error\r\ndata: SECRET\r\n\r\n"),
    (Speaker::Chat, "event: error\ndata: {\"message\":\"SECRET\"}\n\n"),
    (Speaker::Chat, "data: {\"error\":{\"message\":\"SECRET\"},\"usage\":{\"prompt_tokens\":\"1\"}}\n\n"),
    (Speaker::Chat, "data: {\"object\":\"error\",\"message\":\"SECRET\"}\n\n"),
    (Speaker::Chat, "data: [{\"error\":{\"message\":\"SECRET\"}}]\n\n"),
    (Speaker::Messages, "event: error\ndata: {\"error\":{\"message\":\"SECRET\"}}\n\n"),
    (Speaker::Messages, "data: {\"type\":\"error\",\"error\":{\"message\":\"SECRET\"},\"usage\":7}\n\n"),
    (Speaker::Gemini, "data: [{\"error\":{\"code\":503,\"message\":\"SECRET\"}}]\n\n"),
    (Speaker::Gemini, "data: {\"candidates\":null,\"error\":{\"code\":503,\"message\":\"SECRET\"}}\n\n"),
];

#[tokio::test]
async fn an_error_within_a_stream_is_known_in_any_form() {
    for (speaker, event) in ERRORS {
        for secret in ["key sk-abcdefgh1234", SECRET] {
            let sent = event.replace("SECRET", secret);
            let stream = [begun(speaker), &sent].concat();
            let fake = answering(move || sse_of(&[&stream])).await;
            let proxy = Proxy::serving(&[secretive(speaker, "a", &fake)]).await;
            let answer = speaker.ask(&proxy, true).await;
            let hidden = sent.replace(SECRET, "[redacted]").replace("abcdefgh1234", "[redacted]");
            assert_eq!(answer.text(), [begun(speaker), &hidden].concat(), "{speaker:?}");
            assert_eq!(proxy.log(1).await[0]["outcome"], "upstream_stream_error", "{speaker:?} {event}");
        }
    }
}

/// What two providers answer together, of which the first answers so, and then what it answers alone.
async fn both(
    speaker: Speaker,
    stream: bool,
    make: impl Fn() -> Response<Body> + Clone + Send + Sync + 'static,
) -> (Answer, Answer, serde_json::Value) {
    let bad = answering(make).await;
    let case = if stream { "text-basic-stream" } else { "text-basic" };
    let good = speaker.fake(case, 200).await;
    let mut second = speaker.provider("b", &good);
    second.models[0].priority = 1;
    let proxy = Proxy::serving(&[secretive(speaker, "a", &bad), second]).await;
    let together = speaker.ask(&proxy, stream).await;
    proxy.apply(&[secretive(speaker, "a", &bad)]);
    let alone = speaker.ask(&proxy, stream).await;
    (together, alone, proxy.log(2).await.remove(1))
}

fn good(speaker: Speaker, stream: bool) -> String {
    let (case, file) =
        if stream { ("text-basic-stream", "response.sse") } else { ("text-basic", "response.json") };
    recorded(speaker.folder(), case, file).unwrap()
}

#[tokio::test]
async fn an_error_that_is_told_with_200_is_one() {
    let bodies = [
        "{\"error\":{\"message\":\"bad key SECRET\",\"code\":503}}",
        " \n{\"id\":\"x\",\"error\" : {\"message\":\"bad key SECRET\",\"type\":\"api_error\"}}\n",
        "{\"error\":\"bad key SECRET\"}",
    ];
    for speaker in SPEAKERS {
        for (body, stream) in bodies.iter().flat_map(|body| [(*body, false), (*body, true)]) {
            for labelled in ["application/json", "text/event-stream", "text/plain"] {
                let sent = body.replace("SECRET", SECRET);
                let (together, alone, log) = both(speaker, stream, move || {
                    let mut response = json(200, sent.clone());
                    response.headers_mut().insert("content-type", labelled.parse().unwrap());
                    response
                })
                .await;
                let what = format!("{speaker:?} {body} {stream} {labelled}: {}", alone.text());
                assert_eq!(together.text(), good(speaker, stream), "{what}");
                // Google's errors have their status in the body.
                let status = if speaker == Speaker::Gemini && body.contains("503") { 503 } else { 502 };
                assert_eq!(alone.status, status, "{what}");
                assert!(alone.text().contains("bad key [redacted]"), "{what}");
                assert_eq!(alone.header("content-type"), "application/json", "{what}");
                assert_eq!(
                    (&log["outcome"], &log["status"]),
                    (&"upstream_status".into(), &status.into()),
                    "{what}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_response_that_failed_is_an_error() {
    for error in ["null", "{\"code\":\"server_error\",\"message\":\"bad key sk-abcdefgh1234\"}"] {
        let body = format!("{{\"id\":\"resp_1\",\"status\":\"failed\",\"error\":{error},\"output\":[]}}");
        let (together, alone, _) = both(Speaker::Responses, false, move || json(200, body.clone())).await;
        assert_eq!(together.text(), good(Speaker::Responses, false));
        assert_eq!(alone.status, 502, "{}", alone.text());
        assert!(!alone.text().contains("abcdefgh1234"), "{}", alone.text());
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_asked_for_elsewhere() {
    // Of a stream: a whole answer, which clients of streams take for an empty one.
    let table = [
        ("{}", false),
        ("", false),
        ("  ", false),
        ("{\"id\":\"x\",\"choices\":null}", false),
        ("{\"id\":\"x\",\"choices\":[]}", false),
        ("{\"choices\":[{\"mess", false),
        ("hello", false),
        ("{\"choices\":[{\"message\":{\"content\":\"hi\"}}]}", true),
        ("{}", true),
        ("", true),
    ];
    for (body, stream) in table {
        let (together, alone, log) = both(Speaker::Chat, stream, move || json(200, body)).await;
        assert_eq!(together.text(), good(Speaker::Chat, stream), "{body}");
        assert_eq!(alone.error(), (502, "server_error".to_owned(), "upstream_error".to_owned()), "{body}");
        assert_eq!(log["outcome"], "upstream_error", "{body}");
    }
    let (together, alone, _) = both(Speaker::Messages, false, || json(204, "")).await;
    assert_eq!((together.text(), alone.status.as_u16()), (good(Speaker::Messages, false), 502));
}

#[tokio::test]
async fn a_long_answer_that_is_cut_is_not_complete() {
    let long = format!("{{\"choices\":[{{\"message\":{{\"content\":\"{}", "x".repeat(9000));
    let kept = Arc::<Mutex<Vec<_>>>::default();
    let keep = kept.clone();
    let fake = answering(move || {
        let (parts, mut response) = sse();
        parts.send(Ok(long.clone().into())).unwrap();
        keep.lock().unwrap().push(parts);
        response.headers_mut().insert("content-type", "application/json".parse().unwrap());
        response
    })
    .await;
    let proxy = Proxy::serving(&[Speaker::Chat.provider("a", &fake)]).await;
    let (path, body) = Speaker::Chat.question(false);
    let mut client = Client::connect(proxy.address).await;
    let mut coming = client.start(Speaker::Chat.request(&path, &body)).await;
    coming.read_to("xxx").await;
    // It ends, as a body does that is as long as its connection.
    kept.lock().unwrap().clear();
    let (_, proper) = coming.rest().await;
    assert!(!proper, "it looks whole");
    assert_eq!(proxy.log(1).await[0]["outcome"], "upstream_incomplete");
}

#[tokio::test]
async fn the_providers_key_is_in_no_error_whatever_it_looks_like() {
    let keys = [
        "gsk_abcdefghijklmnop",
        "xai-abcdefghijklmnop",
        "hf_abcdefghijkl",
        "0123456789abcdef0123456789abcdef",
    ];
    for (client, provider) in SPEAKERS.iter().flat_map(|client| SPEAKERS.map(|provider| (*client, provider)))
    {
        for (secret, stream) in keys.iter().flat_map(|key| [(*key, false), (*key, true)]) {
            let event = format!(
                "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"message\":\"no {secret} here\"}}}}\n\n"
            );
            let fake = answering(move || match stream {
                true => sse_of(&[begun(provider), &event]),
                false => json(400, format!("{{\"error\":{{\"message\":\"no {secret} here\"}}}}")),
            })
            .await;
            let mut made = provider.provider("a", &fake);
            made.models = vec![model("m", made.models[0].upstream.as_str())];
            if let Upstream::Http(http) = &mut made.upstream {
                http.credentials = vec![credential("another-credential"), credential(secret)];
            }
            let proxy = Proxy::serving(&[made]).await;
            let answer = client.ask(&proxy, stream).await;
            let what = format!("{client:?} of {provider:?}, {stream}: {}", answer.text());
            assert!(!answer.text().contains(secret), "{what}");
            assert!(answer.text().contains("no [redacted] here"), "{what}");
        }
    }
}

#[tokio::test]
async fn headers_that_authenticate_or_are_the_proxys_own_are_kept_back() {
    let fake = answering(|| {
        let mut response = Speaker::Chat.answer("text-basic", 200);
        for name in
            ["authorization", "api-key", "x-api-key", "x-goog-api-key", "x-llm-proxy-warnings", "x-kept"]
        {
            response.headers_mut().insert(name, "theirs".parse().unwrap());
        }
        response
    })
    .await;
    let proxy = Proxy::serving(&[Speaker::Chat.provider("a", &fake)]).await;
    let answer = Speaker::Chat.ask(&proxy, false).await;
    let theirs = answer.headers.iter().filter(|(_, value)| *value == "theirs").map(|(name, _)| name.as_str());
    assert_eq!(theirs.collect::<Vec<_>>(), ["x-kept"]);
}
