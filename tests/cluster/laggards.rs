//! Proxies that lag behind, reject, or report about the past, and what Programmed says meanwhile. They are scripted:
//! clients of the config stream that report what the test wants.

use anyhow::{Context as _, ensure};
use hyper::StatusCode;
use llm_snapshot::{EntryId, Kind, Rejection, Snapshot};
use support::Result;
use support::cluster::Cluster;
use support::config_stream::{Dialer, ScriptedProxy};
use support::objects::{Condition, condition};
use support::sample::{key, mock, secret};
use support::stage::{Operator, Stage};

const KEY: &str = "sk-laggards-0123456789abc";

struct Scene<'a> {
    stage: Stage<'a>,
    operator: Operator,
    dialer: Dialer,
    id: EntryId,
}

impl<'a> Scene<'a> {
    /// An operator, and a provider `main` that replies `first`.
    async fn set(name: &str) -> Result<Scene<'a>> {
        let stage = Stage::set(Cluster::shared().await?, name).await?;
        let operator = stage.operator("operator").await?;
        let options = stage.proxy_options(&[&operator]).await?;
        let token = stage.proxy_token().await?;
        let dialer = Dialer::new(operator.config, &options.ca.context("no authority")?, Some(token))?;
        dialer.until_leading().await?;
        let id = EntryId::new(Kind::Provider, &stage.app, "main");
        let scene = Scene { stage, operator, dialer, id };
        scene.reply("first").await?;
        Ok(scene)
    }

    async fn reply(&self, text: &str) -> Result<()> {
        let app = &self.stage.app;
        self.stage.objects.apply(&mock(app, "main", "chat", text)).await.map(drop)
    }

    /// Whether `held` has the provider with this reply.
    fn has(&self, held: &Snapshot, reply: &str) -> bool {
        held.get(&self.id).is_some_and(|entry| entry.json().contains(&format!("\"{reply}\"")))
    }

    /// A scripted proxy that holds the reply and says so.
    async fn join(&self, name: &str, reply: &str) -> Result<ScriptedProxy> {
        let mut proxy = self.dialer.open(name).await?;
        proxy.until(|held| self.has(held, reply)).await?;
        ensure!(self.dialer.report(&proxy.report(Vec::new())).await? == StatusCode::NO_CONTENT, "not taken");
        Ok(proxy)
    }

    /// Waits until Programmed of the provider is what `check` wants.
    async fn programmed(&self, what: &str, check: impl Fn(&Condition) -> bool) -> Result<Condition> {
        let of = self.stage.of("LLMProvider", "main");
        let object = self
            .stage
            .objects
            .until(of, what, |object| {
                let found = condition(object, "Programmed")?;
                ensure!(check(&found), "{found:?}");
                Ok(())
            })
            .await?;
        condition(&object, "Programmed")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programmed_names_the_proxy_that_lags_until_it_has_caught_up() -> Result<()> {
    let scene = Scene::set("lagging").await?;
    scene.programmed("nobody is there", |found| found.status == "Unknown").await?;
    let current = scene.join("current-one", "first").await?;
    let mut lagging = scene.join("lagging-one", "first").await?;
    scene
        .programmed("both have it", |found| found.status == "True" && found.message.starts_with("2/2 "))
        .await?;

    scene.reply("second").await?;
    lagging.until(|held| scene.has(held, "second")).await?;
    let mut current = current;
    current.until(|held| scene.has(held, "second")).await?;
    ensure!(scene.dialer.report(&current.report(Vec::new())).await? == StatusCode::NO_CONTENT, "not taken");
    // The laggard received it, and has not said that it runs it.
    scene
        .programmed("one lags", |found| {
            found.status == "False"
                && found.message.starts_with("1/2 ")
                && found.message.contains("lagging-one")
                && !found.message.contains("current-one")
        })
        .await?;
    ensure!(scene.dialer.report(&lagging.report(Vec::new())).await? == StatusCode::NO_CONTENT, "not taken");
    scene.programmed("both have it again", |found| found.status == "True").await?;

    // A proxy that hangs up is forgotten after a while; the one that stays is enough.
    drop(lagging);
    let keep = async {
        loop {
            current.message().await?;
            scene.dialer.report(&current.report(Vec::new())).await?;
        }
    };
    tokio::select! {
        ended = keep => ended,
        found = scene.programmed("one is left", |found| found.status == "True" && found.message.starts_with("1/1 ")) => {
            found.map(drop)
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programmed_names_the_proxy_that_rejects_and_why() -> Result<()> {
    let scene = Scene::set("rejecting").await?;
    let mut proxy = scene.join("picky-one", "first").await?;
    scene.programmed("it has it", |found| found.status == "True").await?;
    scene.reply("second").await?;
    proxy.until(|held| scene.has(held, "second")).await?;
    let entry = proxy.held.get(&scene.id).context("no entry")?;
    let rejection = Rejection {
        id: scene.id.clone(),
        digest: entry.digest(),
        reason: "I don't like this one".to_owned(),
    };
    scene.dialer.report(&proxy.report(vec![rejection])).await?;
    let found = scene.programmed("it is rejected", |found| found.reason == "RejectedByProxy").await?;
    ensure!(found.status == "False" && found.message.contains("picky-one"), "{found:?}");
    ensure!(found.message.contains("I don't like this one"), "{found:?}");

    scene.reply("third").await?;
    proxy.until(|held| scene.has(held, "third")).await?;
    scene.dialer.report(&proxy.report(Vec::new())).await?;
    scene.programmed("it has the next one", |found| found.status == "True").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_about_the_past_changes_nothing() -> Result<()> {
    let scene = Scene::set("past").await?;
    let old = scene.join("proxy-one", "first").await?;
    scene.programmed("it has it", |found| found.status == "True").await?;
    // The same proxy connects anew; what its old connection says is not news.
    let mut new = scene.dialer.open("proxy-one").await?;
    new.until(|held| scene.has(held, "first")).await?;
    ensure!(scene.dialer.report(&old.report(Vec::new())).await? == StatusCode::CONFLICT, "it was taken");
    ensure!(scene.dialer.report(&new.report(Vec::new())).await? == StatusCode::NO_CONTENT, "not taken");

    // An acknowledgement of an older version is one of an older version.
    scene.reply("second").await?;
    let stale = new.report(Vec::new());
    new.until(|held| scene.has(held, "second")).await?;
    scene.dialer.report(&stale).await?;
    scene
        .programmed("it lags", |found| found.status == "False" && found.message.contains("proxy-one"))
        .await?;
    scene.dialer.report(&new.report(Vec::new())).await?;
    scene.programmed("it has it", |found| found.status == "True").await?;
    Ok(())
}

/// What a real proxy does beside them: the counts are right, and it serves whatever the others say.
#[tokio::test(flavor = "multi_thread")]
async fn a_laggard_does_not_keep_the_others_from_serving() -> Result<()> {
    let scene = Scene::set("beside").await?;
    let (objects, app) = (&scene.stage.objects, scene.stage.app.as_str());
    objects.apply(&secret(app, "client", "key", KEY)).await?;
    objects.apply(&key(app, "client")).await?;
    let real = scene.stage.proxy("real-one", &[&scene.operator]).await?;
    let _lagging = scene.join("lagging-one", "first").await?;
    real.until_status(KEY, "chat", 200).await?;
    scene.reply("second").await?;
    let found = scene.programmed("one of two", |found| found.message.starts_with("1/2 ")).await?;
    ensure!(found.status == "False" && found.message.contains("lagging-one"), "{found:?}");
    ensure!(!found.message.contains("real-one"), "{found:?}");
    let answer = real.chat(KEY, "chat").await?.expect(200)?.json()?;
    ensure!(answer["choices"][0]["message"]["content"] == "second", "{answer}");
    let metrics = scene.operator.metrics().await?;
    ensure!(metrics.contains("llm_operator_"), "{metrics}");
    objects.delete("LLMProvider", app, "main").await?;
    real.until_status(KEY, "chat", 404).await?;
    Ok(())
}
