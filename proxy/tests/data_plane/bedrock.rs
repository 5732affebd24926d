//! Bedrock, with a fake that speaks its binary event streams and checks signatures.

mod identity;

use crate::support::{Client, Fake, KEY, Proxy, Seen, fake, json, model, post, provider};
use bytes::Bytes;
use http::{HeaderMap, Method};
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use llm_protocol::aws_eventstream::{write_event, write_message};
use llm_proxy::cloud::aws::AccessKey;
use llm_proxy::cloud::sigv4::{Scope, Signed, sign};
use llm_snapshot::provider::{AwsAccessKey, Cloud, Credential, Guardrail, GuardrailTrace, Http, Upstream};
use llm_snapshot::{Provider, Secret};
use serde_json::{Value, json as value};
use std::sync::{Arc, Mutex};

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const TITAN: &str = "amazon.titan-embed-text-v2:0";
const REGION: &str = "eu-central-1";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

const ANSWER: &str = r#"{"output":{"message":{"role":"assistant","content":[{"text":"Hello."},
    {"toolUse":{"toolUseId":"t1","name":"sky","input":{"city":"Riga"}}}]}},"stopReason":"tool_use",
    "usage":{"inputTokens":5,"outputTokens":7,"totalTokens":12},"metrics":{"latencyMs":1}}"#;

fn bedrock(url: &str, credential: &str) -> Provider {
    let credential =
        Credential { name: "aws/accessKeyId".to_owned(), value: Secret::new(credential), weight: 1 };
    with(url, vec![credential])
}

fn with(url: &str, credentials: Vec<Credential>) -> Provider {
    let http = Http {
        credentials,
        cloud: Some(Cloud::Bedrock { region: REGION.to_owned() }),
        ..Http::new(url.trim_end_matches("/v1"))
    };
    Provider {
        upstream: Upstream::Http(http),
        models: vec![model("m", CLAUDE), model("embed", TITAN)],
        ..provider("bedrock", url)
    }
}

fn access_key(token: Option<&str>) -> String {
    let key = AwsAccessKey {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: Secret::new(SECRET),
        session_token: token.map(Secret::new),
    };
    serde_json::to_string(&key).unwrap()
}

/// Signs what was seen anew, and compares.
fn assert_signed(seen: &Seen, token: Option<&str>) {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", seen.headers["content-type"].clone());
    let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
    let (method, host) = (Method::POST, seen.header("host"));
    let request = Signed { method: &method, host, path, query, body: &seen.body };
    let key = AccessKey::new("AKIDEXAMPLE", SECRET, token);
    let time = seen.header("x-amz-date");
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time).unwrap();
    let time = time.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    assert!((Timestamp::now().as_second() - time.as_second()).abs() < 300, "{time}");
    sign(&request, &mut headers, &key, Scope { region: REGION, service: "bedrock" }, time).unwrap();
    assert_eq!(seen.headers["authorization"], headers["authorization"]);
    assert_eq!(seen.header("x-amz-security-token"), token.unwrap_or_default());
    assert!(seen.headers.get("x-api-key").is_none());
}

fn events(bytes: Vec<u8>) -> http::Response<fake::Body> {
    let body = Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed_unsync();
    let kind = "application/vnd.amazon.eventstream";
    http::Response::builder().header("content-type", kind).body(body).unwrap()
}

fn stream(last: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (event, payload) in [
        ("messageStart", r#"{"role":"assistant"}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hel"}}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"lo."}}"#),
        ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
    ]
    .iter()
    .chain(last)
    {
        write_event(&mut bytes, event, payload.as_bytes());
    }
    bytes
}

const END: [(&str, &str); 2] = [
    ("messageStop", r#"{"stopReason":"end_turn"}"#),
    (
        "metadata",
        r#"{"usage":{"inputTokens":5,"outputTokens":7,"totalTokens":12},"metrics":{"latencyMs":1}}"#,
    ),
];

fn chat(stream: bool) -> String {
    let messages = value!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]);
    value!({"model": "m", "messages": messages, "stream": stream, "stream_options": stream.then(|| value!({"include_usage": true}))}).to_string()
}

