//! `llm-proxy`: the data plane.

use anyhow::Context as _;
use clap::Parser as _;
use llm_proxy::args::{Cli, Command};
use llm_proxy::config::Config;
use llm_proxy::{app, log, standalone};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(serve) => Config::try_from(*serve).map_err(Into::into).and_then(self::serve),
        Command::Check(check) => self::check(&check.config),
    };
    done.unwrap_or_else(|error| {
        eprintln!("llm-proxy: {error:#}");
        ExitCode::FAILURE
    })
}

fn check(path: &Path) -> anyhow::Result<ExitCode> {
    let good = standalone::check(path, &mut std::io::stdout().lock())?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn serve(config: Config) -> anyhow::Result<ExitCode> {
    log::start(config.log_level, config.log_format);
    // It fails only when there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .max_blocking_threads(64)
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(app::run(config))?;
    runtime.shutdown_background();
    Ok(ExitCode::SUCCESS)
}
