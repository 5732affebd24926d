//! Providers that are not quite as documented, in the client's own protocol: what they say passes all the same, and
//! counts as far as it can be read.

use super::speakers::{SPEAKERS, Speaker, recorded};
use crate::support::fake::{Body, broken, sse, sse_of};
use crate::support::{Answer, Client, Fake, Proxy};
use http::Response;
use serde_json::{Value, json as value};

async fn answering(make: impl Fn() -> Response<Body> + Clone + Send + Sync + 'static) -> Fake {
    Fake::start(move |_| {
        let response = make();
        async move { response }
    })
    .await
}

#[tokio::test]
async fn counts_of_another_type_do_not_break_a_stream() {
    let gemini = |count: &str| {
        format!(
            "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"hi\"}}]}},\"finishReason\":\"STOP\"}}],\
             \"usageMetadata\":{{\"promptTokenCount\":{count},\"candidatesTokenCount\":5}}}}\n\n"
        )
    };
    let responses = |usage: &str| {
        format!(
            "event: response.completed\ndata: {{\"type\":\"response.completed\",\"response\":{{\"usage\":{usage}}}}}\n\n"
        )
    };
    let messages = |count: &str| {
        format!(
            "event: message_start\ndata: {{\"type\":\"message_start\",\"message\":{{\"usage\":{{\"input_tokens\":3}}}}}}\n\n\
             event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"end_turn\"}},\
             \"usage\":{{\"output_tokens\":{count}}}}}\n\nevent: message_stop\ndata: {{\"type\":\"message_stop\"}}\n\n"
        )
    };
    let table = [
        (Speaker::Gemini, gemini("7.0"), Some(7), Some(5)),
        (Speaker::Gemini, gemini("\"7\""), None, Some(5)),
        (Speaker::Gemini, gemini("-7"), None, Some(5)),
        (
            Speaker::Gemini,
            gemini("7").replace("\"candidates\"", "\"x\":1,\"error\":null,\"candidates\""),
            Some(7),
            Some(5),
        ),
        (
            Speaker::Responses,
            responses(
                "{\"input_tokens\":3,\"output_tokens\":5,\"output_tokens_details\":{\"reasoning_tokens\":0.0}}",
            ),
            Some(3),
            Some(5),
        ),
        (Speaker::Responses, responses("{\"input_tokens\":\"7\",\"output_tokens\":5}"), None, Some(5)),
        (Speaker::Responses, responses("\"none\""), None, None),
        (Speaker::Messages, messages("7.0"), Some(3), Some(7)),
        (Speaker::Messages, messages("\"7\""), Some(3), None),
    ];
    for (speaker, stream, input, output) in table {
        let sent = stream.clone();
        let fake = answering(move || sse_of(&[&sent])).await;
        let proxy = Proxy::serving(&[speaker.provider("a", &fake)]).await;
        assert_eq!(speaker.ask(&proxy, true).await.text(), stream, "{speaker:?}");
        let line = &proxy.log(1).await[0];
        assert_eq!(line["outcome"], "ok", "{stream}");
        for (told, key) in [(input, "input_tokens"), (output, "output_tokens")] {
            assert!(told.is_none_or(|told| line[key] == told), "{stream} {line}");
        }
        let all = input.and(output);
        assert_eq!(line["tokens_counted_by"], if all.is_some() { "provider" } else { "proxy" }, "{stream}");
    }
}

#[tokio::test]
async fn counts_nobody_asked_for_are_hidden_whatever_their_type() {
    let text =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\n";
    for choices in ["\"choices\":[],", "\"choices\":[ ],", "\"choices\":null,", ""] {
        for count in ["7", "7.0", "-1", "\"7\"", "null"] {
            let counts = format!(
                "data: {{{choices}\"usage\":{{\"prompt_tokens\":{count},\"completion_tokens\":5}}}}\n\n"
            );
            let stream = [text, &counts, "data: [DONE]\n\n"].concat();
            let fake = answering(move || sse_of(&[&stream])).await;
            let mut provider = Speaker::Chat.provider("a", &fake);
            provider.options.stream_usage = true;
            let proxy = Proxy::serving(&[provider]).await;
            let answer = proxy.ask("/v1/chat/completions", r#"{"model":"m","stream":true}"#).await;
            assert_eq!(answer.text(), [text, "data: [DONE]\n\n"].concat(), "{counts}");
            assert_eq!(proxy.log(1).await[0]["output_tokens"], 5, "{counts}");
        }
    }
}

#[tokio::test]
async fn a_stream_is_one_whatever_it_is_called() {
    for speaker in SPEAKERS {
        for label in [Some("text/plain; charset=utf-8"), Some("application/json"), None] {
            for cut in [3, 4000] {
                let fake = answering(move || {
                    let (parts, mut response) = sse();
                    let stream = recorded(speaker.folder(), "text-basic-stream", "response.sse").unwrap();
                    let cut = cut.min(stream.len());
                    parts.send(Ok(stream[..cut].to_owned().into())).unwrap();
                    parts.send(Ok(stream[cut..].to_owned().into())).unwrap();
                    response.headers_mut().remove("content-type");
                    if let Some(label) = label {
                        response.headers_mut().insert("content-type", label.parse().unwrap());
                    }
                    response
                })
                .await;
                let proxy = Proxy::serving(&[speaker.provider("a", &fake)]).await;
                let answer = speaker.ask(&proxy, true).await;
                let recorded = recorded(speaker.folder(), "text-basic-stream", "response.sse").unwrap();
                assert_eq!(answer.text(), recorded, "{speaker:?} {label:?}");
                assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8");
                let line = &proxy.log(1).await[0];
                assert_eq!(
                    (&line["outcome"], &line["tokens_counted_by"]),
                    (&"ok".into(), &"provider".into())
                );
            }
        }
    }
}

const ELEMENT: &str = "{\"candidates\":[{\"index\":0,\"content\":{\"parts\":[{\"text\":\"hello } ] world\"}]}}],\
    \"usageMetadata\":{\"promptTokenCount\":9}}";
const LAST: &str = "{\"candidates\":[{\"index\":0,\"content\":{\"parts\":[{\"text\":\"!\"}]},\"finishReason\":\"STOP\"}],\
    \"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":7}}";
