//! Responses.

use std::borrow::Cow;

use crate::account::{self, annotations};
use crate::codec::Reply;
use crate::ir::{Block, Choice, Content, Ext, Finish, NONE, Response, Role, Turn, has};
use crate::json::write::{self, Object};
use crate::json::{DecodeError, read_lenient};
use crate::notes::Notes;
use crate::openai_chat::{error, usage};

use super::{THIS, wire};

/// Reads a response body.
pub(super) fn decode(body: &[u8]) -> Result<Response<'_>, DecodeError> {
    let answer: wire::Answer<'_> = read_lenient(body)?;
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
    Ok(Response {
        source: THIS,
        id: answer.id.map(|id| id.0),
        model: answer.model.map(|model| model.0),
        created: answer.created,
        service_tier: None,
        choices: answer.choices.into_iter().flatten().map(choice).collect(),
        usage: answer.usage.and_then(usage::read),
        error: answer.error.map(error::decode_stream),
        ext,
    })
}

fn choice(one: wire::Choice<'_>) -> Choice<'_> {
    let blocks = one.text.into_iter().map(|text| Block::text(text.0)).collect();
    let mut ext = Ext::of(one.rest);
    if one.index.is_none() {
        ext.absent("index");
    }
    let native = one.finish_reason.map(|reason| reason.0);
    Choice {
        index: one.index.unwrap_or(0),
        turns: vec![Turn { role: Role::Assistant, blocks, plain: true, at: NONE, ext: Ext::default() }],
        finish: native.as_deref().map(finish),
        native_finish: native,
        ext,
        ..Choice::default()
    }
}

/// Why an answer ended.
pub(super) fn finish(word: &str) -> Finish {
    match word {
        "stop" => Finish::Stop,
        "length" => Finish::Length,
        "content_filter" => Finish::ContentFilter,
        _ => Finish::Unknown,
    }
}

/// The word for why an answer ended; the warning of what it cannot say.
pub(super) fn finish_word(finish: Finish) -> (&'static str, Option<&'static str>) {
    match finish {
        Finish::Length => ("length", None),
        Finish::ContentFilter | Finish::Refusal => ("content_filter", None),
        Finish::Stop | Finish::StopSequence => ("stop", None),
        Finish::Pause => ("stop", Some("finish_pause_changed")),
        Finish::ToolUse | Finish::BadCall | Finish::Unknown => ("stop", Some("finish_unknown_changed")),
    }
}

/// Writes a response body.
pub(super) fn encode(response: &Response<'_>, reply: &mut Reply, notes: &mut Notes) -> Vec<u8> {
    let mut body = Vec::with_capacity(512);
    if response.source == THIS {
        write::object(&mut body, |o| native(o, response, reply));
    } else {
        write::object(&mut body, |o| foreign(o, response, reply, notes));
    }
    body
}

fn text<'c>(choice: &'c Choice<'_>) -> Cow<'c, str> {
    let mut texts = choice.blocks().filter_map(|block| match &block.content {
        Content::Text(text) | Content::Refusal(text) => Some(text.as_ref()),
        _ => None,
    });
    let first = Cow::Borrowed(texts.next().unwrap_or(""));
    texts.fold(first, |joined, more| joined + more)
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
    response.ext.inside("").for_each(|field| o.field(&field.key, &field.value));
    if let (Some(counts), false) = (&response.usage, has(own, "usage")) {
        o.object("usage", |o| usage::write(o, counts));
    }
}

fn native_choice(o: &mut Object<'_>, choice: &Choice<'_>) {
    if choice.blocks().next().is_some() {
        o.str("text", &text(choice));
    }
    if !has(choice.ext.own(THIS, THIS), "index") {
        o.u64("index", choice.index.into());
    }
    o.opt_str("finish_reason", choice.native_finish.as_deref());
    choice.ext.inside("").for_each(|field| o.field(&field.key, &field.value));
}

fn foreign(o: &mut Object<'_>, response: &Response<'_>, reply: &mut Reply, notes: &mut Notes) {
    account::response(response, THIS, notes);
    o.str("id", &id(response.id.as_deref().unwrap_or(""), reply));
    o.str("object", "text_completion");
    o.u64("created", response.created.unwrap_or(reply.created));
    o.str("model", reply.model(response.model.as_deref()));
    o.list("choices", |l| {
        for choice in &response.choices {
            account::choice(response.source, THIS, choice, notes);
            annotations(choice, false, notes);
            account::logprobs(choice, notes);
            let is_said = |block: &Block<'_>| {
                matches!(block.content, Content::Text(_) | Content::Refusal(_) | Content::Reasoning(_))
            };
            if !choice.blocks().all(is_said) {
                notes.tell("output_block_dropped");
            }
            let (word, warning) = finish_word(choice.finish.unwrap_or(Finish::Unknown));
            warning.into_iter().for_each(|warning| notes.tell(warning));
            l.object(|o| {
                o.str("text", &text(choice));
                o.u64("index", choice.index.into());
                o.null("logprobs");
                o.str("finish_reason", word);
            });
        }
    });
    if let Some(counts) = &response.usage {
        o.object("usage", |o| usage::write(o, counts));
    }
}

/// An id as this protocol makes them, with the provider's own inside.
pub(super) fn id(upstream: &str, reply: &mut Reply) -> String {
    if upstream.is_empty() {
        return reply.ids.mint("cmpl-");
    }
    let known = ["cmpl-", "chatcmpl-", "msg_", "resp_"];
    let bare = known.iter().find_map(|prefix| upstream.strip_prefix(prefix));
    format!("cmpl-{}", bare.unwrap_or(upstream))
}
