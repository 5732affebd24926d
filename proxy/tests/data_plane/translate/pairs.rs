//! Every ordered pair of protocols, plain and streamed, with answers from recordings.

use super::speakers::{Speaker, pairs};
use crate::support::Proxy;

/// Asks each provider from each other protocol, and compares what clients hear with what the recording says.
async fn all(stream: bool, cases: [(&'static str, Speaker); 8]) {
    for (client, speaker) in pairs() {
        for (case, _) in cases.iter().filter(|(_, of)| *of == speaker) {
            let fake = speaker.fake(case, 200).await;
            let proxy = Proxy::serving(&[speaker.provider("a", &fake)]).await;
            let answer = client.ask(&proxy, stream).await;
            let what = format!("{client:?} of {speaker:?}, {case}");
            assert_eq!(answer.status, 200, "{what}: {}", answer.text());
            let kind = if stream { "text/event-stream; charset=utf-8" } else { "application/json" };
            assert_eq!(answer.header("content-type"), kind, "{what}");
            let expected = speaker.expected(case);
            let said = client.said(&answer.text(), stream);
            assert_eq!(said.text, expected["text"].as_str().unwrap_or_default(), "{what}");
            let calls: Vec<_> = expected["tool_calls"].as_array().into_iter().flatten().collect();
            assert_eq!(said.calls.len(), calls.len(), "{what}");
            for ((name, arguments), call) in said.calls.iter().zip(calls) {
                assert_eq!(
                    (name.as_str(), arguments),
                    (call["name"].as_str().unwrap(), &call["arguments"]),
                    "{what}"
                );
            }
            assert_eq!(said.finish, client.word(expected["finish"].as_str().unwrap()), "{what}");
            let usage = &expected["usage"];
            let tokens = (usage["input_total"].as_u64().unwrap(), usage["output_total"].as_u64().unwrap());
            assert_eq!(said.tokens, tokens, "{what}");
            speaker.got_the_question(&fake.seen()[0], stream);
            let line = &proxy.log(1).await[0];
            assert_eq!((&line["outcome"], &line["stream"]), (&"ok".into(), &stream.into()), "{what}");
            let counted = (line["input_tokens"].as_u64().unwrap(), line["output_tokens"].as_u64().unwrap());
            assert_eq!(counted, tokens, "{what}");
        }
    }
}

#[tokio::test]
async fn plain_answers_say_the_same_in_every_protocol() {
    all(
        false,
        [
            ("text-basic", Speaker::Chat),
            ("tools-parallel-turn1", Speaker::Chat),
            ("text-basic", Speaker::Messages),
            ("tools-parallel-turn1", Speaker::Messages),
            ("text-basic", Speaker::Gemini),
            ("tools-parallel-turn1", Speaker::Gemini),
            ("text-basic", Speaker::Responses),
            ("tools-parallel-turn1", Speaker::Responses),
        ],
    )
    .await;
}

#[tokio::test]
async fn streams_say_the_same_in_every_protocol() {
    all(
        true,
        [
            ("text-basic-stream", Speaker::Chat),
            ("tools-parallel-stream-turn1", Speaker::Chat),
            ("text-basic-stream", Speaker::Messages),
            ("tools-parallel-stream-turn1", Speaker::Messages),
            ("text-basic-stream", Speaker::Gemini),
            ("tools-parallel-stream-turn1", Speaker::Gemini),
            ("text-basic-stream", Speaker::Responses),
            ("tools-parallel-stream-turn1", Speaker::Responses),
        ],
    )
    .await;
}

#[tokio::test]
async fn answers_cut_by_the_limit_say_so() {
    let cases =
        |suffix: &str| super::speakers::SPEAKERS.map(|speaker| (format!("max-tokens{suffix}"), speaker));
    for (stream, suffix) in [(false, ""), (true, "-stream")] {
        for (case, speaker) in cases(suffix) {
            let case: &'static str = case.leak();
            let fake = speaker.fake(case, 200).await;
            let proxy = Proxy::serving(&[speaker.provider("a", &fake)]).await;
            for (client, _) in pairs().filter(|(_, provider)| *provider == speaker) {
                let answer = client.ask(&proxy, stream).await;
                let said = client.said(&answer.text(), stream);
                assert_eq!(said.finish, client.word("length"), "{client:?} of {speaker:?} {stream}");
            }
        }
    }
}

#[tokio::test]
async fn a_client_of_gemini_that_asks_for_no_events_gets_one_array() {
    for speaker in [Speaker::Chat, Speaker::Messages] {
        let fake = speaker.fake("text-basic-stream", 200).await;
        let proxy = Proxy::serving(&[speaker.provider("a", &fake)]).await;
        let (_, body) = Speaker::Gemini.question(true);
        let request = Speaker::Gemini.request("/v1beta/models/m:streamGenerateContent", &body);
        let answer = crate::support::Client::connect(proxy.address).await.send(request).await;
        assert_eq!(answer.header("content-type"), "application/json");
        let chunks: Vec<serde_json::Value> = serde_json::from_slice(&answer.body).unwrap();
        assert!(chunks.len() > 1);
        let said = Speaker::Gemini.said(&answer.text(), true);
        assert_eq!(said.text, speaker.expected("text-basic-stream")["text"].as_str().unwrap());
    }
}
