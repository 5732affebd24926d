//! `llm-proxy check`: what would be served of the files, and what not.

use super::world;
use llm_compile::{Options, Serving, Verdict, compile};
use llm_snapshot::{Kind, Snapshot};
use std::io::{self, Write};
use std::path::Path;

/// Prints the verdict on every object under `path` to `out`. Tells whether every one of them is accepted and resolves.
/// Blocks.
///
/// # Errors
/// When `out` cannot be written.
pub fn check(path: &Path, out: &mut impl Write) -> io::Result<bool> {
    let world = match world::load(path) {
        Ok(world) => world,
        Err(error) => {
            writeln!(out, "{error}")?;
            return Ok(false);
        }
    };
    let compiled = compile(&world, &Snapshot::default(), Options::FILES);
    let mut bad = 0;
    for verdict in compiled.verdicts.values() {
        bad += usize::from(!good(verdict));
        writeln!(out, "{}", told(verdict))?;
    }
    match bad {
        0 => writeln!(out, "{} objects, all good", compiled.verdicts.len())?,
        bad => writeln!(out, "{} objects, {bad} not served as written", compiled.verdicts.len())?,
    }
    Ok(bad == 0)
}

/// Whether the object is served as it is written.
pub(super) fn good(verdict: &Verdict) -> bool {
    verdict.accepted.holds() && verdict.resolved_refs.holds()
}

/// One line about an object.
pub(super) fn told(verdict: &Verdict) -> String {
    let kind = match verdict.id.kind() {
        Some(Kind::Provider) => "LLMProvider",
        Some(Kind::Key) => "MasterKey",
        None => "object",
    };
    let judgement =
        [&verdict.accepted, &verdict.resolved_refs].into_iter().find(|judgement| !judgement.holds());
    let state = match (judgement, verdict.serving, verdict.models, &verdict.key) {
        (Some(judgement), Serving::LastGood(_), ..) => {
            format!("{}: {} (its last good form is served)", judgement.reason, judgement.message)
        }
        (Some(judgement), ..) => format!("{}: {}", judgement.reason, judgement.message),
        (None, Serving::Suspended, ..) => "suspended".to_owned(),
        (None, _, Some(1), _) => "good, 1 model name".to_owned(),
        (None, _, Some(models), _) => format!("good, {models} model names"),
        (None, _, _, Some(key)) if key.disabled => format!("good, key {} (disabled)", key.id),
        (None, _, _, Some(key)) => format!("good, key {}", key.id),
        (None, ..) => "good".to_owned(),
    };
    format!("{kind} {}: {state}", verdict.id.object())
}
