//! The proxy without a control plane: objects from files, compiled in process.
//!
//! `files` reads them, `manifest` takes them apart, `world` puts them together, and [`Standalone`] compiles and
//! applies, at the start and whenever the files change. A change that cannot be read as a whole (broken YAML, an
//! unknown kind, an object that is there twice) leaves everything as it was. A single object that is wrong is left
//! out, or stays in its last good form, as in a cluster.

mod check;
mod files;
mod manifest;
pub mod metrics;
mod reload;
mod world;

pub use check::check;
pub use metrics::Metrics;
pub use reload::{Standalone, Timing};
pub use world::load;

use std::fmt;

/// Why objects could not be loaded: everything that is wrong, one problem a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadError {
    problems: Vec<String>,
}

/// Most problems told at once.
const MAX_TOLD: usize = 10;

impl LoadError {
    fn of(problem: impl Into<String>) -> Self {
        Self { problems: vec![problem.into()] }
    }

    fn add(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    /// `value`, if there is no problem.
    fn or<T>(self, value: T) -> Result<T, Self> {
        if self.problems.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.problems.iter().take(MAX_TOLD).map(String::as_str).collect::<Vec<_>>();
        f.write_str(&told.join("\n"))?;
        match self.problems.len().saturating_sub(MAX_TOLD) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for LoadError {}

#[cfg(test)]
mod tests;
