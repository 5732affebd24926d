//! Secrets that must not show anywhere: in no log line, metric, status, Event or answer of either program.

use anyhow::{Context as _, ensure};
use serde_json::json;
use support::cluster::Cluster;
use support::fake::Provider;
use support::http::{self, get, post};
use support::objects::condition;
use support::sample::{key, object, provider, secret, with};
use support::stage::{Operator, OperatorOptions, Proxy, ProxyOptions, Stage};
use support::{Result, wait};

/// Every value that is secret here holds this word.
const CANARY: &str = "tweety";
const KEY: &str = "sk-tweety-client-0123456789abcdef";
const CREDENTIAL: &str = "tweety-upstream-credential";

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_shows_in_logs_metrics_status_events_or_errors() -> Result<()> {
    let stage = Stage::set(Cluster::shared().await?, "birdcage").await?;
    let (objects, app) = (&stage.objects, stage.app.as_str());
    let fake = Provider::start().await?;
    // As talkative as they can be.
    let options =
        OperatorOptions { watch: vec![stage.app.clone()], log_level: "trace", ..OperatorOptions::default() };
    let mut operator = Operator::start(&stage, "operator", options).await?;
    let dialing = stage.proxy_options(&[&operator]).await?;
    let tokens =
        [std::fs::read_to_string(dialing.token.clone().context("no token")?)?, stage.operator_token().await?];
    let proxy =
        Proxy::start(&stage.dir, "proxy", ProxyOptions { log_level: Some("trace"), ..dialing }).await?;
    furnish(&stage, &fake).await?;
    objects.until_condition("LLMProvider", app, "main", ("Programmed", "True")).await?;
    objects.until_condition("MasterKey", app, "made", ("Programmed", "True")).await?;
    let made = support::objects::decode(
        objects.get("Secret", app, "made").await?["data"]["OPENAI_API_KEY"].as_str().context("no key")?,
    )?;

    let mut shown = provoke(&stage, &proxy, &made).await?;
    // A restart reads the kept snapshot, too.
    operator.process.kill();
    operator.start_again().await?;
    operator.until_ready().await?;
    objects.until_condition("LLMProvider", app, "main", ("Programmed", "True")).await?;
    shown.push(("metrics of the operator".to_owned(), operator.metrics().await?));
    shown.push(("metrics of the proxy".to_owned(), proxy.metrics().await?));
    for kind in ["LLMProvider", "MasterKey", "Event", "ConfigMap", "Lease"] {
        for namespace in [app, &stage.system] {
            for object in objects.list(kind, namespace).await? {
                shown.push((format!("{kind} {}", object["metadata"]["name"]), object.to_string()));
            }
        }
    }
    shown.push(("log of the operator".to_owned(), operator.process.log()?));
    shown.push(("log of the proxy".to_owned(), proxy.process.log()?));
    nothing_shows(&shown, &made, &tokens)?;

    // The test can fail: a leak is found, the canary is where it belongs, and something was looked at.
    for leak in [CREDENTIAL, KEY, &made, &support::objects::encode(KEY), &tokens[0], &tokens[1]] {
        let leaked = [("a log".to_owned(), format!("first line\nx=\"{leak}\""))];
        ensure!(nothing_shows(&leaked, &made, &tokens).is_err(), "a leak was not found");
    }
    ensure!(
        objects.get("Secret", app, "client").await?.to_string().contains(&support::objects::encode(KEY)),
        "no key"
    );
    ensure!(
        shown.iter().any(|(what, text)| what.starts_with("Event") && text.contains("RefKeyNotFound")),
        "no Events"
    );
    ensure!(
        shown.iter().any(|(what, text)| what == "log of the proxy" && text.contains("chat")),
        "no access log"
    );
    Ok(())
}

