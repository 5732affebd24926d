//! Vertex AI, with fakes of it and of the places tokens come from.

use crate::support::{Fake, Proxy, Seen, fake, json, model, provider};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use llm_proxy::cloud::Own;
use llm_proxy::cloud::google::{Federation, Metadata};
use llm_snapshot::provider::{Cloud, Credential, Http, Upstream};
use llm_snapshot::{Provider, Secret};
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json as value};
use std::sync::Arc;

/// A key made for these tests and used nowhere else.
const PEM: &str = include_str!("service-account.pem");
const EMAIL: &str = "proxy@my-project.iam.gserviceaccount.com";
const PLACE: &str = "/v1/projects/my-project/locations/europe-west1/publishers";

const GEMINI: &str = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hello."}]},"finishReason":"STOP"}],
    "usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5},"modelVersion":"g","responseId":"r"}"#;
const CLAUDE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude","stop_reason":"end_turn",
    "stop_sequence":null,"content":[{"type":"text","text":"Hello."}],"usage":{"input_tokens":3,"output_tokens":2}}"#;

fn token(
    status: u16,
    expires_in: u64,
) -> impl Fn(Seen) -> std::future::Ready<http::Response<fake::Body>> + Clone {
    move |_| {
        let body = value!({"access_token": "ya29.token", "expires_in": expires_in, "token_type": "Bearer"});
        std::future::ready(json(status, body.to_string()))
    }
}

