//! What a stream says that its client cannot be given: told when it is over, in a trailer and in the access log.

use super::speakers::Speaker;
use crate::support::fake::sse_of;
use crate::support::{Client, Fake, Proxy};

const DROPPED: &str = "annotations_dropped, content_filter_results_dropped, usage_estimated";

/// A provider of Chat Completions whose answer cites a page and tells of its filter.
async fn citing() -> (Proxy, Fake) {
    let fake = Fake::start(|_| async {
        let chunk = |choice: &str| {
            format!("data: {{\"id\":\"c\",\"model\":\"m\",\"choices\":[{{\"index\":0,{choice}}}]}}\n\n")
        };
        let said = chunk(r#""delta":{"content":"as [1] says"}"#);
        let cited = chunk(
            r#""delta":{"annotations":[{"type":"url_citation","url_citation":{"start_index":3,"end_index":6,"title":"t","url":"https://a.test"}}]}"#,
        );
        let filtered = chunk(
            r#""delta":{},"finish_reason":"stop","content_filter_results":{"hate":{"filtered":false}}"#,
        );
        sse_of(&[&said, &cited, &filtered, "data: [DONE]\n\n"])
    })
    .await;
    let proxy = Proxy::serving(&[Speaker::Chat.provider("a", &fake)]).await;
    (proxy, fake)
}

#[tokio::test]
async fn a_stream_ends_with_what_its_client_was_not_given() {
    let (proxy, _fake) = citing().await;
    for asks_for_trailers in [true, false] {
        let (path, body) = Speaker::Messages.question(true);
        let mut request = Speaker::Messages.request(&path, &body);
        if asks_for_trailers {
            request = request.header("te", "trailers");
        }
        let coming = Client::connect(proxy.address).await.start(request).await;
        let headers = coming.0.headers();
        assert_eq!(
            (&headers["trailer"], headers.get("x-llm-proxy-warnings")),
            (&"x-llm-proxy-warnings".parse().unwrap(), None)
        );
        let (body, trailers) = coming.trailed().await;
        assert!(body.contains("as [1] says") && body.contains("event: message_stop"), "{body}");
        let told = trailers.as_ref().map(|trailers| trailers["x-llm-proxy-warnings"].to_str().unwrap());
        assert_eq!(told, asks_for_trailers.then_some(DROPPED));
    }
    for line in proxy.log(2).await {
        assert_eq!(line["warnings"], DROPPED, "{line}");
    }
}
