//! Walks a request schema and makes, for each field, requests without and with it.

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use serde_json::{Map, Value, json};

/// Deeper than this a value is made of required members only, and unions of their first member.
const DEEP: usize = 6;

/// A field, and requests that differ in nothing else.
pub(crate) struct Probe {
    /// Where it is: `messages[].content[](image_url).image_url.detail`.
    pub(crate) path: String,
    /// The row of the field that holds it.
    pub(crate) parent: Option<usize>,
    /// It holds objects: what it says is what its members say.
    pub(crate) holds: bool,
    /// The request without it, or, if it is required, with another value.
    pub(crate) without: Value,
    /// The request with it, once a value.
    pub(crate) with: Vec<Value>,
}

/// What became of a field: its row, and whether its members are to be looked at.
pub(crate) struct Seen {
    pub(crate) row: usize,
    pub(crate) descend: bool,
}

/// Takes a field.
pub(crate) type Judge<'j> = &'j mut dyn FnMut(Probe) -> Seen;

/// Puts a value where it belongs in a request.
type Wrap = Rc<dyn Fn(Value) -> Value>;

/// What stands for values of a name; the second differs from the first.
const SAMPLES: [(&str, &str, &str); 28] = [
    ("role", r#""user""#, r#""model""#),
    ("responseMimeType", r#""application/json""#, r#""text/x.enum""#),
    ("tool_call_id", r#""x""#, r#""other""#),
    ("call_id", r#""x""#, r#""other""#),
    ("tool_use_id", r#""x""#, r#""other""#),
    ("media_type", r#""image/png""#, r#""image/jpeg""#),
    ("data", r#""aGk=""#, r#""aGkK""#),
    ("url", r#""https://example.com/a.png""#, r#""https://example.com/b.png""#),
    ("image_url", r#""https://example.com/a.png""#, r#""https://example.com/b.png""#),
    ("file_url", r#""https://example.com/a.pdf""#, r#""https://example.com/b.pdf""#),
    ("fileUri", r#""https://example.com/a.png""#, r#""https://example.com/b.png""#),
    ("file_data", r#""data:application/pdf;base64,aGk=""#, r#""data:application/pdf;base64,aGkK""#),
    ("mimeType", r#""image/png""#, r#""image/jpeg""#),
    ("name", r#""f""#, r#""g""#),
    ("arguments", r#""{}""#, r#""{\"a\":1}""#),
    ("input", r#""x""#, r#""y""#),
    ("parameters", r#"{"type":"object"}"#, r#"{"type":"object","properties":{"a":{"type":"string"}}}"#),
    (
        "parametersJsonSchema",
        r#"{"type":"object"}"#,
        r#"{"type":"object","properties":{"a":{"type":"string"}}}"#,
    ),
    ("input_schema", r#"{"type":"object"}"#, r#"{"type":"object","properties":{"a":{"type":"string"}}}"#),
    ("schema", r#"{"type":"object"}"#, r#"{"type":"object","properties":{"a":{"type":"string"}}}"#),
    (
        "responseJsonSchema",
        r#"{"type":"object"}"#,
        r#"{"type":"object","properties":{"a":{"type":"string"}}}"#,
    ),
    ("thoughtSignature", r#""c2ln""#, r#""c2lu""#),
    ("n", "2", "3"),
    ("candidateCount", "2", "3"),
    ("max_tokens", "4096", "4097"),
    ("budget_tokens", "2000", "9000"),
    ("thinkingBudget", "2000", "9000"),
    ("user_id", r#""u""#, r#""v""#),
];

/// Members that objects have for a purpose although none is required; of those that stand alone, the first.
const USUAL: [(&str, bool); 9] = [
    ("parts", false),
    ("text", true),
    ("inlineData", true),
    ("image_url", true),
    ("file_data", true),
    ("name", false),
    ("data", false),
    ("mimeType", false),
    ("fileUri", true),
];

/// Members of which an object has one.
const ALONE: [&str; 4] = ["image_url", "file_data", "file_id", "file_url"];

/// Members that say what a part is: with one of them there is a part, without it there is none.
const KINDS: [&str; 9] = [
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
    "audioTranscription",
];

/// Who may say what a list of parts holds, where a word says it rather than the kind of object.
const SPEAKERS: [&str; 2] = ["user", "model"];

/// The lists that hold a conversation.
const TURNS: [&str; 3] = ["messages", "input", "contents"];

pub(crate) struct Walk<'s> {
    root: &'s Value,
    /// Turns before the one that is looked at: a call, for results to answer.
    before: Vec<Value>,
    seen: BTreeSet<(String, String)>,
    queue: VecDeque<Object<'s>>,
}

/// An object on its way to be looked at.
struct Object<'s> {
    name: String,
    node: &'s Value,
    path: String,
    parent: Option<usize>,
    /// The request without it.
    absent: Value,
    wrap: Wrap,
}

impl<'s> Walk<'s> {
    /// Of a schema; `base` is a request that asks nothing special, `before` a conversation in which a tool was called.
    pub(crate) fn new(root: &'s Value, base: &Value, before: Vec<Value>) -> Self {
        let mut walk = Walk { root, before, seen: BTreeSet::new(), queue: VecDeque::new() };
        let base = base.as_object().cloned().unwrap_or_default();
        let wrap: Wrap = Rc::new(move |value| {
            let mut request = base.clone();
            request.extend(value.as_object().cloned().unwrap_or_default());
            Value::Object(request)
        });
        // Of requests that stream and such that do not, the last: it has the same fields.
        let (name, node) = walk.alternatives(root).into_iter().next_back().unwrap();
        let absent = wrap(json!({}));
        walk.queue.push_back(Object { name, node, path: String::new(), parent: None, absent, wrap });
        walk
    }

    /// Gives every field to `judge`.
    pub(crate) fn run(&mut self, judge: Judge<'_>) {
        while let Some(object) = self.queue.pop_front() {
            self.object(&object, judge);
        }
    }

    fn object(&mut self, object: &Object<'s>, judge: Judge<'_>) {
        let Some(members) = object.node["properties"].as_object() else { return };
        let is_root = object.path.is_empty();
        let minimal = if is_root { json!({}) } else { self.minimal(object.node, 0) };
        for (key, schema) in members {
            let known = !self.seen.insert((object.name.clone(), key.clone()));
            let is_label = matches!(key.as_str(), "type" | "role") && schema.get("const").is_some();
            if known || is_label {
                continue;
            }
            let path = if is_root { key.clone() } else { format!("{}.{key}", object.path) };
            let required =
                object.node["required"].as_array().is_some_and(|names| names.contains(&json!(key)));
            let usual = USUAL.iter().find(|(name, _)| name == key).map(|(_, alone)| *alone);
            let mut least = minimal.clone();
            if ALONE.contains(&key.as_str()) {
                // One of several ways to say where something is.
                ALONE.iter().for_each(|other| remove(&mut least, other));
            }
            let mut without = minimal.clone();
            if usual == Some(false) && !required {
                remove(&mut without, key);
            }
            let is_kind = KINDS.contains(&key.as_str());
            if is_kind {
                least = json!({});
            }
            let put = {
                let (wrap, key) = (object.wrap.clone(), key.clone());
                move |value: Value| {
                    let mut object = least.clone();
                    object[&key] = value;
                    wrap(object)
                }
            };
            let without = if is_kind { object.absent.clone() } else { (object.wrap)(without) };
            let with: Vec<Value> = self.values(schema, key, 0).into_iter().map(&put).collect();
            if with.iter().all(|with| *with == without) {
                // It has one value and is required.
                continue;
            }
            let holds = self.alternatives(schema).iter().any(|(_, node)| holds(node));
            let seen = judge(Probe {
                path: path.clone(),
                parent: object.parent,
                holds,
                without: without.clone(),
                with,
            });
            if !seen.descend {
                continue;
            }
            if key != "parts" || is_root || !members.contains_key("role") {
                self.members(schema, &path, seen.row, &without, Rc::new(put), judge);
                continue;
            }
            for speaker in SPEAKERS {
                let wrap = object.wrap.clone();
                let put = move |value: Value| wrap(json!({"role": speaker, "parts": value}));
                let path = format!("{}({speaker}).parts", object.path);
                self.members(schema, &path, seen.row, &without, Rc::new(put), judge);
            }
        }
    }

    /// Queues the objects that a field may hold. Of several, each is first looked at as a whole.
    fn members(
        &mut self,
        schema: &'s Value,
        path: &str,
        row: usize,
        without: &Value,
        put: Wrap,
        judge: Judge<'_>,
    ) {
        let all = self.alternatives(schema);
        let objects = all.iter().filter(|(_, node)| node.get("properties").is_some()).count();
        let speaker = SPEAKERS.iter().find(|speaker| path.contains(&format!("({speaker}).parts")));
        for (name, node) in all {
            let name = name + speaker.unwrap_or(&"");
            if let Some(items) = node.get("items") {
                let before = if TURNS.contains(&path) { self.before.clone() } else { Vec::new() };
                let empty = put(json!(before));
                let list = put.clone();
                let put = Rc::new(move |value| {
                    let mut items = before.clone();
                    items.push(value);
                    list(Value::Array(items))
                });
                self.members(items, &format!("{path}[]"), row, &empty, put, judge);
            } else if node.get("properties").is_some() {
                let path = format!("{path}{}", label(node));
                let mut parent = Some(row);
                if objects > 1 && !self.seen.iter().any(|(known, _)| *known == name) {
                    let with = vec![put(self.minimal(node, 0))];
                    let probe =
                        Probe { path: path.clone(), parent, holds: true, without: without.clone(), with };
                    let seen = judge(probe);
                    parent = Some(seen.row);
                    if !seen.descend {
                        continue;
                    }
                }
                let absent = without.clone();
                self.queue.push_back(Object { name, node, path, parent, absent, wrap: put.clone() });
            }
        }
    }

    /// What a schema may be, without references, unions and `null`.
    fn alternatives(&self, schema: &'s Value) -> Vec<(String, &'s Value)> {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap_or("");
            let node = &self.root["$defs"][name];
            let inner = self.alternatives(node);
            return inner
                .into_iter()
                .map(|(inner, node)| (if inner.is_empty() { name.to_owned() } else { inner }, node))
                .collect();
        }
        if let Some(list) = schema["anyOf"].as_array() {
            return list.iter().flat_map(|one| self.alternatives(one)).collect();
        }
        if schema["type"] == "null" { Vec::new() } else { vec![(String::new(), schema)] }
    }

    /// Values of a field.
    fn values(&self, schema: &'s Value, key: &str, depth: usize) -> Vec<Value> {
        let mut values = Vec::new();
        for (_, node) in self.alternatives(schema) {
            if let Some(constant) = node.get("const") {
                values.push(constant.clone());
            } else if let Some(list) = node["enum"].as_array() {
                values.extend(list.iter().cloned());
            } else if let Some(items) = node.get("items") {
                let items = if depth < DEEP { self.values(items, key, depth + 1) } else { Vec::new() };
                values.extend(items.into_iter().map(|item| json!([item])));
            } else if node.get("properties").is_some() {
                values.push(self.minimal(node, depth + 1));
            } else {
                values.extend(scalars(node["type"].as_str().unwrap_or(""), key));
            }
        }
        values
    }

    /// The first of the values of a field.
    fn first(&self, schema: &'s Value, key: &str, depth: usize) -> Value {
        let Some((_, node)) = self.alternatives(schema).into_iter().next() else { return Value::Null };
        if let Some(constant) = node.get("const") {
            return constant.clone();
        }
        if let Some(first) = node["enum"].as_array().and_then(|list| list.first()) {
            return first.clone();
        }
        match node.get("items") {
            Some(_) if depth >= DEEP => json!([]),
            Some(items) => json!([self.first(items, key, depth + 1)]),
            None if node.get("properties").is_some() => self.minimal(node, depth + 1),
            None => scalars(node["type"].as_str().unwrap_or(""), key).swap_remove(0),
        }
    }

    /// An object of its required members.
    fn minimal(&self, node: &'s Value, depth: usize) -> Value {
        let Some(members) = node["properties"].as_object() else { return json!({}) };
        let required = node["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut object: Map<String, Value> =
            required.map(|key| (key.to_owned(), self.first(&members[key], key, depth))).collect();
        // Where nothing is required, what such an object is for.
        let is_message = members.contains_key("role");
        let usual =
            USUAL.iter().filter(|(key, _)| members.contains_key(*key) && (*key != "parts" || is_message));
        let alone = usual.clone().find(|(_, alone)| *alone).map(|(key, _)| *key);
        for key in alone.into_iter().chain(usual.filter(|(_, alone)| !alone).map(|(key, _)| *key)) {
            if !object.contains_key(key) {
                object.insert(key.to_owned(), self.first(&members[key], key, depth));
            }
        }
        for key in ["type", "role"] {
            if let Some(constant) = members.get(key).and_then(|schema| schema.get("const")) {
                object.insert(key.to_owned(), constant.clone());
            }
        }
        Value::Object(object)
    }
}

fn remove(object: &mut Value, key: &str) {
    if let Value::Object(members) = object {
        members.remove(key);
    }
}

/// Whether a value of that schema holds objects.
fn holds(node: &Value) -> bool {
    node.get("properties").is_some() || node.get("items").is_some()
}

/// What tells an alternative from others.
fn label(node: &Value) -> String {
    let told = ["type", "role"].iter().find_map(|key| node["properties"][key]["const"].as_str());
    told.map_or(String::new(), |word| format!("({word})"))
}

fn scalars(kind: &str, key: &str) -> Vec<Value> {
    let named = SAMPLES.iter().find(|(name, ..)| *name == key);
    if let Some((_, first, second)) = named {
        let values: Vec<Value> = [first, second].map(|text| serde_json::from_str(text).unwrap()).into();
        if values.iter().all(|value| fits(kind, value)) {
            return values;
        }
    }
    match kind {
        "string" => vec![json!("x"), json!("y")],
        "integer" => vec![json!(20), json!(21)],
        "number" => vec![json!(0.5), json!(0.25)],
        "boolean" => vec![json!(true), json!(false)],
        "array" => vec![json!([])],
        _ => vec![json!({"a": "b"}), json!({"c": "d"})],
    }
}

fn fits(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" | "number" => value.is_number(),
        "object" | "" => value.is_object(),
        _ => false,
    }
}
