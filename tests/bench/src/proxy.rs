//! `llm-proxy` under measurement, serving a file.

use crate::load::KEY;
use crate::process::{Process, free_port, wait_for_port};
use anyhow::Result;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The release build beside this program.
pub(crate) fn binary(name: &str) -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    Ok(here.with_file_name(name))
}

/// Manifests with one provider at `upstream` (a mock when `None`) and `keys` further keys.
pub(crate) fn manifests(upstream: Option<u16>, keys: usize) -> String {
    let provider = match upstream {
        Some(port) => format!("type: OpenAICompatible\n  endpoint: {{url: 'http://127.0.0.1:{port}/v1'}}"),
        None => "type: Mock\n  mock: {reply: hello}".to_owned(),
    };
    let mut text = format!(
        "apiVersion: llmproxy.dev/v1alpha1\nkind: LLMProvider\nmetadata: {{name: bench}}\nspec:\n  {provider}\n\
         \x20 models: [{{name: bench-model, upstream: upstream-model}}]\n"
    );
    for number in 0..=keys {
        let key = if number == 0 { KEY.to_owned() } else { format!("sk-filler-{number:032}") };
        let _ = write!(
            text,
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: key-{number}}}\nstringData: {{key: '{key}'}}\n---\n\
             apiVersion: llmproxy.dev/v1alpha1\nkind: MasterKey\nmetadata: {{name: key-{number}}}\n\
             spec: {{secretRef: {{name: key-{number}, key: key}}}}\n"
        );
    }
    text
}

/// Starts the proxy on `manifests`; gives it and its port. The access log goes to a file, as nginx's does.
pub(crate) fn start(scratch: &Path, manifests: &str) -> Result<(Process, u16)> {
    let port = free_port()?;
    let process = spawn(scratch, manifests, port)?;
    wait_for_port(port)?;
    Ok((process, port))
}

/// Starts the proxy on `port` without waiting for it.
pub(crate) fn spawn(scratch: &Path, manifests: &str, port: u16) -> Result<Process> {
    let file = scratch.join(format!("llm-proxy-{port}.yaml"));
    std::fs::write(&file, manifests)?;
    let log = std::fs::File::create(scratch.join(format!("llm-proxy-{port}.log")))?;
    let mut command = Command::new(binary("llm-proxy")?);
    command.args(["serve", "--host", "127.0.0.1", "--port", &port.to_string(), "--config"]).arg(&file);
    Process::start(command.stdout(log).stderr(Stdio::null()))
}
