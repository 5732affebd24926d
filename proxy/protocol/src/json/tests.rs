use super::Tree;
use super::record::{Rest, record};
use super::{Num, Str, StrOr, compact, lenient, object_text, read, write};

record! {
    struct Sample<'a> rest {
        name: Str<'a>,
        kind("type"): Str<'a>,
        size: Num<'a>,
        items: StrOr<'a, Str<'a>>,
    }
}

#[test]
fn a_record_keeps_what_it_does_not_name_and_tells_null_from_absent() {
    let body = br#"{"type":"x","size":1.50,"other":{"a":[1, 2]},"name":null}"#;
    let sample: Sample<'_> = read(body).unwrap();
    assert_eq!(sample.kind.unwrap().0, "x");
    assert_eq!(sample.size.unwrap().0, "1.50");
    assert!(sample.name.is_none() && sample.items.is_none());
    let rest: Vec<_> = sample.rest.iter().map(|(k, v)| (k.as_ref(), v.get())).collect();
    assert_eq!(rest, [("other", r#"{"a":[1, 2]}"#), ("name", "null")]);
}

record! {
    struct Proto<'a> proto {
        text: Str<'a>,
        mime_type("mimeType"): Str<'a>,
        inner_one("innerOne"): Sample<'a>,
    }
}

#[test]
fn a_proto_record_takes_both_spellings_and_keeps_the_odd_one() {
    let body = br#"{"mime_type":"x","innerOne":{"name":"n"},"other_key":1,"text":"t"}"#;
    let proto: Proto<'_> = read(body).unwrap();
    assert_eq!(proto.mime_type.unwrap().0, "x");
    assert_eq!(proto.inner_one.unwrap().name.unwrap().0, "n");
    assert_eq!(proto.text.unwrap().0, "t");
    let rest: Vec<_> = proto.rest.iter().map(|(k, v)| (k.as_ref(), v.get())).collect();
    assert_eq!(rest, [("mime_type", "\"x\""), ("other_key", "1")]);
    for (key, expected) in
        [("a_b_c", "aBC"), ("_a_b", "_aB"), ("a", "a"), ("_", "_"), ("a_", "a"), ("é_é", "éé")]
    {
        assert_eq!(super::record::camel(key), expected);
    }
}

#[test]
fn wrong_types_are_errors_and_not_panics() {
    for body in ["[]", "null", r#"{"size":"1"}"#, r#"{"name":1}"#, r#"{"items":{}}"#, "{", ""] {
        assert!(read::<Sample<'_>>(body.as_bytes()).is_err(), "{body}");
    }
    assert!(read::<Sample<'_>>(b"{\"name\":\"\xff\"}").is_err());
}

#[test]
fn compact_removes_white_space_outside_strings_only() {
    let pretty = "{ \"a b\" : [ 1 ,\n\t\"x \\\" y\" ] }";
    assert_eq!(compact(pretty), r#"{"a b":[1,"x \" y"]}"#);
    for odd in ["\"", " \"\\", "\"\\", "", " "] {
        compact(odd);
    }
}

#[test]
fn object_text_takes_one_object_and_nothing_else() {
    assert!(object_text(r#" {"a":1} "#).is_some());
    for no in ["", "[]", "{} {}", "{", "1", "\"{}\""] {
        assert!(object_text(no).is_none(), "{no}");
    }
}

#[test]
fn the_writer_writes_valid_json() {
    let mut out = Vec::new();
    write::object(&mut out, |o| {
        o.str("a", "line\n\"quoted\"");
        o.u64("b", 0);
        o.u64("c", u64::MAX);
        o.list("d", |l| {
            l.str("x");
            l.object(|o| o.bool("y", true));
        });
        write::concat(o.key("e"), &["data:", "a\"b\n", "", "é"]);
        o.field("k\"ey", serde_json::value::RawValue::NULL);
    });
    let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(value["a"], "line\n\"quoted\"");
    assert_eq!(value["c"], u64::MAX);
    assert_eq!(value["d"][1]["y"], true);
    assert_eq!(value["e"], "data:a\"b\né");
    assert!(value.as_object().unwrap().contains_key("k\"ey"));
}

#[test]
fn a_tree_keeps_order_and_numbers() {
    let text = r#"{"z":[1,-2,3.5,true,null],"a":{"k\"":"v\n","b":18446744073709551615}}"#;
    let tree = Tree::read(text).unwrap();
    let mut out = Vec::new();
    tree.write(&mut out);
    assert_eq!(String::from_utf8(out).unwrap(), text);
    assert_eq!(tree.get("a").unwrap().get("k\"").unwrap().text(), Some("v\n"));
    assert!(Tree::read("{").is_none());
    assert!(Tree::read(&"[".repeat(100_000)).is_none());
}

#[test]
fn what_cannot_be_read_of_an_answer_is_left_out_and_kept() {
    record! {
        struct Inner<'a> rest {
            text: Str<'a>,
            count: u64,
        }
    }
    record! {
        struct Outer<'a> rest {
            name: Str<'a>,
            inner: Inner<'a>,
            list: Vec<Inner<'a>>,
        }
    }
    let text =
        r#"{"name":7,"inner":{"text":"a","count":-1},"list":[{"text":{"b":1}},{"count":2}],"new":null}"#;
    assert!(serde_json::from_str::<Outer<'_>>(text).is_err());
    let outer: Outer<'_> = lenient(text).unwrap();
    assert!(outer.name.is_none());
    let kept = |rest: &Rest<'_>| -> Vec<String> {
        rest.iter().map(|(key, raw)| format!("{key}={}", raw.get())).collect()
    };
    assert_eq!(kept(&outer.rest), ["name=7", "new=null"]);
    let inner = outer.inner.unwrap();
    assert_eq!((inner.text.unwrap().as_ref(), kept(&inner.rest)), ("a", vec!["count=-1".to_owned()]));
    assert_eq!(outer.list.unwrap()[1].count, Some(2));
    // Strict again, and never lenient about what is no object.
    assert!(serde_json::from_str::<Outer<'_>>(text).is_err());
    for no in ["", "{", "[]", "7", "null", r#"{"name":7,"inner":{}"#] {
        assert!(lenient::<Outer<'_>>(no).is_err(), "{no}");
    }
}
