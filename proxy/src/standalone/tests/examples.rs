//! The examples that users copy.

use super::checked;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every type of provider.
const TYPES: [&str; 8] =
    ["OpenAI", "OpenAICompatible", "AzureOpenAI", "Anthropic", "Gemini", "VertexAI", "Bedrock", "Mock"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn examples() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("deploy/examples")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 14, "{files:?}");
    files
}

/// Whether a line of `check` is as it should be: keys that the operator makes are the one thing that files cannot have.
fn is_good(line: &str) -> bool {
    line.contains(": good")
        || line.starts_with("MasterKey") && line.contains("spec.generate: needs the operator")
}

#[test]
fn every_example_is_good() {
    for file in examples() {
        let (_, told) = checked(&file);
        let lines: Vec<&str> = told.lines().collect();
        let (sum, objects) = lines.split_last().unwrap();
        assert!(sum.starts_with(&format!("{} objects", objects.len())), "{}: {told}", file.display());
        assert!(objects.iter().all(|line| is_good(line)), "{}: {told}", file.display());
    }
}

#[test]
fn every_type_of_provider_has_an_example_that_the_docs_link() {
    let page = fs::read_to_string(root().join("docs/protocols.md")).unwrap();
    let type_of = |line: &str| line.strip_prefix("  type: ").map(str::to_owned);
    let mut shown = BTreeSet::new();
    for file in examples() {
        let link = format!("(../deploy/examples/{})", file.file_name().unwrap().to_str().unwrap());
        if page.contains(&link) {
            shown.extend(fs::read_to_string(&file).unwrap().lines().filter_map(type_of));
        }
    }
    assert_eq!(shown, TYPES.map(str::to_owned).into());
    // And no link leads nowhere.
    for link in page.split("(../deploy/examples/").skip(1) {
        let name = link.split(')').next().unwrap();
        assert!(root().join("deploy/examples").join(name).is_file(), "{name}");
    }
}
