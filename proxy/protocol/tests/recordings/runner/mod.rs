//! Checks recordings against the codecs. Shared by the test and by the `recordings` example.

mod answer;
mod case;
mod count;
mod difference;
mod embeddings;
mod models;
mod replay;
mod summary;

use std::path::Path;

pub(crate) use case::Case;
#[cfg(test)]
pub(crate) use case::load;

/// What became of one recording.
pub(crate) struct Outcome {
    /// `<protocol>/<case>`.
    pub(crate) name: String,
    /// Why it failed.
    pub(crate) outcome: Result<(), Failure>,
}

/// Why a recording failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nothing here speaks its protocol yet.
    NoCodec(String),
    /// What was seen is not what was expected.
    Wrong(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::NoCodec(what) => write!(f, "no codec for {what}"),
            Failure::Wrong(difference) => f.write_str(difference),
        }
    }
}

impl From<String> for Failure {
    fn from(difference: String) -> Self {
        Failure::Wrong(difference)
    }
}

/// Checks every case in `dir`, in order of name.
pub(crate) fn run(dir: &Path) -> Result<Vec<Outcome>, String> {
    let outcome = |(name, case): case::Found| match case {
        Ok(case) => Outcome { outcome: check(&case), name: case.name },
        Err(why) => Outcome { outcome: Err(Failure::Wrong(why)), name },
    };
    Ok(case::load(dir)?.into_iter().map(outcome).collect())
}

/// Checks one case.
pub(crate) fn check(case: &Case) -> Result<(), Failure> {
    if let Some(embedder) = llm_protocol::embeddings::embedder(&case.protocol) {
        return embeddings::check(case, embedder);
    }
    let protocol = llm_protocol::Protocol::from_name(&case.protocol);
    let Some(codec) = protocol.and_then(llm_protocol::codec) else {
        return Err(Failure::NoCodec(case.protocol.clone()));
    };
    match case.operation() {
        case::Operation::Answer => answer::check(case, codec),
        case::Operation::Count => match codec.client_counter() {
            Some(counter) => count::check(case, codec, counter),
            None => Err(Failure::NoCodec("token_count".to_owned())),
        },
        case::Operation::Models => models::check(case, codec.model_list()),
    }
}
