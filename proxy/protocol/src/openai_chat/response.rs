//! Responses.

use std::borrow::Cow;

use crate::account;
use crate::codec::{Exchange, Reply};
use crate::ir::{Block, Choice, Content, Ext, Finish, Logprob, Response, Role, ToolCall, Turn, has};
use crate::json::write::{self, Object};
use crate::json::{DecodeError, read_lenient, string};
use crate::notes::Notes;
use crate::protocol::Protocol;

use super::write_message::{write_call, write_ext, write_native};
use super::{THIS, annotations, error, logprobs, message, usage, wire};

/// Reads a response body.
pub(super) fn decode<'a>(body: &'a [u8], exchange: &Exchange) -> Result<Response<'a>, DecodeError> {
    let answer: wire::Answer<'a> = read_lenient(body)?;
    let service_tier = answer.rest.iter().find(|(key, _)| key == "service_tier");
    let service_tier = service_tier.and_then(|(_, raw)| string(raw));
    let mut ext = Ext::of(answer.rest);
    for (key, raw) in [("usage", answer.usage), ("error", answer.error)] {
        if let Some(raw) = raw {
            ext.push("", key, raw);
        }
    }
    if answer.choices.as_ref().is_none_or(Vec::is_empty) && answer.error.is_none() {
        return Err(DecodeError::field("choices", "must hold an answer"));
    }
    if answer.choices.is_none() {
        ext.absent("choices");
    }
    let choices = answer.choices.unwrap_or_default().into_iter().map(|one| choice(one, exchange)).collect();
    Ok(Response {
        source: THIS,
        id: answer.id.map(|id| id.0),
        model: answer.model.map(|model| model.0),
        created: answer.created,
        service_tier,
        choices,
        usage: answer.usage.and_then(usage::read),
        error: answer.error.map(error::decode_stream),
        ext,
    })
}

fn choice<'a>(one: wire::AnswerChoice<'a>, exchange: &Exchange) -> Choice<'a> {
    let mut ext = Ext::of(one.rest);
    if one.index.is_none() {
        ext.absent("index");
    }
    if one.message.is_none() {
        ext.absent("message");
    }
    let mut turn = message::decode_answer(one.message.unwrap_or_default());
    for block in &mut turn.blocks {
        if let Content::ToolCall(call) = &mut block.content {
            call.name = Cow::Owned(exchange.names.client(std::mem::take(&mut call.name)).into_owned());
        }
    }
    mark(&mut turn, logprobs::of_choice(ext.read("logprobs")));
    let cited = turn.ext.read("annotations");
    if let Some(text) = turn.blocks.iter_mut().find(|block| matches!(block.content, Content::Text(_))) {
        annotations::mark(text, cited);
    }
    let native = one.finish_reason.map(|reason| reason.0);
    let finish = native.as_deref().map(|native| finish(native, &signs(&turn)));
    Choice {
        index: one.index.unwrap_or(0),
        turns: vec![turn],
        finish,
        native_finish: native,
        stop_sequence: None,
        finish_message: None,
        ext,
    }
}

/// Says of the text and of the refusal how likely their tokens were.
fn mark<'a>(turn: &mut Turn<'a>, said: logprobs::Said<'a>) {
    let find = |turn: &mut Turn<'a>, logprobs: Vec<Logprob<'a>>, is: fn(&Content<'_>) -> bool| {
        let block = turn.blocks.iter_mut().find(|block| is(&block.content));
        if let Some(block) = block.filter(|_| !logprobs.is_empty()) {
            block.marks_mut().logprobs = logprobs;
        }
    };
    find(turn, said.text, |content| matches!(content, Content::Text(_)));
    find(turn, said.refusal, |content| matches!(content, Content::Refusal(_)));
}

/// What of an answer decides over the provider's word.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signs {
    /// It calls tools.
    pub(super) calls: bool,
    /// It declines.
    pub(super) refuses: bool,
}

fn signs(turn: &Turn<'_>) -> Signs {
    let mut signs = Signs::default();
    for block in &turn.blocks {
        signs.calls |= matches!(block.content, Content::ToolCall(_));
        signs.refuses |= matches!(&block.content, Content::Refusal(text) if !text.is_empty());
    }
    signs
}

