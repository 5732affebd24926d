//! Files in, a store out.

use super::*;
use crate::state::Store;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

mod examples;
mod reload;

const PROVIDER: &str = "
apiVersion: llmproxy.dev/v1alpha1
kind: LLMProvider
metadata: {name: openai, namespace: team-a}
spec:
  type: OpenAI
  models: [{name: gpt}]
  credentials: [{secretRef: {name: openai, key: apiKey}}]
";
const SECRET: &str = "
apiVersion: v1
kind: Secret
type: Opaque
metadata: {name: openai, namespace: team-a, labels: {app: x}}
data: {apiKey: c2stY2FuYXJ5}
";

fn mock(name: &str) -> String {
    format!(
        "apiVersion: llmproxy.dev/v1alpha1\nkind: LLMProvider\nmetadata: {{name: {name}}}\nspec:\n  type: Mock\n  models:\n  - name: {name}\n"
    )
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn checked(path: &Path) -> (bool, String) {
    let mut out = Vec::new();
    let good = check(path, &mut out).unwrap();
    (good, String::from_utf8(out).unwrap())
}

/// What `check` says of one file with this text.
fn checked_text(text: &str) -> (bool, String) {
    let dir = folder(&[("config.yaml", text)]);
    checked(dir.path())
}

#[test]
fn documents_of_all_files_make_one_world() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: a}}}\n\
        - apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: ca, namespace: shop}\n  data: {ca.crt: text}\n  binaryData: {raw: AAE=}\n";
    let key = "{\"apiVersion\": \"llmproxy.dev/v1alpha1\", \"kind\": \"MasterKey\", \"metadata\": {\"name\": \"k\"},
        \"spec\": {\"secretRef\": {\"name\": \"k\", \"key\": \"key\"}}}";
    let secret = "# comment\n---\n# only a comment\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: k}\n\
        stringData: {key: sk-0123456789abcdef}\ndata: {key: b3ZlcnJ1bGVk, other: AAE=}\n--- # the end\n";
    let both = format!("{PROVIDER}---{SECRET}");
    let dir = folder(&[
        ("a.yaml", &both),
        ("more/b.yml", list),
        ("more/c.json", key),
        ("d.yaml", secret),
        (".hidden/e.yaml", "kind: ["),
        ("notes.txt", "kind: ["),
    ]);
    let world = load(dir.path()).unwrap();
    let ids: Vec<&str> = world.objects.keys().map(llm_snapshot::EntryId::as_str).collect();
    assert_eq!(ids, ["keys/default/k", "providers/team-a/openai"]);
    let names: Vec<&String> = world.namespaces.keys().collect();
    assert_eq!(names, ["default", "shop", "team-a"]);
    assert_eq!(world.namespaces["shop"]["team"], "a");
    assert_eq!(world.namespaces["team-a"]["kubernetes.io/metadata.name"], "team-a");
    let secret = &world.secrets[&llm_compile::ObjectName::new("default", "k")].values;
    assert_eq!(
        (secret["key"].as_slice(), secret["other"].as_slice()),
        (&b"sk-0123456789abcdef"[..], &[0u8, 1][..])
    );
    let ca = &world.config_maps[&llm_compile::ObjectName::new("shop", "ca")].values;
    assert_eq!((ca["ca.crt"].as_slice(), ca["raw"].as_slice()), (&b"text"[..], &[0u8, 1][..]));
    let (good, said) = checked(dir.path());
    assert!(good, "{said}");
    assert!(
        said.ends_with("2 objects, all good\n") && said.contains("LLMProvider team-a/openai: good"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_loaded_is_told_with_its_place() {
    let twice = format!("{}---\n{}", mock("m"), mock("m"));
    let third = format!("{}---\n{}---\nkind: Secret\n", mock("a"), mock("b"));
    for (text, told) in [
        ("kind: [", "config.yaml document 1 (from line 1): is not YAML at line 1"),
        ("just: text", "document 1 (from line 1): missing field `kind`"),
        ("text", "document 1 (from line 1): is no object"),
        ("- 1", "document 1 (from line 1): is no object"),
        (third.as_str(), "config.yaml document 3 (from line 16): missing field `apiVersion`"),
        (
            "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: x}",
            "kind: Deployment is not known here: use one of LLMProvider",
        ),
        (
            "kind: LLMProvider\napiVersion: llmproxy.dev/v2\nmetadata: {name: x}",
            "apiVersion: llmproxy.dev/v2 has no kind LLMProvider: write llmproxy.dev/v1alpha1",
        ),
        (&twice, "document 2 (from line 8): LLMProvider default/m is also in"),
        ("kind: Secret\napiVersion: v1", "metadata.name: is required"),
        ("kind: Secret\napiVersion: v1\nmetadata: {name: A_b}", "metadata.name: must be lower-case"),
        (
            "kind: Secret\napiVersion: v1\nmetadata: {name: a, namespace: a/b}",
            "metadata.namespace: must be lower-case",
        ),
        (
            "kind: Secret\napiVersion: v1\nmetadata: {name: a}\ndata: {k: '***'}",
            "Secret default/a: data.k: is not base64",
        ),
        (
            "kind: Secret\napiVersion: v1\nmetadata: {name: a}\nstringData: {k: 5}",
            "Secret default/a: stringData.k: expected a string",
        ),
        (
            "kind: MasterKey\napiVersion: llmproxy.dev/v1alpha1\nmetadata: {name: a}",
            "MasterKey default/a: spec: is required",
        ),
        (
            "kind: MasterKey\napiVersion: llmproxy.dev/v1alpha1\nmetadata: {name: a}\nspec: {}\nspce: {}",
            "MasterKey default/a: spce: there is no such field",
        ),
        ("a: 1\na: 2", "is not YAML at line 2"),
        ("", "there is no object in any file"),
        ("# nothing\n---\n", "there is no object in any file"),
    ] {
        let (good, said) = checked_text(text);
        assert!(!good && said.contains(told), "{told} is not told: {said}");
    }
    let dir = folder(&[("a.txt", "")]);
    assert!(load(dir.path()).unwrap_err().to_string().contains("no file here ends in .yaml"));
    let error = load(&dir.path().join("gone.yaml")).unwrap_err().to_string();
    assert!(error.contains("gone.yaml: cannot be read"), "{error}");
    fs::write(dir.path().join("b.yaml"), b"kind: \xff").unwrap();
    assert!(load(dir.path()).unwrap_err().to_string().contains("b.yaml: is not UTF-8 text"));
}

#[test]
fn everything_wrong_is_told_at_once() {
    let dir = folder(&[("a.yaml", "kind: ["), ("b.yaml", "kind: Pod\napiVersion: v1\nmetadata: {name: p}")]);
    let told = load(dir.path()).unwrap_err().to_string();
    assert_eq!(told.lines().count(), 2, "{told}");
    let many = (0..30).map(|_| "kind: x").collect::<Vec<_>>().join("\n---\n");
    let told = load(folder(&[("a.yaml", &many)]).path()).unwrap_err().to_string();
    assert!(told.lines().count() == 11 && told.ends_with("and 20 more"), "{told}");
}

#[test]
fn no_error_tells_what_is_in_a_secret() {
    for text in [
        "kind: Secret\napiVersion: v1\nmetadata: {name: a}\nstringData:\n  k: \"sk-canary\n  x: [",
        "kind: Secret\napiVersion: v1\nmetadata: {name: a}\nstringData:\n  k: sk-canary\n bad: 1\n",
        "kind: Secret\napiVersion: v1\nmetadata: {name: a}\nstringData: sk-canary",
        "kind: Secret\napiVersion: v1\nmetadata: {name: a}\nstringData: {k: [sk-canary]}",
        "kind: Secret\napiVersion: v1\nmetadata: {name: a}\ndata: {k: sk-canary}",
        "kind: Secret\napiVersion: v1\nmetadata: {name: a}\nstringData: {k: &x sk-canary, k: *x}",
        "kind: Secret\napiVersion: v1\nmetadata: {name: a}\nstringData: {k: !!int sk-canary}",
        "kind: Secret\napiVersion: v1\nmetadata: {name: a}\nstringData: {k: |\n sk-canary\n  }",
        "kind: Secret\napiVersion: v1\nmetadata: {name: a}\nstringData:\n  k: *sk-canary\n",
        "kind: Secret\napiVersion: v1\nmetadata: {name: a}\nstringData:\n  k: 'sk-canary' sk-canary\n",
    ] {
        let (good, said) = checked_text(text);
        assert!(!good && !said.contains("canary"), "{text}\n{said}");
    }
    let dir = folder(&[("a.json", "{\"kind\": \"Secret\", \"stringData\": {\"k\": \"sk-canary\"]")]);
    let (good, said) = checked(dir.path());
    assert!(!good && !said.contains("canary") && said.contains("is not JSON"), "{said}");
}

#[test]
fn single_objects_that_are_wrong_are_told_by_check() {
    let (good, said) = checked_text(&format!("{PROVIDER}---\n{}  - nmae: typo\n", mock("m")));
    assert!(!good, "{said}");
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        [
            "LLMProvider default/m: InvalidSpec: spec.models[1]: missing field `name`",
            "LLMProvider team-a/openai: RefNotFound: Secret team-a/openai is not there: create it, or correct the name",
            "2 objects, 2 not served as written",
        ]
    );
    let generate = "kind: MasterKey\napiVersion: llmproxy.dev/v1alpha1\nmetadata: {name: a}\nspec: {generate: {secretName: s}}";
    let (good, said) = checked_text(generate);
    assert!(!good && said.contains("spec.generate: needs the operator"), "{said}");
    let (good, said) = checked_text(&mock("m").replace("type: Mock", "type: Mock\n  suspend: true"));
    assert!(good && said.contains("LLMProvider default/m: suspended"), "{said}");
}
