//! A proxy at the config stream of a scripted operator: what it does about messages that do not fit.

use crate::KEY;
use anyhow::{Context as _, ensure};
use llm_snapshot::provider::{Headers, Mock, Model, Timeouts, Upstream, Visibility};
use llm_snapshot::{Delta, Digest, Entry, EntryId, Key, Kind, Message, Provider, Snapshot};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use support::scripted_operator::{ScriptedOperator, Stream};
use support::stage::{Proxy, ProxyOptions};
use support::{Result, programs};

fn provider_id(name: &str) -> EntryId {
    EntryId::new(Kind::Provider, "default", name)
}

/// A mock that offers the model of its name.
fn mock(name: &str, reply: &str) -> Result<Arc<Entry>> {
    let provider = Provider {
        namespace: "default".to_owned(),
        name: name.to_owned(),
        upstream: Upstream::Mock(Mock {
            latency_ms: 0,
            tokens_per_second: 0,
            reply: Some(reply.to_owned()),
            error_percent: 0,
            fault: llm_snapshot::provider::Fault::ServerError,
        }),
        protocols: BTreeSet::from([llm_snapshot::provider::Protocol::ChatCompletions]),
        weight: 100,
        models: vec![Model::new(name, name)],
        timeouts: Timeouts { connect_ms: 1000, first_byte_ms: 1000, stream_idle_ms: 1000, total_ms: 1000 },
        headers: Headers::default(),
        visible_to: Visibility::All,
        options: Default::default(),
    };
    Ok(Arc::new(Entry::of(&provider)?))
}

/// A client key, and mocks `a` and `b` with this reply.
fn snapshot(reply: &str) -> Result<Snapshot> {
    let key = Key {
        namespace: "default".to_owned(),
        name: "client".to_owned(),
        sha256: Digest::of(KEY.as_bytes()),
        disabled: false,
        expires_at: None,
        allowed_models: None,
        denied_models: Vec::new(),
    };
    Ok(Snapshot::new(BTreeMap::from([
        (EntryId::new(Kind::Key, "default", "client"), Arc::new(Entry::of(&key)?)),
        (provider_id("a"), mock("a", reply)?),
        (provider_id("b"), mock("b", reply)?),
    ])))
}

struct Scene {
    operator: ScriptedOperator,
    options: ProxyOptions,
    dir: PathBuf,
}

impl Scene {
    async fn set(name: &str) -> Result<Self> {
        let dir = programs::folder(name)?;
        let (ca, token) = (dir.join("ca.crt"), dir.join("token"));
        std::fs::write(&token, "a token")?;
        let operator = ScriptedOperator::start(&ca).await?;
        let options = ProxyOptions {
            operators: vec![operator.url()],
            ca: Some(ca),
            token: Some(token),
            ..ProxyOptions::default()
        };
        Ok(Self { operator, options, dir })
    }

    /// A proxy that serves the snapshot `first`, and its stream.
    async fn serving(&mut self) -> Result<(Proxy, Stream)> {
        let proxy = Proxy::start(&self.dir, "proxy", self.options.clone()).await?;
        let stream = self.operator.stream().await?;
        ensure!(stream.held.is_none(), "it holds {:?}", stream.held);
        proxy.get("/readyz", None).await?.expect(503)?;
        self.bring(&stream, &snapshot("first")?).await?;
        proxy.until_ready().await?;
        says(&proxy, "a", "first").await?;
        Ok((proxy, stream))
    }

    /// Sends a snapshot and waits for the acknowledgement.
    async fn bring(&mut self, stream: &Stream, snapshot: &Snapshot) -> Result<()> {
        stream.send(&Message::Snapshot(snapshot.clone())).await?;
        let version = snapshot.version();
        self.operator.report(|report| report.version == version).await.map(drop)
    }
}

