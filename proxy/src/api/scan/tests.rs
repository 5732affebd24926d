use super::*;
use proptest::prelude::*;

/// Keys and values as texts, or the problem.
fn members(json: &str) -> Result<Vec<(&str, &str)>, &'static str> {
    let entry = |entry: Result<Entry, Malformed>| {
        entry.map(|entry| (&json[entry.key], &json[entry.value])).map_err(|malformed| malformed.problem)
    };
    Members::new(json.as_bytes()).map(entry).collect()
}

#[test]
fn members_of_objects() {
    assert_eq!(members("{}"), Ok(vec![]));
    assert_eq!(members(" \t\r\n{ } \n"), Ok(vec![]));
    assert_eq!(
        members(r#"{"a":1,"b" : "x" , "c":{"d":[1,{"e":"]}"}]},"f":[],"g":null,"h":-1.5e+3}"#),
        Ok(vec![
            ("a", "1"),
            ("b", "\"x\""),
            ("c", r#"{"d":[1,{"e":"]}"}]}"#),
            ("f", "[]"),
            ("g", "null"),
            ("h", "-1.5e+3")
        ])
    );
}

#[test]
fn quotes_and_backslashes() {
    assert_eq!(members(r#"{"a\"b":"\\","c":"\\\"","d":"\\\\"}"#).unwrap()[2], ("d", r#""\\\\""#));
    assert_eq!(members(r#"{"a":"\"#), Err("a string without an end"));
    assert_eq!(members(r#"{"a":["\\\"]}"#), Err("a string without an end"));
}

#[test]
fn what_is_no_object_has_no_members() {
    let table = [
        ("", "no object"),
        ("null", "no object"),
        ("[1]", "no object"),
        ("\"a\"", "no object"),
        ("\u{feff}{}", "no object"),
        ("{", "no key"),
        ("{a:1}", "no key"),
        ("{\"a\"}", "no colon"),
        ("{\"a\":}", "no value"),
        ("{\"a\":1", "no comma"),
        ("{\"a\":1,}", "no key"),
        ("{\"a\":1 \"b\":2}", "no comma"),
        ("{\"a\":[1}", "the wrong bracket"),
        ("{\"a\":{]}", "the wrong bracket"),
        ("{\"a\":[[1]", "a bracket without an end"),
        ("{} {}", "more after the object"),
        ("{}]", "more after the object"),
    ];
    for (json, problem) in table {
        assert_eq!(members(json), Err(problem), "{json}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(members(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(members(&nested(MAX_DEPTH + 1)), Err("too many levels"));
    assert_eq!(members(&format!("{{\"a\":{}", "[".repeat(1_000_000))), Err("too many levels"));
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[\\PC\"\\\\{}\\[\\]:,\u{0}-\u{1f}]{0,60}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map("[a-z\"\\\\]{0,8}", inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn finds_what_a_parser_finds(value in json(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        match (&value, members(&text)) {
            (serde_json::Value::Object(map), Ok(found)) => {
                prop_assert_eq!(found.len(), map.len());
                for ((key, found), (name, value)) in found.into_iter().zip(map) {
                    let key: String = serde_json::from_str(&format!("\"{key}\"")).unwrap();
                    let found: serde_json::Value = serde_json::from_str(found).unwrap();
                    prop_assert_eq!((&key, &found), (name, value));
                }
            }
            (serde_json::Value::Object(_), Err(problem)) => prop_assert!(false, "{problem} in {text}"),
            (_, found) => prop_assert_eq!(found, Err("no object")),
        }
    }

    #[test]
    fn long_strings_end_where_they_end(
        first in "[a\\\\\"]{0,150}", second in "[abcdefgh]{0,90}[\\\\]{0,5}[\"a]{0,3}[abc]{0,70}"
    ) {
        let text = serde_json::json!({"a": first, "b": [second, first], "c": second}).to_string();
        let found = members(&text).unwrap();
        let value = |at: usize| serde_json::from_str::<serde_json::Value>(found[at].1).unwrap();
        prop_assert_eq!((value(0), value(2)), (first.clone().into(), second.clone().into()));
        prop_assert_eq!(value(1), serde_json::json!([second, first]));
    }

    #[test]
    fn a_document_cut_short_is_never_taken_for_a_whole_one(value in json(), cut in 0.0f64..1.0) {
        let text = serde_json::to_string(&serde_json::json!({ "a": value })).unwrap();
        let cut = (text.len() as f64 * cut) as usize;
        prop_assert!(Members::new(&text.as_bytes()[..cut]).any(|entry| entry.is_err()));
    }

    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>, structure in "[{}\\[\\]\",:\\\\ a1]{0,80}") {
        let _ = Members::new(&bytes).count();
        let _ = Members::new(structure.as_bytes()).count();
    }
}
