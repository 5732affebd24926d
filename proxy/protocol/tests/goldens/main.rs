//! What each protocol becomes in each other, committed in `tests/data/goldens`, a file an ordered pair: a client of the
//! first speaks to a provider of the second. `UPDATE_GOLDENS=1` writes them anew; a change is reviewed against the
//! reference of the translation.

// Tests may panic; clippy takes only the functions marked as tests for tests.
#![allow(clippy::unwrap_used)]

mod again;
#[allow(dead_code, reason = "shared with the recordings test")]
#[path = "../recordings/runner/case.rs"]
mod case;
mod layout;
mod scenarios;
mod translate;
mod unfold;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use case::Case;
use llm_protocol::Protocol;
use scenarios::SCENARIOS;
use translate::Mode;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/goldens")
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // Beside the recordings, what no recording can hold: state that this crate gave out.
    let folders = ["fixtures", "tests/data/cases"].map(|folder| case::load(&root.join(folder)).unwrap());
    folders.into_iter().flatten().map(|(_, case)| case.unwrap()).collect()
}

/// Warnings of whole answers that a stream has no need of: it passes on what came of arguments, or fails.
const OF_WHOLE_ANSWERS: [&str; 2] = ["tool_call_dropped", "tool_arguments_wrapped"];

#[test]
fn streams_and_whole_answers_warn_of_the_same() {
    let (mut warned, mut compared) = (0, 0);
    for case in cases().iter().filter(|case| case.status() < 400) {
        for client in translate::PAIRED.into_iter().filter(|client| client.0.name() != case.protocol) {
            let codes = |mode| {
                let warnings = translate::answer(case, client.0, client.1, mode)?.warnings;
                let codes = warnings.split(", ").filter(|code| !code.is_empty());
                Some(codes.map(str::to_owned).collect::<BTreeSet<_>>())
            };
            // A stream that breaks off is no whole answer.
            let (Some(whole), Some(stream)) = (codes(Mode::Plain), codes(Mode::Stream)) else { continue };
            // Fields of its own protocol are lost where the one is made from the other.
            let own = translate::own_fields(case);
            let differ: Vec<&String> = whole
                .symmetric_difference(&stream)
                .filter(|code| !own.contains(*code) && !OF_WHOLE_ANSWERS.contains(&code.as_str()))
                .collect();
            assert!(differ.is_empty(), "{} for {}: {differ:?}", case.name, client.0.name());
            warned += usize::from(!stream.is_empty());
            compared += 1;
        }
    }
    assert!(compared > 500 && warned > 20, "{compared} compared, {warned} with warnings");
}

#[test]
fn every_pair_says_what_it_said() {
    let cases = cases();
    let update = std::env::var_os("UPDATE_GOLDENS").is_some();
    let mut changed = Vec::new();
    for client in translate::PAIRED {
        for provider in translate::PAIRED.into_iter().filter(|provider| provider.0 != client.0) {
            for mode in [Mode::Plain, Mode::Stream] {
                let text = pair(&cases, client, provider, mode);
                let kind = if mode == Mode::Stream { "stream" } else { "plain" };
                let name = format!("{}-to-{}.{kind}.txt", client.0.name(), provider.0.name());
                let path = folder().join(&name);
                if update {
                    std::fs::write(&path, &text).unwrap();
                }
                let known = std::fs::read_to_string(&path).unwrap_or_default();
                if let Some(line) = first_difference(&known, &text) {
                    changed.push(format!("{name}: {line}"));
                }
            }
        }
    }
    assert!(changed.is_empty(), "UPDATE_GOLDENS=1 writes them anew\n{}", changed.join("\n"));
}

fn first_difference(known: &str, text: &str) -> Option<String> {
    let (mut left, mut right) = (known.lines(), text.lines());
    for number in 1.. {
        match (left.next(), right.next()) {
            (None, None) => return None,
            (known, seen) if known == seen => {}
            (known, seen) => return Some(format!("line {number}: known {known:?}, seen {seen:?}")),
        }
    }
    None
}

type Side = (Protocol, &'static str);

/// Everything between a client of one protocol and a provider of another.
fn pair(cases: &[Case], client: Side, provider: Side, mode: Mode) -> String {
    let mut out = String::new();
    let stream = mode == Mode::Stream;
    for scenario in SCENARIOS {
        let find = |side: Side| {
            let name = scenario.case(side.0, stream)?;
            let full = format!("{}/{name}", side.0.name());
            Some(cases.iter().find(|case| case.name == full).unwrap_or_else(|| panic!("no recording {full}")))
        };
        let (asked, answered) = (find(client), find(provider));
        if asked.is_none() && answered.is_none() {
            continue;
        }
        writeln!(out, "# {}\n", scenario.name).unwrap();
        if let Some(case) = asked.filter(|case| case.request.is_some() && !scenario.is_error) {
            writeln!(out, "## request of {}\n", case.name).unwrap();
            request(&mut out, case, provider, stream);
        }
        if let Some(case) = answered {
            writeln!(out, "## answer of {}\n", case.name).unwrap();
            answer(&mut out, case, client, mode);
        }
    }
    out
}

fn request(out: &mut String, case: &Case, (to, model): Side, stream: bool) {
    match translate::request_in(case, to, model, Some(stream)) {
        Some(Ok(written)) => {
            writeln!(out, "POST {}", written.path).unwrap();
            warnings(out, &written.warnings);
            writeln!(out, "{}\n", layout::lines(std::str::from_utf8(&written.body).unwrap())).unwrap();
        }
        Some(Err(rejected)) => writeln!(out, "400 {rejected}\n").unwrap(),
        None => {}
    }
}

fn answer(out: &mut String, case: &Case, (to, model): Side, mode: Mode) {
    let Some(answer) = translate::answer(case, to, model, mode) else { return };
    if !answer.is_stream {
        writeln!(out, "{}", answer.status).unwrap();
        warnings(out, &answer.warnings);
        writeln!(out, "{}\n", layout::lines(std::str::from_utf8(&answer.body).unwrap())).unwrap();
        return;
    }
    for line in String::from_utf8(answer.body).unwrap().lines() {
        match line.strip_prefix("data: ").filter(|data| *data != "[DONE]") {
            Some(data) => writeln!(out, "data: {}", layout::one_line(data)).unwrap(),
            None => writeln!(out, "{line}").unwrap(),
        }
    }
    warnings(out, &answer.warnings);
    out.push('\n');
}

fn warnings(out: &mut String, warnings: &str) {
    if !warnings.is_empty() {
        writeln!(out, "warnings: {warnings}").unwrap();
    }
}
