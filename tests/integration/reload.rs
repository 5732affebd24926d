//! A changed file is served without a restart; a bad change changes nothing.

use crate::{KEY, replace, serve, with_key, yaml};
use anyhow::{Context as _, ensure};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use support::fake::{Echo, Provider};
use support::load::{Load, Plan};
use support::sample::{mock, provider, with};
use support::stage::Proxy;
use support::{Result, programs, wait};

async fn says(proxy: &Proxy, model: &str, expected: &str) -> Result<()> {
    wait::until(format!("{model} to say {expected}"), || async {
        let answer = proxy.chat(KEY, model).await?.expect(200)?.json()?;
        ensure!(answer["choices"][0]["message"]["content"] == expected, "{answer}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_change_is_served_and_a_bad_one_changes_nothing() -> Result<()> {
    let dir = programs::folder("proxy-reload")?;
    let file = dir.join("config.yaml");
    let of = |reply: &str| {
        yaml(&with_key(vec![mock("default", "m", "m", reply), mock("default", "n", "n", reply)]))
    };
    std::fs::write(&file, of("first"))?;
    let mut proxy = serve(&dir, &file, &[]).await?;
    says(&proxy, "m", "first").await?;
    replace(&file, &of("second"))?;
    says(&proxy, "m", "second").await?;
    // In place, as a shell redirection does.
    std::fs::write(&file, of("third"))?;
    says(&proxy, "m", "third").await?;

    // No YAML at all: everything stays, and the log says why.
    let seen = proxy.process.log()?.len();
    replace(&file, "kind: [")?;
    wait::until("the log to tell", || async {
        let log = proxy.process.log()?;
        ensure!(log[seen..].contains("config.yaml"), "{}", &log[seen..]);
        Ok(())
    })
    .await?;
    says(&proxy, "m", "third").await?;

    // One bad object: it keeps its last good form, the other changes.
    let bad = with(mock("default", "m", "m", "fourth"), "/weight", json!(-1));
    replace(&file, &yaml(&with_key(vec![bad, mock("default", "n", "n", "fourth")])))?;
    says(&proxy, "n", "fourth").await?;
    says(&proxy, "m", "third").await?;

    // Gone and back.
    std::fs::remove_file(&file)?;
    proxy.chat(KEY, "m").await?.expect(200)?;
    replace(&file, &of("fifth"))?;
    says(&proxy, "m", "fifth").await?;
    proxy.process.check_running()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_all_its_files() -> Result<()> {
    let dir = programs::folder("proxy-folder")?;
    let config = dir.join("config");
    std::fs::create_dir(&config)?;
    std::fs::write(config.join("keys.yaml"), yaml(&with_key(Vec::new())))?;
    std::fs::write(config.join("a.yaml"), yaml(&[mock("default", "a", "a", "from a")]))?;
    let proxy = serve(&dir, &config, &[]).await?;
    says(&proxy, "a", "from a").await?;
    replace(&config.join("b.yaml"), &yaml(&[mock("default", "b", "b", "from b")]))?;
    says(&proxy, "b", "from b").await?;
    std::fs::remove_file(config.join("a.yaml"))?;
    proxy.until_status(KEY, "a", 404).await?;
    says(&proxy, "b", "from b").await
}

/// Both providers of one generation: the first fails, so that every request asks both.
fn generation(fake: &Provider, number: usize) -> String {
    let of = |name: &str, behaviour: &str, priority: u32| {
        let plain = provider("default", name, &fake.url(behaviour), "chat");
        let headers = json!({"set": [{"name": "x-generation", "value": number.to_string()}]});
        with(with(plain, "/headers", headers), "/priority", json!(priority))
    };
    yaml(&with_key(vec![of("first", "status-500", 0), of("second", "slow-2", 1)]))
}

fn generation_of(echo: &Echo) -> Result<String> {
    echo.headers.get("x-generation").cloned().context("no generation")
}

/// One request is one generation, though it asks two providers.
#[tokio::test(flavor = "multi_thread")]
async fn a_failover_stays_within_the_generation_the_request_began_with() -> Result<()> {
    const CHANGES: usize = 60;
    let dir = programs::folder("proxy-generations")?;
    let file = dir.join("config.yaml");
    let fake = Provider::start().await?;
    std::fs::write(&file, generation(&fake, 0))?;
    let proxy = serve(&dir, &file, &[]).await?;
    let plan = Plan {
        proxies: vec![proxy.address],
        connections: 16,
        key: KEY.to_owned(),
        model: "chat".to_owned(),
        // Slow enough for the fake to remember every attempt.
        pause: Duration::from_millis(20),
    };
    let load = Load::start(&plan, generation_of);
    for number in 1..=CHANGES {
        replace(&file, &generation(&fake, number))?;
        proxy
            .until_echo(KEY, "chat", |echo| generation_of(echo).is_ok_and(|seen| seen == number.to_string()))
            .await?;
    }
    let tally = load.finish().await?;
    tally.check()?;
    let attempts = by_request(&fake)?;
    let same = |attempts: &[(String, String)]| attempts.windows(2).all(|pair| pair[0].1 == pair[1].1);
    let mixed: Vec<_> = attempts.iter().filter(|(_, attempts)| !same(attempts)).collect();
    ensure!(mixed.is_empty(), "{} of {} requests: {:?}", mixed.len(), attempts.len(), mixed.first());
    let twice = attempts.values().filter(|attempts| attempts.len() == 2).count();
    ensure!(twice * 2 > attempts.len(), "only {twice} of {} requests asked both", attempts.len());
    ensure!(attempts.len() as u64 >= tally.answered, "{} of {}", attempts.len(), tally.answered);
    ensure!(tally.generations.len() > CHANGES / 3, "{} generations only", tally.generations.len());
    Ok(())
}

/// Behaviour and generation of every attempt, by the id of the request.
fn by_request(fake: &Provider) -> Result<BTreeMap<String, Vec<(String, String)>>> {
    let mut requests: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for seen in fake.seen() {
        let id = seen
            .echo
            .headers
            .get("x-request-id")
            .with_context(|| format!("no request id: {:?}", seen.echo))?;
        let attempt = (seen.echo.behaviour.clone(), generation_of(&seen.echo)?);
        requests.entry(id.clone()).or_default().push(attempt);
    }
    Ok(requests)
}

/// Values as YAML has them, not only JSON.
#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_the_readme_answers() -> Result<()> {
    let dir = programs::folder("proxy-example")?;
    let proxy = serve(&dir, &programs::root().join("deploy/examples/standalone.yaml"), &[]).await?;
    let answer = proxy.chat("sk-local-example-key", "mock").await?.expect(200)?.json()?;
    ensure!(answer["choices"][0]["message"]["content"] == "say something", "{answer}");
    let streamed = proxy.stream("sk-local-example-key", "mock").await?;
    ensure!(streamed.content() == "say something", "{streamed:?}");
    Ok(())
}