/// Counts and embeds.
async fn others() -> Fake {
    Fake::start(|seen: Seen| async move {
        let answers = [
            ("count-tokens:rawPredict", r#"{"input_tokens":38}"#),
            (":countTokens", r#"{"totalTokens":38,"totalBillableCharacters":9}"#),
            (
                ":predict",
                r#"{"predictions":[{"embeddings":{"values":[0.5,-1],"statistics":{"token_count":3}}}]}"#,
            ),
            (
                ":batchEmbedContents",
                r#"{"embeddings":[{"values":[0.5,-1]}],"usageMetadata":{"promptTokenCount":3}}"#,
            ),
        ];
        match answers.iter().find(|(method, _)| seen.path.ends_with(method)) {
            Some((_, answer)) => json(200, *answer),
            None => json(404, "{}"),
        }
    })
    .await
}

async fn models() -> Fake {
    Fake::start(|seen: Seen| async move {
        json(200, if seen.path.contains("/anthropic/") { CLAUDE } else { GEMINI })
    })
    .await
}

/// The key as Google gives it out, with tokens from there.
fn account(tokens: &Fake) -> Value {
    value!({"type": "service_account", "client_email": EMAIL, "private_key_id": "k1", "private_key": PEM,
        "token_uri": tokens.url().replace("/v1", "/token")})
}

fn vertex(models: &Fake, account: Option<Value>) -> Provider {
    let credential = |account: Value| Credential {
        name: "vertex/key.json".to_owned(),
        value: Secret::new(account.to_string()),
        weight: 1,
    };
    let place = Cloud::Vertex { project: "my-project".to_owned(), region: "europe-west1".to_owned() };
    let http = Http {
        credentials: account.map(credential).into_iter().collect(),
        cloud: Some(place),
        ..Http::new(models.url())
    };
    Provider {
        upstream: Upstream::Http(http),
        models: vec![
            model("gemini", "gemini-2.5-flash"),
            model("claude", "claude-sonnet-4-5@20250929"),
            model("old", "text-embedding-005"),
            model("new", "gemini-embedding-001"),
        ],
        ..provider("vertex", &models.url())
    }
}

fn chat(model: &str) -> String {
    value!({"model": model, "messages": [{"role": "user", "content": "hi"}]}).to_string()
}

/// The claims of an assertion whose signature is right.
fn claims(assertion: &str) -> Value {
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let key = PrivatePkcs8KeyDer::from_pem_slice(PEM.as_bytes()).unwrap();
    let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    public.verify(signed.as_bytes(), &decoded(signature)).unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&decoded(header)).unwrap();
    assert_eq!(header, value!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
    serde_json::from_slice(&decoded(claims)).unwrap()
}

#[tokio::test]
async fn a_token_is_fetched_once_for_all() {
    let (models, tokens) = (models().await, Fake::start(token(200, 3600)).await);
    let proxy = Proxy::serving(&[vertex(&models, Some(account(&tokens)))]).await;
    let body = chat("gemini");
    let asked = (0..8).map(|_| proxy.ask("/v1/chat/completions", &body));
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(answer.json()["choices"][0]["message"]["content"], "Hello.", "{answer:?}");
    }
    // A provider that changes keeps the tokens it has.
    let mut changed = vertex(&models, Some(account(&tokens)));
    changed.weight = 2;
    assert_eq!(proxy.apply(&[changed]), []);
    assert_eq!(proxy.ask("/v1/chat/completions", &body).await.status, 200);
    assert_eq!((tokens.count(), models.count()), (1, 9));
    for seen in models.seen() {
        assert_eq!(seen.path, format!("{PLACE}/google/models/gemini-2.5-flash:generateContent"));
        assert_eq!(seen.header("authorization"), "Bearer ya29.token");
        assert!(seen.headers.get("x-goog-api-key").is_none());
    }
    let asked = &tokens.seen()[0];
    let form = String::from_utf8(asked.body.to_vec()).unwrap();
    let assertion =
        form.strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=");
    let claims = claims(assertion.unwrap());
    assert_eq!((&claims["iss"], &claims["aud"]), (&value!(EMAIL), &account(&tokens)["token_uri"]));
    assert_eq!(claims["scope"], "https://www.googleapis.com/auth/cloud-platform");
    let now = jiff::Timestamp::now().as_second();
    assert!(
        (claims["iat"].as_i64().unwrap() - now).abs() < 60 && claims["exp"].as_i64().unwrap() > now + 3000
    );
    assert_eq!(asked.path, "/token");
}

#[tokio::test]
async fn a_token_that_ends_is_replaced() {
    let (models, tokens) = (models().await, Fake::start(token(200, 60)).await);
    let proxy = Proxy::serving(&[vertex(&models, Some(account(&tokens)))]).await;
    for _ in 0..3 {
        assert_eq!(proxy.ask("/v1/chat/completions", &chat("gemini")).await.status, 200);
    }
    assert_eq!(tokens.count(), 3);
}

#[tokio::test]
async fn claude_is_asked_without_a_model_in_the_body() {
    let (models, tokens) = (models().await, Fake::start(token(200, 3600)).await);
    let proxy = Proxy::serving(&[vertex(&models, Some(account(&tokens)))]).await;
    let messages = value!({"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "unknown": 1});
    let from_chat = proxy.ask("/v1/chat/completions", &chat("claude")).await.json();
    assert_eq!(from_chat["choices"][0]["message"]["content"], "Hello.");
    let own = proxy.ask("/v1/messages", &messages.to_string()).await.json();
    assert_eq!(own["content"][0]["text"], "Hello.");
    let mut streamed = messages;
    streamed["stream"] = value!(true);
    proxy.ask("/v1/messages", &streamed.to_string()).await;
    let seen = models.seen();
    let path = |method| format!("{PLACE}/anthropic/models/claude-sonnet-4-5@20250929:{method}");
    assert_eq!(
        [&seen[0].path, &seen[1].path, &seen[2].path],
        [&path("rawPredict"), &path("rawPredict"), &path("streamRawPredict")]
    );
    for seen in &seen {
        let body = seen.json();
        assert_eq!(body["anthropic_version"], "vertex-2023-10-16");
        assert!(body.get("model").is_none(), "{body}");
    }
    assert_eq!((&seen[1].json()["unknown"], &seen[2].json()["stream"]), (&value!(1), &value!(true)));
}

#[tokio::test]
async fn ids_of_calls_do_not_reach_gemini() {
    let (models, tokens) = (models().await, Fake::start(token(200, 3600)).await);
    let proxy = Proxy::serving(&[vertex(&models, Some(account(&tokens)))]).await;
    let contents = value!([
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [{"functionCall": {"id": "c1", "name": "sky", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"id": "c1", "name": "sky", "response": {"a": 1}}}]},
    ]);
    let body = value!({"contents": contents, "labels": {"team": "a"}}).to_string();
    let answer = proxy.ask("/v1beta/models/gemini:generateContent", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let sent = models.seen()[0].json();
    assert_eq!(sent["contents"][1]["parts"][0]["functionCall"], value!({"name": "sky", "args": {}}));
    assert_eq!(
        sent["contents"][2]["parts"][0]["functionResponse"],
        value!({"name": "sky", "response": {"a": 1}})
    );
    assert_eq!(sent["labels"], value!({"team": "a"}));
}

#[tokio::test]
async fn without_a_token_nobody_is_asked_and_nothing_is_told() {
    for tokens in [
        Fake::start(token(401, 3600)).await,
        Fake::start(|_| async { json(200, r#"{"error":"ya29.token"}"#) }).await,
    ] {
        let models = models().await;
        let proxy = Proxy::serving(&[vertex(&models, Some(account(&tokens)))]).await;
        let answer = proxy.ask("/v1/chat/completions", &chat("gemini")).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["code"]),
            (502, &value!("upstream_auth"))
        );
        for secret in ["ya29", "PRIVATE", EMAIL] {
            assert!(!answer.text().contains(secret), "{}", answer.text());
        }
        assert_eq!((tokens.count(), models.count()), (1, 0));
    }
}

#[tokio::test]
async fn a_bad_key_is_refused_before_it_is_used() {
    let (models, tokens) = (models().await, Fake::start(token(200, 3600)).await);
    let mut bad = account(&tokens);
    bad["private_key"] = value!("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n");
    let proxy = Proxy::empty().await;
    let rejections = proxy.apply(&[vertex(&models, Some(bad))]);
    let told = format!("{rejections:?}");
    assert!(rejections.len() == 1 && told.contains("vertex/key.json") && !told.contains("c2Vjcm"), "{told}");
}

#[tokio::test]
async fn the_workloads_own_identity_is_used_where_that_is_allowed() {
    let (models, metadata) = (models().await, Fake::start(token(200, 3600)).await);
    let forbidden = format!("{:?}", Proxy::empty().await.apply(&[vertex(&models, None)]));
    assert!(forbidden.contains("there is no credential"), "{forbidden}");
    let proxy = Proxy::empty().await;
    let google = Arc::new(Metadata::at(metadata.url().replace("/v1", "")));
    proxy.store.use_own(Own { google: Some(google), ..Own::default() });
    assert_eq!(proxy.apply(&[vertex(&models, None)]), []);
    assert_eq!(proxy.ask("/v1/chat/completions", &chat("gemini")).await.status, 200);
    let asked = &metadata.seen()[0];
    assert_eq!(asked.path, "/computeMetadata/v1/instance/service-accounts/default/token");
    assert_eq!(asked.header("metadata-flavor"), "Google");
    assert_eq!(models.seen()[0].header("authorization"), "Bearer ya29.token");
}

/// A proxy whose own identity is a federation with that token of its cluster.
async fn federated(models: &Fake, config: Value, token: &tempfile::NamedTempFile, text: &str) -> Proxy {
    std::fs::write(token.path(), text).unwrap();
    let google = Arc::new(Federation::read(&config.to_string()).unwrap());
    let proxy = Proxy::empty().await;
    proxy.store.use_own(Own { google: Some(google), ..Own::default() });
    assert_eq!(proxy.apply(&[vertex(models, None)]), []);
    proxy
}

fn federation(sts: &Fake, token: &tempfile::NamedTempFile, format: Value) -> Value {
    value!({"type": "external_account", "audience": "//iam.googleapis.com/pool/x", "token_url": sts.url().replace("/v1", "/v1/token"),
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "credential_source": {"file": token.path(), "format": format}})
}

#[tokio::test]
async fn a_token_of_the_cluster_is_exchanged() {
    let (models, sts) = (models().await, Fake::start(token(200, 3600)).await);
    let token = tempfile::NamedTempFile::new().unwrap();
    let config = federation(&sts, &token, value!({"type": "text"}));
    let proxy = federated(&models, config, &token, "cluster.token\n").await;
    for _ in 0..2 {
        assert_eq!(proxy.ask("/v1/chat/completions", &chat("gemini")).await.status, 200);
    }
    assert_eq!((sts.count(), models.count()), (1, 2));
    assert_eq!(models.seen()[0].header("authorization"), "Bearer ya29.token");
    let asked = &sts.seen()[0];
    let form = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&\
        audience=%2F%2Fiam.googleapis.com%2Fpool%2Fx&scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform&\
        requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token&\
        subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&subject_token=cluster.token";
    assert_eq!((asked.path.as_str(), std::str::from_utf8(&asked.body).unwrap()), ("/v1/token", form));
}

#[tokio::test]
async fn a_service_account_is_impersonated() {
    let (models, sts) = (models().await, Fake::start(token(200, 3600)).await);
    let accounts = Fake::start(|_| async {
        let ends = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string();
        json(200, value!({"accessToken": "ya29.account", "expireTime": ends}).to_string())
    })
    .await;
    let token = tempfile::NamedTempFile::new().unwrap();
    let mut config = federation(&sts, &token, value!({"type": "json", "subject_token_field_name": "jwt"}));
    config["service_account_impersonation_url"] =
        value!(accounts.url().replace("/v1", "/v1/a:generateAccessToken"));
    let proxy = federated(&models, config, &token, r#"{"jwt":"in.json"}"#).await;
    for _ in 0..2 {
        assert_eq!(proxy.ask("/v1/chat/completions", &chat("gemini")).await.status, 200);
    }
    assert_eq!((sts.count(), accounts.count(), models.count()), (1, 1, 2));
    assert!(String::from_utf8(sts.seen()[0].body.to_vec()).unwrap().ends_with("&subject_token=in.json"));
    let asked = &accounts.seen()[0];
    assert_eq!(
        (asked.path.as_str(), asked.header("authorization")),
        ("/v1/a:generateAccessToken", "Bearer ya29.token")
    );
    let wanted = value!({"scope": ["https://www.googleapis.com/auth/cloud-platform"], "lifetime": "3600s"});
    assert_eq!(asked.json(), wanted);
    assert_eq!(models.seen()[1].header("authorization"), "Bearer ya29.account");
}

#[tokio::test]
async fn a_token_of_the_cluster_that_cannot_be_read_is_told_to_nobody() {
    let (models, sts) = (models().await, Fake::start(token(200, 3600)).await);
    let token = tempfile::NamedTempFile::new().unwrap();
    let config = federation(&sts, &token, value!({"type": "json", "subject_token_field_name": "jwt"}));
    let proxy = federated(&models, config, &token, "canary").await;
    let answer = proxy.ask("/v1/chat/completions", &chat("gemini")).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (502, &value!("upstream_auth")));
    assert!(!answer.text().contains("canary"));
    assert_eq!((sts.count(), models.count()), (0, 0));
}

#[tokio::test]
async fn tokens_are_counted_as_each_model_has_it() {
    let (models, tokens) = (others().await, Fake::start(token(200, 3600)).await);
    let proxy = Proxy::serving(&[vertex(&models, Some(account(&tokens)))]).await;
    let messages = value!([{"role": "user", "content": "hi"}]);
    let contents = value!([{"role": "user", "parts": [{"text": "hi"}]}]);
    let wrapped =
        value!({"generateContentRequest": {"model": "models/x", "contents": contents, "safetySettings": []}});
    for model in ["gemini", "claude"] {
        let gemini = format!("/v1beta/models/{model}:countTokens");
        for (path, body, told) in [
            ("/v1/messages/count_tokens", value!({"model": model, "messages": messages}), "input_tokens"),
            ("/v1/responses/input_tokens", value!({"model": model, "input": "hi"}), "input_tokens"),
            (&gemini, value!({"contents": contents}), "totalTokens"),
            (&gemini, wrapped.clone(), "totalTokens"),
        ] {
            let answer = proxy.ask(path, &body.to_string()).await;
            assert_eq!(
                (answer.status.as_u16(), &answer.json()[told]),
                (200, &value!(38)),
                "{path} {answer:?}"
            );
        }
    }
    let seen = models.seen();
    assert_eq!(seen.len(), 8);
    for seen in &seen[..4] {
        assert_eq!(seen.path, format!("{PLACE}/google/models/gemini-2.5-flash:countTokens"));
        assert_eq!(seen.json(), value!({"contents": contents}));
    }
    for seen in &seen[4..] {
        assert_eq!(seen.path, format!("{PLACE}/anthropic/models/count-tokens:rawPredict"));
        let body = seen.json();
        assert_eq!(
            (&body["model"], &body["messages"][0]["role"]),
            (&value!("claude-sonnet-4-5@20250929"), &value!("user"))
        );
        assert!(body.get("max_tokens").is_none(), "{body}");
    }
}

#[tokio::test]
async fn embeddings_are_asked_for_as_each_model_has_it() {
    let (models, tokens) = (others().await, Fake::start(token(200, 3600)).await);
    let proxy = Proxy::serving(&[vertex(&models, Some(account(&tokens)))]).await;
    let content = value!({"parts": [{"text": "hi"}]});
    for name in ["old", "new"] {
        let body = proxy
            .ask("/v1/embeddings", &value!({"model": name, "input": "hi", "dimensions": 2}).to_string())
            .await
            .json();
        assert_eq!(body["data"][0]["embedding"], value!([0.5, -1]), "{body}");
        assert_eq!((&body["usage"]["prompt_tokens"], &body["model"]), (&value!(3), &value!(name)));
        let one = value!({"content": content, "taskType": "RETRIEVAL_QUERY"});
        let body = proxy.ask(&format!("/v1beta/models/{name}:embedContent"), &one.to_string()).await.json();
        assert_eq!(body["embedding"]["values"], value!([0.5, -1]), "{body}");
        let batch = value!({"requests": [{"model": "models/x", "content": content}]});
        let body =
            proxy.ask(&format!("/v1beta/models/{name}:batchEmbedContents"), &batch.to_string()).await.json();
        assert_eq!(body["embeddings"][0]["values"], value!([0.5, -1]), "{body}");
    }
    let seen: Vec<(String, Value)> =
        models.seen().iter().map(|seen| (seen.path.clone(), seen.json())).collect();
    let (old, new) = ("text-embedding-005:predict", "gemini-embedding-001:batchEmbedContents");
    let expected = [
        (old, value!({"instances": [{"content": "hi"}], "parameters": {"outputDimensionality": 2}})),
        (old, value!({"instances": [{"content": "hi", "task_type": "RETRIEVAL_QUERY"}]})),
        (old, value!({"instances": [{"content": "hi"}]})),
        (
            new,
            value!({"requests": [{"content": content, "embedContentConfig": {"outputDimensionality": 2}}]}),
        ),
        (
            new,
            value!({"requests": [{"content": content, "embedContentConfig": {"taskType": "RETRIEVAL_QUERY"}}]}),
        ),
        (new, value!({"requests": [{"content": content}]})),
    ];
    let expected = expected.map(|(path, body)| (format!("{PLACE}/google/models/{path}"), body));
    assert_eq!(seen, expected);
    // Models of embeddings do not chat, and others do not embed.
    assert_eq!(proxy.ask("/v1/chat/completions", &chat("new")).await.status, 404);
    let embed = value!({"model": "gemini", "input": "hi"}).to_string();
    assert_eq!(proxy.ask("/v1/embeddings", &embed).await.status, 404);
}
