//! Marks for the prompt cache.

use super::*;
use crate::anthropic::cache::{MAX_MARKS, Mark, Piece, Prompt};

fn piece(tokens: u64, markable: bool) -> Piece {
    Piece { tokens, markable }
}

fn prompt(messages: usize) -> Prompt {
    Prompt {
        tools: vec![piece(100, true), piece(100, true), piece(100, false)],
        system: vec![piece(500, true), piece(1, false)],
        messages: (0..messages).map(|i| (i % 2 == 0, vec![piece(50, true), piece(50, false)])).collect(),
    }
}

fn plan(prompt: &Prompt, min_tokens: u64) -> Vec<Mark> {
    prompt.plan(min_tokens).iter().collect()
}

#[test]
fn marks_stand_after_tools_instructions_and_the_last_two_turns_of_the_user() {
    let all = [Mark::Tool(1), Mark::System(0), Mark::Block(2, 0), Mark::Block(4, 0)];
    assert_eq!(plan(&prompt(5), 0), all);
    assert_eq!(plan(&prompt(5), 301), all[1..]);
    assert_eq!(plan(&prompt(5), 1200), all[3..]);
    assert_eq!(plan(&prompt(5), 5000), []);
    // What is asked once is not worth writing to the cache.
    assert_eq!(plan(&prompt(1), 0), all[..2]);
    assert_eq!(plan(&prompt(0), 0), all[..2]);
    assert_eq!(plan(&Prompt::default(), 0), []);
}

#[test]
fn there_are_never_more_than_four() {
    for messages in 0..20 {
        for min_tokens in [0, 1, 300, 301, 800, 801, 1000, 100_000] {
            let marks = plan(&prompt(messages), min_tokens);
            assert!(marks.len() <= MAX_MARKS);
            let distinct: std::collections::HashSet<_> =
                marks.iter().map(|mark| format!("{mark:?}")).collect();
            assert_eq!(distinct.len(), marks.len());
        }
    }
}

fn conversation() -> Value {
    let long = "word ".repeat(2000);
    json!({"model": "m", "max_tokens": 9, "system": long,
    "tools": [{"name": "f", "input_schema": {"type": "object"}}, {"type": "web_search_20250305", "name": "web_search"}],
    "messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": long}]},
    ]})
}

fn marked(from: &dyn Codec, body: &Value) -> Value {
    let options = RouteOptions { cache_min_tokens: Some(1024), ..RouteOptions::default() };
    write(from, &Anthropic, BUDGET, options, body).unwrap().body
}

fn count(body: &Value) -> usize {
    body.to_string().matches("\"cache_control\":{\"type\":\"ephemeral\"}").count()
}

#[test]
fn a_conversation_without_marks_gets_some() {
    let body = marked(&Anthropic, &conversation());
    let mark = json!({"type": "ephemeral"});
    assert_eq!(body["system"][0]["cache_control"], mark);
    assert_eq!(body["messages"][0]["content"][0]["cache_control"], mark);
    assert_eq!(body["messages"][2]["content"][0]["cache_control"], mark);
    assert_eq!(count(&body), 3);
    let unmarked = write(&Anthropic, &Anthropic, BUDGET, RouteOptions::default(), &conversation()).unwrap();
    assert_eq!(count(&unmarked.body), 0);
}

#[test]
fn a_clients_own_marks_are_left_alone() {
    let own = json!({"type": "ephemeral", "ttl": "1h"});
    let places: [fn(&mut Value) -> &mut Value; 6] = [
        |body| body,
        |body| &mut body["tools"][0],
        |body| &mut body["tools"][1],
        |body| &mut body["messages"][1]["content"][0],
        |body| &mut body["messages"][2]["content"][0],
        |body| &mut body["messages"][2]["content"][0]["content"][0],
    ];
    for (at, place) in places.iter().enumerate() {
        let mut body = conversation();
        body["messages"][2]["content"][0]["content"] = json!([{"type": "text", "text": "x"}]);
        place(&mut body)["cache_control"] = own.clone();
        let written = marked(&Anthropic, &body);
        body["model"] = json!(BUDGET);
        assert_eq!(written, body, "{at}");
    }
}

#[test]
fn clients_of_other_protocols_get_them_too() {
    let long = "word ".repeat(2000);
    let body = |text: Value| {
        with(
            chat(json!([
                {"role": "system", "content": long},
                {"role": "user", "content": [text]},
                {"role": "assistant", "content": "b"},
                {"role": "user", "content": "c"},
            ])),
            json!({"tools": [function("f", false)]}),
        )
    };
    let written = marked(&OpenAiChat, &body(json!({"type": "text", "text": "a"})));
    assert_eq!(written["tools"][0]["cache_control"], Value::Null);
    for place in
        [&written["system"][0], &written["messages"][0]["content"][0], &written["messages"][2]["content"][0]]
    {
        assert_eq!(place["cache_control"], json!({"type": "ephemeral"}));
    }
    // A mark in Anthropic's words, as some chat clients set it, is carried and stays the only one.
    let own = json!({"type": "ephemeral", "ttl": "1h"});
    let written = marked(&OpenAiChat, &body(json!({"type": "text", "text": "a", "cache_control": own})));
    assert_eq!(written["messages"][0]["content"][0]["cache_control"], own);
    assert_eq!(written.to_string().matches("cache_control").count(), 1);
}
