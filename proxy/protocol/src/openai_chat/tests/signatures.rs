//! Signatures of Google's OpenAI-compatible endpoint, and of Gemini's calls on their way to it.

use super::*;
use crate::anthropic::Anthropic;
use crate::codec;
use crate::codec::{Exchange, States};
use crate::ir::Sink;
use crate::stream::{Framing, StreamReader};

#[test]
fn googles_signature_survives_both_ways() {
    let body = br#"{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"function",
        "function":{"name":"t","arguments":"{}"},"extra_content":{"google":{"thought_signature":"c2ln"}}}]}]}"#;
    let request = OpenAiChat.decode_request(body, UrlFacts::default()).unwrap();
    let state = State::new("gemini", "c2ln");
    assert_eq!(request.turns[0].blocks[0].state, Some(state.clone()));
    let mut signed = call("a", "t", "{}");
    signed.state = Some(state);
    let mut foreign = Request::new(Protocol::Gemini, Cow::Borrowed("m"));
    foreign.turns = vec![
        turn(Role::Assistant, vec![signed]),
        turn(Role::User, vec![result("a", vec![Block::text("done")], None)]),
    ];
    let (body, _) = encode_for("models/Gemini-3-pro", &foreign, true).unwrap();
    assert_eq!(body["messages"][0]["tool_calls"][0]["extra_content"]["google"]["thought_signature"], "c2ln");
    let (body, warnings) = encode(&foreign, false).unwrap();
    assert_eq!(
        body["messages"][0]["tool_calls"][0].get("extra_content"),
        None,
        "only Google's models know it"
    );
    assert_eq!(warnings.as_deref(), Some("reasoning_state_dropped"));
    assert!(encode(&foreign, true).is_err());
}

#[test]
fn only_calls_are_signed_in_a_stream() {
    let request = Request::new(Protocol::OpenAiChat, Cow::Borrowed("m"));
    let mut encoder = OpenAiChat.stream_encoder(Reply::to(&OpenAiChat, &request, 1, 7));
    let state = |data| State::new("gemini", data);
    let call = BlockKind::ToolCall { id: "a".into(), name: "t".into(), style: CallStyle::Function };
    let mut out = Vec::new();
    for event in [
        Event::Start { id: "1".into(), model: "x".into(), created: None, service_tier: None },
        Event::BlockStart { block: 0, choice: 0, kind: call },
        Event::Signature { block: 0, state: state("of the call") },
        Event::BlockStart { block: 1, choice: 0, kind: BlockKind::Text },
        Event::Signature { block: 1, state: state("of the text") },
    ] {
        encoder.event(&event, &mut out);
    }
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains("of the call") && !out.contains("of the text"), "{out}");
    // Clients read what belongs to a call in the piece that opens it, and nowhere else.
    let first = out.split("\n\n").find(|event| event.contains("tool_calls")).unwrap();
    assert!(first.contains("\"id\":\"a\"") && first.contains("of the call"), "{first}");
}

const SIGNED: &str = concat!(
    r#"data: {"id":"1","model":"g","choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0,"id":"c","type":"function","#,
    r#""function":{"name":"t","arguments":"{\"a\":1}"},"extra_content":{"google":{"thought_signature":"c2ln"}}}]},"finish_reason":"tool_calls"}]}"#,
    "\n\ndata: [DONE]\n\n"
);

/// A signature that comes in one piece with the arguments reaches a client of Messages before the call, which is
/// where that protocol has a place for it: in the stream as in the whole answer.
#[test]
fn a_signed_call_of_a_stream_keeps_its_signature_for_clients_of_messages() {
    let to = codec(Protocol::Anthropic).unwrap();
    let request = Request::new(Protocol::Anthropic, Cow::Borrowed("m"));
    let mut encoder = to.stream_encoder(Reply::to(to, &request, 1, 7));
    let mut out = Vec::new();
    let mut reader = StreamReader::new(Framing::Sse, OpenAiChat.stream_decoder(Exchange::default()));
    let mut sink = |event: Event<'_>| encoder.event(&event, &mut out);
    reader.push(SIGNED.as_bytes(), &mut sink as &mut dyn Sink);
    reader.finish(&mut sink);
    let out = String::from_utf8(out).unwrap();
    let place = |what: &str| out.find(what).unwrap_or_else(|| panic!("no {what}: {out}"));
    assert!(place("redacted_thinking") < place("tool_use") && out.contains("xp1.gemini.c2ln"), "{out}");
}

/// And when the client sends it back, the call has it again.
#[test]
fn a_client_of_messages_brings_the_signature_back_to_googles_endpoint() {
    let body = br#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[
        {"type":"redacted_thinking","data":"xp1.gemini.c2ln"},{"type":"tool_use","id":"c","name":"t","input":{"a":1}},
        {"type":"tool_use","id":"d","name":"t","input":{}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":"1"},{"type":"tool_result","tool_use_id":"d","content":"2"}]}]}"#;
    let request = Anthropic.decode_request(body, UrlFacts::default()).unwrap();
    let (body, warnings) = encode_for("gemini-3-flash", &request, true).unwrap();
    let calls = &body["messages"][1]["tool_calls"];
    assert_eq!(calls[0]["extra_content"]["google"]["thought_signature"], "c2ln");
    assert_eq!(calls[1].get("extra_content"), None);
    assert_eq!(warnings, None);
    let (_, warnings) = encode(&request, false).unwrap();
    assert_eq!(warnings.as_deref(), Some("reasoning_state_dropped"));
}

struct Kept;

impl States for Kept {
    fn get(&self, call_id: &str, family: &str) -> Option<String> {
        (call_id == "kept" && family == "gemini").then(|| "a2VwdA==".to_owned())
    }
}

/// A client that could carry no signature: the one that was kept, or what Gemini 3 takes instead of one.
#[test]
fn calls_without_a_signature_get_the_one_kept_or_a_stand_in() {
    for (model, id, expected) in [
        ("gemini-3-flash", "kept", json!("a2VwdA==")),
        ("gemini-3-flash", "lost", json!("skip_thought_signature_validator")),
        ("gemini-2.5-flash", "lost", Value::Null),
        ("gpt-4o", "kept", Value::Null),
    ] {
        let mut request = Request::new(Protocol::Anthropic, Cow::Borrowed("m"));
        request.turns = vec![turn(Role::Assistant, vec![call(id, "t", "{}"), call("x", "t", "{}")])];
        let target = Target {
            model,
            capabilities: Capabilities::of(model),
            options: RouteOptions::default(),
            states: &Kept,
        };
        let written = OpenAiChat.encode_request(&request, &target, &mut Notes::new(false)).unwrap();
        let body: Value = serde_json::from_slice(&written.body).unwrap();
        let calls = &body["messages"][0]["tool_calls"];
        assert_eq!(calls[0]["extra_content"]["google"]["thought_signature"], expected, "{model} {id}");
        assert_eq!(calls[1].get("extra_content"), None, "only the first of parallel calls is signed");
    }
}
