//! Runs the codecs over a folder of recorded provider traffic: `cargo run -p llm-protocol --example recordings -- DIR`.
//!
//! The folder is laid out as `<protocol>/<case>/{meta.json, request.json, response.json | response.sse, expect.json}`.
//! Names each failure with its first difference, closes with `N passed, N failed`, and exits with 1 if any failed.

#[path = "../tests/recordings/runner/mod.rs"]
mod runner;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(dir) = std::env::args_os().nth(1) else {
        eprintln!("usage: recordings DIR");
        return ExitCode::from(2);
    };
    let results = match runner::run(Path::new(&dir)) {
        Ok(results) if !results.is_empty() => results,
        Ok(_) => {
            eprintln!("no recordings in {}", Path::new(&dir).display());
            return ExitCode::from(2);
        }
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let mut failed = 0;
    for result in &results {
        if let Err(failure) = &result.outcome {
            failed += 1;
            println!("FAIL {}: {failure}", result.name);
        }
    }
    println!("{} passed, {failed} failed", results.len() - failed);
    ExitCode::from(u8::from(failed > 0))
}
