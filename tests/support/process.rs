//! A program as a child process: its output in a file, its end certain.

use crate::Result;
use crate::{programs, wait};
use anyhow::{Context as _, bail};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// Lines of the log that are shown when a test fails.
const TAIL: usize = 25;

/// A running program. Dropping it kills it; the log stays.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with both its outputs in `dir/NAME.log`, after what is already there.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(mut command: Command, name: &str, dir: &Path) -> Result<Self> {
        let log = dir.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("starting {command:?}"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote so far, of every run with this name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(&self.log)?).into_owned())
    }

    /// Where it writes.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// Fails with the end of the log when it is not running any more.
    ///
    /// # Errors
    /// When it ended.
    pub fn check_running(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended with {status}; its last lines:\n{}", self.name, self.tail());
        }
        Ok(())
    }

    /// Kills it (SIGKILL) and waits for its end.
    pub fn kill(&mut self) {
        let _already_ended = self.child.kill();
        let _status = self.child.wait();
    }

    /// Asks it to end (SIGTERM).
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn terminate(&self) -> Result<()> {
        self.signal("TERM")
    }

    /// Sends a signal, by its name without `SIG`.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn signal(&self, signal: &str) -> Result<()> {
        let script = format!("kill -{signal} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &script]).status()?;
        anyhow::ensure!(status.success(), "`{script}` failed");
        Ok(())
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it goes on.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        let name = self.name.clone();
        wait::until(format!("the end of {name}"), || {
            let state = self.child.try_wait();
            async move { state?.context("it is still running") }
        })
        .await
    }

    fn tail(&self) -> String {
        let log = self.log().unwrap_or_default();
        // Requests are many, and seldom what a failure is about.
        let lines: Vec<&str> = log.lines().filter(|line| !line.contains("\"kind\":\"access\"")).collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        // Shown by the test harness when the test fails, and only then.
        if programs::in_tests() {
            println!("--- {} ({}), last lines:\n{}", self.name, self.log.display(), self.tail());
        }
    }
}
