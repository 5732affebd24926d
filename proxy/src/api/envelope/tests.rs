use super::*;
use proptest::prelude::*;

fn model(body: &str) -> Result<(String, bool), Unreadable> {
    read(body.as_bytes()).map(|envelope| (envelope.model.into_owned(), envelope.stream))
}

#[test]
fn model_and_stream_are_found_wherever_they_are() {
    let table = [
        (r#"{"model":"m"}"#, "m", false),
        (r#"{"stream":true,"messages":[{"model":"x","stream":false}],"model":"m"}"#, "m", true),
        (r#"{"messages":"\"model\":\"x\"","model" : "m" , "stream" : false}"#, "m", false),
        (r#"{"mod\u0065l":"m","stre\u0061m":true}"#, "m", true),
        (r#"{"model":"a\u00e9\n\"\\b","stream":null}"#, "aé\n\"\\b", false),
        (r#"{"model":"é","stream":"true"}"#, "é", false),
        ("\n{\n  \"model\"\t:\r\n\"m\"\n}\n", "m", false),
    ];
    for (body, expected, stream) in table {
        assert_eq!(model(body), Ok((expected.to_owned(), stream)), "{body}");
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let twice =
        [r#"{"model":"a","model":"b"}"#, r#"{"model":"a","mod\u0065l":"b"}"#, r#"{"model":"a","Model":"b"}"#];
    for body in twice {
        assert_eq!(model(body), Err(Unreadable::Ambiguous("model")), "{body}");
    }
    assert_eq!(model(r#"{"MODEL":"a"}"#), Err(Unreadable::Ambiguous("model")));
    assert_eq!(model(r#"{"model":"a","stream":true,"stream":false}"#), Err(Unreadable::Ambiguous("stream")));
}

#[test]
fn a_model_must_be_named() {
    for body in ["{}", r#"{"model":""}"#, r#"{"model":7}"#, r#"{"model":null}"#, r#"{"model":["m"]}"#] {
        assert_eq!(model(body), Err(Unreadable::NoModel), "{body}");
    }
    assert_eq!(read(b"{\"model\":\"\xff\"}"), Err(Unreadable::NoModel), "not UTF-8");
    assert_eq!(
        model("{\"model\":\"a\u{1}\"}"),
        Err(Unreadable::NoModel),
        "a control character is no JSON text"
    );
    assert_eq!(model(&format!("{{\"model\":\"{}\"}}", "m".repeat(MAX_MODEL))), Err(Unreadable::LongModel));
    assert!(matches!(model("{\"model\":\"m\""), Err(Unreadable::Malformed(_))));
}

#[test]
fn the_same_name_leaves_the_same_bytes() {
    let body = Bytes::from_static(br#"{ "model" : "m" }"#);
    let place = read(&body).unwrap().place;
    assert_eq!(splice(&body, &place, "m", None).as_ptr(), body.as_ptr());
}

#[test]
fn a_stream_is_made_to_tell_its_counts() {
    let with = r#""stream_options":{"include_usage":true}"#;
    let table = [
        (r#"{"model":"m","stream":true}"#, Some(format!(r#"{{{with},"model":"n","stream":true}}"#))),
        (
            " { \"stream\":true,\"model\":\"m\"}",
            Some(format!(" {{{with}, \"stream\":true,\"model\":\"n\"}}")),
        ),
        (
            r#"{"stream_options":null,"model":"m","stream":true}"#,
            Some(format!(r#"{{{with},"model":"n","stream":true}}"#)),
        ),
        (
            r#"{"model":"m","stream":true,"stream_options":{}}"#,
            Some(format!(r#"{{"model":"n","stream":true,{with}}}"#)),
        ),
        (
            r#"{"model":"m","stream":true,"stream_options":{"include_usage":false}}"#,
            Some(format!(r#"{{"model":"n","stream":true,{with}}}"#)),
        ),
        (
            r#"{"model":"m","stream":true,"stream_options":{"x":[1]}}"#,
            Some(r#"{"model":"n","stream":true,"stream_options":{"include_usage":true,"x":[1]}}"#.to_owned()),
        ),
        (r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#, None),
        (r#"{"model":"m","stream":true,"stream_options":7}"#, None),
        (r#"{"model":"m","stream":false}"#, None),
        (r#"{"model":"m"}"#, None),
    ];
    for (body, expected) in table {
        let body = Bytes::from(body);
        let envelope = read(&body).unwrap();
        let edited = envelope.usage.as_ref().map(|edit| splice(&body, &envelope.place, "n", Some(edit)));
        assert_eq!(edited.as_deref().map(|bytes| std::str::from_utf8(bytes).unwrap()), expected.as_deref());
    }
}

proptest! {
    #[test]
    fn only_the_name_changes(
        before in "[ \n]{0,3}", name in "\\PC{1,20}", next in "\\PC{1,20}", text in "\\PC{0,40}", stream: bool,
    ) {
        let quote = |text: &str| serde_json::to_string(text).unwrap();
        let written = |name: &str| {
            format!("{before}{{\"a\":{}, \"model\": {} ,\"stream\":{stream}}}", quote(&text), quote(name))
        };
        let body = Bytes::from(written(&name));
        let envelope = read(&body).unwrap();
        prop_assert_eq!(&*envelope.model, &name);
        prop_assert_eq!(envelope.stream, stream);
        let spliced = splice(&body, &envelope.place, &next, None);
        prop_assert_eq!(std::str::from_utf8(&spliced).unwrap(), written(&next));
    }
}
