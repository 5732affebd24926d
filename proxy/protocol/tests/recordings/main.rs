//! Every recording of the project's own copies decodes, re-encodes and replays as it should.

// Tests may panic; clippy takes only the functions marked as tests for tests.
#![allow(clippy::unwrap_used)]

mod folders;
mod runner;
mod tampering;

use std::collections::BTreeSet;
use std::path::Path;

/// What has no codec yet. Shrinks; a row whose codec exists fails the test.
const PENDING: &[&str] = &[];

#[test]
fn every_recording_passes_or_is_listed_as_pending() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let results = runner::run(&fixtures).unwrap();
    assert!(results.len() >= 270, "only {} recordings", results.len());
    let mut failures = Vec::new();
    let mut pending = BTreeSet::new();
    for result in results {
        match result.outcome {
            Ok(()) => {}
            Err(runner::Failure::NoCodec(what)) => {
                if !PENDING.contains(&what.as_str()) {
                    failures.push(format!("{}: no codec for {what}", result.name));
                }
                pending.insert(what);
            }
            Err(failure) => failures.push(format!("{}: {failure}", result.name)),
        }
    }
    for what in PENDING {
        if !pending.contains(*what) {
            failures.push(format!("{what} has a codec now: remove it from PENDING"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
