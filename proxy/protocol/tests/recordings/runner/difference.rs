//! The first difference of two JSON values.

use serde_json::Value;

/// `Err` with the path and both sides of the first difference; the order of keys is none.
pub(crate) fn same(what: &str, expected: &Value, seen: &Value) -> Result<(), String> {
    match first(String::new(), expected, seen) {
        None => Ok(()),
        Some(difference) => Err(format!("{what}{difference}")),
    }
}

/// The same for JSON text.
pub(crate) fn same_text(what: &str, expected: &[u8], seen: &[u8]) -> Result<(), String> {
    let parse = |side: &str, bytes: &[u8]| {
        serde_json::from_slice::<Value>(bytes).map_err(|error| format!("{what}: {side} is not JSON: {error}"))
    };
    same(what, &parse("the recording", expected)?, &parse("what was written", seen)?)
}

fn first(path: String, expected: &Value, seen: &Value) -> Option<String> {
    match (expected, seen) {
        (Value::Object(left), Value::Object(right)) => {
            let missing =
                right.keys().find(|key| !left.contains_key(*key)).map(|key| (key, "absent", "present"));
            for (key, value) in left {
                let at = format!("{path}.{key}");
                match right.get(key) {
                    None => return Some(format!("{at}: expected {}, absent", short(value))),
                    Some(other) => {
                        if let Some(found) = first(at, value, other) {
                            return Some(found);
                        }
                    }
                }
            }
            missing.map(|(key, ..)| format!("{path}.{key}: not expected, {}", short(&right[key])))
        }
        (Value::Array(left), Value::Array(right)) => {
            if left.len() != right.len() {
                return Some(format!("{path}: expected {} items, seen {}", left.len(), right.len()));
            }
            left.iter().zip(right).enumerate().find_map(|(i, (l, r))| first(format!("{path}[{i}]"), l, r))
        }
        _ if expected == seen => None,
        _ => Some(format!("{path}: expected {}, seen {}", short(expected), short(seen))),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(120) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
