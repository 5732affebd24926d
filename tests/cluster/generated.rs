//! Keys that the operator makes and delivers.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use support::cluster::Cluster;
use support::objects::condition;
use support::sample::{mock, object, secret};
use support::stage::{Operator, OperatorOptions, Stage};
use support::{Result, wait};

fn generate(app: &str, name: &str, secret_name: &str) -> Value {
    object("MasterKey", app, name, json!({"generate": {"secretName": secret_name}}))
}

/// A value of a Secret.
fn value(secret: &Value, key: &str) -> Result<String> {
    let encoded = secret["data"][key]
        .as_str()
        .with_context(|| format!("no {key} in {}", secret["metadata"]["name"]))?;
    support::objects::decode(encoded)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_key_is_delivered_usable_and_goes_with_its_owner() -> Result<()> {
    let stage = Stage::set(Cluster::shared().await?, "generated").await?;
    let (objects, app) = (&stage.objects, stage.app.as_str());
    let options = OperatorOptions {
        watch: vec![stage.app.clone()],
        public_url: "http://gateway.example:18000".to_owned(),
        ..OperatorOptions::default()
    };
    let operator = Operator::start(&stage, "operator", options).await?;
    let proxy = stage.proxy("proxy", &[&operator]).await?;
    objects.apply(&mock(app, "main", "chat", "hello")).await?;
    objects.apply(&generate(app, "shop", "shop-llm")).await?;
    let owner = objects.until_condition("MasterKey", app, "shop", ("Usable", "True")).await?;
    objects.until_condition("MasterKey", app, "shop", ("Programmed", "True")).await?;

    let secret = objects.get("Secret", app, "shop-llm").await?;
    let key = value(&secret, "OPENAI_API_KEY")?;
    ensure!(key == value(&secret, "ANTHROPIC_API_KEY")?, "two keys");
    ensure!(value(&secret, "OPENAI_BASE_URL")? == "http://gateway.example:18000/v1", "{secret}");
    // Anthropic's SDKs append /v1 themselves.
    ensure!(value(&secret, "ANTHROPIC_BASE_URL")? == "http://gateway.example:18000", "{secret}");
    ensure!(
        secret["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "llm-operator",
        "{}",
        secret["metadata"]
    );
    ensure!(
        secret["metadata"]["ownerReferences"][0]["uid"] == owner["metadata"]["uid"],
        "{}",
        secret["metadata"]
    );
    let (id, rest) =
        key.strip_prefix("sk-").and_then(|key| key.split_once('_')).context("not sk-ID_SECRET")?;
    ensure!(id.len() == 8 && rest.len() == 43, "{} and {} characters", id.len(), rest.len());
    proxy.chat(&key, "chat").await?.expect(200)?;
    proxy.chat(&format!("{key}x"), "chat").await?.expect(401)?;

    objects.delete("MasterKey", app, "shop").await?;
    proxy.until_status(&key, "chat", 401).await?;
    wait::until("the Secret to go with its owner", || async {
        ensure!(objects.get("Secret", app, "shop-llm").await.is_err(), "it is still there");
        Ok(())
    })
    .await?;

    // The same name again is another key.
    objects.apply(&generate(app, "shop", "shop-llm")).await?;
    objects.until_condition("MasterKey", app, "shop", ("Programmed", "True")).await?;
    let next = value(&objects.get("Secret", app, "shop-llm").await?, "OPENAI_API_KEY")?;
    ensure!(next != key, "the old key came back");
    proxy.chat(&next, "chat").await?.expect(200)?;
    proxy.chat(&key, "chat").await?.expect(401)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_someone_else_is_never_overwritten() -> Result<()> {
    let stage = Stage::set(Cluster::shared().await?, "conflict").await?;
    let (objects, app) = (&stage.objects, stage.app.as_str());
    let operator = stage.operator("operator").await?;
    let proxy = stage.proxy("proxy", &[&operator]).await?;
    objects.apply(&mock(app, "main", "chat", "hello")).await?;
    objects.apply(&secret(app, "taken", "OPENAI_API_KEY", "sk-of-someone-else-0123456789")).await?;
    objects.apply(&generate(app, "late", "taken")).await?;
    let refused = objects.until_condition("MasterKey", app, "late", ("ResolvedRefs", "False")).await?;
    let found = condition(&refused, "ResolvedRefs")?;
    ensure!(found.reason == "SecretConflict" && found.message.contains("/taken"), "{found:?}");
    let theirs = objects.get("Secret", app, "taken").await?;
    ensure!(value(&theirs, "OPENAI_API_KEY")? == "sk-of-someone-else-0123456789", "it was overwritten");
    ensure!(theirs["data"].as_object().is_some_and(|data| data.len() == 1), "something was added: {theirs}");
    proxy.chat("sk-of-someone-else-0123456789", "chat").await?.expect(401)?;

    // Out of the way, the key is made.
    objects.delete("Secret", app, "taken").await?;
    objects.until_condition("MasterKey", app, "late", ("Programmed", "True")).await?;
    let key = value(&objects.get("Secret", app, "taken").await?, "OPENAI_API_KEY")?;
    proxy.chat(&key, "chat").await?.expect(200)?;
    Ok(())
}

/// Two MasterKeys with the same key: the older one has it.
#[tokio::test(flavor = "multi_thread")]
async fn the_older_of_two_owners_of_a_key_has_it() -> Result<()> {
    const KEY: &str = "sk-contested-0123456789abcdef";
    let stage = Stage::set(Cluster::shared().await?, "contested").await?;
    let (objects, app) = (&stage.objects, stage.app.as_str());
    let operator = stage.operator("operator").await?;
    let proxy = stage.proxy("proxy", &[&operator]).await?;
    objects.apply(&mock(app, "main", "chat", "hello")).await?;
    for name in ["older", "younger"] {
        objects.apply(&secret(app, name, "key", KEY)).await?;
    }
    let of = |name: &str, denied: &str| {
        let spec = json!({"secretRef": {"name": name, "key": "key"}, "deniedModels": [denied]});
        object("MasterKey", app, name, spec)
    };
    let older = objects.apply(&of("older", "something-else")).await?;
    // Creation times have a grain of a second.
    wait::until("a later second", || async {
        let probe = objects
            .create(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata":
            {"namespace": app, "name": format!("clock-{:08x}", rand::random::<u32>())}}))
            .await?;
        ensure!(
            probe["metadata"]["creationTimestamp"] != older["metadata"]["creationTimestamp"],
            "the same second"
        );
        Ok(())
    })
    .await?;
    objects.apply(&of("younger", "chat")).await?;
    let refused = objects.until_condition("MasterKey", app, "younger", ("Accepted", "False")).await?;
    ensure!(condition(&refused, "Accepted")?.reason == "KeyConflict", "{}", refused["status"]);
    objects.until_condition("MasterKey", app, "older", ("Programmed", "True")).await?;
    proxy.until_status(KEY, "chat", 200).await?;
    objects.delete("MasterKey", app, "older").await?;
    objects.until_condition("MasterKey", app, "younger", ("Programmed", "True")).await?;
    proxy.until_status(KEY, "chat", 403).await?;
    Ok(())
}
