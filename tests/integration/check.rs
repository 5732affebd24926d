//! `llm-proxy check`: what is wrong with a file, before it is used.

use crate::{KEY, with_key, yaml};
use anyhow::ensure;
use serde_json::json;
use std::path::Path;
use std::process::{Command, Output};
use support::sample::{mock, object, provider, with};
use support::{Result, programs};

fn check(config: &Path) -> Result<Output> {
    Ok(Command::new(programs::program("llm-proxy")?).args(["check", "--config"]).arg(config).output()?)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_example_is_good() -> Result<()> {
    let output = check(&programs::root().join("deploy/examples/standalone.yaml"))?;
    ensure!(output.status.success(), "{}", said(&output));
    ensure!(said(&output).contains("mock") && said(&output).contains("local"), "{}", said(&output));
    Ok(())
}

/// Files, and what must be said of them.
#[test]
fn what_is_wrong_is_named() -> Result<()> {
    let dir = programs::folder("proxy-check")?;
    let good = mock("default", "good", "m", "hello");
    let generate = json!({"generate": {"secretName": "s"}});
    let cases = [
        ("malformed", "kind: [\n  - {".to_owned(), "malformed.yaml"),
        ("no-object", "just: text".to_owned(), "kind"),
        ("unknown-field", yaml(&[with(good.clone(), "/colour", json!("red"))]), "colour"),
        ("wrong-type", yaml(&[with(good.clone(), "/weight", json!("heavy"))]), "weight"),
        ("out-of-range", yaml(&[with(good.clone(), "/priority", json!(101))]), "spec.priority"),
        ("bad-url", yaml(&[provider("default", "p", "ftp://x/v1", "m")]), "endpoint.url"),
        ("no-secret", yaml(&[support::sample::key("default", "k")]), "Secret default/k"),
        ("generate", yaml(&[object("MasterKey", "default", "k", generate)]), "secretRef"),
    ];
    for (name, text, expected) in cases {
        let file = dir.join(format!("{name}.yaml"));
        std::fs::write(&file, text)?;
        let output = check(&file)?;
        ensure!(output.status.code() == Some(1), "{name}: {} {}", output.status, said(&output));
        ensure!(said(&output).contains(expected), "{name} should say {expected}: {}", said(&output));
    }
    let missing = check(&dir.join("not-there.yaml"))?;
    ensure!(!missing.status.success() && said(&missing).contains("not-there"), "{}", said(&missing));
    Ok(())
}

#[test]
fn it_shows_no_secret() -> Result<()> {
    let dir = programs::folder("proxy-check-secrets")?;
    let file = dir.join("config.yaml");
    std::fs::write(&file, yaml(&with_key(vec![mock("default", "m", "m", "hi")])))?;
    let output = check(&file)?;
    ensure!(output.status.success(), "{}", said(&output));
    ensure!(!said(&output).contains(KEY), "{}", said(&output));
    Ok(())
}
