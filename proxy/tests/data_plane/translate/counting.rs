//! Tokens of translated answers whose provider tells none: the client is told what the proxy counts.

use super::speakers::{SPEAKERS, Speaker, pairs, recorded};
use crate::support::fake::sse_of;
use crate::support::{Client, Fake, PATIENCE, Proxy, json, model, provider, vocabulary};
use llm_snapshot::provider::Protocol;
use serde_json::{Value, json as value};
use std::time::Duration;

/// The tokens of every client's question: its texts have 31, by tiktoken, and two messages 11 more.
const QUESTION: u64 = 42;

/// Takes out what a provider tells of tokens.
fn untold(json: &mut Value) {
    if let Some(object) = json.as_object_mut() {
        object.retain(|key, _| key != "usage" && key != "usageMetadata");
        object.values_mut().for_each(untold);
    }
}

/// A recorded answer without its counts.
fn answer(speaker: Speaker, case: &str) -> String {
    let cut = |json: &str| {
        let mut json = serde_json::from_str(json).unwrap_or_else(|_| panic!("{json}"));
        untold(&mut json);
        json.to_string()
    };
    let Some(stream) = recorded(speaker.folder(), case, "response.sse") else {
        return cut(&recorded(speaker.folder(), case, "response.json").unwrap());
    };
    let line = |line: &str| match line.trim_end().strip_prefix("data: ") {
        Some(json) if json.starts_with('{') => format!("data: {}\n", cut(json)),
        _ => format!("{}\n", line.trim_end()),
    };
    stream.lines().map(line).collect()
}

async fn fake(speaker: Speaker, case: &str, stream: bool) -> Fake {
    let answer = answer(speaker, case);
    assert!(!answer.contains("\"usage"), "{answer}");
    Fake::start(move |_| {
        let response = if stream { sse_of(&[&answer]) } else { json(200, answer.clone()) };
        async move { response }
    })
    .await
}

/// Tokens of what each recording says: by OpenAI's own account for OpenAI's, by tiktoken for the others.
async fn all(stream: bool, cases: [(Speaker, u64); 4]) {
    vocabulary().await;
    let case = if stream { "text-basic-stream" } else { "text-basic" };
    for (client, speaker) in pairs() {
        let fake = fake(speaker, case, stream).await;
        let proxy = Proxy::serving(&[speaker.provider("a", &fake)]).await;
        let answer = client.ask(&proxy, stream).await;
        let (_, said) = cases.iter().find(|(of, _)| *of == speaker).unwrap();
        let what = format!("{client:?} of {speaker:?}: {}", answer.text());
        assert_eq!(client.said(&answer.text(), stream).tokens, (QUESTION, *said), "{what}");
        let line = &proxy.log(1).await[0];
        // It is too late for a header when a stream ends.
        let warnings = answer.header("x-llm-proxy-warnings");
        assert_eq!(warnings.contains("usage_estimated"), !stream, "{what} {warnings}");
        assert!(line["warnings"].to_string().contains("usage_estimated"), "{what} {line}");
        let told = (&line["input_tokens"], &line["output_tokens"], &line["tokens_counted_by"]);
        assert_eq!(told, (&QUESTION.into(), &(*said).into(), &"proxy".into()), "{what}");
        assert_eq!(line["outcome"], "ok", "{what}");
    }
}

#[tokio::test]
async fn of_plain_answers() {
    let said = [(Speaker::Chat, 12), (Speaker::Messages, 9), (Speaker::Gemini, 62), (Speaker::Responses, 10)];
    all(false, said).await;
}

#[tokio::test]
async fn of_streams() {
    let said = [(Speaker::Chat, 10), (Speaker::Messages, 9), (Speaker::Gemini, 52), (Speaker::Responses, 10)];
    all(true, said).await;
}

