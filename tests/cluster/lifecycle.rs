//! From `kubectl apply` to a served request, and every change after it, with two proxies.

use anyhow::ensure;
use serde_json::json;
use support::Result;
use support::cluster::Cluster;
use support::fake::Provider;
use support::objects::condition;
use support::sample::{key, provider, secret, with};
use support::stage::{Operator, Proxy, Stage};

const KEY: &str = "sk-lifecycle-0123456789";

/// An operator, two proxies, a fake provider, an LLMProvider `main` with the model `chat`, and a MasterKey `client`.
struct Scene<'a> {
    stage: Stage<'a>,
    fake: Provider,
    proxies: [Proxy; 2],
    _operator: Operator,
}

impl<'a> Scene<'a> {
    async fn set(name: &str) -> Result<Scene<'a>> {
        let stage = Stage::set(Cluster::shared().await?, name).await?;
        let fake = Provider::start().await?;
        let operator = stage.operator("operator").await?;
        let proxies =
            [stage.proxy("proxy-0", &[&operator]).await?, stage.proxy("proxy-1", &[&operator]).await?];
        let scene = Scene { stage, fake, proxies, _operator: operator };
        scene.apply_all().await?;
        Ok(scene)
    }

    async fn apply_all(&self) -> Result<()> {
        let (objects, app) = (&self.stage.objects, self.stage.app.as_str());
        objects.apply(&secret(app, "upstream", "apiKey", "upstream-credential-1")).await?;
        objects.apply(&secret(app, "client", "key", KEY)).await?;
        objects.apply(&self.provider()).await?;
        objects.apply(&key(app, "client")).await.map(drop)
    }

    fn provider(&self) -> serde_json::Value {
        let plain = provider(&self.stage.app, "main", &self.fake.url("ok"), "chat");
        with(plain, "/credentials", json!([{"secretRef": {"name": "upstream", "key": "apiKey"}}]))
    }

    async fn programmed(&self, kind: &str, name: &str) -> Result<serde_json::Value> {
        self.stage.objects.until_condition(kind, &self.stage.app, name, ("Programmed", "True")).await
    }

    async fn change(&self, kind: &str, name: &str, change: serde_json::Value) -> Result<()> {
        self.stage.objects.change(kind, &self.stage.app, name, &change).await.map(drop)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programmed_is_true_when_both_proxies_acknowledged_it() -> Result<()> {
    let scene = Scene::set("programmed").await?;
    let object = scene.programmed("LLMProvider", "main").await?;
    let status = &object["status"];
    ensure!(status["snapshot"]["proxiesAcked"] == 2 && status["snapshot"]["proxiesTotal"] == 2, "{status}");
    ensure!(status["observedGeneration"] == object["metadata"]["generation"], "{status}");
    ensure!(status["models"] == 1, "{status}");
    let version = status["snapshot"]["version"].as_str().unwrap_or_default();
    let said = condition(&object, "Programmed")?.message;
    ensure!(!version.is_empty() && said == format!("2/2 proxies at {version}"), "{said} ({version})");
    for type_ in ["Accepted", "ResolvedRefs"] {
        ensure!(condition(&object, type_)?.status == "True", "{status}");
    }
    let client = scene.programmed("MasterKey", "client").await?;
    ensure!(condition(&client, "Usable")?.status == "True", "{}", client["status"]);
    ensure!(!KEY.contains(client["status"]["keyId"].as_str().unwrap_or("sk")), "{}", client["status"]);
    for proxy in &scene.proxies {
        let echo = proxy.echo(KEY, "chat").await?;
        ensure!(echo.model == "chat" && echo.credential == "upstream-credential-1", "{echo:?}");
        let streamed = proxy.stream(KEY, "chat").await?.content();
        ensure!(streamed == serde_json::to_string(&echo_without_length(&streamed)?)?, "{streamed}");
    }
    Ok(())
}

/// A streamed echo read back: it has to be whole.
fn echo_without_length(streamed: &str) -> Result<support::fake::Echo> {
    Ok(serde_json::from_str(streamed)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_reaches_both_proxies() -> Result<()> {
    let scene = Scene::set("changes").await?;
    let before = scene.programmed("LLMProvider", "main").await?;
    edit(&scene, &before).await?;
    suspend(&scene).await?;
    rotate_the_credential(&scene).await?;
    remove_the_credential(&scene).await?;
    delete_and_recreate(&scene).await
}

async fn edit(scene: &Scene<'_>, before: &serde_json::Value) -> Result<()> {
    let model = json!({"name": "chat", "upstream": "renamed", "aliases": ["alias"]});
    scene.change("LLMProvider", "main", json!({"spec": {"models": [model]}})).await?;
    let after = scene.programmed("LLMProvider", "main").await?;
    ensure!(after["status"]["snapshot"]["version"] != before["status"]["snapshot"]["version"], "{after}");
    ensure!(after["status"]["models"] == 2, "{}", after["status"]);
    for proxy in &scene.proxies {
        // Programmed says so: no waiting.
        ensure!(proxy.echo(KEY, "chat").await?.model == "renamed", "{} serves the old form", proxy.name);
        ensure!(proxy.echo(KEY, "alias").await?.model == "renamed", "{} has no alias", proxy.name);
    }
    Ok(())
}

async fn suspend(scene: &Scene<'_>) -> Result<()> {
    scene.change("LLMProvider", "main", json!({"spec": {"suspend": true}})).await?;
    let gone = |object: &serde_json::Value| {
        let found = condition(object, "Programmed")?;
        ensure!(found.reason == "Suspended" && found.message.contains("2/2"), "{found:?}");
        Ok(())
    };
    let of = scene.stage.of("LLMProvider", "main");
    scene.stage.objects.until(of, "suspended at both proxies", gone).await?;
    for proxy in &scene.proxies {
        proxy.chat(KEY, "chat").await?.expect(404)?;
        let models = proxy.get("/v1/models", Some(KEY)).await?.expect(200)?.json()?;
        ensure!(models["data"].as_array().is_some_and(Vec::is_empty), "{models}");
    }
    scene.change("LLMProvider", "main", json!({"spec": {"suspend": false}})).await?;
    scene.programmed("LLMProvider", "main").await?;
    for proxy in &scene.proxies {
        proxy.chat(KEY, "chat").await?.expect(200)?;
    }
    Ok(())
}

async fn rotate_the_credential(scene: &Scene<'_>) -> Result<()> {
    let before = scene.programmed("LLMProvider", "main").await?;
    let rotated = secret(&scene.stage.app, "upstream", "apiKey", "upstream-credential-2");
    scene.stage.objects.apply(&rotated).await?;
    for proxy in &scene.proxies {
        proxy.until_echo(KEY, "chat", |echo| echo.credential == "upstream-credential-2").await?;
    }
    let after = scene.programmed("LLMProvider", "main").await?;
    ensure!(after["metadata"]["generation"] == before["metadata"]["generation"], "the object was touched");
    Ok(())
}

/// The last good form stays, and ResolvedRefs says what is missing; first the key of the Secret, then all of it.
async fn remove_the_credential(scene: &Scene<'_>) -> Result<()> {
    let (objects, app) = (&scene.stage.objects, scene.stage.app.as_str());
    let of = scene.stage.of("LLMProvider", "main");
    let missing = |reason: &'static str| {
        move |object: &serde_json::Value| {
            let found = condition(object, "ResolvedRefs")?;
            ensure!(found.status == "False" && found.reason == reason, "{found:?}");
            ensure!(found.message.contains("/upstream"), "it does not name the Secret: {found:?}");
            ensure!(reason != "RefKeyNotFound" || found.message.contains("apiKey"), "nor the key: {found:?}");
            ensure!(condition(object, "Programmed")?.reason == "LastGood", "{object}");
            Ok(())
        }
    };
    objects.change("Secret", app, "upstream", &json!({"data": {"apiKey": null}})).await?;
    objects.until(of, "a missing key", missing("RefKeyNotFound")).await?;
    objects.delete("Secret", app, "upstream").await?;
    objects.until(of, "a missing Secret", missing("RefNotFound")).await?;
    for proxy in &scene.proxies {
        ensure!(proxy.echo(KEY, "chat").await?.credential == "upstream-credential-2", "{}", proxy.name);
    }
    objects.apply(&secret(app, "upstream", "apiKey", "upstream-credential-3")).await?;
    let object = scene.programmed("LLMProvider", "main").await?;
    ensure!(condition(&object, "ResolvedRefs")?.status == "True", "{}", object["status"]);
    for proxy in &scene.proxies {
        ensure!(proxy.echo(KEY, "chat").await?.credential == "upstream-credential-3", "{}", proxy.name);
    }
    Ok(())
}

async fn delete_and_recreate(scene: &Scene<'_>) -> Result<()> {
    let (objects, app) = (&scene.stage.objects, scene.stage.app.as_str());
    objects.delete("LLMProvider", app, "main").await?;
    for proxy in &scene.proxies {
        proxy.until_status(KEY, "chat", 404).await?;
    }
    // Another type under the same name: nothing of the old object is left.
    objects.apply(&support::sample::mock(app, "main", "chat", "from the mock")).await?;
    scene.programmed("LLMProvider", "main").await?;
    for proxy in &scene.proxies {
        let answer = proxy.chat(KEY, "chat").await?.expect(200)?;
        ensure!(answer.json()?["choices"][0]["message"]["content"] == "from the mock", "{}", answer.text());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_refused_as_soon_as_it_is_rotated_disabled_or_deleted() -> Result<()> {
    const NEXT: &str = "sk-lifecycle-rotated-9876543210";
    let scene = Scene::set("keys-change").await?;
    let (objects, app) = (&scene.stage.objects, scene.stage.app.as_str());
    scene.programmed("MasterKey", "client").await?;
    objects.apply(&secret(app, "client", "key", NEXT)).await?;
    for proxy in &scene.proxies {
        proxy.until_status(NEXT, "chat", 200).await?;
        proxy.until_status(KEY, "chat", 401).await?;
    }
    for (change, status) in [
        (json!({"disabled": true}), 401),
        (json!({"disabled": false}), 200),
        (json!({"deniedModels": ["ch*"]}), 403),
        (json!({"deniedModels": [], "allowedModels": ["other"]}), 403),
        (json!({"allowedModels": ["chat"]}), 200),
        (json!({"expiresAt": "2020-01-01T00:00:00Z"}), 401),
        (json!({"expiresAt": null}), 200),
    ] {
        scene.change("MasterKey", "client", json!({"spec": change})).await?;
        for proxy in &scene.proxies {
            proxy.until_status(NEXT, "chat", status).await?;
        }
    }
    objects.delete("MasterKey", app, "client").await?;
    for proxy in &scene.proxies {
        proxy.until_status(NEXT, "chat", 401).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_provider_serves_the_namespaces_its_selector_matches_now() -> Result<()> {
    let scene = Scene::set("shared").await?;
    let stage = &scene.stage;
    let [proxy, _] = &scene.proxies;
    let selector = json!({"from": "Selector", "selector": {"matchLabels": {"team": "blue"}}});
    scene.change("LLMProvider", "main", json!({"spec": {"allowedKeys": selector}})).await?;
    // The owner's own namespace does not match, so its key may not use the provider any more.
    proxy.until_status(KEY, "chat", 404).await?;
    stage.namespace(&stage.app, &json!({"team": "blue"})).await?;
    proxy.until_status(KEY, "chat", 200).await?;
    stage.namespace(&stage.app, &json!({"team": "red"})).await?;
    proxy.until_status(KEY, "chat", 404).await?;
    scene
        .change("LLMProvider", "main", json!({"spec": {"allowedKeys": {"from": "All", "selector": null}}}))
        .await?;
    proxy.until_status(KEY, "chat", 200).await?;
    Ok(())
}
