mod annotations;
mod logprobs;
mod signatures;

use crate::codec::ProviderCodec as _;
use std::borrow::Cow;

use serde_json::{Value, json};

use super::OpenAiChat;
use crate::capabilities::Capabilities;
use crate::codec::{Codec, NoStates, Reply, RouteOptions, Target, UrlFacts};
use crate::error::{ApiError, ErrorHead, ErrorKind};
use crate::ir::{
    Arguments, Block, BlockKind, CallStyle, Choice, Content, Delta, Effort, Event, Finish, Media, MediaKind,
    Request, Response, Role, Source, State, Thinking, Tool, ToolCall, ToolKind, ToolResult, Turn, Usage,
};
use crate::notes::{Notes, Rejected};
use crate::protocol::Protocol;

fn turn<'a>(role: Role, blocks: Vec<Block<'a>>) -> Turn<'a> {
    Turn { role, blocks, plain: false, at: 0, ext: Default::default() }
}

fn call(id: &'static str, name: &'static str, json: &'static str) -> Block<'static> {
    Block::new(Content::ToolCall(ToolCall {
        id: Cow::Borrowed(id),
        made_id: false,
        name: Cow::Borrowed(name),
        arguments: Arguments::Json(Cow::Borrowed(serde_json::from_str(json).unwrap())),
        style: CallStyle::Function,
    }))
}

fn result(id: &'static str, content: Vec<Block<'static>>, is_error: Option<bool>) -> Block<'static> {
    Block::new(Content::ToolResult(ToolResult {
        call_id: Cow::Borrowed(id),
        made_id: false,
        name: Cow::Borrowed("t"),
        content,
        json: None,
        is_error,
        plain: false,
    }))
}

fn image() -> Block<'static> {
    Block::new(Content::Media(Media {
        kind: MediaKind::Image,
        source: Source::Base64(Cow::Borrowed("aGk=")),
        mime: Some(Cow::Borrowed("image/webp")),
        name: None,
        detail: None,
    }))
}

fn encode(request: &Request<'_>, strict: bool) -> Result<(Value, Option<String>), Rejected> {
    encode_for("gpt-4o", request, strict)
}

fn encode_for(model: &str, request: &Request<'_>, strict: bool) -> Result<(Value, Option<String>), Rejected> {
    let target = Target {
        model,
        capabilities: Capabilities::of(model),
        options: RouteOptions::default(),
        states: &NoStates,
    };
    let mut notes = Notes::new(strict);
    let encoded = OpenAiChat.encode_request(request, &target, &mut notes)?;
    Ok((serde_json::from_slice(&encoded.body).unwrap(), notes.header()))
}

#[test]
fn a_foreign_conversation_becomes_messages() {
    let mut request = Request::new(Protocol::Anthropic, Cow::Borrowed("claude"));
    request.turns = vec![
        turn(Role::System, vec![Block::text("a"), Block::text("b")]),
        turn(Role::User, vec![Block::text("hi")]),
        turn(Role::Assistant, vec![Block::text("x"), Block::text("y")]),
        turn(Role::Assistant, vec![call("toolu_1", "t", "{ \"a\" : 1 }"), call("toolu_2", "t", "{}")]),
        turn(
            Role::User,
            vec![
                Block::text("and this"),
                result("toolu_1", vec![Block::text("bad")], Some(true)),
                result("toolu_2", vec![Block::text("seen"), image()], None),
            ],
        ),
    ];
    request.max_output = Some(7);
    let (body, warnings) = encode(&request, false).unwrap();
    let call = |id, args| json!({"id": id, "type": "function", "function": {"name": "t", "arguments": args}});
    let expected = json!({
        "model": "gpt-4o",
        "max_completion_tokens": 7,
        "messages": [
            {"role": "system", "content": "a\n\nb"},
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "xy", "tool_calls": [call("toolu_1", "{\"a\":1}"), call("toolu_2", "{}")]},
            {"role": "tool", "tool_call_id": "toolu_1", "content": "Error: bad"},
            {"role": "tool", "tool_call_id": "toolu_2", "content": "seen"},
            {"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "data:image/webp;base64,aGk="}},
                {"type": "text", "text": "and this"},
            ]},
        ],
    });
    assert_eq!(body, expected);
    assert_eq!(warnings.as_deref(), Some("tool_result_image_moved"));
}

