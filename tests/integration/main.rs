//! `llm-proxy` as a process, without a cluster: with a file or folder of manifests, or a scripted operator.

mod check;
mod reload;
mod serve;
mod stream;

use serde_json::Value;
use std::path::Path;
use support::Result;
use support::sample::{key, secret};
use support::stage::{Proxy, ProxyOptions};

const KEY: &str = "sk-proxy-0123456789abcdef";

/// Objects as a file has them; JSON is YAML.
fn yaml(objects: &[Value]) -> String {
    objects.iter().map(Value::to_string).collect::<Vec<_>>().join("\n---\n")
}

/// The objects and a MasterKey for [`KEY`].
fn with_key(mut objects: Vec<Value>) -> Vec<Value> {
    objects.extend([secret("default", "client", "key", KEY), key("default", "client")]);
    objects
}

/// Replaces a file as editors and ConfigMap mounts do: by a rename.
fn replace(path: &Path, text: &str) -> Result<()> {
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, text)?;
    Ok(std::fs::rename(fresh, path)?)
}

/// A ready proxy that serves `config`.
async fn serve(dir: &Path, config: &Path, more: &[&str]) -> Result<Proxy> {
    let more = more.iter().map(|flag| (*flag).to_owned()).collect();
    let options = ProxyOptions { config: Some(config.to_owned()), more, ..ProxyOptions::default() };
    let proxy = Proxy::start(dir, "proxy", options).await?;
    proxy.until_ready().await?;
    Ok(proxy)
}
