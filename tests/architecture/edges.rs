//! Dependencies point one way.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::programs::root;

/// Each of our crates and those of ours it may use. A crate that is not here is an error: say where it stands.
const ALLOWED: &[(&str, &[&str])] = &[
    ("llm-snapshot", &[]),
    ("llm-protocol", &[]),
    ("llm-crds", &[]),
    ("llm-compile", &["llm-crds", "llm-snapshot"]),
    ("llm-operator", &["llm-compile", "llm-crds", "llm-snapshot"]),
    ("llm-proxy", &["llm-compile", "llm-crds", "llm-protocol", "llm-snapshot"]),
];
/// Crates that only test and measure: they may use all, and nothing may use them.
const OUTSIDE: &[&str] = &["llm-tests", "llm-bench"];
/// Crates that do no I/O, and what they may not use for it.
const PURE: &[&str] = &["llm-snapshot", "llm-protocol", "llm-crds", "llm-compile"];
const IMPURE: &[&str] = &[
    "tokio",
    "hyper",
    "hyper-util",
    "reqwest",
    "axum",
    "tower",
    "sqlx",
    "kube",
    "k8s-openapi",
    "rustls",
    "rand",
];
/// Crates that only one part of the proxy may name.
const STANDALONE_ONLY: &[&str] = &["llm_compile", "llm_crds"];

#[derive(Debug)]
struct Dependency {
    name: String,
    development: bool,
}

/// Dependencies of every workspace member, by `cargo metadata`.
fn dependencies() -> BTreeMap<String, Vec<Dependency>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        all.map(|dependency| Dependency {
            name: dependency["name"].as_str().unwrap().to_owned(),
            development: dependency["kind"] == "dev",
        })
        .collect()
    };
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages.map(|package| (package["name"].as_str().unwrap().to_owned(), of(package))).collect()
}

#[test]
fn every_edge_between_our_crates_is_allowed() {
    let crates = dependencies();
    assert!(crates.len() >= ALLOWED.len(), "{:?}", crates.keys());
    let mut wrong = Vec::new();
    for (name, dependencies) in &crates {
        if OUTSIDE.contains(&name.as_str()) {
            continue;
        }
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| known == name) else {
            wrong.push(format!("{name} is in no table of this test"));
            continue;
        };
        // A crate names itself when its own tests want a feature of it.
        let ours =
            dependencies.iter().filter(|found| crates.contains_key(&found.name) && found.name != *name);
        for found in ours.filter(|found| !allowed.contains(&found.name.as_str())) {
            wrong.push(format!("{name} must not use {}", found.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn pure_crates_use_nothing_that_does_io() {
    let crates = dependencies();
    for name in PURE {
        let used = crates.get(*name).unwrap_or_else(|| panic!("{name} is no crate of this workspace"));
        let impure: Vec<&Dependency> =
            used.iter().filter(|found| !found.development && IMPURE.contains(&found.name.as_str())).collect();
        assert!(impure.is_empty(), "{name} uses {impure:?}");
    }
}

#[test]
fn in_the_proxy_only_standalone_compiles_objects() {
    let source = root().join("proxy/src");
    let mut wrong: Vec<PathBuf> = Vec::new();
    let mut inside = 0;
    for file in super::sources::rust_files(&source) {
        let text = std::fs::read_to_string(&file).unwrap();
        let names = STANDALONE_ONLY.iter().any(|name| text.contains(name));
        let standalone = file.strip_prefix(&source).unwrap();
        if standalone.starts_with("standalone") || standalone == Path::new("standalone.rs") {
            inside += usize::from(names);
        } else if names {
            wrong.push(file);
        }
    }
    assert!(
        inside > 0,
        "nothing in proxy/src/standalone names {STANDALONE_ONLY:?}: does this test still look there?"
    );
    assert!(wrong.is_empty(), "only proxy/src/standalone may name {STANDALONE_ONLY:?}, not {wrong:?}");
}
