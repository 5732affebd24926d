use super::*;
use crate::forward::Usage;
use proptest::prelude::*;

const CHAT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"hi \\\"usage\\\" [DONE]\"}}],\"usage\":null}\n\n\
    data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}\n\ndata: [DONE]\n\n";

/// What goes through when `stream` comes in these pieces, and what is known then.
fn watch(protocol: Protocol, pieces: &[&[u8]]) -> (Vec<u8>, Events) {
    let mut events = Events::of(protocol).unwrap();
    let mut out = Vec::new();
    for piece in pieces {
        let whole = events.push(Bytes::copy_from_slice(piece)).unwrap();
        let ends = |end: &[u8]| whole.ends_with(end);
        assert!(whole.is_empty() || ends(b"\n\n") || ends(b"\n\r\n") || ends(b"\r\r"), "cut within an event");
        out.extend_from_slice(&whole);
    }
    out.extend_from_slice(&events.finish());
    (out, events)
}

#[test]
fn chat_streams_say_usage_and_end() {
    let (out, mut events) = watch(Protocol::ChatCompletions, &[CHAT.as_bytes()]);
    assert_eq!(out, CHAT.as_bytes());
    assert_eq!(events.end, Some(End::Complete));
    assert_eq!(events.tokens().usage, Usage { input: 3, output: 5, ..Usage::default() });
}

#[test]
fn counts_nobody_asked_for_are_left_out_however_they_come() {
    let usage = "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}";
    let text = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}],\"usage\":null}\n\n";
    let only = format!("data: {{\"choices\":[],{usage}}}\n\n");
    let along = format!("data: {{\"choices\":[{{}}],{usage}}}\r\n\r\n");
    let stream = [text, &along, &only, "data: [DONE]\n\n"].concat();
    for size in [1, 7, 50, stream.len()] {
        let mut events = Events::of(Protocol::ChatCompletions).unwrap().hiding_usage();
        let mut out = Vec::new();
        for piece in stream.as_bytes().chunks(size) {
            out.extend_from_slice(&events.push(Bytes::copy_from_slice(piece)).unwrap());
        }
        out.extend_from_slice(&events.finish());
        assert_eq!(String::from_utf8(out).unwrap(), [text, &along, "data: [DONE]\n\n"].concat(), "{size}");
        assert_eq!(events.tokens().usage, Usage { input: 3, output: 5, ..Usage::default() });
    }
}

#[test]
fn messages_and_gemini_say_their_counts_and_end() {
    let messages = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":\
        {\"input_tokens\":3,\"cache_read_input_tokens\":4,\"output_tokens\":1}}}\n\nevent: message_delta\ndata: \
        {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":9}}\n\nevent: message_stop\ndata: \
        {\"type\":\"message_stop\"}\n\n";
    let (out, mut events) = watch(Protocol::Messages, &[messages.as_bytes()]);
    assert_eq!((out.len(), events.end), (messages.len(), Some(End::Complete)));
    assert_eq!(events.tokens().usage, Usage { input: 7, cache_read: 4, output: 9, ..Usage::default() });
    let failed = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n";
    assert_eq!(watch(Protocol::Messages, &[failed.as_bytes()]).1.end, Some(End::Error));

    let part = |more: &str| {
        format!(
            "data: {{\"candidates\":[{{\"index\":0{more}}}],\"usageMetadata\":\
        {{\"promptTokenCount\":3,\"candidatesTokenCount\":2,\"thoughtsTokenCount\":5}}}}\r\n\r\n"
        )
    };
    let (_, mut events) = watch(Protocol::GenerateContent, &[part("").as_bytes()]);
    assert!(!events.has_ended());
    let (_, mut events) = watch(Protocol::GenerateContent, &[part(",\"finishReason\":\"STOP\"").as_bytes()]);
    assert!(events.has_ended() && events.end.is_none());
    assert_eq!(events.tokens().usage, Usage { input: 3, output: 7, reasoning: 5, ..Usage::default() });
    for (text, end) in [
        ("data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\n\n", None),
        ("data: {\"error\":{\"code\":503}}\n\n", Some(End::Error)),
    ] {
        let (_, mut events) = watch(Protocol::GenerateContent, &[text.as_bytes()]);
        assert_eq!((events.has_ended(), events.end), (end.is_none(), end), "{text}");
    }
}