const ERROR: &str =
    "{\"error\":{\"code\":503,\"message\":\"bad key sk-abcdefgh1234\",\"status\":\"UNAVAILABLE\"}}";

/// What a client that streams an array is told of these parts, and the line of the log.
async fn array(parts: &[&str], breaks: bool) -> (Answer, Value) {
    let sent: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
    let fake = answering(move || {
        let (parts, mut response) = sse();
        sent.iter().for_each(|part| parts.send(Ok(part.clone().into())).unwrap());
        if breaks {
            parts.send(Err(broken())).unwrap();
        }
        response.headers_mut().insert("content-type", "application/json; charset=UTF-8".parse().unwrap());
        response
    })
    .await;
    let proxy = Proxy::serving(&[Speaker::Gemini.provider("a", &fake)]).await;
    let (_, body) = Speaker::Gemini.question(true);
    let request = Speaker::Gemini.request("/v1beta/models/m:streamGenerateContent", &body);
    let answer = Client::connect(proxy.address).await.send(request).await;
    (answer, proxy.log(1).await.remove(0))
}

#[tokio::test]
async fn an_array_passes_as_it_is_and_is_watched() {
    let whole = ["[", ELEMENT, "\n,\r\n", LAST, "\n]\n"].concat();
    for size in [1, 17, whole.len()] {
        let parts: Vec<&str> =
            whole.as_bytes().chunks(size).map(|part| std::str::from_utf8(part).unwrap()).collect();
        let (answer, line) = array(&parts, false).await;
        assert_eq!((answer.text(), &line["outcome"]), (whole.clone(), &"ok".into()), "{size}");
        let told = (&line["input_tokens"], &line["output_tokens"], &line["tokens_counted_by"]);
        assert_eq!(told, (&9.into(), &7.into(), &"provider".into()));
    }
}

#[tokio::test]
async fn an_array_that_fails_is_ended_with_an_error_and_its_bracket() {
    let cut = LAST.split_at(40).0;
    let stopped = ["[", ELEMENT, ",", LAST].concat();
    let table = [
        (vec!["[", ELEMENT, ",\r\n", ERROR, "]"], false, "upstream_stream_error", 2),
        (vec!["[", ELEMENT, ",\r\n", ERROR], false, "upstream_stream_error", 2),
        (vec!["[", ELEMENT, ",\r\n", ERROR], true, "upstream_stream_error", 2),
        (vec!["[", ELEMENT, "]"], false, "upstream_incomplete", 2),
        (vec!["[", ELEMENT], false, "upstream_incomplete", 2),
        (vec!["[", ELEMENT, ",\r\n"], true, "upstream_incomplete", 2),
        (vec!["[", ELEMENT, ",\r\n", cut], true, "upstream_incomplete", 2),
        (vec![&*stopped], true, "upstream_incomplete", 3),
    ];
    for (parts, breaks, outcome, elements) in table {
        let (answer, line) = array(&parts, breaks).await;
        let what = format!("{parts:?} {}", answer.text());
        assert_eq!((answer.status.as_u16(), &line["outcome"]), (200, &outcome.into()), "{what}");
        assert!(!answer.text().contains("abcdefgh1234"), "{what}");
        let json: Vec<Value> = serde_json::from_str(&answer.text()).unwrap_or_else(|_| panic!("{what}"));
        assert_eq!(json.len(), elements, "{what}");
        assert!(json[elements - 1]["error"]["message"].is_string(), "{what}");
        assert_eq!(json[0], serde_json::from_str::<Value>(ELEMENT).unwrap());
    }
    let (answer, _) = array(&["[", ERROR, "]"], false).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
}

#[tokio::test]
async fn what_a_cut_answer_took_is_counted_unless_it_was_told() {
    for (told, expected) in [
        (value!({"promptTokenCount": 9}), (2, "proxy")),
        (value!({"promptTokenCount": 9, "candidatesTokenCount": 4}), (4, "provider")),
    ] {
        let event = value!({"candidates": [{"index": 0, "content": {"parts": [{"text": "hello world"}]}}],
            "usageMetadata": told});
        let stream = format!("data: {event}\n\n");
        let fake = answering(move || sse_of(&[&stream])).await;
        let proxy = Proxy::serving(&[Speaker::Gemini.provider("a", &fake)]).await;
        Speaker::Gemini.ask(&proxy, true).await;
        let line = &proxy.log(1).await[0];
        assert_eq!((&line["outcome"], &line["input_tokens"]), (&"upstream_incomplete".into(), &9.into()));
        assert_eq!(
            (&line["output_tokens"], &line["tokens_counted_by"]),
            (&expected.0.into(), &expected.1.into())
        );
    }
}
