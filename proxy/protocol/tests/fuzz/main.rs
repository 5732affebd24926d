//! The corpus of the fuzz targets, run on stable Rust: `fuzz/README.md` says how to look for more.

// Tests may panic; clippy takes only the functions marked as tests for tests.
#![allow(clippy::unwrap_used)]

mod targets;

use std::path::Path;

#[test]
fn the_corpus_holds_nothing_that_breaks_a_codec() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, run) in targets::TARGETS {
        let mut count = 0;
        for entry in std::fs::read_dir(corpus.join(name)).unwrap() {
            let path = entry.unwrap().path();
            let data = std::fs::read(&path).unwrap();
            let result = std::panic::catch_unwind(|| run(&data));
            assert!(result.is_ok(), "{}", path.display());
            count += 1;
        }
        assert!(count >= 10, "{name}: only {count} inputs");
    }
}

/// Every start of every input of the corpus, and each with a byte changed: cheap, and finds what is careless.
#[test]
fn nothing_near_the_corpus_breaks_a_codec() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, run) in targets::TARGETS {
        for entry in std::fs::read_dir(corpus.join(name)).unwrap() {
            let data = std::fs::read(entry.unwrap().path()).unwrap();
            let step = 1 + data.len() / 24;
            for end in (0..data.len()).step_by(step) {
                run(&data[..end]);
                let mut changed = data.clone();
                changed[end] ^= 1 << (end % 8);
                run(&changed);
            }
        }
    }
}
