//! What is no recording fails by its name, and no other with it.

use std::fs;
use std::path::{Path, PathBuf};

use super::runner;

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("recordings-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The failures, by name.
    fn failures(&self) -> Vec<(String, String)> {
        let outcomes = runner::run(&self.0).unwrap();
        let failures =
            outcomes.into_iter().filter_map(|one| Some((one.name, one.outcome.err()?.to_string())));
        failures.collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const META: &str = r#"{"http":{"status":200,"path":"/v1/chat/completions"},"framing":"json"}"#;
const REQUEST: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#;
const ANSWER: &str =
    r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}"#;

#[test]
fn a_folder_without_recordings_has_no_results() {
    assert!(runner::run(&Folder::new("empty").0).unwrap().is_empty());
    assert!(runner::run(Path::new("/no/such/folder")).is_err());
}

#[test]
fn what_cannot_be_checked_fails_and_is_named() {
    let folder = Folder::new("odd");
    folder.write("INDEX.json", "[]");
    folder.write("openai_chat/good/meta.json", META);
    folder.write("openai_chat/good/request.json", REQUEST);
    folder.write("openai_chat/good/response.json", ANSWER);
    folder.write("openai_chat/nothing/meta.json", META);
    folder.write("openai_chat/request-only/meta.json", META);
    folder.write("openai_chat/request-only/request.json", REQUEST);
    folder.write("openai_chat/no-meta/response.json", ANSWER);
    folder.write("openai_chat/broken-meta/meta.json", "{");
    folder.write("openai_chat/broken-meta/response.json", ANSWER);
    folder.write("openai_chat/broken-expect/meta.json", META);
    folder.write("openai_chat/broken-expect/response.json", ANSWER);
    folder.write("openai_chat/broken-expect/expect.json", "[");
    folder.write("openai_chat/odd-framing/meta.json", r#"{"framing":"ndjson"}"#);
    folder.write("openai_chat/odd-framing/response.json", ANSWER);
    folder.write("openai_chat/odd-status/meta.json", r#"{"http":{"status":"200"}}"#);
    folder.write("openai_chat/odd-status/response.json", ANSWER);
    folder.write("telepathy/case/meta.json", META);
    folder.write("telepathy/case/response.json", ANSWER);
    folder.write("gemini_generate/note.txt", "no case");
    let failures = folder.failures();
    let expected = [
        ("gemini_generate", "the folder holds no cases"),
        ("openai_chat/broken-expect", "expect.json: "),
        ("openai_chat/broken-meta", "meta.json: "),
        ("openai_chat/no-meta", "there is no meta.json"),
        ("openai_chat/nothing", "there is no response"),
        ("openai_chat/odd-framing", "meta.json: the framing \"ndjson\" is not known"),
        ("openai_chat/odd-status", "meta.json: \"200\" is no status"),
        ("openai_chat/request-only", "there is no response"),
        ("telepathy/case", "no codec for telepathy"),
    ];
    assert_eq!(failures.len(), expected.len(), "{failures:?}");
    for ((name, failure), (expected_name, start)) in failures.iter().zip(expected) {
        assert!(name == expected_name && failure.starts_with(start), "{name}: {failure}");
    }
}

#[test]
fn a_request_that_its_provider_refused_may_be_refused_here_and_no_other() {
    let folder = Folder::new("refused");
    let refused = r#"{"error":{"message":"'messages' is required","type":"invalid_request_error"}}"#;
    folder.write("openai_chat/refused/meta.json", r#"{"http":{"status":400}}"#);
    folder.write("openai_chat/refused/request.json", r#"{"model":"m"}"#);
    folder.write("openai_chat/refused/response.json", refused);
    folder.write("openai_chat/answered/meta.json", META);
    folder.write("openai_chat/answered/request.json", r#"{"model":"m"}"#);
    folder.write("openai_chat/answered/response.json", ANSWER);
    let failures = folder.failures();
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(failures[0].0, "openai_chat/answered");
    assert_eq!(failures[0].1, "request: messages: is required");
}

#[test]
fn errors_of_gateways_need_not_be_json() {
    let folder = Folder::new("gateways");
    for (name, body) in [("html", "<html><body>502 Bad Gateway</body></html>"), ("empty", "")] {
        for protocol in ["openai_chat", "openai_responses", "anthropic_messages", "gemini_generate"] {
            folder.write(&format!("{protocol}/{name}/meta.json"), r#"{"http":{"status":502}}"#);
            folder.write(&format!("{protocol}/{name}/response.json"), body);
        }
    }
    assert_eq!(folder.failures(), []);
}