/// Why an answer ended (TRANSLATION §7). A forced call ends with `stop` although it calls.
pub(super) fn finish(native: &str, signs: &Signs) -> Finish {
    match native {
        "stop" if signs.calls => Finish::ToolUse,
        "stop" if signs.refuses => Finish::Refusal,
        "stop" => Finish::Stop,
        "tool_calls" | "function_call" => Finish::ToolUse,
        "length" => Finish::Length,
        "content_filter" => Finish::ContentFilter,
        _ if signs.calls => Finish::ToolUse,
        _ => Finish::Unknown,
    }
}

/// The word for why an answer ended; the warning of what it cannot say.
pub(super) fn finish_word(finish: Finish, signs: &Signs) -> (&'static str, Option<&'static str>) {
    match finish {
        Finish::Stop | Finish::StopSequence | Finish::Unknown if signs.calls => ("tool_calls", None),
        Finish::Stop | Finish::StopSequence => ("stop", None),
        Finish::ToolUse | Finish::BadCall => ("tool_calls", None),
        Finish::Length => ("length", None),
        Finish::ContentFilter => ("content_filter", None),
        Finish::Refusal if signs.refuses => ("stop", None),
        Finish::Refusal => ("content_filter", None),
        Finish::Pause => ("stop", Some("finish_pause_changed")),
        Finish::Unknown => ("stop", Some("finish_unknown_changed")),
    }
}

/// Writes a response body.
pub(super) fn encode(response: &Response<'_>, reply: &mut Reply, notes: &mut Notes) -> Vec<u8> {
    let mut body = Vec::with_capacity(1024);
    if response.source == THIS {
        write::object(&mut body, |o| native(o, response, reply));
        return body;
    }
    write::object(&mut body, |o| foreign(o, response, reply, notes));
    body
}

fn native(o: &mut Object<'_>, response: &Response<'_>, reply: &Reply) {
    o.opt_str("id", response.id.as_deref());
    o.opt_u64("created", response.created);
    if response.model.is_some() {
        o.str("model", reply.model(response.model.as_deref()));
    }
    let own = response.ext.own(THIS, THIS);
    if !has(own, "choices") {
        o.list("choices", |l| {
            response.choices.iter().for_each(|choice| l.object(|o| native_choice(o, choice)))
        });
    }
    write_ext(o, own, "");
    if let (Some(counts), false) = (&response.usage, has(own, "usage")) {
        o.object("usage", |o| usage::write(o, counts));
    }
}

fn native_choice(o: &mut Object<'_>, choice: &Choice<'_>) {
    let own = choice.ext.own(THIS, THIS);
    if !has(own, "index") {
        o.u64("index", choice.index.into());
    }
    if let (Some(turn), false) = (choice.turns.first(), has(own, "message")) {
        o.object("message", |o| write_native(o, turn));
    }
    o.opt_str("finish_reason", choice.native_finish.as_deref());
    write_ext(o, own, "");
}

fn foreign(o: &mut Object<'_>, response: &Response<'_>, reply: &mut Reply, notes: &mut Notes) {
    account::response(response, THIS, notes);
    o.str("id", &chat_id(response.id.as_deref().unwrap_or(""), reply));
    o.str("object", "chat.completion");
    o.u64("created", response.created.unwrap_or(reply.created));
    o.str("model", reply.model(response.model.as_deref()));
    o.list("choices", |l| {
        for choice in &response.choices {
            l.object(|o| foreign_choice(o, response.source, choice, reply, notes));
        }
    });
    if let Some(counts) = &response.usage {
        o.object("usage", |o| usage::write(o, counts));
    }
}

fn foreign_choice(
    o: &mut Object<'_>,
    source: Protocol,
    choice: &Choice<'_>,
    reply: &mut Reply,
    notes: &mut Notes,
) {
    account::choice(source, THIS, choice, notes);
    account::annotations(choice, true, notes);
    let explained = Signs { calls: false, refuses: explanation(choice).is_some() };
    let signs = choice.turns.iter().map(signs).fold(explained, |all, one| Signs {
        calls: all.calls || one.calls,
        refuses: all.refuses || one.refuses,
    });
    o.u64("index", choice.index.into());
    o.object("message", |o| foreign_message(o, source, choice, reply, notes));
    write_logprobs(o, choice);
    let (word, warning) = finish_word(choice.finish.unwrap_or(Finish::Unknown), &signs);
    o.str("finish_reason", word);
    warning.into_iter().for_each(|warning| notes.tell(warning));
}