#[tokio::test]
async fn a_client_that_does_not_ask_is_not_told_and_all_is_counted_the_same() {
    vocabulary().await;
    let fake = fake(Speaker::Messages, "text-basic-stream", true).await;
    let proxy = Proxy::serving(&[Speaker::Messages.provider("a", &fake)]).await;
    let (path, mut body) = Speaker::Chat.question(true);
    body.as_object_mut().unwrap().remove("stream_options");
    let answer = Client::connect(proxy.address).await.send(Speaker::Chat.request(&path, &body)).await;
    assert!(
        !answer.text().contains("usage") && answer.text().ends_with("data: [DONE]\n\n"),
        "{}",
        answer.text()
    );
    let line = &proxy.log(1).await[0];
    assert_eq!((&line["input_tokens"], &line["output_tokens"]), (&QUESTION.into(), &9.into()));
}

/// What was said until a client left, or until the provider broke off.
#[tokio::test]
async fn of_streams_that_do_not_end() {
    for client in SPEAKERS.into_iter().filter(|client| *client != Speaker::Messages) {
        let stream = recorded("anthropic_messages", "stream-cut-eof", "response.sse").unwrap();
        let fake = Fake::start(move |_| {
            let response = sse_of(&[&stream]);
            async move { response }
        })
        .await;
        let proxy = Proxy::serving(&[Speaker::Messages.provider("a", &fake)]).await;
        client.ask(&proxy, true).await;
        let line = &proxy.log(1).await[0];
        // It says "Hel" and told before what it read.
        let told = (&line["outcome"], &line["output_tokens"], &line["tokens_counted_by"]);
        assert_eq!(told, (&"upstream_incomplete".into(), &1.into(), &"proxy".into()), "{client:?}");
        let labels = "model=\"m\",provider=\"team-a/a\",counted_by=\"provider\"";
        let input = proxy.series(&format!("llm_proxy_tokens_total{{type=\"input\",{labels}}}")).await;
        assert_eq!(line["input_tokens"].as_f64().unwrap(), input, "{client:?}");
        assert!(input > 0.0);
    }
}

/// What is counted too late is told as a token for every 4 bytes: the texts of the question have 119.
#[tokio::test]
async fn a_stream_does_not_wait_for_a_count_that_does_not_come() {
    let fake = fake(Speaker::Chat, "text-basic-stream", true).await;
    let proxy = Proxy::serving(&[Speaker::Chat.provider("a", &fake)]).await;
    let held = proxy.hold_counts();
    let answer = Speaker::Messages.ask(&proxy, true).await;
    let said = Speaker::Messages.said(&answer.text(), true);
    assert_eq!((said.text.len().div_ceil(4) as u64, said.finish.as_str()), (said.tokens.1, "end_turn"));
    assert_eq!(said.tokens.0, 119_u64.div_ceil(4) + 11);
    let line = &proxy.log(1).await[0];
    let told = (line["input_tokens"].as_u64(), line["output_tokens"].as_u64());
    assert_eq!(told, (Some(said.tokens.0), Some(said.tokens.1)));
    assert_eq!((&line["tokens_counted_by"], &line["outcome"]), (&"proxy".into(), &"ok".into()));
    drop(held);
}

#[tokio::test]
async fn a_stream_that_waits_for_its_count_ends_well_when_the_proxy_goes_away() {
    let fake = fake(Speaker::Chat, "text-basic-stream", true).await;
    let mut proxy = Proxy::serving(&[Speaker::Chat.provider("a", &fake)]).await;
    let held = proxy.hold_counts();
    let (path, body) = Speaker::Messages.question(true);
    let mut client = Client::connect(proxy.address).await;
    let mut coming = client.start(Speaker::Messages.request(&path, &body)).await;
    let begin = coming.read_to("content_block_stop").await;
    let app = proxy.app.take().unwrap();
    let going = tokio::spawn(async move { app.shutdown(Duration::ZERO, Duration::ZERO).await });
    let (end, proper) = coming.rest().await;
    assert!(proper && end.contains("message_stop"), "{begin}{end}");
    going.await.unwrap();
    assert_eq!(proxy.log(1).await[0]["outcome"], "ok");
    drop(held);
}

