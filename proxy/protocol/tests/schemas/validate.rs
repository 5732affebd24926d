//! A validator of the JSON Schema that the copied schemas use: references, types, alternatives, members, values.
//! Anything else in a schema is an error: nothing is accepted for not being understood.

use std::path::Path;

use serde_json::Value;

/// Words that say nothing about validity here.
const SILENT: [&str; 5] = ["$defs", "$schema", "$comment", "default", "format"];

/// A schema file.
pub(crate) struct Schema {
    root: Value,
}

impl Schema {
    /// Reads `tests/data/schemas/<name>.json`.
    pub(crate) fn load(name: &str) -> Schema {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/schemas").join(format!("{name}.json"));
        let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Schema { root: serde_json::from_slice(&text).unwrap() }
    }

    /// What is first wrong with a value, and where. Of alternatives, the complaint of the one that got furthest.
    pub(crate) fn check(&self, value: &Value) -> Result<(), String> {
        self.value(&self.root, value, "").map_err(|wrong| wrong.say())
    }

    fn value(&self, schema: &Value, value: &Value, path: &str) -> Result<(), Wrong> {
        let Value::Object(words) = schema else { return Err(Wrong::new(path, format!("schema {schema}"))) };
        for (word, said) in words {
            match word.as_str() {
                "$ref" => self.value(self.definition(said), value, path)?,
                "anyOf" => self.any(said, value, path)?,
                "type" => is_type(said.as_str().unwrap_or(""), value, path)?,
                "const" if said == value => {}
                "enum" if said.as_array().is_some_and(|values| values.contains(value)) => {}
                "const" | "enum" => return Err(Wrong::new(path, format!("{value} is not {said}"))),
                "properties" => self.properties(said, value, path)?,
                "required" => required(said, value, path)?,
                "items" => {
                    for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.value(said, item, &format!("{path}[{at}]"))?;
                    }
                }
                "additionalProperties" => self.others(said, words.get("properties"), value, path)?,
                word if SILENT.contains(&word) => {}
                word => return Err(Wrong::new(path, format!("the schema says {word}"))),
            }
        }
        Ok(())
    }

    fn definition(&self, reference: &Value) -> &Value {
        let name = reference.as_str().and_then(|text| text.strip_prefix("#/$defs/")).unwrap();
        &self.root["$defs"][name]
    }

    fn any(&self, alternatives: &Value, value: &Value, path: &str) -> Result<(), Wrong> {
        let mut furthest = Wrong::new(path, "no alternative".to_owned());
        for schema in alternatives.as_array().unwrap() {
            match self.value(schema, value, path) {
                Ok(()) => return Ok(()),
                Err(wrong) if wrong.path.len() > furthest.path.len() => furthest = wrong,
                Err(_) => {}
            }
        }
        Err(furthest)
    }

    fn properties(&self, schemas: &Value, value: &Value, path: &str) -> Result<(), Wrong> {
        for (key, member) in value.as_object().into_iter().flatten() {
            if let Some(schema) = schemas.get(key) {
                self.value(schema, member, &format!("{path}.{key}"))?;
            }
        }
        Ok(())
    }

    fn others(&self, said: &Value, named: Option<&Value>, value: &Value, path: &str) -> Result<(), Wrong> {
        let is_named = |key: &str| named.is_some_and(|named| named.get(key).is_some());
        for (key, member) in value.as_object().into_iter().flatten().filter(|(key, _)| !is_named(key)) {
            let at = format!("{path}.{key}");
            match said {
                Value::Bool(true) => {}
                Value::Bool(false) => return Err(Wrong::new(&at, "is not known".to_owned())),
                schema => self.value(schema, member, &at)?,
            }
        }
        Ok(())
    }
}

/// What is wrong, and where.
struct Wrong {
    path: String,
    what: String,
}

impl Wrong {
    fn new(path: &str, what: String) -> Self {
        Wrong { path: path.to_owned(), what }
    }

    fn say(&self) -> String {
        format!("{}: {}", self.path, self.what)
    }
}

fn is_type(word: &str, value: &Value, path: &str) -> Result<(), Wrong> {
    let fits = match word {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => false,
    };
    if fits { Ok(()) } else { Err(Wrong::new(path, format!("{value} is no {word}"))) }
}

fn required(names: &Value, value: &Value, path: &str) -> Result<(), Wrong> {
    let Value::Object(members) = value else { return Ok(()) };
    let missing = names
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .find(|name| !members.contains_key(*name));
    missing.map_or(Ok(()), |name| Err(Wrong::new(path, format!("{name} is missing"))))
}
