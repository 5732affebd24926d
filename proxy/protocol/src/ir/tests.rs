use std::borrow::Cow;

use super::*;
use crate::protocol::Protocol;

#[test]
fn budgets_and_efforts_follow_the_table() {
    for (budget, word) in [
        (0, "none"),
        (1024, "minimal"),
        (1536, "low"),
        (4096, "medium"),
        (12288, "high"),
        (24576, "xhigh"),
        (60000, "xhigh"),
    ] {
        let thinking = Thinking { budget: Some(budget), ..Thinking::default() };
        assert_eq!(thinking.nearest_effort().unwrap().word(), word, "{budget}");
    }
    let odd = Effort::from_word(Cow::Borrowed("odd"));
    assert_eq!((odd.word(), odd.budget()), ("odd", None));
    assert_eq!(Effort::from_word(Cow::Borrowed("max")).budget(), Some(32768));
}

#[test]
fn arguments_are_text_or_an_object() {
    let text = Arguments::Text(Cow::Borrowed("{\"a\": 1}"));
    assert_eq!(text.as_text(), "{\"a\": 1}");
    assert_eq!(text.as_object().unwrap().get(), "{\"a\": 1}");
    assert_eq!(Arguments::Text(Cow::Borrowed("")).as_text(), "{}");
    assert_eq!(Arguments::Text(Cow::Borrowed("")).as_object().unwrap().get(), "{}");
    assert!(Arguments::Text(Cow::Borrowed("{\"a\":")).as_object().is_none());
    assert!(Arguments::Text(Cow::Borrowed("[1]")).as_object().is_none());
}

#[test]
fn usage_never_goes_below_zero() {
    let usage = Usage {
        input_total: 5,
        tool_input: None,
        cache_read: Some(4),
        cache_write: Some(4),
        output_total: 1,
        reasoning: Some(2),
    };
    assert_eq!((usage.input_uncached(), usage.output_visible(), usage.total()), (0, 0, 6));
}

#[test]
fn a_fold_ignores_deltas_of_blocks_that_never_opened() {
    let mut fold = Fold::new(Protocol::OpenAiChat);
    fold.event(Event::Delta { block: 7, delta: Delta::Text(Cow::Borrowed("x")) });
    fold.event(Event::BlockStart { block: 0, choice: 0, kind: BlockKind::Text });
    fold.event(Event::Delta { block: 0, delta: Delta::Args(Cow::Borrowed("x")) });
    fold.event(Event::Delta { block: 0, delta: Delta::Text(Cow::Borrowed("y")) });
    fold.event(Event::End);
    assert!(fold.is_complete());
    let (response, _) = fold.into_parts();
    let Content::Text(text) = &response.choices[0].turns[0].blocks[0].content else { panic!("no text") };
    assert_eq!(text, "y");
}

fn call(id: &'static str, name: &'static str) -> Block<'static> {
    Block::new(Content::ToolCall(ToolCall {
        id: Cow::Borrowed(id),
        made_id: false,
        name: Cow::Borrowed(name),
        arguments: Arguments::Text(Cow::Borrowed("{}")),
        style: CallStyle::Function,
    }))
}

fn result(id: &'static str, name: &'static str) -> Block<'static> {
    Block::new(Content::ToolResult(ToolResult {
        call_id: Cow::Borrowed(id),
        made_id: false,
        name: Cow::Borrowed(name),
        content: Vec::new(),
        json: None,
        is_error: None,
        plain: true,
    }))
}

#[test]
fn results_find_their_calls() {
    let turn = |role, blocks| Turn { role, blocks, plain: false, at: 0, ext: Ext::default() };
    let mut turns = vec![
        turn(Role::Assistant, vec![call("", "a"), call("x", "b"), call("", "a")]),
        turn(
            Role::Tool,
            vec![result("x", ""), result("", "a"), result("", ""), result("", "a"), result("y", "")],
        ),
    ];
    pair(&mut turns);
    let ids: Vec<_> = turns[1]
        .blocks
        .iter()
        .map(|block| match &block.content {
            Content::ToolResult(result) => (result.call_id.as_ref(), result.name.as_ref(), result.made_id),
            _ => panic!("not a result"),
        })
        .collect();
    let expected = [
        ("x", "b", false),
        ("call_0_0", "a", true),
        ("call_0_2", "a", true),
        ("call_1_3", "a", true),
        ("y", "", false),
    ];
    assert_eq!(ids, expected);
}

#[test]
fn calls_that_share_an_id_are_answered_in_order() {
    let turn = |role, blocks| Turn { role, blocks, plain: false, at: 0, ext: Ext::default() };
    let mut turns = vec![
        turn(Role::Assistant, vec![call("x", "a")]),
        turn(Role::Assistant, vec![call("y", "b"), call("x", "c")]),
        turn(Role::Tool, vec![result("x", ""), result("y", ""), result("x", ""), result("x", "")]),
        // Some servers count calls from the beginning in every answer.
        turn(Role::Assistant, vec![call("y", "d")]),
        turn(Role::User, vec![]),
        turn(Role::Assistant, vec![call("y", "e")]),
        turn(Role::Tool, vec![result("y", "")]),
    ];
    pair(&mut turns);
    let names: Vec<_> = turns
        .iter()
        .flat_map(|turn| &turn.blocks)
        .filter_map(|block| match &block.content {
            Content::ToolResult(result) => Some(result.name.as_ref()),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["a", "b", "c", "c", "e"]);
}

#[test]
fn a_sequence_never_has_two_blocks_open() {
    let tool = |block| Event::BlockStart {
        block,
        choice: 0,
        kind: BlockKind::ToolCall {
            id: Cow::Borrowed(""),
            name: Cow::Borrowed("t"),
            style: CallStyle::Function,
        },
    };
    let args = |block, text| Event::Delta { block, delta: Delta::Args(Cow::Borrowed(text)) };
    let mut sequence = Sequence::default();
    let mut seen = Vec::new();
    for event in [
        tool(0),
        tool(1),
        tool(2),
        args(1, "b"),
        args(0, "a"),
        args(2, "c"),
        args(1, "B"),
        Event::BlockEnd { block: 1 },
        args(0, "A"),
        Event::BlockEnd { block: 0 },
        args(2, "C"),
        Event::BlockEnd { block: 2 },
        Event::End,
    ] {
        sequence.event(&event, &mut |event: Event<'_>| {
            seen.push(match event {
                Event::BlockStart { block, .. } => format!("+{block}"),
                Event::Delta { block, delta: Delta::Args(text) } => format!("{block}:{text}"),
                Event::BlockEnd { block } => format!("-{block}"),
                other => format!("{other:?}"),
            });
        });
    }
    let expected =
        ["+0", "0:a", "0:A", "-0", "+1", "1:bB", "-1", "+2", "2:c", "2:C", "-2", "End"].map(str::to_owned);
    assert_eq!(seen, expected);
}
