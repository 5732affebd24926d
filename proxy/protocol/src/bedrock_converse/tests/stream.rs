use crate::aws_eventstream::{write_event, write_message};
use crate::bedrock_converse::Converse;
use crate::codec::{Exchange, JSON_TOOL, ProviderCodec as _};
use crate::error::ErrorKind;
use crate::ir::{Choice, Content, Event, Finish, Fold, Usage};
use crate::protocol::Protocol;
use crate::stream::StreamReader;
use proptest::prelude::*;

/// The events of a streamed answer with reasoning, text and two calls.
const EVENTS: [(&str, &str); 18] = [
    ("messageStart", r#"{"role":"assistant","p":"ab"}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"Hm"}}}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"."}}}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"c2ln"}}}"#),
    ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"text":"It is "}}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"text":"nö."}}"#),
    ("contentBlockStop", r#"{"contentBlockIndex":1}"#),
    ("contentBlockStart", r#"{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"t1","name":"sky"}}}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":""}}}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{\"city\":"}}}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":"\"Riga\"}"}}}"#),
    ("contentBlockStop", r#"{"contentBlockIndex":2}"#),
    ("contentBlockStart", r#"{"contentBlockIndex":3,"start":{"toolUse":{"toolUseId":"t2","name":"now"}}}"#),
    ("contentBlockStop", r#"{"contentBlockIndex":3}"#),
    ("somethingNew", r#"{"a":1}"#),
    ("messageStop", r#"{"stopReason":"tool_use"}"#),
    ("metadata", r#"{"usage":{"inputTokens":3,"outputTokens":9,"totalTokens":12,"cacheReadInputTokens":2}}"#),
];

fn stream(events: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    events.iter().for_each(|(event, data)| write_event(&mut out, event, data.as_bytes()));
    out
}

fn reader(exchange: Exchange) -> StreamReader {
    StreamReader::new(Converse.framing(), Converse.stream_decoder(exchange))
}

/// Every event, as text.
fn events(chunks: &[&[u8]], exchange: Exchange) -> Vec<String> {
    let mut seen = Vec::new();
    let mut sink = |event: Event<'_>| seen.push(format!("{event:?}"));
    let mut reader = reader(exchange);
    chunks.iter().for_each(|chunk| reader.push(chunk, &mut sink));
    reader.finish(&mut sink);
    seen
}

fn said(choice: &Choice<'_>) -> Vec<String> {
    let blocks = choice.blocks().map(|block| match &block.content {
        Content::ToolCall(call) => format!("{} {} {}", call.id, call.name, call.arguments.as_text()),
        other => format!("{other:?} {:?}", block.state),
    });
    blocks.collect()
}

#[test]
fn a_stream_is_the_answer_that_it_tells() {
    let mut fold = Fold::new(Protocol::BedrockConverse);
    let mut reader = reader(Exchange::default());
    reader.push(&stream(&EVENTS), &mut fold);
    reader.finish(&mut fold);
    assert!(fold.is_complete(), "{fold:?}");
    let (answer, _) = fold.into_parts();
    let choice = &answer.choices[0];
    assert_eq!(choice.finish, Some(Finish::ToolUse));
    let usage = Usage { input_total: 5, cache_read: Some(2), output_total: 9, ..Usage::default() };
    assert_eq!(answer.usage, Some(usage));
    let whole = r#"{"output":{"message":{"role":"assistant","content":[
        {"reasoningContent":{"reasoningText":{"text":"Hm.","signature":"c2ln"}}},{"text":"It is nö."},
        {"toolUse":{"toolUseId":"t1","name":"sky","input":{"city":"Riga"}}},
        {"toolUse":{"toolUseId":"t2","name":"now","input":{}}}]}},"stopReason":"tool_use"}"#;
    let twin = Converse.decode_response(whole.as_bytes(), &Exchange::default()).unwrap();
    assert_eq!(said(choice), said(&twin.choices[0]));
}

#[test]
fn a_stream_without_an_end_is_incomplete() {
    let last = |bytes: &[u8]| events(&[bytes], Exchange::default()).pop().unwrap();
    assert!(last(&stream(&EVENTS[..16])).contains("Incomplete"));
    let whole = stream(&EVENTS[..17]);
    assert_eq!(last(&whole), "End");
    assert!(last(&whole[..whole.len() - 3]).contains("Incomplete"));
    let mut corrupt = whole.clone();
    corrupt[30] ^= 1;
    assert!(last(&corrupt).contains("Server"));
}

#[test]
fn exceptions_end_the_stream() {
    for (kind, expected) in [
        ("throttlingException", ErrorKind::RateLimit),
        ("modelStreamErrorException", ErrorKind::Server),
        ("serviceUnavailableException", ErrorKind::Overloaded),
        ("unheardOfException", ErrorKind::Server),
    ] {
        let mut bytes = stream(&EVENTS[..3]);
        let headers = [(":exception-type", kind), (":message-type", "exception")];
        write_message(&mut bytes, &headers, br#"{"message":"said so"}"#);
        bytes.extend(stream(&EVENTS[16..]));
        let mut last = None;
        let mut sink = |event: Event<'_>| {
            assert!(last.is_none(), "{event:?} after the error");
            if let Event::Error(error) = event {
                last = Some(error);
            }
        };
        let mut reader = reader(Exchange::default());
        reader.push(&bytes, &mut sink);
        reader.finish(&mut sink);
        let error = last.unwrap();
        assert_eq!((error.kind, error.message.as_str()), (expected, "said so"));
    }
}

#[test]
fn calls_are_undone_as_in_whole_answers() {
    let call = r#"{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t1","name":"NAME"}}}"#;
    let input = r#"{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\"input\":\"ls\"}"}}}"#;
    let of = |name: &str, exchange| {
        let call = call.replace("NAME", name);
        let stop = r#"{"stopReason":"tool_use"}"#;
        let all = [("contentBlockStart", call.as_str()), ("contentBlockDelta", input), ("messageStop", stop)];
        events(&[&stream(&all)], exchange).join("\n")
    };
    let json = of(JSON_TOOL, Exchange { json_tool: true, ..Exchange::default() });
    assert!(json.contains(r#"Text("{\"input\":\"ls\"}")"#) && json.contains("finish: Stop"), "{json}");
    let empty = [("contentBlockStart", call), ("contentBlockStop", r#"{"contentBlockIndex":0}"#)];
    let empty = empty.map(|(event, data)| (event, data.replace("NAME", JSON_TOOL)));
    let mut empty: Vec<_> = empty.iter().map(|(event, data)| (*event, data.as_str())).collect();
    empty.push(("messageStop", r#"{"stopReason":"tool_use"}"#));
    let json = events(&[&stream(&empty)], Exchange { json_tool: true, ..Exchange::default() }).join("\n");
    assert!(json.contains(r#"Text("{}")"#), "{json}");
    let custom = of(
        "shell",
        Exchange { custom: FromIterator::from_iter(["shell".to_owned()]), ..Exchange::default() },
    );
    assert!(custom.contains(r#"Args("ls")"#) && custom.contains("style: Custom"), "{custom}");
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(mut cuts in proptest::collection::vec(0usize..4000, 0..24)) {
        let bytes = stream(&EVENTS);
        let expected = events(&[&bytes], Exchange::default());
        cuts.retain(|cut| *cut < bytes.len());
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(events(&chunks, Exchange::default()), expected);
    }

    #[test]
    fn no_payload_makes_it_panic(event in 0usize..7, data in ".{0,60}") {
        let names = [
            "messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop",
            "metadata", "",
        ];
        events(&[&stream(&[(names[event], &data)])], Exchange::default());
    }
}
