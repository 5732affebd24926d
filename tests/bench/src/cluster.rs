//! From an edit at the API server to both proxies serving it, and what swaps do to requests meanwhile: a real
//! API server, an operator and two proxies.

use crate::process;
use crate::table::{Table, median, percentile};
use anyhow::{Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use support::cluster::Cluster;
use support::http::{self, Connection};
use support::sample;
use support::stage::{Operator, Proxy, Stage};
use tokio::time::{Instant, interval, sleep};

const EDITS: usize = 200;
/// Keys that share one Secret; each has an entry of its own in it.
const KEYS_A_SECRET: usize = 500;
/// The key the requests use.
const KEY: &str = "sk-benchmark-key-000000";

/// How many objects there are, and what `Apply` should reach at p99.
struct Size {
    providers: usize,
    keys: usize,
    target_ms: u32,
}

const SIZES: [Size; 2] = [
    Size { providers: 10, keys: 10, target_ms: 100 },
    Size { providers: 1_000, keys: 10_000, target_ms: 250 },
];

pub(crate) async fn measure(table: &mut Table) -> Result<()> {
    let cluster = Cluster::shared().await?;
    for size in SIZES {
        let stage = Stage::set(cluster, &format!("bench-{}", size.providers)).await?;
        fill(&stage, &size).await?;
        let operator = stage.operator("operator").await?;
        operator.until_ready().await?;
        let first = stage.proxy("llm-proxy-0", &[&operator]).await?;
        let second = stage.proxy("llm-proxy-1", &[&operator]).await?;
        for proxy in [&first, &second] {
            proxy.until_ready().await?;
            proxy.until_status(KEY, "model-0", 200).await?;
        }
        let written = until_quiet(&operator).await?;
        table.row(
            format!("Every status written, {} providers, {} keys", size.providers, size.keys),
            format!("after {:.0} s", written.as_secs_f64()),
            "",
        );
        apply(&stage, [&first, &second], &size, table).await?;
        if size.providers == 1_000 {
            swap(&stage, &first, table).await?;
        }
        let memory = first.process.id();
        table.row(
            format!("Resident memory at {} providers, {} keys", size.providers, size.keys),
            format!("{:.1} MiB", process::resident_kib(memory)? as f64 / 1024.0),
            "",
        );
    }
    Ok(())
}

/// Waits until the operator has written no status for a while, and says how long it had been writing.
async fn until_quiet(operator: &Operator) -> Result<Duration> {
    const QUIET: Duration = Duration::from_secs(3);
    let begin = Instant::now();
    let (mut seen, mut last) = (String::new(), begin);
    while last.elapsed() < QUIET {
        ensure!(begin.elapsed() < Duration::from_secs(300), "statuses are still being written: {seen}");
        sleep(Duration::from_millis(200)).await;
        let metrics = operator.metrics().await?;
        let writes: String =
            metrics.lines().filter(|line| line.starts_with("llm_operator_status_writes")).collect();
        if writes != seen {
            (seen, last) = (writes, Instant::now());
        }
    }
    Ok(last.duration_since(begin))
}

/// Creates the objects, 32 at a time.
async fn fill(stage: &Stage<'_>, size: &Size) -> Result<()> {
    let app = stage.app.as_str();
    let mut objects = Vec::new();
    for (secret, first) in (0..size.keys).step_by(KEYS_A_SECRET).enumerate() {
        let name = format!("keys-{secret}");
        let numbers = first..size.keys.min(first + KEYS_A_SECRET);
        let values: BTreeMap<String, String> = numbers
            .clone()
            .map(|number| {
                (
                    format!("k{number}"),
                    if number == 0 { KEY.to_owned() } else { format!("sk-filler-{number:024}") },
                )
            })
            .collect();
        objects
            .push(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": app, "name": name},
            "stringData": values}));
        objects.extend(numbers.map(|number| {
            let spec = json!({"secretRef": {"name": name, "key": format!("k{number}")}});
            sample::object("MasterKey", app, &format!("key-{number}"), spec)
        }));
    }
    let providers = (0..size.providers)
        .map(|number| sample::mock(app, &format!("provider-{number}"), &format!("model-{number}"), "edit-0"));
    objects.extend(providers);
    stream::iter(&objects)
        .map(|object| stage.objects.create(object))
        .buffer_unordered(32)
        .try_for_each(|_| async { Ok(()) })
        .await
}

async fn edit(stage: &Stage<'_>, provider: usize, reply: &str) -> Result<()> {
    let change = json!({"spec": {"mock": {"reply": reply}}});
    stage.objects.change("LLMProvider", &stage.app, &format!("provider-{provider}"), &change).await.map(drop)
}