#[test]
fn settings_are_adapted_to_the_model_and_strict_mode_rejects_instead() {
    let mut request = Request::new(Protocol::Anthropic, Cow::Borrowed("claude"));
    request.stream = Some(true);
    request.sampling.top_k = Some(Cow::Borrowed("5"));
    request.thinking = Some(Thinking { budget: Some(2000), ..Thinking::default() });
    request.tools.push(Tool {
        kind: ToolKind::Function,
        name: Cow::Borrowed("no.dots"),
        description: None,
        parameters: None,
        strict: None,
        at: 0,
        ext: Default::default(),
    });
    let (body, warnings) = encode(&request, false).unwrap();
    assert_eq!(body["stream_options"], json!({"include_usage": true}));
    assert!(body["tools"][0]["function"]["name"].as_str().unwrap().starts_with("no_dots_"));
    assert_eq!(body["tools"][0]["function"]["parameters"], json!({"type": "object", "properties": {}}));
    assert_eq!(warnings.as_deref(), Some("reasoning_dropped, top_k_dropped"));
    assert!(encode(&request, true).is_err());
}

/// The least budget that Anthropic has is below every effort of this model: whoever sets it asks for no effort, and
/// loses nothing.
#[test]
fn the_effort_that_stands_for_a_budget_is_no_change() {
    let mut request = Request::new(Protocol::Anthropic, Cow::Borrowed("claude"));
    let thinking = |effort, budget| Some(Thinking { effort, budget, ..Thinking::default() });
    for (asked, warning) in [
        (thinking(None, Some(1024)), None),
        (thinking(Some(Effort::Minimal), None), Some("reasoning_changed")),
    ] {
        request.thinking = asked;
        let (body, warnings) = encode_for("gpt-5.2", &request, false).unwrap();
        assert_eq!((&body["reasoning_effort"], warnings.as_deref()), (&json!("low"), warning));
    }
}

#[test]
fn too_many_stops_and_hosted_tools_are_refused() {
    let mut request = Request::new(Protocol::Anthropic, Cow::Borrowed("claude"));
    request.stop = (0..5).map(|i| Cow::Owned(i.to_string())).collect();
    assert!(encode(&request, false).is_err());
    request.stop.clear();
    request.tools.push(Tool {
        kind: ToolKind::Hosted(Cow::Borrowed("web_search"), Cow::Borrowed(serde_json::value::RawValue::NULL)),
        name: Cow::Borrowed("web_search"),
        description: None,
        parameters: None,
        strict: None,
        at: 3,
        ext: Default::default(),
    });
    assert_eq!(encode(&request, false).unwrap_err().path, "tools[3]");
}

fn reply() -> Reply {
    let mut reply =
        Reply::to(&OpenAiChat, &Request::new(Protocol::OpenAiChat, Cow::Borrowed("m")), 1_700_000_000, 1);
    reply.include_usage = true;
    reply
}

#[test]
fn a_foreign_answer_is_complete_in_every_required_field() {
    let response = Response {
        source: Protocol::Anthropic,
        id: Some(Cow::Borrowed("msg_1")),
        model: Some(Cow::Borrowed("claude")),
        created: None,
        service_tier: None,
        choices: vec![Choice {
            turns: vec![turn(Role::Assistant, vec![call("", "t", "{}")])],
            finish: Some(Finish::ToolUse),
            ..Choice::default()
        }],
        usage: Some(Usage { input_total: 3, output_total: 4, cache_read: Some(1), ..Usage::default() }),
        error: None,
        ext: Default::default(),
    };
    let body = OpenAiChat.encode_response(&response, &mut reply(), &mut Notes::default());
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["id"], "chatcmpl-1");
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["created"], 1_700_000_000);
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(body["choices"][0]["message"]["content"], Value::Null);
    assert!(body["choices"][0]["message"]["tool_calls"][0]["id"].as_str().unwrap().starts_with("call_"));
    assert_eq!(body["usage"]["total_tokens"], 7);
    assert_eq!(body["usage"]["prompt_tokens_details"]["cached_tokens"], 1);
}

