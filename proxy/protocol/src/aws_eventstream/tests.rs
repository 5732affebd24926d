use super::*;
use proptest::prelude::*;

/// Events and data of frames, and how reading ended.
type Read = (Vec<(String, Vec<u8>)>, Result<(), FrameError>);

/// Everything a stream gives, read in these chunks.
fn read(chunks: &[&[u8]]) -> Read {
    let mut framer = EventStreamFramer::default();
    let mut frames = Vec::new();
    for chunk in chunks {
        let before = framer.held();
        let mut each = |frame: Frame<'_>| {
            frames.push((String::from_utf8_lossy(frame.event).into_owned(), frame.data.to_vec()));
        };
        let result = framer.push(chunk, &mut each);
        assert!(framer.held() <= before + chunk.len(), "holds more than it was given");
        if result.is_err() {
            return (frames, result);
        }
    }
    (frames, Ok(()))
}

fn stream() -> Vec<u8> {
    let mut out = Vec::new();
    write_event(&mut out, "messageStart", br#"{"role":"assistant"}"#);
    write_message(&mut out, &[(":message-type", "other")], b"?");
    write_event(&mut out, "contentBlockDelta", "{\"delta\":{\"text\":\"é\"}}".as_bytes());
    let exception = [(":exception-type", "throttlingException"), (":message-type", "exception")];
    write_message(&mut out, &exception, br#"{"message":"slow down"}"#);
    let error = [(":message-type", "error"), (":error-code", "500"), (":error-message", "broke")];
    write_message(&mut out, &error, b"");
    out
}

fn expected() -> Vec<(String, Vec<u8>)> {
    [
        ("messageStart", r#"{"role":"assistant"}"#),
        ("contentBlockDelta", "{\"delta\":{\"text\":\"é\"}}"),
        ("!throttlingException", r#"{"message":"slow down"}"#),
        ("!500", "broke"),
    ]
    .map(|(event, data)| (event.to_owned(), data.as_bytes().to_vec()))
    .to_vec()
}

/// Made from the description of the format with Python's `struct` and `binascii.crc32`, and read by
/// `botocore.eventstream.EventStreamBuffer` as the event `chunk` with the payload `{}`.
#[test]
fn bytes_are_those_the_sdk_reads() {
    let expected = concat!(
        "0000003c0000002ada4843380d3a6d6573736167652d747970650700056576656e74",
        "0b3a6576656e742d747970650700056368756e6b7b7dc864b750"
    );
    let mut out = Vec::new();
    write_message(&mut out, &[(":message-type", "event"), (":event-type", "chunk")], b"{}");
    let hex: String = out.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, expected);
    assert_eq!(read(&[&out]).0, [("chunk".to_owned(), b"{}".to_vec())]);
}

#[test]
fn messages_are_frames_whole_or_byte_by_byte() {
    let stream = stream();
    assert_eq!(read(&[&stream]), (expected(), Ok(())));
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(read(&bytes), (expected(), Ok(())));
}

#[test]
fn lengths_that_cannot_be_are_refused_before_anything_is_held() {
    let prelude = |total: u32, headers: u32| {
        let mut out = Vec::new();
        out.extend_from_slice(&total.to_be_bytes());
        out.extend_from_slice(&headers.to_be_bytes());
        out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
        out
    };
    for (total, headers, error) in [
        (u32::MAX, 0, FrameError::TooLarge),
        (u32::MAX, u32::MAX, FrameError::TooLarge),
        (100, u32::MAX, FrameError::TooLarge),
        (15, 0, FrameError::Corrupt),
        (16, 1, FrameError::Corrupt),
        (0, 0, FrameError::Corrupt),
    ] {
        let bytes = prelude(total, headers);
        assert_eq!(read(&[&bytes]).1, Err(error), "{total} {headers}");
        let (first, second) = bytes.split_at(5);
        assert_eq!(read(&[first, second, b"x"]).1, Err(error), "{total} {headers}");
    }
    assert_eq!(read(&[&prelude(16, 0), b"\0"]), (vec![], Ok(())));
}

#[test]
fn headers_of_every_type_are_passed_over() {
    let mut headers = Vec::new();
    for (kind, size) in SIZES_OF_OTHERS {
        headers.extend_from_slice(&[1, b'a' + kind, kind]);
        if kind == 6 {
            headers.extend_from_slice(&[0, 3]);
        }
        headers.extend_from_slice(&vec![7; size]);
    }
    headers::write(&mut headers, ":message-type", "event");
    assert_eq!(Headers::read(&headers).unwrap().text(":message-type"), Some("event"));
    for end in 1..headers.len() {
        // Cut anywhere but between two headers it is corrupt; nowhere does it panic.
        let _ = Headers::read(&headers[..end]);
    }
    assert!(Headers::read(&[1, b'a', 10]).is_none() && Headers::read(&[1, b'a', 7, 255, 255]).is_none());
}

const SIZES_OF_OTHERS: [(u8, usize); 9] =
    [(0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (6, 3), (8, 8), (9, 16)];

proptest! {
    #[test]
    fn any_split_gives_the_same_frames(mut cuts in proptest::collection::vec(0usize..600, 0..12)) {
        let stream = stream();
        cuts.retain(|cut| *cut < stream.len());
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        prop_assert_eq!(read(&chunks), (expected(), Ok(())));
    }

    #[test]
    fn a_changed_byte_is_noticed(at in 0usize..600, change in 1u8..=255, cut in 0usize..600) {
        let mut stream = stream();
        let at = at % stream.len();
        stream[at] ^= change;
        let (first, second) = stream.split_at(cut % stream.len());
        let (frames, result) = read(&[first, second]);
        prop_assert!(result.is_err());
        prop_assert!(expected().starts_with(&frames));
    }

    #[test]
    fn no_bytes_make_it_panic_or_grow(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..64), 0..8)) {
        let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        let _ = read(&chunks);
    }
}