async fn says(proxy: &Proxy, model: &str, expected: &str) -> Result<()> {
    let answer = proxy.chat(KEY, model).await?.expect(200)?.json()?;
    ensure!(answer["choices"][0]["message"]["content"] == expected, "{answer}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn deltas_are_applied_and_acknowledged() -> Result<()> {
    let mut scene = Scene::set("stream-deltas").await?;
    let (proxy, stream) = scene.serving().await?;
    let (first, second) = (snapshot("first")?, snapshot("second")?);
    stream.send(&Message::Delta(first.delta_to(&second))).await?;
    let report = scene.operator.report(|report| report.version == second.version()).await?;
    ensure!(report.proxy == "proxy" && report.rejected.is_empty(), "{report:?}");
    says(&proxy, "a", "second").await
}

/// Whatever does not fit, the proxy serves on, asks for everything, and has it.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_answered_by_asking_for_everything() -> Result<()> {
    let (first, second, third) = (snapshot("first")?, snapshot("second")?, snapshot("third")?);
    let missed = second.delta_to(&third);
    let wrong = Delta { to: Digest::of(b"something else"), ..first.delta_to(&second) };
    for (name, line) in [
        ("a-missed-delta", serde_json::to_string(&Message::Delta(missed))?),
        ("a-wrong-digest", serde_json::to_string(&Message::Delta(wrong))?),
        ("no-json", "<html>".to_owned()),
        ("no-message", "{\"rumour\":{}}".to_owned()),
        ("a-torn-snapshot", json!({"snapshot": {"version": third.version(), "entries": {}}}).to_string()),
    ] {
        let mut scene = Scene::set(&format!("stream-{name}")).await?;
        let (mut proxy, stream) = scene.serving().await?;
        stream.send_line(&line).await?;
        stream.hung_up().await.context(name)?;
        says(&proxy, "a", "first").await.context(name)?;
        let again = scene.operator.stream().await.context(name)?;
        ensure!(again.held.is_none(), "{name}: it asks for a delta from {:?}", again.held);
        scene.bring(&again, &third).await.context(name)?;
        says(&proxy, "a", "third").await.context(name)?;
        proxy.process.check_running()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_it_cannot_read_is_rejected_alone() -> Result<()> {
    let mut scene = Scene::set("stream-unreadable").await?;
    let (proxy, stream) = scene.serving().await?;
    let mut entries = snapshot("second")?.entries().clone();
    let strange =
        Arc::new(Entry::new(serde_json::value::to_raw_value(&json!({"made": "by a newer version"}))?));
    entries.insert(provider_id("a"), strange.clone());
    let second = Snapshot::new(entries);
    stream.send(&Message::Delta(snapshot("first")?.delta_to(&second))).await?;
    let report = scene.operator.report(|report| report.version == second.version()).await?;
    let [rejection] = &report.rejected[..] else { anyhow::bail!("{report:?}") };
    ensure!(rejection.id == provider_id("a") && rejection.digest == strange.digest(), "{rejection:?}");
    ensure!(!rejection.reason.is_empty() && !rejection.reason.contains("newer version"), "{rejection:?}");
    says(&proxy, "a", "first").await?;
    says(&proxy, "b", "second").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_stream_is_taken_up_where_it_was() -> Result<()> {
    let mut scene = Scene::set("stream-broken").await?;
    let (proxy, stream) = scene.serving().await?;
    let (first, second) = (snapshot("first")?, snapshot("second")?);
    drop(stream);
    let again = scene.operator.stream().await?;
    ensure!(again.held == Some(first.version().to_string()), "it holds {:?}", again.held);
    again.send(&Message::Delta(first.delta_to(&second))).await?;
    scene.operator.report(|report| report.version == second.version()).await?;
    says(&proxy, "a", "second").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_is_not_taken_makes_it_dial_anew() -> Result<()> {
    let mut scene = Scene::set("stream-conflict").await?;
    let (proxy, stream) = scene.serving().await?;
    scene.operator.answer_reports(409);
    stream.hung_up().await?;
    scene.operator.answer_reports(204);
    let again = scene.operator.stream().await?;
    scene.bring(&again, &snapshot("second")?).await?;
    says(&proxy, "a", "second").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_sends_it_on_to_the_next_address() -> Result<()> {
    let mut scene = Scene::set("stream-standby").await?;
    let standby_ca = scene.dir.join("standby.crt");
    let standby = ScriptedOperator::start(&standby_ca).await?;
    standby.answer_streams(503);
    let ca = scene.options.ca.clone().context("no authority")?;
    let both = std::fs::read_to_string(&ca)? + &std::fs::read_to_string(&standby_ca)?;
    std::fs::write(&ca, both)?;
    scene.options.operators.insert(0, standby.url());
    let (_proxy, _stream) = scene.serving().await?;
    Ok(())
}