fn write_logprobs(o: &mut Object<'_>, choice: &Choice<'_>) {
    let (mut text, mut refusal) = (Vec::new(), Vec::new());
    for block in choice.blocks() {
        let is_refusal = matches!(block.content, Content::Refusal(_));
        logprobs::append(if is_refusal { &mut refusal } else { &mut text }, block.logprobs());
    }
    logprobs::write_choice(o, &text, &refusal);
}

/// What stands for the text of a refusal that has none.
fn explanation<'c>(choice: &'c Choice<'_>) -> Option<&'c str> {
    choice.finish_message.as_deref().filter(|text| choice.finish == Some(Finish::Refusal) && !text.is_empty())
}

fn foreign_message(
    o: &mut Object<'_>,
    source: Protocol,
    choice: &Choice<'_>,
    reply: &mut Reply,
    notes: &mut Notes,
) {
    let joined = |pick: for<'c> fn(&'c Content<'_>) -> Option<&'c str>| join(&choice.turns, pick);
    let text = joined(|content| match content {
        Content::Text(text) => Some(text),
        _ => None,
    });
    let refusal = joined(|content| match content {
        Content::Refusal(text) => Some(text),
        _ => None,
    });
    let reasoning = joined(|content| match content {
        Content::Reasoning(text) => Some(text),
        _ => None,
    });
    o.str("role", "assistant");
    let or_null =
        |o: &mut Object<'_>, key, text: &str| if text.is_empty() { o.null(key) } else { o.str(key, text) };
    or_null(o, "content", &text);
    let explained = if refusal.is_empty() { explanation(choice) } else { None };
    or_null(o, "refusal", explained.unwrap_or(&refusal));
    let cited = annotations::joined(&choice.turns);
    if !cited.is_empty() {
        o.items("annotations", &cited);
    }
    if reply.show_reasoning && !reasoning.is_empty() {
        o.str("reasoning_content", &reasoning);
    }
    if choice.blocks().any(|block| matches!(block.content, Content::Opaque(..) | Content::Media(_))) {
        notes.tell("output_block_dropped");
    }
    let is_cut =
        |block: &&Block<'_>| choice.cuts(block) && block.content.call().is_some_and(ToolCall::has_nothing);
    if choice.blocks().any(|block| is_cut(&block)) {
        notes.tell(account::CALL_DROPPED);
    }
    let calls = choice.blocks().filter(|block| block.content.call().is_some() && !is_cut(block));
    let mut calls = calls.peekable();
    if calls.peek().is_none() {
        return;
    }
    o.list("tool_calls", |l| {
        for block in calls {
            let Content::ToolCall(call) = &block.content else { continue };
            let mut call = call.clone();
            if call.id.is_empty() {
                call.id = Cow::Owned(reply.ids.mint("call_"));
            }
            write_call(l, block, &call, source);
        }
    });
}

/// The empty line between the texts of two turns.
pub(super) const APART: &str = "\n\n";

/// Texts of one turn follow each other directly, those of several with an empty line between. Annotations count on it.
fn join<'t>(turns: &'t [Turn<'_>], pick: for<'c> fn(&'c Content<'_>) -> Option<&'c str>) -> Cow<'t, str> {
    let mut joined = Cow::Borrowed("");
    for turn in turns.iter().filter(|turn| turn.role == Role::Assistant) {
        let mut first = true;
        for text in
            turn.blocks.iter().filter_map(|block| pick(&block.content)).filter(|text| !text.is_empty())
        {
            if joined.is_empty() {
                joined = Cow::Borrowed(text);
            } else {
                let joined = joined.to_mut();
                joined.push_str(if first { APART } else { "" });
                joined.push_str(text);
            }
            first = false;
        }
    }
    joined
}

/// An id as this protocol makes them, with the provider's own inside so that both can be found by it.
pub(super) fn chat_id(upstream: &str, reply: &mut Reply) -> String {
    if upstream.is_empty() {
        return reply.ids.mint("chatcmpl-");
    }
    let bare = ["chatcmpl-", "msg_", "resp_"].iter().find_map(|prefix| upstream.strip_prefix(prefix));
    format!("chatcmpl-{}", bare.unwrap_or(upstream))
}