#[test]
fn a_whole_chunk_is_not_copied() {
    let chunk = Bytes::from_static(CHAT.as_bytes());
    let mut events = Events::of(Protocol::ChatCompletions).unwrap();
    assert_eq!(events.push(chunk.clone()).unwrap().as_ptr(), chunk.as_ptr());
    assert!(events.is_complete());
}

#[test]
fn what_looks_like_the_end_in_a_text_is_not() {
    let text =
        "data: {\"choices\":[{\"delta\":{\"content\":\"data: [DONE]\"}}],\"error\":null}\n\n: [DONE]\n\n";
    assert_eq!(watch(Protocol::ChatCompletions, &[text.as_bytes()]).1.end, None);
}

#[test]
fn an_event_cut_short_is_held_back() {
    let (out, events) = watch(Protocol::ChatCompletions, &[b"data: {\"a\":1}\n\ndata: {\"b\"", b":2}\n"]);
    assert_eq!((&*out, events.end), (&b"data: {\"a\":1}\n\n"[..], None));
}

#[test]
fn an_end_without_its_blank_line_counts() {
    for end in ["data: [DONE]", "data: [DONE]\n", "data:[DONE]\r\n"] {
        let (out, events) = watch(Protocol::Completions, &[b"data: {}\n\n", end.as_bytes()]);
        assert_eq!((out, events.end), ([b"data: {}\n\n", end.as_bytes()].concat(), Some(End::Complete)));
    }
}

#[test]
fn what_ends_each_answer_ends_the_stream() {
    let chat = |choices: &str| format!("data: {{\"choices\":[{choices}]}}\n\n");
    let said =
        |index: u32| format!("{{\"index\":{index},\"delta\":{{\"content\":\"hi\"}},\"finish_reason\":null}}");
    let ends = |index: u32| format!("{{\"index\": {index},\"delta\":{{}},\"finish_reason\": \"stop\"}}");
    let empty = "{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"\"}";
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}\n\n";
    let long = format!("{{\"content\":\"{}\"}}", "x".repeat(9000));
    let table = [
        (vec![chat(&said(0)), chat(&ends(0))], true),
        (vec![chat(&said(0)), chat(&ends(0)), usage.to_owned()], true),
        (vec![chat(&said(0))], false),
        (vec![usage.to_owned()], false),
        (vec![chat(empty)], false),
        (vec![chat("{\"text\":\"hi\",\"finish_reason\":\"length\"}")], true),
        // A server that counts from 1, and another one that writes numbers as texts.
        (vec![chat(&said(1)), chat(&ends(1))], true),
        (vec![chat("{\"index\":\"0\",\"finish_reason\":\"stop\"}")], true),
        // Several answers.
        (vec![chat(&said(0)), chat(&said(1)), chat(&ends(0))], false),
        (vec![chat(&said(0)), chat(&said(1)), chat(&ends(1))], false),
        (vec![chat(&[said(0), said(1)].join(",")), chat(&[ends(0), ends(1)].join(","))], true),
        (vec![chat(&said(0)), chat(&said(1)), chat(&ends(1)), chat(&said(0)), chat(&ends(0))], true),
        (vec![chat(&ends(0)), chat(&said(1))], false),
        // Long ones, and long chunks.
        (vec![chat(&said(0)).repeat(200), chat(&ends(0))], true),
        (vec![chat(&said(0)).repeat(200)], false),
        (vec![chat(&ends(0).replace("{}", &long)), usage.to_owned()], true),
        (vec![chat(&said(0).replace("{\"content\":\"hi\"}", &long))], false),
        (vec![chat(&ends(0)), chat(&said(1)).repeat(200)], false),
    ];
    for (events, ended) in table {
        let stream = events.concat();
        for protocol in [Protocol::ChatCompletions, Protocol::Completions] {
            for size in [7, stream.len()] {
                let pieces: Vec<_> = stream.as_bytes().chunks(size).collect();
                let (out, mut events) = watch(protocol, &pieces);
                assert_eq!((events.has_ended(), events.end), (ended, None), "{stream}");
                assert_eq!(out, stream.as_bytes());
            }
        }
    }
    let start = "data: {\"type\":\"message_start\",\"message\":{\"stop_reason\":null,\"usage\":{}}}\n\n";
    let delta = "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n";
    for (stream, ended) in [(start, false), (delta, true), (&[start, delta, start].concat(), false)] {
        assert_eq!(watch(Protocol::Messages, &[stream.as_bytes()]).1.has_ended(), ended, "{stream}");
    }
}

