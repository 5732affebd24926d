//! The data plane goes on when the operator, the API server or both are away. These tests kill parts of a control
//! plane, so they have one of their own, and an operator that watches all namespaces.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use std::time::Duration;
use support::Result;
use support::cluster::Cluster;
use support::fake::{Echo, Provider};
use support::load::{Load, Plan};
use support::sample::{key, mock, provider, secret, with};
use support::stage::{Operator, OperatorOptions, Proxy, ProxyOptions, Stage};
use support::{last_good, wait};

const KEY: &str = "sk-outage-0123456789abcdef";

/// An operator of the whole cluster, proxies, and a provider `main` with the model `chat` at a fake.
struct Scene<'a> {
    stage: Stage<'a>,
    operator: Operator,
    proxies: Vec<Proxy>,
    fake: Provider,
}

impl<'a> Scene<'a> {
    async fn set(cluster: &'a Cluster, name: &str) -> Result<Scene<'a>> {
        let stage = Stage::set(cluster, name).await?;
        let operator = Operator::start(&stage, "operator", OperatorOptions::default()).await?;
        let proxies =
            vec![stage.proxy("proxy-0", &[&operator]).await?, stage.proxy("proxy-1", &[&operator]).await?];
        let scene = Scene { stage, operator, proxies, fake: Provider::start().await? };
        let (objects, app) = (&scene.stage.objects, scene.stage.app.as_str());
        objects.apply(&secret(app, "client", "key", KEY)).await?;
        objects.apply(&key(app, "client")).await?;
        objects.until_condition("MasterKey", app, "client", ("Programmed", "True")).await?;
        scene.edit("first").await?;
        scene.until_all_serve("first").await?;
        Ok(scene)
    }

    /// Names the upstream model anew.
    async fn edit(&self, model: &str) -> Result<Value> {
        let plain = provider(&self.stage.app, "main", &self.fake.url("slow-5"), "chat");
        let spec = with(plain, "/models", json!([{"name": "chat", "upstream": model}]));
        self.stage.objects.apply(&spec).await
    }

    /// Waits until every proxy serves that edit and the status says so, with the right counts.
    async fn until_all_serve(&self, model: &str) -> Result<()> {
        for proxy in &self.proxies {
            proxy.until_echo(KEY, "chat", |echo| echo.model == model).await?;
        }
        let all = self.proxies.len();
        let counted = move |object: &Value| {
            let status = &object["status"];
            let current = status["observedGeneration"] == object["metadata"]["generation"];
            let counts = (&status["snapshot"]["proxiesAcked"], &status["snapshot"]["proxiesTotal"]);
            ensure!(current && counts == (&json!(all), &json!(all)), "{status}");
            Ok(())
        };
        self.stage
            .objects
            .until(self.stage.of("LLMProvider", "main"), "acknowledged by all", counted)
            .await?;
        let app = &self.stage.app;
        self.stage.objects.until_condition("LLMProvider", app, "main", ("Programmed", "True")).await.map(drop)
    }

    fn load(&self) -> Load {
        let plan = Plan {
            proxies: self.proxies.iter().map(|proxy| proxy.address).collect(),
            connections: 8,
            key: KEY.to_owned(),
            model: "chat".to_owned(),
            pause: Duration::ZERO,
        };
        Load::start(&plan, any)
    }
}

fn any(echo: &Echo) -> Result<String> {
    Ok(echo.model.clone())
}

/// Until the load has answered some more: what is away now has been missed by someone.
async fn some_more(load: &Load) -> Result<()> {
    let before = load.answered();
    wait::until("more answers", || async {
        ensure!(load.answered() >= before + 100, "{} since {before}", load.answered());
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_plane_serves_while_the_control_plane_is_killed_and_comes_back() -> Result<()> {
    let cluster = Cluster::private().await?;
    let mut scene = Scene::set(&cluster, "outage").await?;
    let load = scene.load();
    some_more(&load).await?;

    // The operator dies; what is edited meanwhile is served when it is back.
    scene.operator.process.kill();
    scene.edit("while-the-operator-was-away").await?;
    some_more(&load).await?;
    scene.operator.start_again().await?;
    scene.until_all_serve("while-the-operator-was-away").await?;

    // The API server dies. The operator outlives it.
    cluster.component("stop", "apiserver")?;
    some_more(&load).await?;
    cluster.component("start", "apiserver")?;
    scene.operator.process.check_running()?;
    scene.edit("after-the-API-server-came-back").await?;
    scene.until_all_serve("after-the-API-server-came-back").await?;

    // Both at once.
    scene.operator.process.kill();
    cluster.component("stop", "apiserver")?;
    some_more(&load).await?;
    cluster.component("start", "apiserver")?;
    scene.operator.start_again().await?;
    scene.edit("after-both-came-back").await?;
    scene.until_all_serve("after-both-came-back").await?;

    load.finish().await?.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_proxy_starts_from_the_last_good_snapshot_while_there_is_no_operator() -> Result<()> {
    let cluster = Cluster::private().await?;
    let mut scene = Scene::set(&cluster, "last-good").await?;
    let mounted = scene.stage.path("mounted");
    let (objects, system) = (scene.stage.objects.clone(), scene.stage.system.clone());

    scene.edit("last-good").await?;
    scene.until_all_serve("last-good").await?;
    let options = scene.stage.proxy_options(&[&scene.operator]).await?;
    until_kept(&scene, &mounted).await?;
    scene.operator.process.kill();

    // Without the snapshot it lives, and is not ready.
    let bare = ProxyOptions { more: vec!["--last-good-after".into(), "200ms".into()], ..options };
    let empty = Proxy::start(&scene.stage.dir, "proxy-without", bare.clone()).await?;
    empty.get("/livez", None).await?.expect(200)?;
    empty.get("/readyz", None).await?.expect(503)?;

    let mut started = Proxy::start(
        &scene.stage.dir,
        "proxy-new",
        ProxyOptions { last_good: Some(mounted.clone()), ..bare.clone() },
    )
    .await?;
    started.until_ready().await?;
    ensure!(started.echo(KEY, "chat").await?.model == "last-good", "it serves something else");
    started.stream(KEY, "chat").await?;
    empty.get("/readyz", None).await?.expect(503)?;

    // The operator comes back: the new proxies join the others.
    scene.operator.start_again().await?;
    scene.proxies.extend([started, empty]);
    scene.edit("after-the-operator-came-back").await?;
    scene.until_all_serve("after-the-operator-came-back").await?;
    last_good::mount(&objects, &system, &mounted).await?;

    // A mount that is damaged is no reason to crash.
    damage(&mounted)?;
    scene.operator.process.kill();
    started =
        Proxy::start(&scene.stage.dir, "proxy-damaged", ProxyOptions { last_good: Some(mounted), ..bare })
            .await?;
    started.get("/livez", None).await?.expect(200)?;
    started.get("/readyz", None).await?.expect(503)?;
    started.process.check_running()
}

/// Waits until the kept snapshot holds the newest edit: a proxy that starts from it and has no operator serves it.
async fn until_kept(scene: &Scene<'_>, mounted: &std::path::Path) -> Result<()> {
    let version = scene.proxies[0].served_version(KEY, "chat").await?;
    wait::until("the kept snapshot to be the newest", || async {
        last_good::mount(&scene.stage.objects, &scene.stage.system, mounted).await?;
        let kept = last_good::read(mounted)?.version().to_string();
        ensure!(kept == version, "{kept} is kept, {version} is served");
        Ok(())
    })
    .await
}

fn damage(mounted: &std::path::Path) -> Result<()> {
    let mut damaged = 0;
    for folder in std::fs::read_dir(mounted)? {
        let file = folder?.path().join("shard");
        if file.exists() {
            let mut bytes = std::fs::read(&file)?;
            let last = bytes.len().checked_sub(20).context("a shard of nothing")?;
            bytes.truncate(last);
            std::fs::write(&file, bytes)?;
            damaged += 1;
        }
    }
    ensure!(damaged > 0, "nothing to damage in {}", mounted.display());
    Ok(())
}

/// The API server may hold what this operator cannot read: made under another version's schema, say. It says so, and
/// the rest is served.
#[tokio::test(flavor = "multi_thread")]
async fn objects_of_another_schema_are_told_apart_and_break_no_watch() -> Result<()> {
    let cluster = Cluster::private().await?;
    let scene = Scene::set(&cluster, "schema").await?;
    let (objects, app) = (&scene.stage.objects, scene.stage.app.as_str());
    let name = "llmproviders.llmproxy.dev";
    let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let mut crd = objects.get("CustomResourceDefinition", "", name).await?;
    let at =
        crd.pointer_mut("/spec/versions/0/schema/openAPIV3Schema/properties/spec").context("no schema")?;
    *at = open;
    let versions = json!({"spec": {"versions": crd["spec"]["versions"]}});
    objects.change("CustomResourceDefinition", "", name, &versions).await?;
    let strange = json!({"apiVersion": llm_crds::API_VERSION, "kind": "LLMProvider",
        "metadata": {"namespace": app, "name": "strange"}, "spec": {"type": "Quantum", "models": 7}});
    wait::until("the open schema to be in force", || async { objects.apply(&strange).await }).await?;

    let object = objects.until_condition("LLMProvider", app, "strange", ("Accepted", "False")).await?;
    let said = support::objects::condition(&object, "Accepted")?.message;
    ensure!(said.contains("type") || said.contains("models"), "it names no field: {said}");
    objects.apply(&mock(app, "neighbour", "neighbour", "well")).await?;
    objects.until_condition("LLMProvider", app, "neighbour", ("Programmed", "True")).await?;
    scene.proxies[0].chat(KEY, "neighbour").await?.expect(200)?;
    scene.edit("beside-it").await?;
    scene.until_all_serve("beside-it").await
}
