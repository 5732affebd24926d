//! The tour of `make demo`: a Kubernetes API server, the operator, two proxies, and what they do together. With
//! `ONCE=1` it ends after the tour; otherwise everything stays up until Ctrl-C.

mod say;
mod tour;

use say::Narrator;
use std::process::ExitCode;
use support::Result;
use support::cluster::Cluster;

#[tokio::main]
async fn main() -> ExitCode {
    let narrator = Narrator::new();
    let ended = tokio::select! {
        ended = run(&narrator) => ended,
        // Everything that was started is a value of `run`, and ends with it.
        interrupted = interrupted() => interrupted,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            narrator.failed(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(narrator: &Narrator) -> Result<()> {
    narrator.step("A Kubernetes API server");
    // The first call may build one for minutes; it must not keep Ctrl-C from being heard.
    let cluster = tokio::spawn(Cluster::shared()).await??;
    let tour = tour::Tour::begin(narrator, cluster).await?;
    tour.talk().await?;
    tour.edit_under_load().await?;
    tour.show_status()?;
    tour.tell_where_it_is()?;
    if std::env::var_os("ONCE").is_some_and(|once| !once.is_empty() && once != "0") {
        narrator.step("ONCE is set: ending here");
        return Ok(());
    }
    narrator.step("Everything stays up until Ctrl-C");
    std::future::pending().await
}

/// Ctrl-C and SIGTERM are how the demo ends when it stays up, so they are no failure.
async fn interrupted() -> Result<()> {
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminated.recv() => {}
    }
    println!("\nEnding.");
    Ok(())
}
