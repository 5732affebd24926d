//! Streams without the event that is to be their last: what said why it ends is complete when its body is, and only
//! then, whoever hears it.

use super::speakers::{SPEAKERS, Speaker, recorded};
use crate::support::fake::{broken, sse};
use crate::support::{Fake, Proxy};

/// A recorded stream of text, without its last event where that one only says that it is over.
fn unended(speaker: Speaker) -> String {
    let stream = recorded(speaker.folder(), "text-basic-stream", "response.sse").unwrap();
    let last = match speaker {
        Speaker::Chat => stream.rfind("data: [DONE]"),
        Speaker::Messages => stream.rfind("event: message_stop"),
        _ => None,
    };
    stream[..last.unwrap_or(stream.len())].to_owned()
}

/// A provider that streams it, and then ends the body or breaks the connection.
async fn streaming(text: String, breaks: bool) -> Fake {
    Fake::start(move |_| {
        let (parts, response) = sse();
        parts.send(Ok(text.clone().into())).unwrap();
        if breaks {
            parts.send(Err(broken())).unwrap();
        }
        async move { response }
    })
    .await
}

#[tokio::test]
async fn what_said_why_it_ends_is_complete_if_its_body_is() {
    for provider in [Speaker::Chat, Speaker::Messages, Speaker::Gemini] {
        for (client, breaks) in SPEAKERS.iter().flat_map(|client| [(*client, false), (*client, true)]) {
            let what = format!("{client:?} of {provider:?}, breaks: {breaks}");
            let text = unended(provider);
            let fake = streaming(text.clone(), breaks).await;
            let proxy = Proxy::serving(&[provider.provider("a", &fake)]).await;
            let answer = client.ask(&proxy, true).await;
            let told = answer.text().contains("\"error\":{");
            let outcome = proxy.log(1).await[0]["outcome"].clone();
            let expected = if breaks { "upstream_incomplete" } else { "ok" };
            assert_eq!((outcome, told), (expected.into(), breaks), "{what}: {}", answer.text());
            if client == provider && !breaks {
                assert_eq!(answer.text(), text, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn what_did_not_say_why_it_ends_is_not_complete() {
    for provider in [Speaker::Chat, Speaker::Messages] {
        let text = unended(provider);
        let key = if provider == Speaker::Chat { "\"finish_reason\":\"" } else { "\"stop_reason\":\"" };
        let event = text[..text.find(key).unwrap()].rfind("\n\n").unwrap() + 2;
        let fake = streaming(text[..event].to_owned(), false).await;
        let proxy = Proxy::serving(&[provider.provider("a", &fake)]).await;
        for (number, client) in SPEAKERS.into_iter().enumerate() {
            let answer = client.ask(&proxy, true).await;
            assert!(answer.text().contains("\"error\":{"), "{client:?} of {provider:?}: {}", answer.text());
            assert_eq!(proxy.log(number + 1).await[number]["outcome"], "upstream_incomplete");
        }
    }
}