#[test]
fn a_stream_of_responses_is_known_by_its_first_event_and_its_last_number() {
    let created = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\"},\
        \"sequence_number\":0}\n\n";
    let delta = |number: u32, text: &str| {
        format!(
            "data: {{\"type\":\"response.output_text.delta\",\"sequence_number\": {number},\
            \"delta\":\"{text} \\\"sequence_number\\\":9000\"}}\n\n"
        )
    };
    let long = "x".repeat(5000);
    let table = [
        (vec![], 0, None),
        (vec![created.to_owned()], 1, Some("resp_1")),
        (vec![": hi\n\n".to_owned(), created.to_owned(), delta(1, "a")], 2, Some("resp_1")),
        (
            vec![created.to_owned(), delta(1, "a"), ": hi\n\n".to_owned(), ": hi\n\n".to_owned()],
            2,
            Some("resp_1"),
        ),
        (vec![created.to_owned(), delta(1, &long), ": hi\n\n".to_owned()], 2, Some("resp_1")),
        (vec![created.to_owned(), delta(1, &long), delta(2, "b")], 3, Some("resp_1")),
        (vec![delta(41, "a"), created.to_owned(), delta(42, "b")], 43, None),
        (vec![created.replace(",\"sequence_number\":0", "")], 0, Some("resp_1")),
    ];
    for (events, next, id) in table {
        let stream = events.concat();
        let whole: Vec<_> = events.iter().map(String::as_bytes).collect();
        for pieces in [whole, stream.as_bytes().chunks(11).collect(), vec![stream.as_bytes()]] {
            let (_, events) = watch(Protocol::Responses, &pieces);
            let course = events.course().unwrap();
            assert_eq!(course.next(), next, "{stream}");
            assert_eq!(course.response().get("id").and_then(|id| id.as_str()), id, "{stream}");
        }
    }
    assert!(watch(Protocol::ChatCompletions, &[]).1.course().is_none());
}

#[test]
fn what_is_cut_behind_an_answer_is_left_out() {
    let answer = "data: {\"choices\":[{\"index\":0,\"finish_reason\":\"stop\"}]}\n\n";
    for (rest, shown) in
        [("data: [DON", ""), ("data: {\"choices\":[],\"us", ""), ("data: {}", "data: {}"), (": hi", ": hi")]
    {
        let (out, mut events) = watch(Protocol::ChatCompletions, &[answer.as_bytes(), rest.as_bytes()]);
        assert_eq!(out, [answer, shown].concat().into_bytes(), "{rest}");
        assert!(events.has_ended(), "{rest}");
    }
}

#[test]
fn errors_end_a_stream() {
    let table = [
        (Protocol::ChatCompletions, "data: {\"error\": {\"message\":\"overloaded\"}}\n\n"),
        (Protocol::Responses, "event: error\ndata: {\"type\":\"error\",\"error\":{}}\n\n"),
        (
            Protocol::Responses,
            "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{}}\n\n",
        ),
    ];
    for (protocol, stream) in table {
        assert_eq!(watch(protocol, &[stream.as_bytes()]).1.end, Some(End::Error), "{stream}");
    }
}

#[test]
fn responses_streams_end_with_their_usage() {
    let created =
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"error\":null}}\n\n";
    let usage = "{\"input_tokens\":3,\"output_tokens\":5,\"output_tokens_details\":{\"reasoning_tokens\":2}}";
    for end in ["completed", "incomplete"] {
        let last = format!("data: {{\"type\":\"response.{end}\",\"response\":{{\"usage\":{usage}}}}}\n\n");
        let (_, mut events) = watch(Protocol::Responses, &[created.as_bytes(), last.as_bytes()]);
        assert_eq!(events.end, Some(End::Complete), "{end}");
        assert_eq!(events.tokens().usage, Usage { input: 3, output: 5, reasoning: 2, ..Usage::default() });
    }
    assert_eq!(watch(Protocol::Responses, &[created.as_bytes()]).1.end, None);
}

