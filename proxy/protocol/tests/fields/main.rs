//! Every field of every request schema is accounted for in every other protocol: it changes what the provider gets, or
//! there is a warning, or the request is refused. `docs/translation.md` is made of what is seen here.

// Tests may panic; clippy takes only the functions marked as tests for tests.
#![allow(clippy::unwrap_used)]

mod silent;
mod walk;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use llm_protocol::capabilities::Capabilities;
use llm_protocol::codec::{NoStates, RouteOptions};
use llm_protocol::notes::code;
use llm_protocol::{Notes, Protocol, Target, UrlFacts, codec, provider_codec};
use serde_json::{Value, json};
use walk::{Probe, Seen, Walk};

/// The protocols, each with a model that takes most, and how a request asks nothing special.
const PROTOCOLS: [(Protocol, &str, &str); 4] = [
    (
        Protocol::OpenAiChat,
        "gpt-5.2",
        r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"t","parameters":{"type":"object"}}}]}"#,
    ),
    (
        Protocol::OpenAiResponses,
        "gpt-5.2",
        r#"{"model":"m","input":"hi","tools":[{"type":"function","name":"t","strict":false,"parameters":{"type":"object"}}]}"#,
    ),
    (
        Protocol::Anthropic,
        "claude-sonnet-4-6",
        r#"{"model":"m","max_tokens":4096,"messages":[{"role":"user","content":"hi"}],"tools":[{"name":"t","input_schema":{"type":"object"}}]}"#,
    ),
    (
        Protocol::Gemini,
        "gemini-3-flash",
        r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"tools":[{"functionDeclarations":[{"name":"t"}]}]}"#,
    ),
];

/// The targets of requests of a protocol, each with its model: the others, and what only providers speak.
fn targets(from: Protocol) -> Vec<(Protocol, &'static str)> {
    let others = PROTOCOLS.iter().filter(|(to, ..)| *to != from).map(|(to, model, _)| (*to, *model));
    others.chain([(Protocol::BedrockConverse, "anthropic.claude-sonnet-4-6")]).collect()
}

/// What becomes of a field in one protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Fate {
    mapped: bool,
    refused: bool,
    warnings: BTreeSet<String>,
}

impl Fate {
    fn is_silent(&self) -> bool {
        !self.mapped && !self.refused && self.warnings.is_empty()
    }

    fn say(&self) -> String {
        let warnings: Vec<String> = self.warnings.iter().map(|code| format!("`{code}`")).collect();
        let mut said = Vec::new();
        if self.mapped {
            said.push("mapped".to_owned());
        }
        if !warnings.is_empty() {
            said.push(format!("warned: {}", warnings.join(", ")));
        }
        if self.refused {
            said.push(if said.is_empty() { "refused" } else { "refused in part" }.to_owned());
        }
        if said.is_empty() { "says nothing".to_owned() } else { said.join("; ") }
    }
}

/// A field and what becomes of it in each of the others.
struct Row {
    path: String,
    parent: Option<usize>,
    holds: bool,
    fates: Vec<Fate>,
}

/// What is said of a field in one of the others; an error if nothing accounts for it.
fn account(from: Protocol, rows: &[Row], row: &Row, target: usize) -> Result<String, ()> {
    let fate = &row.fates[target];
    if !fate.is_silent() {
        return Ok(fate.say());
    }
    let parent = row.parent.map(|parent| &rows[parent].fates[target]);
    if parent.is_some_and(|parent| !parent.mapped && !parent.is_silent()) {
        return Ok("with the whole".to_owned());
    }
    if let Some(reason) = silent::reason(from, &row.path) {
        return Ok(reason.to_owned());
    }
    if row.holds { Ok("by its members".to_owned()) } else { Err(()) }
}

fn url() -> UrlFacts<'static> {
    UrlFacts { model: Some("m"), stream: Some(false) }
}

/// The request as a provider of another protocol gets it, and the warnings; `None` if it is refused.
fn translate(
    from: Protocol,
    (to, model): (Protocol, &str),
    request: &Value,
) -> Option<(Value, BTreeSet<String>)> {
    let body = request.to_string();
    let request = codec(from).unwrap().decode_request(body.as_bytes(), url()).ok()?;
    let options = RouteOptions { url_fetch: true, ..RouteOptions::default() };
    let target = Target { model, capabilities: Capabilities::of(model), options, states: &NoStates };
    let mut notes = Notes::new(false);
    let provider = provider_codec(to).unwrap();
    let encoded = provider.encode_request(&request, &target, &mut notes).ok()?;
    let mut body: Value = serde_json::from_slice(&encoded.body).unwrap();
    // Gemini says in its URL whether it streams.
    body["(path)"] = json!(provider.path(model, request.stream == Some(true)));
    // What the proxy itself heeds: the model, to choose the provider; usage in streams, and reasoning shown.
    let shown = request.thinking.as_ref().and_then(|thinking| thinking.visible);
    let shown = shown.filter(|_| notes.codes().all(|code| code != "reasoning_summary_dropped"));
    body["(proxy)"] = json!([request.model, request.include_usage, shown]);
    Some((body, notes.codes().map(str::to_owned).collect()))
}

