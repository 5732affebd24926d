//! `llm-proxy`: the data plane.

fn main() {}