/// Edits one provider again and again; the time runs from before the request to the API server until both
/// proxies answer with the new reply.
async fn apply(stage: &Stage<'_>, proxies: [&Proxy; 2], size: &Size, table: &mut Table) -> Result<()> {
    let mut times = Vec::with_capacity(EDITS);
    let mut accepted = Vec::with_capacity(EDITS);
    for number in 1..=EDITS {
        let reply = format!("edit-{number}");
        let begin = Instant::now();
        let (edited, first, second) = tokio::join!(
            timed(edit(stage, 0, &reply)),
            until_served(proxies[0], &reply),
            until_served(proxies[1], &reply)
        );
        accepted.push(edited?);
        times.push(first?.max(second?).duration_since(begin).as_secs_f64() * 1e3);
        sleep(Duration::from_millis(50)).await;
    }
    table.row(
        format!("Apply → both proxies serve it, {} providers, {} keys", size.providers, size.keys),
        format!("p50 {:.0} ms, p99 {:.0} ms", median(&mut times), percentile(&mut times, 99.0)),
        format!("p99 < {} ms", size.target_ms),
    );
    table.row(
        "  of that, until the API server has accepted the edit",
        format!("p50 {:.0} ms, p99 {:.0} ms", median(&mut accepted), percentile(&mut accepted, 99.0)),
        "",
    );
    Ok(())
}

/// How many milliseconds it took.
async fn timed(work: impl Future<Output = Result<()>>) -> Result<f64> {
    let begin = Instant::now();
    work.await?;
    Ok(begin.elapsed().as_secs_f64() * 1e3)
}

/// When the proxy first answered with `reply`, looked at every millisecond.
async fn until_served(proxy: &Proxy, reply: &str) -> Result<Instant> {
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut connection = Connection::open(proxy.address).await?;
    loop {
        let request = http::post("/v1/chat/completions", Some(KEY), &http::chat("model-0", false))?;
        let answer = connection.send(request).await?.expect(200)?;
        let now = Instant::now();
        if answer.json()?["choices"][0]["message"]["content"] == reply {
            return Ok(now);
        }
        ensure!(now < deadline, "{} does not serve {reply}: {}", proxy.name, answer.text());
        sleep(Duration::from_millis(1)).await;
    }
}

/// p99 of paced requests, with and without five edits of other providers a second, in turns. The proxy and its
/// load have the first core, and everything else the others: what is measured is the swap, and not the API server's
/// and the operator's appetite for the same core.
async fn swap(stage: &Stage<'_>, proxy: &Proxy, table: &mut Table) -> Result<()> {
    const ROUNDS: usize = 7;
    const PHASE: Duration = Duration::from_secs(4);
    process::pin(&process::descendants(std::process::id())?, process::Cores::Others)?;
    process::pin(&[std::process::id(), proxy.process.id()], process::Cores::First)?;
    let mut ratios = Vec::new();
    let (mut quiet, mut swapped) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let calm = paced(proxy, PHASE).await?;
        let (busy, edits) = tokio::join!(paced(proxy, PHASE), edits(stage, round, PHASE));
        edits?;
        let busy = busy?;
        ratios.push(busy / calm);
        quiet.push(calm);
        swapped.push(busy);
    }
    let figure = format!(
        "{:.2} × none ({:.2} ms against {:.2} ms)",
        median(&mut ratios),
        median(&mut swapped),
        median(&mut quiet)
    );
    table.row("p99 of requests during 5 swaps a second, 1,000 providers", figure, "≤ 1.2 × none");
    Ok(())
}

async fn edits(stage: &Stage<'_>, round: usize, phase: Duration) -> Result<()> {
    let mut pace = interval(Duration::from_millis(200));
    let count = phase.as_millis() / 200;
    for number in 0..count {
        pace.tick().await;
        edit(stage, 1 + number as usize, &format!("round-{round}-{number}")).await?;
    }
    Ok(())
}

/// p99 in milliseconds of 8 connections that each ask every 10 ms.
async fn paced(proxy: &Proxy, phase: Duration) -> Result<f64> {
    let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(ask(proxy.address, phase))).collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    Ok(percentile(&mut times, 99.0))
}

async fn ask(address: std::net::SocketAddr, phase: Duration) -> Result<Vec<f64>> {
    let mut connection = Connection::open(address).await?;
    let mut pace = interval(Duration::from_millis(10));
    let end = Instant::now() + phase;
    let mut times = Vec::new();
    while Instant::now() < end {
        pace.tick().await;
        let request = http::post("/v1/chat/completions", Some(KEY), &http::chat("model-0", false))?;
        let begin = Instant::now();
        connection.send(request).await?.expect(200)?;
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}
