//! `llm-operator` as a process.

use super::Stage;
use crate::Result;
use crate::process::Process;
use crate::{http, programs, wait};
use anyhow::Context as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

/// A running operator. It can be killed and started again on the same ports.
#[derive(Debug)]
pub struct Operator {
    /// The process; what it was while it is down.
    pub process: Process,
    /// Where proxies dial.
    pub config: SocketAddr,
    /// `/livez`, `/readyz`, `/metrics`.
    pub health: SocketAddr,
    name: String,
    dir: PathBuf,
    arguments: Vec<String>,
    kubeconfig: PathBuf,
}

/// What an operator is started with, beside what the stage says.
#[derive(Clone, Debug)]
pub struct OperatorOptions {
    /// Namespaces to watch; empty: all.
    pub watch: Vec<String>,
    /// Where clients reach the proxies, for generated Secrets.
    pub public_url: String,
    /// The Lease's duration.
    pub lease: &'static str,
    /// `info`, `debug`, `trace`.
    pub log_level: &'static str,
}

impl Default for OperatorOptions {
    fn default() -> Self {
        Self {
            watch: Vec::new(),
            public_url: "http://llm-proxy.test:18000".to_owned(),
            lease: "3s",
            log_level: "debug",
        }
    }
}

impl Operator {
    /// Starts one in the stage's system namespace and waits until it listens.
    ///
    /// # Errors
    /// When it ends, or does not listen.
    pub async fn start(stage: &Stage<'_>, name: &str, options: OperatorOptions) -> Result<Self> {
        let kubeconfig = stage.path(&format!("{name}.kubeconfig"));
        let token = stage.operator_token().await?;
        std::fs::write(&kubeconfig, stage.cluster.kubeconfig_with_token(&token)?)?;
        let config: SocketAddr = (Ipv4Addr::LOCALHOST, programs::free_port()?).into();
        let health: SocketAddr = (Ipv4Addr::LOCALHOST, programs::free_port()?).into();
        let flags = [
            ("--namespace", stage.system.clone()),
            ("--identity", name.to_owned()),
            ("--config-listen", config.to_string()),
            ("--health-listen", health.to_string()),
            ("--public-url", options.public_url),
            ("--lease-duration", options.lease.to_owned()),
            ("--log-level", options.log_level.to_owned()),
            ("--log-format", "json".to_owned()),
        ];
        let mut arguments = vec!["run".to_owned()];
        arguments.extend(flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]));
        if !options.watch.is_empty() {
            arguments.extend(["--watch-namespaces".to_owned(), options.watch.join(",")]);
        }
        let process = spawn(&arguments, &kubeconfig, name, &stage.dir)?;
        let mut operator = Self {
            process,
            config,
            health,
            name: name.to_owned(),
            dir: stage.dir.clone(),
            arguments,
            kubeconfig,
        };
        operator.until_listening().await?;
        Ok(operator)
    }

    /// Starts it again after it was killed.
    ///
    /// # Errors
    /// When it ends, or does not listen.
    pub async fn start_again(&mut self) -> Result<()> {
        self.process = spawn(&self.arguments, &self.kubeconfig, &self.name, &self.dir)?;
        self.until_listening().await
    }

    /// Waits until `/readyz` says that it could lead.
    ///
    /// # Errors
    /// When it does not come to it.
    pub async fn until_ready(&self) -> Result<()> {
        wait::until(format!("{} to be ready", self.name), || async {
            http::once(self.health, http::get("/readyz", None)?).await?.expect(200).map(drop)
        })
        .await
    }

    /// Its metrics.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn metrics(&self) -> Result<String> {
        Ok(http::once(self.health, http::get("/metrics", None)?).await?.expect(200)?.text())
    }

    async fn until_listening(&mut self) -> Result<()> {
        let health = self.health;
        let process = &mut self.process;
        wait::until(format!("{} to listen", self.name), || {
            let running = process.check_running();
            async move {
                running?;
                let answer =
                    http::once(health, http::get("/livez", None)?).await.context("it does not answer")?;
                answer.expect(200).map(drop)
            }
        })
        .await
    }
}

fn spawn(
    arguments: &[String],
    kubeconfig: &std::path::Path,
    name: &str,
    dir: &std::path::Path,
) -> Result<Process> {
    let mut command = Command::new(programs::program("llm-operator")?);
    command.args(arguments).env("KUBECONFIG", kubeconfig);
    Process::start(command, name, dir)
}
