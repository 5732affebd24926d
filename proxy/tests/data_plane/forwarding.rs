//! What providers get, and what clients get back.

use crate::support::fake::{Body, sse_of};
use crate::support::{Client, Fake, KEY, MAX_BODY, Proxy, Seen, json, model, post, provider};
use http::Response;

/// A provider that gives back the body it got.
async fn mirror() -> Fake {
    Fake::start(async |seen: Seen| json(200, seen.body)).await
}

const DOCUMENTS: [(&str, &str); 4] = [
    (r#"{"model":"m","x":1.0}"#, r#"{"model":"renamed","x":1.0}"#),
    (
        " {\n\"a\" : [ {\"content\":\"\\u00e9 \u{1f980} \\\"model\\\":\\\"m\\\"\"} ],\t\"model\" : \"m\" , \"big\":123456789012345678901234 }\r\n",
        " {\n\"a\" : [ {\"content\":\"\\u00e9 \u{1f980} \\\"model\\\":\\\"m\\\"\"} ],\t\"model\" : \"renamed\" , \"big\":123456789012345678901234 }\r\n",
    ),
    (
        r#"{"metadata":{"model":"m"},"mod\u0065l":"\u006d"}"#,
        r#"{"metadata":{"model":"m"},"mod\u0065l":"renamed"}"#,
    ),
    (r#"{"model":"m","dup":1,"dup":2}"#, r#"{"model":"renamed","dup":1,"dup":2}"#),
];

#[tokio::test]
async fn only_the_models_name_changes_on_the_way_there_and_nothing_on_the_way_back() {
    let fake = mirror().await;
    let mut renaming = provider("a", &fake.url());
    renaming.models = vec![model("m", "renamed")];
    let proxy = Proxy::serving(&[renaming.clone()]).await;
    for (sent, expected) in DOCUMENTS {
        let answer = proxy.ask("/v1/chat/completions", sent).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, expected));
        assert_eq!(answer.header("content-length"), expected.len().to_string());
    }
    renaming.models = vec![model("m", "m")];
    proxy.apply(&[renaming]);
    let (sent, _) = DOCUMENTS[1];
    assert_eq!(proxy.ask("/v1/chat/completions", sent).await.text(), sent);
}

#[tokio::test]
async fn large_bodies_pass_in_both_directions() {
    let fake = mirror().await;
    let mut renaming = provider("a", &fake.url());
    renaming.models = vec![model("m", "a much longer name than before \"quoted\"")];
    let proxy = Proxy::serving(&[renaming]).await;
    let text = "0123456789 é\\n".repeat((MAX_BODY as usize - 100) / 15);
    let sent = format!("{{\"messages\":\"{text}\",\"model\":\"m\"}}");
    let expected =
        format!("{{\"messages\":\"{text}\",\"model\":\"a much longer name than before \\\"quoted\\\"\"}}");
    assert!(proxy.ask("/v1/chat/completions", &sent).await.text() == expected, "the body changed");
}

