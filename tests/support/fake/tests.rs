use super::{Echo, Provider};
use crate::Result;
use crate::http::{self, Connection};
use anyhow::ensure;

/// Asks the fake itself, as a proxy would.
async fn ask(fake: &Provider, behaviour: &str, stream: bool) -> Result<http::Answer> {
    let path = format!("/{behaviour}/v1/chat/completions");
    http::once(fake.address, http::post(&path, Some("credential"), &http::chat("model", stream))?).await
}

async fn streamed(fake: &Provider, behaviour: &str) -> Result<http::Streamed> {
    let path = format!("/{behaviour}/v1/chat/completions");
    let mut connection = Connection::open(fake.address).await?;
    http::stream(&mut connection, http::post(&path, None, &http::chat("model", true))?).await
}

#[tokio::test]
async fn it_answers_with_what_it_received() -> Result<()> {
    let fake = Provider::start().await?;
    let answer = ask(&fake, "slow-1-generation", false).await?.expect(200)?.json()?;
    let content = answer["choices"][0]["message"]["content"].as_str().unwrap_or_default();
    let echo: Echo = serde_json::from_str(content)?;
    ensure!(
        echo.model == "model" && echo.credential == "credential" && echo.behaviour == "slow-1-generation"
    );
    ensure!(
        !echo.headers.contains_key("authorization") && echo.headers.contains_key("content-type"),
        "{echo:?}"
    );
    let seen = fake.seen();
    ensure!(seen.len() == 1 && seen[0].echo == echo && seen[0].path == "/v1/chat/completions", "{seen:?}");
    Ok(())
}

#[tokio::test]
async fn its_streams_are_whole_cut_or_stalled() -> Result<()> {
    let fake = Provider::start().await?;
    let whole = streamed(&fake, "slow-1").await?;
    ensure!(whole.events.len() == 11, "{:?}", whole.events);
    let echo: Echo = serde_json::from_str(&whole.content())?;
    ensure!(echo.model == "model", "{echo:?}");
    let cut =
        streamed(&fake, "cut").await.map_or_else(|error| format!("{error:#}"), |whole| format!("{whole:?}"));
    ensure!(cut.contains("cut after 5 events"), "{cut}");
    let stalled = tokio::time::timeout(std::time::Duration::from_millis(300), streamed(&fake, "stall")).await;
    ensure!(stalled.is_err(), "{stalled:?}");
    crate::wait::until("the given up stream to end", || async {
        ensure!(fake.open() == 0, "{} are open", fake.open());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn it_fails_as_it_is_told() -> Result<()> {
    let fake = Provider::start().await?;
    let limited = ask(&fake, "status-429", true).await?.expect(429)?;
    ensure!(
        limited.header("retry-after") == "7" && limited.json()?["error"]["code"] == "fake_429",
        "{limited:?}"
    );
    ensure!(ask(&fake, "garbage", false).await?.expect(200)?.json().is_err(), "it is JSON");
    ensure!(ask(&fake, "cut", false).await.is_err(), "it came whole");
    let recorded = ask(&fake, "fixture-error-429-tokens", false).await?;
    ensure!(recorded.status == 429, "{recorded:?}");
    let stream = ask(&fake, "fixture-text-basic-stream", true).await?.expect(200)?;
    ensure!(stream.header("content-type").starts_with("text/event-stream"), "{stream:?}");
    Ok(())
}
