//! `llm-proxy` as a process.

use crate::Result;
use crate::fake::Echo;
use crate::http::{self, Answer, Connection, Streamed};
use crate::process::Process;
use crate::{programs, wait};
use anyhow::{Context as _, ensure};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A running proxy.
#[derive(Debug)]
pub struct Proxy {
    /// The process.
    pub process: Process,
    /// Where it serves.
    pub address: SocketAddr,
    /// How the operator knows it.
    pub name: String,
}

/// What a proxy is started with.
#[derive(Clone, Debug, Default)]
pub struct ProxyOptions {
    /// A file or folder of manifests, instead of an operator.
    pub config: Option<PathBuf>,
    /// URLs of operators.
    pub operators: Vec<String>,
    /// Their certificate authority.
    pub ca: Option<PathBuf>,
    /// The token shown to them.
    pub token: Option<PathBuf>,
    /// Where the last good snapshot is mounted.
    pub last_good: Option<PathBuf>,
    /// `info`, `debug` (the default), `trace`.
    pub log_level: Option<&'static str>,
    /// Flags as they are.
    pub more: Vec<String>,
}

impl Proxy {
    /// Starts one on a free port, with its log in `dir`, and waits until it listens.
    ///
    /// # Errors
    /// When it ends, or does not listen.
    pub async fn start(dir: &Path, name: &str, options: ProxyOptions) -> Result<Self> {
        let port_file = dir.join(format!("{name}.port"));
        let _not_there = std::fs::remove_file(&port_file);
        let mut command = Command::new(programs::program("llm-proxy")?);
        command.args(["serve", "--host", "127.0.0.1", "--port", "0", "--log-format", "json"]);
        command.args(["--log-level", options.log_level.unwrap_or("debug")]);
        command.args(["--name", name, "--expose-config-version"]).arg("--port-file").arg(&port_file);
        if !options.operators.is_empty() {
            command.arg("--operator").arg(options.operators.join(","));
        }
        let paths = [
            ("--config", options.config),
            ("--operator-ca", options.ca),
            ("--operator-token", options.token),
            ("--last-good", options.last_good),
        ];
        for (flag, path) in paths {
            if let Some(path) = path {
                command.arg(flag).arg(path);
            }
        }
        command.args(options.more);
        let mut process = Process::start(command, name, dir)?;
        let address = wait::until(format!("{name} to listen"), || {
            let running = process.check_running();
            let port_file = port_file.clone();
            async move {
                running?;
                let text = std::fs::read_to_string(port_file).context("it wrote no address yet")?;
                text.trim().parse::<SocketAddr>().with_context(|| text.clone())
            }
        })
        .await?;
        Ok(Self { process, address, name: name.to_owned() })
    }

    /// Waits until `/readyz` answers 200.
    ///
    /// # Errors
    /// When it does not come to it.
    pub async fn until_ready(&self) -> Result<()> {
        wait::until(format!("{} to be ready", self.name), || async {
            self.get("/readyz", None).await?.expect(200).map(drop)
        })
        .await
    }

    /// GET over a connection of its own.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn get(&self, path: &str, key: Option<&str>) -> Result<Answer> {
        http::once(self.address, http::get(path, key)?).await
    }

    /// A plain chat completion over a connection of its own.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn chat(&self, key: &str, model: &str) -> Result<Answer> {
        http::once(self.address, http::post("/v1/chat/completions", Some(key), &http::chat(model, false))?)
            .await
    }

    /// A streamed chat completion over a connection of its own.
    ///
    /// # Errors
    /// When it does not answer 200, or the stream is cut.
    pub async fn stream(&self, key: &str, model: &str) -> Result<Streamed> {
        let mut connection = Connection::open(self.address).await?;
        let request = http::post("/v1/chat/completions", Some(key), &http::chat(model, true))?;
        http::stream(&mut connection, request).await
    }

    /// What the fake provider says it received of a plain chat completion.
    ///
    /// # Errors
    /// When the answer is not 200, or not the fake's.
    pub async fn echo(&self, key: &str, model: &str) -> Result<Echo> {
        echo_of(&self.chat(key, model).await?.expect(200)?)
    }

    /// The version of the configuration a plain chat completion is served by, as `x-llm-proxy-config-version` says.
    ///
    /// # Errors
    /// When the answer is not 200, or does not say.
    pub async fn served_version(&self, key: &str, model: &str) -> Result<String> {
        let answer = self.chat(key, model).await?.expect(200)?;
        let version = answer.header("x-llm-proxy-config-version");
        ensure!(!version.is_empty(), "no version among {:?}", answer.headers);
        Ok(version.to_owned())
    }

    /// Waits until a plain chat completion is answered with this status.
    ///
    /// # Errors
    /// When it does not come to it.
    pub async fn until_status(&self, key: &str, model: &str, status: u16) -> Result<Answer> {
        wait::until(format!("{} to answer {status} for {model}", self.name), || async {
            self.chat(key, model).await?.expect(status)
        })
        .await
    }

    /// Waits until the fake provider receives what `check` wants.
    ///
    /// # Errors
    /// When it does not come to it.
    pub async fn until_echo(&self, key: &str, model: &str, check: impl Fn(&Echo) -> bool) -> Result<Echo> {
        wait::until(format!("{} to send what is wanted for {model}", self.name), || async {
            let echo = self.echo(key, model).await?;
            ensure!(check(&echo), "{echo:?}");
            Ok(echo)
        })
        .await
    }

    /// Its metrics.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn metrics(&self) -> Result<String> {
        Ok(self.get("/metrics", None).await?.expect(200)?.text())
    }
}

/// What the fake provider says in a plain chat completion that it received.
///
/// # Errors
/// When the answer is not the fake's.
pub fn echo_of(answer: &Answer) -> Result<Echo> {
    let json = answer.json()?;
    let content = json["choices"][0]["message"]["content"].as_str().with_context(|| answer.text())?;
    serde_json::from_str(content).with_context(|| content.to_owned())
}
