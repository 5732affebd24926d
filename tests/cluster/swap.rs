//! Hot swap under load: configuration changes while requests and streams run.

use anyhow::ensure;
use serde_json::json;
use std::time::Duration;
use support::Result;
use support::cluster::Cluster;
use support::fake::{Echo, Provider};
use support::load::{Load, Plan};
use support::sample::{key, mock, provider, secret, with};
use support::stage::Stage;

const KEY: &str = "sk-swap-0123456789abcdef";
const CHANGES: usize = 300;
const CONNECTIONS: usize = 64;

/// A provider whose URL, upstream model name and header all name the generation.
fn generation(app: &str, fake: &Provider, number: usize) -> serde_json::Value {
    let url = fake.url(&format!("slow-15-{number}"));
    let plain = provider(app, "main", &url, "chat");
    let model = json!([{"name": "chat", "upstream": format!("model-{number}")}]);
    with(
        with(plain, "/models", model),
        "/headers",
        json!({"set": [{"name": "x-generation", "value": number.to_string()}]}),
    )
}

/// The generation of a request, which must be the same wherever it shows.
fn one_generation(echo: &Echo) -> Result<String> {
    let by_url = echo.behaviour.rsplit('-').next().unwrap_or_default();
    let by_model = echo.model.trim_start_matches("model-");
    let by_header = echo.headers.get("x-generation").map(String::as_str).unwrap_or_default();
    ensure!(by_url == by_model && by_model == by_header, "a request of two generations: {echo:?}");
    Ok(by_url.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_changes_under_load_fail_no_request_and_cut_no_stream() -> Result<()> {
    let stage = Stage::set(Cluster::shared().await?, "swap").await?;
    let (objects, app) = (&stage.objects, stage.app.as_str());
    let fake = Provider::start().await?;
    let operator = stage.operator("operator").await?;
    let proxies = [stage.proxy("proxy-0", &[&operator]).await?, stage.proxy("proxy-1", &[&operator]).await?];
    objects.apply(&secret(app, "client", "key", KEY)).await?;
    objects.apply(&key(app, "client")).await?;
    objects.apply(&generation(app, &fake, 0)).await?;
    objects.until_condition("MasterKey", app, "client", ("Programmed", "True")).await?;
    objects.until_condition("LLMProvider", app, "main", ("Programmed", "True")).await?;

    let plan = Plan {
        proxies: proxies.iter().map(|proxy| proxy.address).collect(),
        connections: CONNECTIONS,
        key: KEY.to_owned(),
        model: "chat".to_owned(),
        pause: Duration::ZERO,
    };
    let load = Load::start(&plan, one_generation);
    let mut served = 0;
    for number in 1..=CHANGES {
        objects.apply(&generation(app, &fake, number)).await?;
        disturb(&stage, number).await?;
        // Every change is served before the next one, so that 300 changes are 300 swaps at each proxy.
        for proxy in &proxies {
            proxy.until_echo(KEY, "chat", |echo| echo.model == format!("model-{number}")).await?;
        }
        // Requests begin and end between any two swaps, and streams outlast several.
        ensure!(number % 50 != 0 || load.answered() > served, "nothing was answered since {served}");
        served = if number % 50 == 0 { load.answered() } else { served };
    }
    let tally = load.finish().await?;
    tally.check()?;
    ensure!(
        tally.generations.len() > CHANGES / 3,
        "the load saw {} generations only",
        tally.generations.len()
    );
    ensure!(tally.streamed > 0 && tally.answered > tally.streamed, "{tally:?}");
    println!(
        "{} requests, {} of them streams, {} generations",
        tally.answered,
        tally.streamed,
        tally.generations.len()
    );
    Ok(())
}

/// Other objects come and go meanwhile.
async fn disturb(stage: &Stage<'_>, number: usize) -> Result<()> {
    match number % 10 {
        3 => stage.objects.apply(&mock(&stage.app, "visitor", "visitor", "hello")).await.map(drop),
        8 => stage.objects.delete("LLMProvider", &stage.app, "visitor").await,
        _ => Ok(()),
    }
}
