//! The workload's own identity at AWS, with fakes of the places that give out sessions.

use super::*;
use llm_proxy::cloud::Own;
use llm_proxy::cloud::aws::{Container, Role};
use std::io::Write as _;
use tempfile::NamedTempFile;

const ARN: &str = "arn:aws:iam::123456789012:role/llm-proxy";

/// A moment from now, in seconds since 1970.
fn after(seconds: i64) -> i64 {
    Timestamp::now().as_second() + seconds
}

/// What STS answers when it is asked for JSON: a session that holds for so many seconds.
fn taken(seconds: i64) -> String {
    // Times are numbers with an exponent there.
    let ends = format!("{:E}", after(seconds) as f64);
    let session = format!(
        r#"{{"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"{SECRET}","SessionToken":"session//token=","Expiration":{ends}}}"#
    );
    format!(
        r#"{{"AssumeRoleWithWebIdentityResponse":{{"AssumeRoleWithWebIdentityResult":{{"Audience":"sts.amazonaws.com","Credentials":{session}}},"ResponseMetadata":{{"RequestId":"1"}}}}}}"#
    )
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn role(sts: &Fake, token: &NamedTempFile) -> Own {
    let (arn, session) = (ARN.to_owned(), "llm-proxy".to_owned());
    let role = Role { arn, session, token_file: token.path().to_owned(), sts: sts.url().replace("/v1", "") };
    Own { aws: Some(Arc::new(role)), ..Own::default() }
}

/// A proxy with that identity, and two providers without credentials.
async fn proxy(own: Own, bedrock: &Fake) -> Proxy {
    let proxy = Proxy::empty().await;
    proxy.store.use_own(own);
    let mut other = with(&bedrock.url(), Vec::new());
    other.name = "other".to_owned();
    assert_eq!(proxy.apply(&[with(&bedrock.url(), Vec::new()), other]), []);
    proxy
}

#[tokio::test]
async fn a_role_is_taken_once_for_all_providers() {
    let bedrock = Fake::start(|_| async { json(200, ANSWER) }).await;
    let sts = Fake::start(|_| async { json(200, taken(3600)) }).await;
    let token = file("eyJ.web+identity/token\n");
    let proxy = proxy(role(&sts, &token), &bedrock).await;
    let body = chat(false);
    let asked = (0..8).map(|_| proxy.ask("/v1/chat/completions", &body));
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!((sts.count(), bedrock.count()), (1, 8));
    bedrock.seen().iter().for_each(|seen| assert_signed(seen, Some("session//token=")));
    let asked = &sts.seen()[0];
    let form = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&\
        RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fllm-proxy&RoleSessionName=llm-proxy&\
        WebIdentityToken=eyJ.web%2Bidentity%2Ftoken";
    assert_eq!((asked.path.as_str(), std::str::from_utf8(&asked.body).unwrap()), ("/", form));
    assert_eq!(asked.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(asked.header("accept"), "application/json");
    assert!(asked.headers.get("authorization").is_none());
}

#[tokio::test]
async fn a_session_that_ends_is_replaced_with_the_token_of_the_day() {
    let bedrock = Fake::start(|_| async { json(200, ANSWER) }).await;
    let sts = Fake::start(|_| async { json(200, taken(60)) }).await;
    let token = file("first");
    let proxy = proxy(role(&sts, &token), &bedrock).await;
    proxy.ask("/v1/chat/completions", &chat(false)).await;
    std::fs::write(token.path(), "second").unwrap();
    assert_eq!(proxy.ask("/v1/chat/completions", &chat(false)).await.status, 200);
    let shown: Vec<String> = sts
        .seen()
        .iter()
        .map(|seen| String::from_utf8(seen.body.to_vec()).unwrap().rsplit_once('=').unwrap().1.to_owned())
        .collect();
    assert_eq!(shown, ["first", "second"]);
}

#[tokio::test]
async fn without_a_session_nobody_is_asked_and_nothing_is_told() {
    let token = file("web-identity-token");
    let refusal = "<ErrorResponse><Error><Code>InvalidIdentityToken</Code></Error></ErrorResponse>";
    let half = taken(3600).replace("SecretAccessKey", "Secret");
    for (status, answer) in [(400, refusal.to_owned()), (200, half)] {
        let bedrock = Fake::start(|_| async { json(200, ANSWER) }).await;
        let sts = Fake::start(move |_| {
            let answer = answer.clone();
            async move { json(status, answer) }
        })
        .await;
        let proxy = proxy(role(&sts, &token), &bedrock).await;
        let answer = proxy.ask("/v1/chat/completions", &chat(false)).await;
        let told = answer.text();
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["code"]),
            (502, &value!("upstream_auth"))
        );
        for secret in [SECRET, "web-identity-token", "session//token", "InvalidIdentityToken", ARN] {
            assert!(!told.contains(secret), "{told}");
        }
        assert_eq!((sts.count(), bedrock.count()), (1, 0));
    }
}

#[tokio::test]
async fn the_agent_beside_the_workload_gives_out_sessions() {
    let bedrock = Fake::start(|_| async { json(200, ANSWER) }).await;
    let agent = Fake::start(|_| async {
        let ends = Timestamp::from_second(after(6 * 3600)).unwrap().to_string();
        let session = value!({"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": SECRET, "Token": "pod//token=",
            "AccountId": "123456789012", "Expiration": ends});
        json(200, session.to_string())
    })
    .await;
    let token = file("pod-identity-token");
    let url = agent.url().replace("/v1", "/v1/credentials");
    let container = Container { url, token_file: Some(token.path().to_owned()) };
    let proxy = proxy(Own { aws: Some(Arc::new(container)), ..Own::default() }, &bedrock).await;
    for _ in 0..2 {
        assert_eq!(proxy.ask("/v1/chat/completions", &chat(false)).await.status, 200);
    }
    assert_eq!((agent.count(), bedrock.count()), (1, 2));
    let asked = &agent.seen()[0];
    assert_eq!(
        (asked.path.as_str(), asked.header("authorization")),
        ("/v1/credentials", "pod-identity-token")
    );
    bedrock.seen().iter().for_each(|seen| assert_signed(seen, Some("pod//token=")));
}

#[tokio::test]
async fn it_is_used_only_where_that_is_allowed() {
    let bedrock = Fake::start(|_| async { json(200, ANSWER) }).await;
    let proxy = Proxy::empty().await;
    let told = format!("{:?}", proxy.apply(&[with(&bedrock.url(), Vec::new())]));
    assert!(told.contains("there is no credential") && told.contains("--aws-workload-identity"), "{told}");
}