#[test]
fn an_event_without_an_end_is_not_held_for_ever() {
    let mut events = Events::of(Protocol::ChatCompletions).unwrap();
    let chunk = Bytes::from(vec![b'x'; 1024 * 1024]);
    let pushed: Vec<_> = (0..17).map(|_| events.push(chunk.clone())).collect();
    assert!(pushed[..16].iter().all(Result::is_ok));
    assert_eq!(pushed[16], Err(TooLarge));
}

/// What a stream that told no counts is heard to say, whatever the pieces it comes in.
fn heard(protocol: Protocol, stream: &str) -> (Tokens, u64) {
    let tokens = [1, 40, stream.len()].map(|size| {
        let mut events = Events::of(protocol).unwrap();
        for piece in stream.as_bytes().chunks(size) {
            events.push(Bytes::copy_from_slice(piece)).unwrap();
        }
        let (tokens, heard) = (events.tokens(), crate::tally::Said::Heard(events.heard()));
        // Nobody listens any more once the counts are there.
        (tokens, if tokens.output.is_some() { 0 } else { heard.tokens() })
    });
    assert!(tokens[0] == tokens[1] && tokens[1] == tokens[2], "{tokens:?}");
    tokens[0]
}

#[test]
fn streams_without_counts_are_heard() {
    let chat = |delta: &str| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n");
    let call = r#"{"tool_calls":[{"index":0,"id":"call_1","function":{"name":"look","arguments":"{}"}}]}"#;
    let pieces =
        [r#"{"role":"assistant","content":""}"#, r#"{"content":"hello "}"#, r#"{"content":"world"}"#];
    let text = pieces.map(chat).concat();
    assert_eq!(heard(Protocol::ChatCompletions, &text), (Tokens::default(), 2));
    assert_eq!(heard(Protocol::ChatCompletions, &chat(call)), (Tokens::default(), 2));
    let responses = "data: {\"type\":\"response.output_text.delta\",\"delta\":\"hello \",\"logprobs\":[]}\n\n\
        data: {\"type\":\"response.output_text.delta\",\"delta\":\"world\"}\n\n\
        data: {\"type\":\"response.output_text.done\",\"text\":\"hello world\"}\n\n";
    assert_eq!(heard(Protocol::Responses, responses), (Tokens::default(), 2));
    let completions = "data: {\"choices\":[{\"text\":\"hello world\",\"index\":0}]}\n\n";
    assert_eq!(heard(Protocol::Completions, completions), (Tokens::default(), 2));
    let gemini = "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"hello world\"}],\"role\":\"model\"}}]}\n\n";
    assert_eq!(heard(Protocol::GenerateContent, gemini), (Tokens::default(), 2));
    let tail = ",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}\n\n";
    let counted = [&text, "data: {\"choices\":[]", tail].concat();
    assert_eq!(heard(Protocol::ChatCompletions, &counted).0.usage.output, 5);
}

#[test]
fn counts_at_the_beginning_are_of_what_was_read() {
    let start = "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n";
    let delta = |text: &str| {
        format!(
            "data: {{\"type\":\"content_block_delta\",\"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
        )
    };
    let begun = [start, &delta("hello "), &delta("world")].concat();
    assert_eq!(heard(Protocol::Messages, &begun), (Tokens::read(3), 2));
    let end = "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":9}}\n\n";
    let (tokens, _) = heard(Protocol::Messages, &[&begun, end].concat());
    assert_eq!((tokens.usage.input, tokens.usage.output, tokens.output.is_some()), (3, 9, true));
}

proptest! {
    #[test]
    fn pieces_make_no_difference(
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        line in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
    ) {
        let stream = CHAT.replace('\n', line);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &stream.as_bytes()[cut[0]..cut[1]]).collect();
        let (out, mut events) = watch(Protocol::ChatCompletions, &pieces);
        prop_assert_eq!(out, stream.as_bytes());
        prop_assert_eq!((events.end, events.tokens().usage.output), (Some(End::Complete), 5));
    }

    #[test]
    fn no_bytes_are_lost_or_made_up(pieces in prop::collection::vec("[\r\n:a-d{}\"]{0,12}", 0..8)) {
        let mut events = Events::of(Protocol::ChatCompletions).unwrap();
        let mut out = Vec::new();
        for piece in &pieces {
            out.extend_from_slice(&events.push(Bytes::copy_from_slice(piece.as_bytes())).unwrap());
        }
        out.extend_from_slice(&events.held);
        prop_assert_eq!(out, pieces.concat().into_bytes());
    }
}
