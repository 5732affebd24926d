use super::*;

const CHAT: &str = r#"{"prompt_tokens":9,"completion_tokens":7,"total_tokens":16,
    "prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":5}}"#;
const USAGE: Usage = Usage { input: 9, cache_read: 4, cache_write: 0, output: 7, reasoning: 5 };

fn told(usage: Usage) -> Option<Tokens> {
    let by = Some(CountedBy::Provider);
    Some(Tokens { usage, input: by, output: by })
}

#[test]
fn counts_of_chat_and_responses() {
    let responses = r#"{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},
        "output_tokens":7,"output_tokens_details":{"reasoning_tokens":5},"total_tokens":16}"#;
    for usage in [CHAT, responses] {
        assert_eq!(of_answer(format!("{{\"id\":1,\"usage\":{usage},\"x\":[]}}").as_bytes()), told(USAGE));
        assert_eq!(of_tail(format!("0,1],\"usage\" : {usage},\"x\":[]}}").as_bytes()), told(USAGE));
    }
}

#[test]
fn counts_of_messages_and_gemini() {
    let messages = r#"{"content":[],"usage":{"input_tokens":3,"cache_read_input_tokens":4,
        "cache_creation_input_tokens":2,"output_tokens":7,"output_tokens_details":{"thinking_tokens":5}}}"#;
    let written = Usage { cache_write: 2, ..USAGE };
    assert_eq!(of_answer(messages.as_bytes()), told(written));
    let gemini = r#"{"candidates":[],"usageMetadata":{"promptTokenCount":8,"toolUsePromptTokenCount":1,
        "cachedContentTokenCount":4,"candidatesTokenCount":2,"thoughtsTokenCount":5,"totalTokenCount":16}}"#;
    for answer in [gemini.to_owned(), format!("[{{\"usageMetadata\":{{}}}},\n{gemini}]")] {
        assert_eq!(of_answer(answer.as_bytes()), told(USAGE), "{answer}");
    }
}

#[test]
fn what_is_told_later_counts_where_it_says_anything() {
    let read = |text: &str| serde_json::from_str::<Counts>(text).unwrap();
    let start = read(r#"{"input_tokens":3,"cache_read_input_tokens":4,"output_tokens":1}"#);
    let usage = start.and(read(r#"{"output_tokens":7,"input_tokens":null}"#)).usage();
    assert_eq!(usage, Usage { input: 7, cache_read: 4, output: 7, ..Usage::default() });
}

#[test]
fn only_the_usage_of_the_answer_itself_counts() {
    let nested = format!("{{\"choices\":[{{\"usage\":{CHAT}}}]}}");
    assert_eq!(of_answer(nested.as_bytes()), None);
    for answer in ["", "null", "{\"usage\":null}", "{\"usage\":7}", "{\"usage\""] {
        assert_eq!(of_answer(answer.as_bytes()), None, "{answer}");
        assert_eq!(of_tail(answer.as_bytes()), None, "{answer}");
    }
    let half = of_answer(b"{\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":null}}").unwrap();
    assert_eq!((half.usage.input, half.input, half.output), (3, Some(CountedBy::Provider), None));
}

#[test]
fn a_count_that_is_none_costs_no_other() {
    let odd = r#"{"usage":{"prompt_tokens":"9","prompt_tokens_details":7,"completion_tokens":7.0,
        "completion_tokens_details":{"reasoning_tokens":-1,"audio_tokens":"x"}}}"#;
    for read in [of_answer, of_tail] {
        let told = read(odd.as_bytes()).unwrap();
        assert_eq!((told.input, told.output), (None, Some(CountedBy::Provider)));
        assert_eq!(told.usage, Usage { output: 7, ..Usage::default() });
        assert_eq!(read(b"{\"usage\":{\"prompt_tokens\":-1}}"), Some(Tokens::default()));
    }
}

#[test]
fn what_is_not_told_is_what_the_proxy_counts() {
    let counted = Counted { input: Some(30), output: Some(70) };
    let (whole, half) = (told(USAGE).unwrap(), Tokens::read(3));
    assert_eq!(whole.or(counted), whole);
    let both = half.or(counted);
    assert_eq!((both.usage.input, both.usage.output, both.output), (3, 70, Some(CountedBy::Proxy)));
    assert_eq!(both.counted_by(), Some(CountedBy::Proxy));
    assert_eq!((half.counted_by(), Tokens::default().counted_by()), (Some(CountedBy::Provider), None));
    // Of caches and hidden reasoning the proxy knows nothing.
    let proxy = CountedBy::Proxy;
    let ours = Tokens::default().or(counted).by_type();
    assert_eq!(ours, [Some((30, proxy)), None, None, Some((70, proxy)), None]);
    let by = CountedBy::Provider;
    let theirs = [Some((9, by)), Some((4, by)), Some((0, by)), Some((7, by)), Some((5, by))];
    assert_eq!(whole.by_type(), theirs);
    assert_eq!(whole.of_input().by_type()[3..], [None, None]);
    assert_eq!(whole.of_input().usage, Usage { output: 0, reasoning: 0, ..USAGE });
}

#[test]
fn gemini_leaves_out_what_is_nothing() {
    let blocked = of_answer(br#"{"usageMetadata":{"promptTokenCount":8}}"#).unwrap();
    assert_eq!((blocked.usage.output, blocked.output), (0, Some(CountedBy::Provider)));
}

/// The recorded answer of Gemini that ran a tool: Google's total is the sum of its four counts.
#[test]
fn what_tools_of_the_provider_said_is_input_however_the_answer_goes() {
    let body = include_bytes!("../../../protocol/fixtures/gemini_generate/code-execution/response.json");
    let passed = of_answer(body).unwrap();
    let codec = llm_protocol::codec(llm_protocol::Protocol::Gemini).unwrap();
    let read = codec.decode_response(body, &llm_protocol::Exchange::default()).unwrap();
    let translated = Tokens::from(read.usage.unwrap());
    assert_eq!(passed, translated);
    assert_eq!((passed.usage.input, passed.usage.output), (85 + 149, 122 + 87));
}