#[tokio::test]
async fn every_endpoint_has_its_path_at_the_provider() {
    let fake = mirror().await;
    let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    for path in ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses"] {
        assert_eq!(proxy.ask(&format!("{path}?key=unused&x=1"), r#"{"model":"m"}"#).await.status, 200);
        assert_eq!(fake.seen().last().unwrap().path, path);
    }
}

#[tokio::test]
async fn wildcards_and_aliases_name_the_upstream_model() {
    let fake = mirror().await;
    let mut a = provider("a", &fake.url());
    a.models = vec![model("gpt-*", "openai/*"), model("alias", "gpt-5-2026"), model("fixed-*", "one")];
    let proxy = Proxy::serving(&[a]).await;
    for (name, upstream) in
        [("gpt-4o", "openai/4o"), ("alias", "gpt-5-2026"), ("fixed-7", "one"), ("gpt-é\\n", "openai/é\n")]
    {
        let answer = proxy.ask("/v1/chat/completions", &format!("{{\"model\":\"{name}\"}}")).await;
        assert_eq!(answer.json()["model"], upstream);
    }
}

#[tokio::test]
async fn what_is_json_is_called_so() {
    let fake = Fake::start(async |_| json(200, "{}")).await;
    let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    let form = "application/x-www-form-urlencoded";
    for (told, sent) in [
        ("", "application/json"),
        (form, "application/json"),
        ("application/json; a=b", "application/json; a=b"),
    ] {
        let mut request = post("/v1/chat/completions", r#"{"model":"m"}"#).header("x-api-key", KEY);
        request.headers_mut().unwrap().remove("content-type");
        let request = if told.is_empty() { request } else { request.header("content-type", told) };
        Client::connect(proxy.address).await.send(request).await;
        assert_eq!(fake.seen().pop().unwrap().header("content-type"), sent, "{told}");
    }
}

#[tokio::test]
async fn headers_follow_the_rules() {
    let answer = async |_| {
        let mut response = json(200, "{\"choices\":[{}]}");
        for (name, value) in [
            ("x-request-id", "theirs"),
            ("x-ratelimit-remaining-tokens", "7"),
            ("connection", "x-private, keep-alive"),
            ("x-private", "1"),
            ("set-cookie", "a=b"),
            ("openai-organization", "org-1"),
        ] {
            response.headers_mut().append(name, value.parse().unwrap());
        }
        response
    };
    let fake = Fake::start(answer).await;
    let mut a = provider("a", &fake.url());
    a.headers.set =
        vec![("openai-project".to_owned(), "proj_1".to_owned()), ("x-trace".to_owned(), "set".to_owned())];
    a.headers.forward = vec!["x-trace".to_owned(), "x-tenant".to_owned()];
    a.headers.remove = vec!["user-agent".to_owned()];
    let proxy = Proxy::serving(&[a]).await;
    let request = post("/v1/chat/completions", r#"{"model":"m"}"#)
        .header("x-api-key", KEY)
        .header("x-goog-api-key", "another")
        .header("cookie", "session=1")
        .header("x-request-id", "mine-1")
        .header("accept", "application/json")
        .header("accept-encoding", "gzip")
        .header("x-tenant", "one")
        .header("x-tenant", "two")
        .header("x-trace", "client")
        .header("x-stainless-os", "Linux")
        .header("openai-organization", "theirs")
        .header("idempotency-key", "i-1")
        .header("connection", "x-hop")
        .header("x-hop", "1")
        .header("te", "trailers");
    let answer = Client::connect(proxy.address).await.send(request).await;
    let seen = fake.seen().pop().unwrap();
    let mut names: Vec<&str> = seen.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    let expected = [
        "accept",
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "idempotency-key",
        "openai-project",
        "x-request-id",
        "x-tenant",
        "x-trace",
    ];
    assert_eq!(names, expected);
    assert_eq!(seen.header("authorization"), "Bearer a-credential");
    assert_eq!((seen.header("x-trace"), seen.header("x-request-id")), ("set", "mine-1"));
    assert_eq!((seen.header("accept-encoding"), seen.header("openai-project")), ("identity", "proj_1"));
    assert_eq!(seen.headers.get_all("x-tenant").iter().collect::<Vec<_>>(), ["one", "two"]);

    assert_eq!((answer.header("x-request-id"), answer.header("x-upstream-request-id")), ("mine-1", "theirs"));
    assert_eq!(answer.header("x-ratelimit-remaining-tokens"), "7");
    for name in ["set-cookie", "openai-organization", "x-private", "connection"] {
        assert!(!answer.headers.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn a_request_without_an_id_gets_one() {
    let fake = mirror().await;
    let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    let one = proxy.chat("m").await.header("x-request-id").to_owned();
    let other = proxy.chat("nothing").await.header("x-request-id").to_owned();
    assert!(one.len() == 32 && one != other, "{one} {other}");
    assert_eq!(fake.seen()[0].header("x-request-id"), one);
    // The line of an answer whose tokens are counted comes when they are.
    let log = proxy.log(2).await;
    let line = log.iter().find(|line| line["outcome"] == "ok").unwrap();
    assert_eq!(line["request_id"], one.as_str());
}

/// Answers of providers that clients get as they are.
#[tokio::test]
async fn answers_that_speak_of_the_request_are_passed_on() {
    let answer = async |seen: Seen| match seen.json()["case"].as_u64().unwrap() {
        429 => {
            let mut response = json(429, r#"{"error":{"message":"slow down","type":"t","code":"c"}}"#);
            response.headers_mut().insert("retry-after", "7".parse().unwrap());
            response
        }
        status => json(u16::try_from(status).unwrap(), format!("{{\"status\": {status} }}")),
    };
    let fake = Fake::start(answer).await;
    let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    for status in [200, 400, 404, 409, 413, 422, 429, 500, 503, 529] {
        let answer =
            proxy.ask("/v1/chat/completions", &format!("{{\"model\":\"m\",\"case\":{status}}}")).await;
        assert_eq!(answer.status, status);
        match status {
            429 => {
                assert_eq!(answer.header("retry-after"), "7");
                assert_eq!(answer.json()["error"]["message"], "slow down");
            }
            status => assert_eq!(answer.text(), format!("{{\"status\": {status} }}")),
        }
    }
    let log = proxy.log(10).await;
    // The line of an answer whose tokens are counted comes when they are.
    let (ok, failed): (Vec<_>, Vec<_>) = log.iter().partition(|line| line["status"].as_u64() < Some(300));
    assert!(ok.len() == 1 && ok.iter().all(|line| line["outcome"] == "ok"), "{log:?}");
    assert!(failed.iter().all(|line| line["outcome"] == "upstream_status"), "{log:?}");
}

#[tokio::test]
async fn requests_on_one_connection_answer_in_turn() {
    let fake = mirror().await;
    let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    let mut client = Client::connect(proxy.address).await;
    for number in 0..50 {
        let body = format!("{{\"model\":\"m\",\"n\":{number}}}");
        let request =
            post("/v1/chat/completions", body.clone()).header("authorization", format!("Bearer {KEY}"));
        assert_eq!(client.send(request).await.text(), body);
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let fake = mirror().await;
    let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    let one = |number: usize| {
        let body = format!("{{\"model\":\"m\",\"n\":{number}}}");
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: p\r\nauthorization: Bearer {KEY}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let all: String = (10..30).map(one).collect();
    let mut stream = tokio::net::TcpStream::connect(proxy.address).await.unwrap();
    stream.write_all(all.as_bytes()).await.unwrap();
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains("\"n\":29}") {
        let read = crate::support::client::soon(stream.read(&mut buffer)).await.unwrap();
        assert!(read > 0, "closed after {text}");
        text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
    let numbers: Vec<usize> =
        text.match_indices("\"n\":").map(|(at, _)| text[at + 4..at + 6].parse().unwrap()).collect();
    assert_eq!(numbers, (10..30).collect::<Vec<_>>());
}

#[tokio::test]
async fn streams_pass_byte_for_byte() {
    let parts = [
        ": a comment\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"h\u{e9}\"}}],\"usage\":null}\n\n",
        "event: x\r\ndata: {}\r\n\r\nid: 7\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}\n",
        "\ndata: [DONE]\n\n",
    ];
    let fake = Fake::start(move |_| async move { sse_of(&parts) }).await;
    let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    let answer = proxy.ask("/v1/chat/completions", r#"{"model":"m","stream":true}"#).await;
    assert_eq!(answer.text(), parts.concat());
    assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8");
    let line = &proxy.log(1).await[0];
    assert_eq!((&line["outcome"], &line["stream"]), (&"ok".into(), &true.into()));
    assert_eq!((&line["input_tokens"], &line["output_tokens"]), (&3.into(), &5.into()));
    assert_eq!(line["response_bytes"], parts.concat().len());
    assert!(line["ttft_ms"].is_number());
}

#[tokio::test]
async fn a_compressed_answer_is_not_looked_into() {
    let answer = async |_| -> Response<Body> {
        let mut response = sse_of(&["\u{1f}not really compressed"]);
        response.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        response
    };
    let fake = Fake::start(answer).await;
    let proxy = Proxy::serving(&[provider("a", &fake.url())]).await;
    let answer = proxy.chat("m").await;
    assert_eq!(
        (answer.text().as_str(), answer.header("content-encoding")),
        ("\u{1f}not really compressed", "gzip")
    );
}