fn judge(from: Protocol, to: (Protocol, &str), probe: &Probe) -> Fate {
    let Some((before, known)) = translate(from, to, &probe.without) else {
        // It may be what is missing.
        let taken = probe.with.iter().any(|request| translate(from, to, request).is_some());
        return Fate { mapped: taken, refused: !taken, ..Fate::default() };
    };
    // A required field is in both requests: its warning too.
    let own = code(probe.path.rsplit('.').next().unwrap_or(""), "dropped").into_owned();
    let mut fate = Fate { warnings: known.get(&own).into_iter().cloned().collect(), ..Fate::default() };
    for request in &probe.with {
        match translate(from, to, request) {
            None => fate.refused = true,
            Some((after, warnings)) => {
                fate.mapped |= after != before;
                fate.warnings.extend(warnings.difference(&known).cloned());
            }
        }
    }
    fate
}

/// A conversation in which the tool `f` was called by the id `x`.
fn before(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::OpenAiChat => {
            r#"[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"x","type":"function","function":{"name":"f","arguments":"{}"}}]}]"#
        }
        Protocol::OpenAiResponses => {
            r#"[{"role":"user","content":"q"},{"type":"function_call","call_id":"x","name":"f","arguments":"{}"}]"#
        }
        Protocol::Anthropic => {
            r#"[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"x","name":"f","input":{}}]}]"#
        }
        _ => {
            r#"[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"functionCall":{"name":"f"}}]}]"#
        }
    }
}

fn rows(from: Protocol, base: &str) -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(format!("tests/data/schemas/{}.request.json", from.name()));
    let schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let base = serde_json::from_str(base).unwrap();
    let before = serde_json::from_str(before(from)).unwrap();
    let mut rows: Vec<Row> = Vec::new();
    Walk::new(&schema, &base, before).run(&mut |probe| {
        let fates: Vec<Fate> = targets(from).into_iter().map(|to| judge(from, to, &probe)).collect();
        // What is refused or dropped whole needs no look at its members.
        let descend = fates.iter().any(|fate| fate.mapped || fate.is_silent() && probe.holds);
        rows.push(Row { path: probe.path, parent: probe.parent, holds: probe.holds, fates });
        Seen { row: rows.len() - 1, descend }
    });
    rows
}

/// What is said of fields that have the same place in objects of several types.
fn one_cell(rows: &[Vec<String>], target: usize) -> String {
    let mut said: Vec<&str> = Vec::new();
    for cell in rows.iter().map(|cells| cells[target].as_str()) {
        if !said.contains(&cell) {
            said.push(cell);
        }
    }
    said.join("; or ")
}

#[test]
fn every_field_is_accounted_for() {
    let mut page = String::from(include_str!("page.md"));
    let mut missing = Vec::new();
    let mut count = 0;
    for (from, _, base) in PROTOCOLS {
        let others = targets(from);
        let names: Vec<&str> = others.iter().map(|(to, _)| to.name()).collect();
        write!(
            page,
            "\n## From `{}`\n\n| field | to `{}` |\n|---|---|---|---|---|\n",
            from.name(),
            names.join("` | to `")
        )
        .unwrap();
        let rows = rows(from, base);
        count += rows.len();
        let mut written: Vec<(&str, Vec<Vec<String>>)> = Vec::new();
        for row in &rows {
            let said: Vec<Result<String, ()>> =
                (0..others.len()).map(|to| account(from, &rows, row, to)).collect();
            let not = said.iter().zip(&names).filter(|(said, _)| said.is_err());
            missing.extend(not.map(|(_, to)| format!("{} {} to {to}", from.name(), row.path)));
            let cells: Vec<String> = said.into_iter().map(Result::unwrap_or_default).collect();
            match written.iter_mut().find(|(path, _)| *path == row.path) {
                Some((_, known)) => known.push(cells),
                None => written.push((&row.path, vec![cells])),
            }
        }
        for (path, cells) in written {
            let cells: Vec<String> = (0..others.len()).map(|to| one_cell(&cells, to)).collect();
            writeln!(page, "| `{path}` | {} |", cells.join(" | ")).unwrap();
        }
    }
    assert!(missing.is_empty(), "{} fields without an account:\n{}", missing.len(), missing.join("\n"));
    assert!(count > 300, "only {count} fields");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/translation.md");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        known == page,
        "docs/translation.md has drifted: UPDATE_GOLDENS=1 cargo test -p llm-protocol --test fields"
    );
}