/// Asks until the answer holds the count: one that comes too late is told by the length of the texts.
async fn until_counted(
    proxy: &Proxy,
    client: Speaker,
    path: &str,
    body: &Value,
    count: impl Fn(&str) -> u64,
) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answer = Client::connect(proxy.address).await.send(client.request(path, body)).await;
        let told = count(&answer.text());
        if told == QUESTION {
            return;
        }
        assert!(told > QUESTION / 2 && told < QUESTION * 2, "{}", answer.text());
        assert!(tokio::time::Instant::now() < deadline, "never counted: {}", answer.text());
    }
}

#[tokio::test]
async fn a_stream_of_messages_begins_with_what_was_counted_while_the_provider_thought() {
    vocabulary().await;
    let fake = Speaker::Chat.fake("text-basic-stream", 200).await;
    let proxy = Proxy::serving(&[Speaker::Chat.provider("a", &fake)]).await;
    let (path, body) = Speaker::Messages.question(true);
    until_counted(&proxy, Speaker::Messages, &path, &body, |answer| {
        let start = &super::said::events(answer)[0];
        assert_eq!(start["type"], "message_start", "{answer}");
        start["message"]["usage"]["input_tokens"].as_u64().unwrap()
    })
    .await;
    // What the provider tells in the end is what counts.
    let line = &proxy.log(1).await[0];
    assert_eq!((&line["input_tokens"], &line["tokens_counted_by"]), (&16.into(), &"provider".into()));
}

#[tokio::test]
async fn counts_that_are_asked_for_are_counted() {
    vocabulary().await;
    let fake = Speaker::Chat.fake("text-basic", 200).await;
    let proxy = Proxy::serving(&[Speaker::Chat.provider("a", &fake)]).await;
    let number =
        |answer: &str, name: &str| serde_json::from_str::<Value>(answer).unwrap()[name].as_u64().unwrap();
    let (_, mut body) = Speaker::Messages.question(false);
    body.as_object_mut().unwrap().retain(|key, _| !["max_tokens", "stream"].contains(&key.as_str()));
    let path = "/v1/messages/count_tokens";
    until_counted(&proxy, Speaker::Messages, path, &body, |answer| number(answer, "input_tokens")).await;
    let (_, body) = Speaker::Gemini.question(false);
    let path = "/v1beta/models/m:countTokens";
    until_counted(&proxy, Speaker::Gemini, path, &body, |answer| number(answer, "totalTokens")).await;
    assert_eq!(fake.count(), 0);
    // Nothing was spent.
    assert!(proxy.log(2).await.iter().all(|line| line["tokens_counted_by"].is_null()));
}

#[tokio::test]
async fn of_embeddings() {
    vocabulary().await;
    let fake =
        Fake::start(|_| async { json(200, r#"{"embeddings":[{"values":[0.5]},{"values":[1]}]}"#) }).await;
    let mut a = provider("a", &fake.url());
    (a.protocols, a.models) = ([Protocol::EmbedContent].into(), vec![model("m", "embedder")]);
    let proxy = Proxy::serving(&[a]).await;
    let body =
        value!({"model": "m", "input": ["The quick brown fox jumps over the lazy dog.", "hello world"]});
    let answer = proxy.ask("/v1/embeddings", &body.to_string()).await;
    assert_eq!(answer.json()["usage"]["prompt_tokens"], 12, "{}", answer.text());
    assert_eq!(answer.header("x-llm-proxy-warnings"), "usage_estimated");
    let line = &proxy.log(1).await[0];
    let told = (&line["input_tokens"], &line["output_tokens"], &line["tokens_counted_by"]);
    assert_eq!(told, (&12.into(), &Value::Null, &"proxy".into()));
}