/// A provider that works, ones with bad Secrets, keys of both sorts.
async fn furnish(stage: &Stage<'_>, fake: &Provider) -> Result<()> {
    let (objects, app) = (&stage.objects, stage.app.as_str());
    objects.apply(&secret(app, "upstream", "apiKey", CREDENTIAL)).await?;
    objects.apply(&secret(app, "client", "key", KEY)).await?;
    objects.apply(&secret(app, "bad", "apiKey", &format!("{CREDENTIAL} with spaces"))).await?;
    let refused = format!("http://127.0.0.1:{}/v1", support::programs::free_port()?);
    for (name, url, from) in [
        ("main", fake.url("status-401"), "upstream"),
        ("gone", refused, "upstream"),
        ("cut", fake.url("cut"), "upstream"),
        ("bad", fake.url("ok"), "bad"),
        ("missing", fake.url("ok"), "client"),
    ] {
        let reference = json!([{"secretRef": {"name": from, "key": "apiKey"}}]);
        objects.apply(&with(provider(app, name, &url, name), "/credentials", reference)).await?;
    }
    objects.apply(&key(app, "client")).await?;
    objects.apply(&object("MasterKey", app, "made", json!({"generate": {"secretName": "made"}}))).await?;
    let refused = objects.until_condition("LLMProvider", app, "bad", ("ResolvedRefs", "False")).await?;
    ensure!(condition(&refused, "ResolvedRefs")?.reason == "InvalidValue", "{refused}");
    wait::until("an Event about the missing key", || async {
        let events = objects.list("Event", app).await?;
        ensure!(events.iter().any(|event| event["reason"] == "RefKeyNotFound"), "{} events", events.len());
        Ok(())
    })
    .await
}

/// Requests that fail in every way, and the answers.
async fn provoke(stage: &Stage<'_>, proxy: &Proxy, made: &str) -> Result<Vec<(String, String)>> {
    let mut shown = Vec::new();
    let chat = |model: &str, stream| http::chat(model, stream);
    let requests = [
        (
            "a provider that refuses the credential",
            post("/v1/chat/completions", Some(KEY), &chat("main", false))?,
        ),
        ("a provider that is not there", post("/v1/chat/completions", Some(made), &chat("gone", false))?),
        ("an unknown model", post("/v1/chat/completions", Some(KEY), &chat("nothing", false))?),
        ("a wrong key", post("/v1/chat/completions", Some(&format!("{KEY}-wrong")), &chat("main", false))?),
        ("a query with the key", get(&format!("/v1/models/nothing?key={KEY}"), Some(KEY))?),
        (
            "no JSON",
            http::build("POST", "/v1/chat/completions", Some(KEY), format!("{{\"model\": {KEY}").into())?,
        ),
        ("models", get("/v1/models", Some(made))?),
    ];
    for (what, request) in requests {
        let answer = http::once(proxy.address, request).await?;
        shown.push((what.to_owned(), format!("{:?} {}", answer.headers, answer.text())));
    }
    let mut connection = http::Connection::open(proxy.address).await?;
    let cut =
        http::stream(&mut connection, post("/v1/chat/completions", Some(KEY), &chat("cut", true))?).await;
    ensure!(cut.is_err(), "the stream was not cut");
    stage.objects.delete("Secret", &stage.app, "upstream").await?;
    let of = stage.of("LLMProvider", "main");
    let told = |object: &serde_json::Value| {
        ensure!(condition(object, "ResolvedRefs")?.status == "False", "{object}");
        Ok(())
    };
    stage.objects.until(of, "the missing Secret told", told).await?;
    stage.objects.apply(&secret(&stage.app, "upstream", "apiKey", CREDENTIAL)).await?;
    Ok(shown)
}

fn nothing_shows(shown: &[(String, String)], made: &str, tokens: &[String]) -> Result<()> {
    let (_, made_secret) = made.split_once('_').context("not sk-ID_SECRET")?;
    // The last part of a token is its signature.
    let signatures: Vec<&str> = tokens.iter().filter_map(|token| token.trim().rsplit('.').next()).collect();
    let encoded = support::objects::encode(KEY);
    let mut found = Vec::new();
    for (what, text) in shown {
        for line in text.lines() {
            let leaks = line.contains(CANARY)
                || line.contains(made_secret)
                || line.contains(&encoded)
                || signatures.iter().any(|signature| line.contains(signature));
            if leaks {
                found.push(format!("{what}: {}", line.chars().take(600).collect::<String>()));
            }
        }
    }
    ensure!(
        found.is_empty(),
        "{} lines show a secret, the first of them:\n{}",
        found.len(),
        found[..found.len().min(5)].join("\n")
    );
    Ok(())
}
