//! Reading a spec: which field is wrong, and which fields nobody knows.

use crate::check::Problems;
use crate::compiler::UnknownFields;
use serde::de::DeserializeOwned;
use serde_ignored::Path;
use serde_json::Value;

/// Longest text of a parse error that is told.
const MAX_ERROR: usize = 240;

/// A spec that was read, and the unknown fields in it.
pub(crate) struct Read<T> {
    pub(crate) spec: T,
    pub(crate) unknown: Vec<String>,
}

/// Reads `value` as the spec of a kind.
pub(crate) fn read<T: DeserializeOwned>(
    value: &Value,
    unknown_fields: UnknownFields,
) -> Result<Read<T>, Problems> {
    let mut problems = Problems::default();
    let mut unknown = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
    let read = serde_ignored::deserialize(tracked, |path| unknown.push(place(&path)));
    match read {
        Err(error) => {
            let path = track.path().to_string();
            let field = if path == "." { "spec".to_owned() } else { format!("spec.{path}") };
            problems.add(format_args!("{field}"), without_value(&error.to_string()));
            Err(problems)
        }
        Ok(_) if unknown_fields == UnknownFields::Reject && !unknown.is_empty() => {
            for field in &unknown {
                problems
                    .add(format_args!("{field}"), "there is no such field: correct the name or remove it");
            }
            Err(problems)
        }
        Ok(spec) => Ok(Read { spec, unknown }),
    }
}

/// The path as people write it.
fn place(path: &Path<'_>) -> String {
    match path {
        Path::Root => "spec".to_owned(),
        Path::Seq { parent, index } => format!("{}[{index}]", place(parent)),
        Path::Map { parent, key } => format!("{}.{key}", place(parent)),
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
            place(parent)
        }
    }
}

/// The message of a parse error without the value it found: whoever writes a key where something else belongs
/// must not read it again in a log.
#[must_use]
pub fn without_value(error: &str) -> String {
    let told = match (error.strip_prefix("invalid type: "), error.rsplit_once(", expected ")) {
        (Some(found), Some((_, expected))) => {
            let found: String = found.chars().take_while(|c| c.is_ascii_alphabetic() || *c == ' ').collect();
            format!("expected {expected}, found {}", found.trim_end())
        }
        _ => error.to_owned(),
    };
    told.chars().take(MAX_ERROR).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use llm_crds::provider::LLMProviderSpec;
    use serde_json::json;

    fn problem(spec: &Value, unknown: UnknownFields) -> String {
        match read::<LLMProviderSpec>(spec, unknown) {
            Ok(_) => String::from("accepted"),
            Err(problems) => problems.to_string(),
        }
    }

    #[test]
    fn errors_name_the_field_and_never_the_value() {
        for (spec, told) in [
            (json!("text"), "spec: expected struct LLMProviderSpec, found string"),
            (json!({"type": "Mock"}), "spec: missing field `models`"),
            (
                json!({"type": "Mock", "models": [{"name": "a"}, {"name": 3}]}),
                "spec.models[1].name: expected a string, found integer",
            ),
            (
                json!({"type": "OpenAI", "models": [], "credentials": [{"secretRef": "sk-canary, expected"}]}),
                "spec.credentials[0].secretRef: expected struct KeyRef, found string",
            ),
            (
                json!({"type": "Mock", "models": [], "weight": -1}),
                "spec.weight: invalid value: integer `-1`, expected u32",
            ),
            (
                json!({"type": "Mock", "models": [], "timeouts": {"firstByte": "5 s"}}),
                "spec.timeouts.firstByte: \"5 s\" is no duration: write up to four numbers with a unit of h, m, s or ms, like 5s or 1m30s",
            ),
        ] {
            assert_eq!(problem(&spec, UnknownFields::Warn), told);
        }
    }

    #[test]
    fn unknown_fields_are_told_or_refused() {
        let spec = json!({"type": "Mock", "models": [{"name": "a", "alias": "b"}], "wieght": 1});
        let read = read::<LLMProviderSpec>(&spec, UnknownFields::Warn).map(|read| read.unknown);
        assert_eq!(read.ok().unwrap(), ["spec.models[0].alias", "spec.wieght"]);
        let refused = problem(&spec, UnknownFields::Reject);
        assert!(refused.contains("spec.wieght: there is no such field"), "{refused}");
    }
}
