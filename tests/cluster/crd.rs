//! What the API server makes of our CRDs: bad manifests are refused with a message that names the field, good ones
//! are taken, and what must not change does not.

mod bad;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use support::cluster::Cluster;
use support::{Result, manifest, programs};

/// Largest CRD, in bytes: `kubectl apply` keeps a copy in an annotation, which may be 256 KiB.
const MAX_CRD: usize = 256 * 1024;

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": llm_crds::API_VERSION, "kind": kind, "spec": spec,
        "metadata": {"name": name, "namespace": "default"}})
}

/// The message of the API server's refusal.
fn refusal(result: Result<Value>) -> Result<String> {
    match result {
        Ok(_) => anyhow::bail!("it was accepted"),
        Err(error) => match error.downcast::<kube::Error>() {
            Ok(kube::Error::Api(status)) => Ok(status.message.clone()),
            Ok(other) => Err(other.into()),
            Err(other) => Err(other),
        },
    }
}

#[tokio::test]
async fn bad_manifests_are_refused_with_a_message_that_names_the_field() -> Result<()> {
    let objects = Cluster::shared().await?.objects().await?;
    let tables = [("LLMProvider", bad::PROVIDERS), ("MasterKey", bad::KEYS)];
    let count: usize = tables.iter().map(|(_, table)| table.len()).sum();
    ensure!(count >= 40, "only {count} bad manifests");
    let mut wrong = Vec::new();
    for (kind, table) in tables {
        for (spec, expected) in table {
            let spec = manifest::parse(spec)?.pop().with_context(|| (*spec).to_owned())?;
            match refusal(objects.dry_run(&object(kind, "bad", &spec)).await) {
                Ok(message) if message.contains(expected) => {}
                Ok(message) => {
                    wrong.push(format!("{kind} {spec}\n  expected: {expected}\n  said: {message}"))
                }
                Err(error) => wrong.push(format!("{kind} {spec}\n  expected: {expected}\n  but {error:#}")),
            }
        }
    }
    ensure!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

/// The base of the table above is good: what is refused there is refused for what it says.
#[tokio::test]
async fn the_same_manifests_without_the_fault_are_accepted() -> Result<()> {
    let objects = Cluster::shared().await?.objects().await?;
    for (kind, spec) in bad::GOOD {
        let spec = manifest::parse(spec)?.pop().context("no document")?;
        objects.dry_run(&object(kind, "good", &spec)).await.with_context(|| format!("{kind} {spec}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn every_example_is_accepted() -> Result<()> {
    let objects = Cluster::shared().await?.objects().await?;
    let files = manifest::files(&programs::root().join("deploy/examples"))?;
    ensure!(files.len() >= 7, "{files:?}");
    let mut ours = 0;
    for file in files {
        for mut object in manifest::read(&file)? {
            ours += usize::from(object["apiVersion"] == llm_crds::API_VERSION);
            let namespaced = object["metadata"]["namespace"].is_string();
            if namespaced || object["kind"] != "Namespace" {
                object["metadata"]["namespace"] = "default".into();
            }
            let name = object["metadata"]["name"].to_string();
            objects.dry_run(&object).await.with_context(|| format!("{}: {name}", file.display()))?;
        }
    }
    ensure!(ours >= 14, "only {ours} objects of ours in the examples");
    Ok(())
}

#[tokio::test]
async fn the_crds_are_small_enough_to_apply() -> Result<()> {
    let objects = Cluster::shared().await?.objects().await?;
    for name in ["llmproviders.llmproxy.dev", "masterkeys.llmproxy.dev"] {
        let mut crd = objects.get("CustomResourceDefinition", "", name).await?;
        crd["metadata"]["managedFields"] = Value::Null;
        let size = serde_json::to_string(&crd)?.len();
        ensure!(size < MAX_CRD, "{name} is {size} bytes as the API server stores it");
    }
    for file in manifest::files(&programs::root().join("crds/yaml"))? {
        let size = std::fs::metadata(&file)?.len();
        ensure!(size < MAX_CRD as u64, "{} is {size} bytes", file.display());
    }
    Ok(())
}

/// Changes that a transition rule forbids; the object itself stays usable.
#[tokio::test]
async fn what_is_immutable_stays() -> Result<()> {
    let objects = Cluster::shared().await?.objects().await?;
    let cases = [
        (
            object("LLMProvider", "immutable", &json!({"type": "Mock", "models": [{"name": "m"}]})),
            json!({"spec": {"type": "OpenAICompatible", "endpoint": {"url": "http://127.0.0.1:1/v1"}}}),
            json!({"spec": {"weight": 7}}),
            "type is immutable",
        ),
        (
            object("MasterKey", "immutable", &json!({"generate": {"secretName": "immutable"}})),
            json!({"spec": {"generate": {"secretName": "other"}}}),
            json!({"spec": {"disabled": true}}),
            "generate.secretName is immutable",
        ),
    ];
    for (object, forbidden, allowed, expected) in cases {
        let kind = object["kind"].as_str().context("no kind")?;
        objects.apply(&object).await?;
        let said = refusal(objects.change(kind, "default", "immutable", &forbidden).await)?;
        objects.change(kind, "default", "immutable", &allowed).await?;
        objects.delete(kind, "default", "immutable").await?;
        ensure!(said.contains(expected), "{said}");
    }
    Ok(())
}

/// Status is the operator's: a client that writes the object cannot set it.
#[tokio::test]
async fn status_is_a_subresource() -> Result<()> {
    let objects = Cluster::shared().await?.objects().await?;
    let mut written =
        object("LLMProvider", "with-status", &json!({"type": "Mock", "models": [{"name": "m"}]}));
    written["status"] = json!({"models": 99});
    let stored = objects.create(&written).await?;
    objects.delete("LLMProvider", "default", "with-status").await?;
    ensure!(stored["status"]["models"] != 99, "{stored}");
    Ok(())
}
