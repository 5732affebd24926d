//! `llm-operator`: see `llm-operator run --help`.

use clap::Parser as _;
use llm_operator::args::{Cli, Command};
use llm_operator::{app, log};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    let Command::Run(args) = Cli::parse().command;
    if let Err(error) = log::init(&args.log_level, args.log_format) {
        eprintln!("llm-operator: --log-level: {error}");
        return ExitCode::from(2);
    }
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("llm-operator: another TLS provider is installed");
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("llm-operator: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(*args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "llm-operator ends");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: llm_operator::args::Run) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let ended = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        ended.cancel();
    });
    app::run(args, stop).await
}