fn stream(events: &[Event<'_>]) -> Vec<Value> {
    let mut encoder = OpenAiChat.stream_encoder(reply());
    let mut out = Vec::new();
    events.iter().for_each(|event| encoder.event(event, &mut out));
    let text = String::from_utf8(out).unwrap();
    text.split_terminator("\n\n")
        .map(|event| event.strip_prefix("data: ").unwrap())
        .map(|data| serde_json::from_str(data).unwrap_or_else(|_| json!(data)))
        .collect()
}

/// BerriAI/litellm#5231: the index of a block was used as the index of a tool call.
#[test]
fn known_bug_06_tool_calls_are_counted_apart_from_blocks() {
    let tool = |block, id: &'static str| Event::BlockStart {
        block,
        choice: 0,
        kind: BlockKind::ToolCall {
            id: Cow::Borrowed(id),
            name: Cow::Borrowed("t"),
            style: CallStyle::Function,
        },
    };
    let chunks = stream(&[
        Event::Start {
            id: Cow::Borrowed("msg_1"),
            model: Cow::Borrowed("claude"),
            created: None,
            service_tier: None,
        },
        Event::BlockStart { block: 0, choice: 0, kind: BlockKind::Text },
        Event::Delta { block: 0, delta: Delta::Text(Cow::Borrowed("hi")) },
        Event::BlockEnd { block: 0 },
        tool(1, "a"),
        Event::Delta { block: 1, delta: Delta::Args(Cow::Borrowed("{}")) },
        tool(2, "b"),
        Event::BlockEnd { block: 1 },
        Event::BlockEnd { block: 2 },
        Event::Usage(Usage { input_total: 1, output_total: 2, ..Usage::default() }),
        Event::Finish {
            choice: 0,
            finish: Finish::ToolUse,
            native: Cow::Borrowed(""),
            stop_sequence: None,
            message: None,
        },
        Event::End,
    ]);
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    assert_eq!(chunks[1]["choices"][0]["delta"], json!({"content": "hi"}));
    let calls: Vec<_> = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["index"].as_u64())
        .collect();
    assert_eq!(calls, [0, 0, 1, 1]);
    // What has no arguments says so in JSON, as a client reads it.
    assert_eq!(chunks[5]["choices"][0]["delta"]["tool_calls"][0]["function"], json!({"arguments": "{}"}));
    assert_eq!(chunks[6]["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(chunks[7]["usage"]["total_tokens"], 3);
    assert_eq!(chunks[8], "[DONE]");
    assert!(chunks[..8].iter().all(|chunk| chunk["id"] == "chatcmpl-1" && chunk["model"] == "claude"));
}

#[test]
fn an_error_in_a_stream_is_its_last_event_and_no_finish() {
    let chunks = stream(&[
        Event::Start { id: Cow::Borrowed("x"), model: Cow::Borrowed("m"), created: None, service_tier: None },
        Event::Error(Box::new(ApiError::new(ErrorKind::Overloaded, "busy"))),
        Event::End,
    ]);
    assert_eq!(chunks.len(), 2);
    assert_eq!(chunks[1]["error"]["message"], "busy");
    assert_eq!(chunks[1]["error"]["code"], "overloaded");
}

#[test]
fn errors_are_judged_by_code_before_status() {
    for (status, body, kind) in [
        (
            429,
            r#"{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}"#,
            ErrorKind::Quota,
        ),
        (400, r#"{"error":{"message":"m","code":"context_length_exceeded"}}"#, ErrorKind::ContextLength),
        (401, r#"{"error":{"message":"m","code":"401"}}"#, ErrorKind::Auth),
        (503, "upstream connect error", ErrorKind::Overloaded),
        (500, "", ErrorKind::Server),
        (422, r#"{"detail":"no"}"#, ErrorKind::Invalid),
        (400, r#"{"error":"just text"}"#, ErrorKind::Invalid),
    ] {
        let error = OpenAiChat.decode_error(ErrorHead { status, ..ErrorHead::default() }, body.as_bytes());
        assert_eq!(error.kind, kind, "{body}");
        assert!(!error.message.is_empty());
    }
}

#[test]
fn odd_shapes_are_written_back_as_they_were() {
    for body in [
        r#"{"model":"m","messages":[{"role":"user","content":[]}],"tools":[],"stop":[],"max_tokens":5,"max_completion_tokens":6.0}"#,
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"new","text":"x","y":1},{"type":"text","text":"","z":null}]}]}"#,
        r#"{"model":"m","messages":[{"role":"function","name":"f","content":"r"},{"role":"tool","tool_call_id":"a","content":[{"type":"text","text":"r"}]}]}"#,
        r#"{"model":"m","messages":[{"role":"assistant","content":[{"type":"refusal","refusal":"no"}],"refusal":null,"audio":{"id":"x"},"name":"n"}]}"#,
        r#"{"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"type":"custom","id":"c","custom":{"name":"t","input":"raw"}}]}],"tools":[{"type":"custom","custom":{"name":"t","format":{"type":"text"}}},{"type":"web_search","x":1}]}"#,
        r#"{"model":"m","messages":[],"user":"a","safety_identifier":"b","stop":"x","n":2,"temperature":1.0,"top_p":0.10,"seed":-1,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"f"}}]}}}"#,
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y","detail":"low"}},{"type":"file","file":{"file_id":"f","filename":"n"}},{"type":"file","file":{"file_data":"QUJD"}},{"type":"input_audio","input_audio":{"data":"QQ==","format":"flac"}}]}]}"#,
    ] {
        let request = OpenAiChat.decode_request(body.as_bytes(), UrlFacts::default()).unwrap();
        let target = Target {
            model: "m",
            capabilities: Capabilities::of("m"),
            options: RouteOptions::default(),
            states: &NoStates,
        };
        let written = OpenAiChat.encode_request(&request, &target, &mut Notes::new(true)).unwrap();
        let text = String::from_utf8(written.body).unwrap();
        let (left, right): (Value, Value) =
            (serde_json::from_str(body).unwrap(), serde_json::from_str(&text).unwrap());
        assert_eq!(left, right);
        assert!(!body.contains("0.10") || text.contains("0.10"));
    }
}