#[tokio::test]
async fn claude_answers_through_converse() {
    let fake = Fake::start(|_| async { json(200, ANSWER) }).await;
    let proxy = Proxy::serving(&[bedrock(&fake.url(), &access_key(None))]).await;
    let answer = proxy.ask("/v1/chat/completions", &chat(false)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    let call = &body["choices"][0]["message"]["tool_calls"][0];
    assert_eq!(body["choices"][0]["message"]["content"], "Hello.");
    assert_eq!((&call["id"], &call["function"]["arguments"]), (&value!("t1"), &value!(r#"{"city":"Riga"}"#)));
    assert_eq!((&body["model"], &body["usage"]["total_tokens"]), (&value!("m"), &value!(12)));
    let seen = &fake.seen()[0];
    assert_eq!(seen.path, "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse");
    let expected = value!({"system": [{"text": "Be brief."}], "messages": [{"role": "user", "content": [{"text": "hi"}]}]});
    assert_eq!(seen.json(), expected);
    assert_signed(seen, None);
}

#[tokio::test]
async fn every_client_gets_its_own_answer() {
    let fake = Fake::start(|_| async { json(200, ANSWER) }).await;
    let proxy = Proxy::serving(&[bedrock(&fake.url(), &access_key(None))]).await;
    let messages = value!({"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]});
    let body = proxy.ask("/v1/messages", &messages.to_string()).await.json();
    assert_eq!((&body["content"][0]["text"], &body["stop_reason"]), (&value!("Hello."), &value!("tool_use")));
    let gemini = value!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
    let body = proxy.ask("/v1beta/models/m:generateContent", &gemini.to_string()).await.json();
    assert_eq!(body["candidates"][0]["content"]["parts"][0]["text"], "Hello.");
    let responses = value!({"model": "m", "input": "hi"});
    let body = proxy.ask("/v1/responses", &responses.to_string()).await.json();
    assert_eq!(body["output"][0]["content"][0]["text"], "Hello.");
    assert_eq!(fake.count(), 3);
    fake.seen().iter().for_each(|seen| assert_signed(seen, None));
}

#[tokio::test]
async fn streams_are_read_from_binary_events() {
    let fake = Fake::start(|_| async { events(stream(&END)) }).await;
    let proxy = Proxy::serving(&[bedrock(&fake.url(), &access_key(Some("session//token=")))]).await;
    let answer = proxy.ask("/v1/chat/completions", &chat(true)).await;
    let text = answer.text();
    assert!(answer.status == 200 && text.ends_with("data: [DONE]\n\n"), "{text}");
    let chunks: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect();
    let said: String =
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(said, "Hello.");
    assert_eq!(chunks.last().unwrap()["usage"]["total_tokens"], 12);
    let seen = &fake.seen()[0];
    assert!(seen.path.ends_with("/converse-stream"), "{}", seen.path);
    assert_signed(seen, Some("session//token="));
}

fn exception() -> Vec<u8> {
    let mut bytes = Vec::new();
    let headers = [(":exception-type", "throttlingException"), (":message-type", "exception")];
    write_message(&mut bytes, &headers, br#"{"message":"slow down"}"#);
    bytes
}

#[tokio::test]
async fn an_exception_before_any_content_is_failed_over() {
    let first = Fake::start(|_| async { events(exception()) }).await;
    let second = Fake::start(|_| async { events(stream(&END)) }).await;
    let mut fallback = bedrock(&second.url(), &access_key(None));
    fallback.name = "fallback".to_owned();
    fallback.models[0].priority = 1;
    let proxy = Proxy::serving(&[bedrock(&first.url(), &access_key(None)), fallback]).await;
    let text = proxy.ask("/v1/chat/completions", &chat(true)).await.text();
    assert_eq!((first.count(), second.count()), (1, 1));
    assert!(text.contains("lo.") && text.ends_with("data: [DONE]\n\n"), "{text}");
}

#[tokio::test]
async fn a_later_exception_is_told_to_the_client() {
    let (parts, response) = fake::sse();
    let response = Arc::new(Mutex::new(Some(response)));
    let fake = Fake::start(move |_| {
        let response = response.lock().unwrap().take().unwrap();
        async move { response }
    })
    .await;
    let proxy = Proxy::serving(&[bedrock(&fake.url(), &access_key(None))]).await;
    parts.send(Ok(stream(&[]).into())).unwrap();
    let request = post("/v1/chat/completions", chat(true)).header("authorization", format!("Bearer {KEY}"));
    let mut coming = Client::connect(proxy.address).await.start(request).await;
    let said = coming.read_to("lo.").await;
    parts.send(Ok(exception().into())).unwrap();
    drop(parts);
    let (rest, _) = coming.rest().await;
    assert!(rest.contains("slow down") && !rest.contains("[DONE]"), "{said} {rest}");
}

#[tokio::test]
async fn refused_keys_are_no_fault_of_the_client() {
    let fake = Fake::start(|_| async { json(403, r#"{"message":"The security token is invalid."}"#) }).await;
    let proxy = Proxy::serving(&[bedrock(&fake.url(), &access_key(None))]).await;
    let answer = proxy.ask("/v1/chat/completions", &chat(false)).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (502, &value!("upstream_auth")));
    assert!(!answer.text().contains(SECRET));
}

#[tokio::test]
async fn api_keys_of_bedrock_are_bearer_tokens() {
    let fake = Fake::start(|_| async { json(200, ANSWER) }).await;
    let proxy = Proxy::serving(&[bedrock(&fake.url(), "ABSKexample")]).await;
    assert_eq!(proxy.ask("/v1/chat/completions", &chat(false)).await.status, 200);
    let seen = &fake.seen()[0];
    assert_eq!(seen.header("authorization"), "Bearer ABSKexample");
    assert!(seen.headers.get("x-amz-date").is_none());
}

#[tokio::test]
async fn a_guardrail_watches_over_answers_and_streams() {
    const BLOCKED: &str = r#"{"output":{"message":{"role":"assistant","content":[{"text":"No."}]}},
        "stopReason":"guardrail_intervened","usage":{"inputTokens":0,"outputTokens":0,"totalTokens":0},
        "trace":{"guardrail":{"actionReason":"canary"}}}"#;
    let end = [("messageStop", r#"{"stopReason":"guardrail_intervened"}"#), END[1]];
    let fake = Fake::start(move |seen: Seen| async move {
        if seen.path.ends_with("/converse") { json(200, BLOCKED) } else { events(stream(&end)) }
    })
    .await;
    let mut guarded = bedrock(&fake.url(), &access_key(None));
    let (id, version) = ("gr4z0abc".to_owned(), "7".to_owned());
    guarded.options.guardrail = Some(Guardrail { id, version, trace: GuardrailTrace::Enabled });
    let proxy = Proxy::serving(&[guarded]).await;
    let whole = proxy.ask("/v1/chat/completions", &chat(false)).await;
    assert_eq!(whole.json()["choices"][0]["finish_reason"], "content_filter", "{whole:?}");
    assert!(!whole.text().contains("canary"));
    let streamed = proxy.ask("/v1/chat/completions", &chat(true)).await.text();
    assert!(streamed.contains(r#""finish_reason":"content_filter""#), "{streamed}");
    let messages = value!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    let refused = proxy.ask("/v1/messages", &messages.to_string()).await.json();
    assert_eq!(refused["stop_reason"], "refusal", "{refused}");
    let config = value!({"guardrailIdentifier": "gr4z0abc", "guardrailVersion": "7", "trace": "enabled"});
    assert_eq!(fake.count(), 3);
    fake.seen().iter().for_each(|seen| assert_eq!(seen.json()["guardrailConfig"], config));
}

/// Asks for a count in every protocol that has one.
async fn counts(proxy: &Proxy) -> Vec<crate::support::Answer> {
    let messages = value!([{"role": "user", "content": "hello there"}]);
    let gemini = value!({"contents": [{"role": "user", "parts": [{"text": "hello there"}]}]});
    let mut answers = Vec::new();
    for (path, body) in [
        ("/v1/messages/count_tokens", value!({"model": "m", "messages": messages})),
        ("/v1/responses/input_tokens", value!({"model": "m", "input": "hello there"})),
        ("/v1beta/models/m:countTokens", gemini),
    ] {
        answers.push(proxy.ask(path, &body.to_string()).await);
    }
    answers
}

#[tokio::test]
async fn tokens_are_counted_where_the_model_is() {
    let fake = Fake::start(|_| async { json(200, r#"{"inputTokens":38}"#) }).await;
    let proxy = Proxy::serving(&[bedrock(&fake.url(), &access_key(None))]).await;
    let answers = counts(&proxy).await;
    let told = ["input_tokens", "input_tokens", "totalTokens"];
    for (answer, told) in answers.iter().zip(told) {
        assert_eq!((answer.status.as_u16(), &answer.json()[told]), (200, &value!(38)), "{answer:?}");
        assert!(answer.headers.get("x-llm-proxy-warnings").is_none());
    }
    let counted = value!({"input": {"converse": {"messages": [{"role": "user", "content": [{"text": "hello there"}]}]}}});
    assert_eq!(fake.count(), 3);
    for seen in fake.seen() {
        assert_eq!(seen.path, "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens");
        assert_eq!(seen.json(), counted);
        assert_signed(&seen, None);
    }
}

#[tokio::test]
async fn what_cannot_be_counted_is_estimated() {
    for (status, error, message) in [
        (400, "ValidationException", "The provided model doesn't support counting tokens."),
        (403, "AccessDeniedException", "is not authorized to perform: bedrock:CountTokens"),
        (404, "UnknownOperationException", ""),
    ] {
        let refused = move |_| async move {
            let mut response = json(status, value!({"message": message}).to_string());
            response.headers_mut().insert("x-amzn-errortype", error.parse().unwrap());
            response
        };
        let fake = Fake::start(refused).await;
        let proxy = Proxy::serving(&[bedrock(&fake.url(), &access_key(None))]).await;
        for answer in counts(&proxy).await {
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(answer.headers["x-llm-proxy-warnings"], "tokens_estimated");
            let body = answer.json();
            let tokens = body.get("input_tokens").or(body.get("totalTokens")).unwrap().as_u64().unwrap();
            assert!((1..20).contains(&tokens), "{body}");
        }
        assert_eq!(fake.count(), 3);
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_not_estimated() {
    let wrong = r#"{"__type":"ValidationException","message":"messages: roles must alternate"}"#;
    let fake = Fake::start(move |_| async move { json(400, wrong) }).await;
    let proxy = Proxy::serving(&[bedrock(&fake.url(), &access_key(None))]).await;
    for answer in counts(&proxy).await {
        assert!(answer.status == 400 && answer.text().contains("roles must alternate"), "{answer:?}");
    }
}

#[tokio::test]
async fn titan_embeds() {
    let fake =
        Fake::start(|_| async { json(200, r#"{"embedding":[0.5,-1],"inputTextTokenCount":3}"#) }).await;
    let proxy = Proxy::serving(&[bedrock(&fake.url(), &access_key(None))]).await;
    let request = value!({"model": "embed", "input": "hi", "dimensions": 256});
    let body = proxy.ask("/v1/embeddings", &request.to_string()).await.json();
    assert_eq!(body["data"][0]["embedding"], value!([0.5, -1]));
    let seen = &fake.seen()[0];
    assert_eq!(seen.path, "/model/amazon.titan-embed-text-v2%3A0/invoke");
    assert_eq!(seen.json(), value!({"inputText": "hi", "dimensions": 256}));
    assert_signed(seen, None);
    // A model of embeddings does not chat.
    let chat = value!({"model": "embed", "messages": []}).to_string();
    assert_eq!(proxy.ask("/v1/chat/completions", &chat).await.status, 404);
}
