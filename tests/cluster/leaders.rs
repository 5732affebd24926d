//! Two operators, one leader.

use anyhow::{Context as _, ensure};
use serde_json::json;
use std::time::Duration;
use support::cluster::Cluster;
use support::fake::{Echo, Provider};
use support::load::{Load, Plan};
use support::sample::{key, provider, secret, with};
use support::stage::Stage;
use support::{Result, wait};

const KEY: &str = "sk-leaders-0123456789abcdef";

async fn leader(stage: &Stage<'_>) -> Result<String> {
    let lease = stage.objects.get("Lease", &stage.system, "llm-operator").await?;
    lease["spec"]["holderIdentity"].as_str().map(str::to_owned).context("nobody holds it")
}

async fn until_leads(stage: &Stage<'_>, among: &[&str]) -> Result<String> {
    wait::until(format!("one of {among:?} to lead"), || async {
        let leader = leader(stage).await?;
        ensure!(among.contains(&leader.as_str()), "{leader:?} leads");
        Ok(leader)
    })
    .await
}

async fn edit(stage: &Stage<'_>, fake: &Provider, model: &str) -> Result<()> {
    let plain = provider(&stage.app, "main", &fake.url("slow-5"), "chat");
    stage.objects.apply(&with(plain, "/models", json!([{"name": "chat", "upstream": model}]))).await.map(drop)
}

fn any(echo: &Echo) -> Result<String> {
    Ok(echo.model.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leader_is_killed_the_other_leads_and_status_stays_true() -> Result<()> {
    let stage = Stage::set(Cluster::shared().await?, "leaders").await?;
    let (objects, app) = (&stage.objects, stage.app.as_str());
    let fake = Provider::start().await?;
    let mut operators = [stage.operator("operator-a").await?, stage.operator("operator-b").await?];
    let both = [&operators[0], &operators[1]];
    let proxies = [stage.proxy("proxy-0", &both).await?, stage.proxy("proxy-1", &both).await?];
    objects.apply(&secret(app, "client", "key", KEY)).await?;
    objects.apply(&key(app, "client")).await?;
    edit(&stage, &fake, "first").await?;
    objects.until_condition("MasterKey", app, "client", ("Programmed", "True")).await?;
    objects.until_condition("LLMProvider", app, "main", ("Programmed", "True")).await?;
    let plan = Plan {
        proxies: proxies.iter().map(|proxy| proxy.address).collect(),
        connections: 8,
        key: KEY.to_owned(),
        model: "chat".to_owned(),
        pause: Duration::ZERO,
    };
    let load = Load::start(&plan, any);

    let names = ["operator-a", "operator-b"];
    let first = until_leads(&stage, &names).await?;
    let dead = names.iter().position(|name| *name == first).context("a stranger leads")?;
    operators[dead].process.kill();
    edit(&stage, &fake, "second").await?;
    until_leads(&stage, &[names[1 - dead]]).await?;
    served_and_counted(&stage, &proxies, "second").await?;

    // The old leader comes back as the standby, and takes over in its turn.
    operators[dead].start_again().await?;
    ensure!(leader(&stage).await? == names[1 - dead], "the one that came back took over at once");
    operators[1 - dead].process.kill();
    edit(&stage, &fake, "third").await?;
    until_leads(&stage, &[names[dead]]).await?;
    served_and_counted(&stage, &proxies, "third").await?;
    load.finish().await?.check()
}

/// Both proxies serve it, and the status of the object says so of two proxies, not of more or fewer.
async fn served_and_counted(stage: &Stage<'_>, proxies: &[support::stage::Proxy], model: &str) -> Result<()> {
    for proxy in proxies {
        proxy.until_echo(KEY, "chat", |echo| echo.model == model).await?;
    }
    let counted = |object: &serde_json::Value| {
        let status = &object["status"];
        let current = status["observedGeneration"] == object["metadata"]["generation"];
        let counts = &status["snapshot"];
        ensure!(current && counts["proxiesAcked"] == 2 && counts["proxiesTotal"] == 2, "{status}");
        Ok(())
    };
    stage.objects.until(stage.of("LLMProvider", "main"), "2 of 2", counted).await?;
    stage.objects.until_condition("LLMProvider", &stage.app, "main", ("Programmed", "True")).await.map(drop)
}
