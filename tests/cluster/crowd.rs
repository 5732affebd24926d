//! One bad object among many good ones costs itself alone.

use anyhow::ensure;
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use support::Result;
use support::cluster::Cluster;
use support::objects::condition;
use support::sample::{key, mock, object, provider, secret, with};
use support::stage::Stage;

const KEY: &str = "sk-crowd-0123456789abcdef";
const GOOD: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn one_invalid_object_leaves_the_200_others_served() -> Result<()> {
    let stage = Stage::set(Cluster::shared().await?, "crowd").await?;
    let (objects, app) = (&stage.objects, stage.app.as_str());
    let operator = stage.operator("operator").await?;
    let proxy = stage.proxy("proxy", &[&operator]).await?;
    objects.apply(&secret(app, "client", "key", KEY)).await?;
    objects.apply(&key(app, "client")).await?;
    objects.apply(&ca(app, "not a certificate")).await?;
    objects.apply(&bad(app)).await?;
    let good = (0..GOOD).map(|number| mock(app, &format!("good-{number}"), &format!("m-{number}"), "well"));
    try_join_all(good.map(|provider| async move { objects.apply(&provider).await })).await?;

    objects
        .until_condition("LLMProvider", app, &format!("good-{}", GOOD - 1), ("Programmed", "True"))
        .await?;
    for number in 0..GOOD {
        let object = objects
            .until_condition("LLMProvider", app, &format!("good-{number}"), ("Programmed", "True"))
            .await?;
        ensure!(condition(&object, "Accepted")?.status == "True", "{object}");
        proxy.chat(KEY, &format!("m-{number}")).await?.expect(200)?;
    }
    let listed = proxy.get("/v1/models", Some(KEY)).await?.expect(200)?.json()?;
    ensure!(listed["data"].as_array().is_some_and(|models| models.len() == GOOD), "{listed}");
    says_what_is_wrong(&objects.get("LLMProvider", app, "bad").await?)?;
    proxy.chat(KEY, "bad-model").await?.expect(404)?;

    // Mended, it joins the others; nothing else has to be touched.
    objects.change("LLMProvider", app, "bad", &json!({"spec": {"tls": null}})).await?;
    objects.until_condition("LLMProvider", app, "bad", ("Programmed", "True")).await?;
    Ok(())
}

fn says_what_is_wrong(object: &Value) -> Result<()> {
    let (refs, programmed) = (condition(object, "ResolvedRefs")?, condition(object, "Programmed")?);
    ensure!(refs.status == "False" && refs.reason == "InvalidValue", "{refs:?}");
    ensure!(refs.message.contains("/bad-ca key ca.crt"), "{refs:?}");
    ensure!(programmed.status == "False" && programmed.reason == "NotServed", "{programmed:?}");
    Ok(())
}

fn ca(app: &str, pem: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": app, "name": "bad-ca"},
        "data": {"ca.crt": pem}})
}

fn bad(app: &str) -> Value {
    let plain = provider(app, "bad", "https://127.0.0.1:9/v1", "bad-model");
    with(plain, "/tls", json!({"caBundle": {"configMapRef": {"name": "bad-ca", "key": "ca.crt"}}}))
}

/// What may be wrong beside the spec: a Secret without the key, of another type, with a line break; a provider that
/// nobody answers for, and one that answers garbage. Each is told where its owner looks; the neighbour is served.
#[tokio::test(flavor = "multi_thread")]
async fn bad_input_costs_its_owner_alone() -> Result<()> {
    let stage = Stage::set(Cluster::shared().await?, "bad-input").await?;
    let (objects, app) = (&stage.objects, stage.app.as_str());
    let fake = support::fake::Provider::start().await?;
    let operator = stage.operator("operator").await?;
    let proxy = stage.proxy("proxy", &[&operator]).await?;
    objects.apply(&secret(app, "client", "key", KEY)).await?;
    objects.apply(&key(app, "client")).await?;
    objects.apply(&mock(app, "neighbour", "neighbour", "well")).await?;
    objects.apply(&secret(app, "with-newline", "apiKey", "key\n")).await?;
    objects.apply(&secret(app, "short", "key", "sk-short")).await?;
    let typed = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/basic-auth",
        "metadata": {"namespace": app, "name": "typed"}, "stringData": {"username": "u", "password": "p"}});
    objects.apply(&typed).await?;
    let refused = format!("http://127.0.0.1:{}/v1", support::programs::free_port()?);
    for (name, url, credential) in [
        ("newline", fake.url("ok"), "with-newline"),
        ("other-type", fake.url("ok"), "typed"),
        ("unreachable", refused, ""),
        ("garbage", fake.url("garbage"), ""),
    ] {
        let plain = provider(app, name, &url, name);
        let reference = json!([{"secretRef": {"name": credential, "key": "apiKey"}}]);
        let full = if credential.is_empty() { plain } else { with(plain, "/credentials", reference) };
        objects.apply(&full).await?;
    }
    objects
        .apply(&object("MasterKey", app, "short", json!({"secretRef": {"name": "short", "key": "key"}})))
        .await?;
    objects.until_condition("LLMProvider", app, "neighbour", ("Programmed", "True")).await?;

    for (kind, name, reason, says) in [
        ("LLMProvider", "newline", "InvalidValue", "white space"),
        ("LLMProvider", "other-type", "RefKeyNotFound", "apiKey"),
        ("MasterKey", "short", "InvalidValue", "16"),
    ] {
        let object = objects.until_condition(kind, app, name, ("ResolvedRefs", "False")).await?;
        let found = condition(&object, "ResolvedRefs")?;
        ensure!(found.reason == reason && found.message.contains(says), "{name}: {found:?}");
    }
    objects.until_condition("LLMProvider", app, "garbage", ("Programmed", "True")).await?;
    for (model, status) in [("unreachable", 502), ("garbage", 502), ("newline", 404), ("neighbour", 200)] {
        let answer = proxy.chat(KEY, model).await?.expect(status)?;
        ensure!(status == 200 || answer.json()?["error"]["message"].is_string(), "{}", answer.text());
    }
    Ok(())
}
