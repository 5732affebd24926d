//! What the demo prints.

use std::fmt::Display;
use std::time::Instant;

/// Numbers the steps and tells the time.
#[derive(Debug)]
pub(crate) struct Narrator {
    began: Instant,
}

impl Narrator {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now() }
    }

    /// A step begins.
    pub(crate) fn step(&self, what: impl Display) {
        println!("\n[{:>5.1} s] {what}", self.began.elapsed().as_secs_f32());
    }

    /// A fact within the step.
    pub(crate) fn fact(&self, what: impl Display) {
        println!("          {what}");
    }

    /// Text as another program wrote it.
    pub(crate) fn quote(&self, text: &str) {
        for line in text.trim_end().lines() {
            println!("          | {line}");
        }
    }

    /// The demo cannot go on.
    pub(crate) fn failed(&self, error: &anyhow::Error) {
        eprintln!("\n[{:>5.1} s] The demo failed: {error:#}", self.began.elapsed().as_secs_f32());
    }
}
