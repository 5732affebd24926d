use proptest::prelude::*;

use super::*;

type Frames = Vec<(Vec<u8>, Vec<u8>)>;

fn sse(chunks: &[&[u8]]) -> Frames {
    let mut framer = SseFramer::default();
    let mut frames = Vec::new();
    let mut each = |frame: Frame<'_>| frames.push((frame.event.to_vec(), frame.data.to_vec()));
    for chunk in chunks {
        framer.push(chunk, &mut each).unwrap();
    }
    framer.finish(&mut each);
    frames
}

fn array(chunks: &[&[u8]]) -> Result<Frames, FrameError> {
    let mut framer = ArrayFramer::default();
    let mut frames = Vec::new();
    for chunk in chunks {
        framer.push(chunk, &mut |frame| frames.push((frame.event.to_vec(), frame.data.to_vec())))?;
    }
    Ok(frames)
}

fn split<'b>(body: &'b [u8], cuts: &[usize]) -> Vec<&'b [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (body.len() + 1)).collect();
    cuts.sort_unstable();
    cuts.push(body.len());
    let mut from = 0;
    cuts.into_iter().map(|to| &body[std::mem::replace(&mut from, to)..to]).collect()
}

fn pairs(frames: &Frames) -> Vec<(&str, &str)> {
    let text = |bytes| std::str::from_utf8(bytes).unwrap();
    frames.iter().map(|(event, data)| (text(event), text(data))).collect()
}

#[test]
fn events_in_every_spelling() {
    for (body, expected) in [
        ("data: a\n\n", vec![("", "a")]),
        ("data:a\r\n\r\ndata:  b\r\n\r\n", vec![("", "a"), ("", " b")]),
        ("data: a\r\rdata: b\r\r", vec![("", "a"), ("", "b")]),
        (": note\n\nevent: x\ndata: 1\ndata: 2\n\n", vec![("x", "1\n2")]),
        ("event: x\nevent: y\ndata\n\n", vec![("y", "")]),
        ("event: x\n\ndata: a", vec![("", "a")]),
        ("\u{feff}data: a\n\n\u{feff}data: b\n\n", vec![("", "a")]),
        ("id: 1\nretry: 5\nthis is not an event\n", vec![]),
        ("data: last\n", vec![("", "last")]),
        ("", vec![]),
    ] {
        assert_eq!(pairs(&sse(&[body.as_bytes()])), expected, "{body:?}");
        let bytes: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
        assert_eq!(pairs(&sse(&bytes)), expected, "bytewise {body:?}");
    }
}

#[test]
fn an_empty_chunk_between_cr_and_lf_changes_nothing() {
    assert_eq!(pairs(&sse(&[b"data: a\r", b"", b"\nevent: x\n\n"])), [("x", "a")]);
}

#[test]
fn an_event_in_one_chunk_is_not_copied() {
    let chunk = b"event: e\ndata: {\"x\":1}\n\n";
    let range = chunk.as_ptr_range();
    let mut framer = SseFramer::default();
    let mut seen = 0;
    framer
        .push(chunk, &mut |frame| {
            assert!(range.contains(&frame.data.as_ptr()) && range.contains(&frame.event.as_ptr()));
            seen += 1;
        })
        .unwrap();
    assert_eq!(seen, 1);
}

#[test]
fn a_frame_without_end_is_refused() {
    let chunk = vec![b'x'; 1 << 20];
    let mut framer = SseFramer::default();
    let results: Vec<_> = (0..17).map(|_| framer.push(&chunk, &mut |_| {})).collect();
    assert_eq!(results.iter().position(Result::is_err), Some(16));
    let mut framer = ArrayFramer::default();
    framer.push(b"[{\"", &mut |_| {}).unwrap();
    let results: Vec<_> = (0..17).map(|_| framer.push(&chunk, &mut |_| {})).collect();
    assert!(results.contains(&Err(FrameError::TooLarge)));
}

#[test]
fn arrays_objects_and_neither() {
    let body = br#"[{"a":"}]\"\\"}
,
{"b":[{},[1]]}]"#;
    let frames = array(&[body]).unwrap();
    assert_eq!(pairs(&frames), [("", r#"{"a":"}]\"\\"}"#), ("", r#"{"b":[{},[1]]}"#)]);
    assert_eq!(pairs(&array(&[b" {\"error\":{}}\n"]).unwrap()), [("", "{\"error\":{}}")]);
    assert_eq!(array(&[b"[1]"]), Err(FrameError::NotAnArray));
    assert_eq!(array(&[b"oops"]), Err(FrameError::NotAnArray));
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(
        lines in prop::collection::vec("(data: ?|event: |: |)[a-zé日🎉]{0,4}(\n|\r\n|\r|\n\n|\r\n\r\n)", 0..12),
        cuts in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let body = lines.concat();
        let whole = sse(&[body.as_bytes()]);
        prop_assert_eq!(sse(&split(body.as_bytes(), &cuts)), whole);
    }

    #[test]
    fn any_split_gives_the_same_elements(
        texts in prop::collection::vec("[a-z\"\\\\{}\\[\\],é🎉]{0,6}", 0..6),
        cuts in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let elements: Vec<_> = texts.iter().map(|text| serde_json::json!({ "t": [text] })).collect();
        let body = serde_json::to_string_pretty(&elements).unwrap();
        let frames = array(&split(body.as_bytes(), &cuts)).unwrap();
        let read: Vec<serde_json::Value> =
            frames.iter().map(|(_, data)| serde_json::from_slice(data).unwrap()).collect();
        prop_assert_eq!(read, elements);
    }

    #[test]
    fn no_bytes_make_the_framers_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), cuts in prop::collection::vec(any::<usize>(), 0..5)) {
        sse(&split(&bytes, &cuts));
        let _ = array(&split(&bytes, &cuts));
    }
}
