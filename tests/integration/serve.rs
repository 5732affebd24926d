//! How requests end: cancelled, drained, failed over.

use crate::{KEY, serve, with_key, yaml};
use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde_json::json;
use support::fake::Provider;
use support::http::{self, Connection};
use support::sample::{provider, with};
use support::{Result, programs, wait};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_ends_the_upstream_call() -> Result<()> {
    let dir = programs::folder("proxy-cancel")?;
    let fake = Provider::start().await?;
    let objects = ["slow-1000", "stall", "hang"].map(|name| provider("default", name, &fake.url(name), name));
    std::fs::write(dir.join("config.yaml"), yaml(&with_key(objects.into())))?;
    let proxy = serve(&dir, &dir.join("config.yaml"), &[]).await?;
    for (model, stream) in [("slow-1000", true), ("stall", true), ("hang", true), ("hang", false)] {
        let mut connection = Connection::open(proxy.address).await?;
        let request = http::post("/v1/chat/completions", Some(KEY), &http::chat(model, stream))?;
        let asking = tokio::spawn(async move {
            let mut answer = connection.start(request).await?.into_body();
            answer.frame().await.context("no frame")??;
            std::future::pending::<Result<()>>().await
        });
        wait::until(format!("the provider to be asked for {model}"), || async {
            ensure!(fake.open() == 1, "{} are open", fake.open());
            Ok(())
        })
        .await?;
        asking.abort();
        wait::until(format!("the call for {model} to be given up"), || async {
            ensure!(fake.open() == 0, "{} are open", fake.open());
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_streams_run_to_their_end() -> Result<()> {
    let dir = programs::folder("proxy-drain")?;
    let fake = Provider::start().await?;
    let objects = vec![provider("default", "slow", &fake.url("slow-150"), "slow")];
    std::fs::write(dir.join("config.yaml"), yaml(&with_key(objects)))?;
    let mut proxy = serve(&dir, &dir.join("config.yaml"), &["--drain-grace", "300ms"]).await?;
    let mut connection = Connection::open(proxy.address).await?;
    let request = http::post("/v1/chat/completions", Some(KEY), &http::chat("slow", true))?;
    let stream = tokio::spawn(async move { http::stream(&mut connection, request).await });
    wait::until("the stream to begin", || async {
        ensure!(fake.open() == 1, "{} are open", fake.open());
        Ok(())
    })
    .await?;
    proxy.process.terminate()?;
    // Not ready any more while it still listens, then it does not listen any more.
    wait::until("readiness to go", || async {
        match proxy.get("/readyz", None).await {
            Ok(answer) => answer.expect(503).map(drop),
            Err(_) => Ok(()),
        }
    })
    .await?;
    let whole = stream.await??;
    ensure!(whole.events.len() == 11, "{} events", whole.events.len());
    let status = proxy.process.ended().await?;
    ensure!(status.success(), "{status}");
    Ok(())
}

/// The first candidate fails in every way before its first byte; the second serves.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_candidate_serves_when_the_first_cannot() -> Result<()> {
    let dir = programs::folder("proxy-failover")?;
    let fake = Provider::start().await?;
    let refused = format!("http://127.0.0.1:{}/v1", programs::free_port()?);
    let failing = [
        ("refused", refused),
        ("status", fake.url("status-503")),
        ("broken", fake.url("hang")),
        ("garbage-address", "http://does-not-exist.invalid/v1".to_owned()),
    ];
    let mut objects = Vec::new();
    for (name, url) in &failing {
        let first = provider("default", &format!("{name}-first"), url, name);
        objects.push(with(first, "/timeouts", json!({"firstByte": "300ms", "total": "10s"})));
        let second = provider("default", &format!("{name}-second"), &fake.url("ok"), name);
        objects.push(with(second, "/priority", json!(1)));
    }
    std::fs::write(dir.join("config.yaml"), yaml(&with_key(objects)))?;
    let proxy = serve(&dir, &dir.join("config.yaml"), &[]).await?;
    for (model, _) in &failing {
        ensure!(proxy.echo(KEY, model).await?.behaviour == "ok", "{model}");
        let streamed = proxy.stream(KEY, model).await?;
        ensure!(streamed.content().contains("\"behaviour\":\"ok\""), "{model}: {streamed:?}");
    }
    Ok(())
}

/// What is forwarded is what came, but for the model's name.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_forwarded_byte_for_byte() -> Result<()> {
    let dir = programs::folder("proxy-bytes")?;
    let fake = Provider::start().await?;
    let renamed = with(
        provider("default", "main", &fake.url("ok"), "chat"),
        "/models",
        json!([{"name": "chat", "upstream": "renamed"}]),
    );
    std::fs::write(dir.join("config.yaml"), yaml(&with_key(vec![renamed])))?;
    let proxy = serve(&dir, &dir.join("config.yaml"), &[]).await?;
    for (sent, expected) in [
        (r#"{"model":"chat","x":1.0}"#, r#"{"model":"renamed","x":1.0}"#),
        (
            " {\n\"messages\" : [ {\"role\":\"user\",\"content\":\"\\u00e9 \u{1f980}\"} ],\t\"model\" : \"chat\" , \"big\":12345678901234567890123} ",
            " {\n\"messages\" : [ {\"role\":\"user\",\"content\":\"\\u00e9 \u{1f980}\"} ],\t\"model\" : \"renamed\" , \"big\":12345678901234567890123} ",
        ),
        (
            r#"{"metadata":{"model":"chat"},"model":"chat"}"#,
            r#"{"metadata":{"model":"chat"},"model":"renamed"}"#,
        ),
    ] {
        let request =
            http::build("POST", "/v1/chat/completions", Some(KEY), Bytes::from_static(sent.as_bytes()))?;
        http::once(proxy.address, request).await?.expect(200)?;
        let seen = fake.seen().pop().context("nothing was seen")?;
        ensure!(seen.body == expected, "{sent} became {}", String::from_utf8_lossy(&seen.body));
    }
    Ok(())
}
