//! See `tests/fuzz/targets.rs`.

#![no_main]

#[allow(dead_code, reason = "one of several targets")]
#[path = "../../tests/fuzz/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::embeddings(data));
