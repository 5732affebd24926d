//! What `deny.toml` says of other people's crates, without cargo-deny: licences, sources, and crates we don't want.

use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;
use support::programs::root;

/// The strings of the list `name` of `deny.toml`, whose entries stand on lines of their own.
fn list(name: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("deny.toml")).unwrap();
    let rest = text.split_once(&format!("\n{name} = [\n")).unwrap_or_else(|| panic!("no list {name}")).1;
    let lines = rest.split_once("\n]").unwrap().0.lines();
    lines.map(|line| line.trim().trim_matches([',', '"']).to_owned()).collect()
}

/// Every package the workspace builds with, on every platform: those of others are fetched.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().clone();
    assert!(packages.len() > 100, "only {} packages", packages.len());
    packages
}

/// Whether an SPDX expression can be fulfilled with the allowed licences. `AND` binds closer than `OR`, and there are
/// no parentheses around an `AND`; where a crate has them, they hold an `OR` (`(MIT OR Apache-2.0) AND Unicode-3.0`).
fn fulfilled(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.replace('/', " OR ");
    if let (Some(open), Some(close)) = (expression.find('('), expression.find(')')) {
        let (before, inside, after) =
            (&expression[..open], &expression[open + 1..close], &expression[close + 1..]);
        let rest = format!("{before}{after}");
        let rest = rest.trim().trim_start_matches("AND ").trim_end_matches(" AND").trim();
        return fulfilled(inside, allowed) && (rest.is_empty() || fulfilled(rest, allowed));
    }
    let every = |all: &str| all.split(" AND ").all(|licence| allowed.contains(licence.trim()));
    expression.split(" OR ").any(every)
}

#[test]
fn every_licence_is_allowed() {
    let allowed = list("allow");
    let licence = |package: &Value| package["license"].as_str().unwrap_or("none").to_owned();
    let wrong: Vec<String> = packages()
        .iter()
        .filter(|package| !fulfilled(&licence(package), &allowed))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], licence(package)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn licence_expressions_are_read_right() {
    let allowed: BTreeSet<String> = ["MIT", "ISC"].map(str::to_owned).into();
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("MIT AND GPL-3.0", false),
        ("MIT AND ISC", true),
        ("(GPL-3.0 OR MIT) AND ISC", true),
        ("ISC AND (GPL-3.0 OR AGPL-3.0)", false),
        ("MIT/GPL-3.0", true),
        ("none", false),
    ] {
        assert_eq!(fulfilled(expression, &allowed), expected, "{expression}");
    }
}

#[test]
fn every_crate_comes_from_the_registry_or_this_workspace() {
    let wrong: Vec<String> = packages()
        .iter()
        .filter(|package| {
            let source = package["source"].as_str();
            source.is_some_and(|source| {
                !source.starts_with("registry+https://github.com/rust-lang/crates.io-index")
            })
        })
        .map(|package| package["id"].to_string())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What the programs link; other platforms and features that are off are none of their business.
#[test]
fn no_banned_crate_is_linked() {
    let banned = list("deny");
    assert!(banned.contains("openssl-sys"), "{banned:?}");
    for program in ["llm-operator", "llm-proxy"] {
        let output = Command::new(env!("CARGO"))
            .args([
                "tree",
                "--offline",
                "--locked",
                "--prefix=none",
                "--edges=normal,build",
                "--package",
                program,
            ])
            .current_dir(root())
            .output()
            .unwrap();
        let tree = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && tree.lines().count() > 50,
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let linked: Vec<&str> =
            tree.lines().filter(|line| banned.contains(line.split(' ').next().unwrap_or_default())).collect();
        assert!(linked.is_empty(), "{program} links {linked:?}");
    }
}
