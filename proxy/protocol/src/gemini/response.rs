//! Reading a response.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::codec::{Exchange, JSON_TOOL};
use crate::custom;
use crate::ir::{Choice, Content, Ext, Finish, Response, Role, Turn};
use crate::json::{DecodeError, constant, lenient, read_lenient};

use super::facts::ABSENT;
use super::{THIS, error, finish, grounding, logprobs, message, usage, wire};

/// Reads a response body.
pub(super) fn decode<'a>(body: &'a [u8], exchange: &Exchange) -> Result<Response<'a>, DecodeError> {
    let answer: wire::Answer<'a> = read_lenient(body)?;
    let mut ext = Ext::of(answer.rest);
    for (key, raw) in [("promptFeedback", answer.prompt_feedback), ("usageMetadata", answer.usage_metadata)] {
        if let Some(raw) = raw {
            ext.push("", key, raw);
        }
    }
    let listed = answer.candidates.is_some();
    let candidates = answer.candidates.unwrap_or_default();
    let mut choices: Vec<Choice<'a>> =
        candidates.into_iter().enumerate().map(|(i, one)| choice(one, i as u32, exchange)).collect();
    if choices.is_empty() {
        if listed {
            ext.push("", "candidates", constant("[]"));
        }
        match answer.prompt_feedback.and_then(blocked) {
            Some(blocked) => choices.push(blocked),
            None if answer.error.is_none() => return Err(DecodeError::field("candidates", "is required")),
            None => {}
        }
    }
    Ok(Response {
        source: THIS,
        id: answer.response_id.map(|id| id.0),
        model: answer.model_version.map(|model| model.0),
        created: None,
        service_tier: None,
        choices,
        usage: answer.usage_metadata.and_then(usage::read),
        error: answer.error.map(error::decode_chunk),
        ext,
    })
}

fn choice<'a>(one: wire::Candidate<'a>, at: u32, exchange: &Exchange) -> Choice<'a> {
    let mut ext = Ext::of(one.rest);
    if one.index.is_none() {
        ext.push(ABSENT, "index", RawValue::NULL);
    }
    let mut turns: Vec<Turn<'a>> =
        one.content.into_iter().map(|content| message::decode(content, Role::Assistant, 0)).collect();
    turns
        .iter_mut()
        .flat_map(|turn| &mut turn.blocks)
        .for_each(|block| restore(&mut block.content, exchange));
    let texts = turns.iter_mut().flat_map(|turn| &mut turn.blocks);
    if let Some(text) = texts.into_iter().find(|block| matches!(block.content, Content::Text(_))) {
        let tokens = logprobs::read(ext.read(logprobs::KEY));
        if !tokens.is_empty() {
            text.marks_mut().logprobs = tokens;
        }
    }
    if let Some(raw) = ext.read(grounding::KEY) {
        cite(&mut turns, raw);
    }
    let calls = turns.iter().flat_map(|turn| &turn.blocks).any(|b| matches!(b.content, Content::ToolCall(_)));
    let native = one.finish_reason.map(|reason| reason.0);
    Choice {
        index: one.index.unwrap_or(at),
        turns,
        finish: native.as_deref().map(|word| finish::of_word(word, calls)),
        native_finish: native,
        stop_sequence: None,
        finish_message: one.finish_message.map(|text| text.0),
        ext,
    }
}

/// Adds the citations to the text they are of, or that there are some.
fn cite<'a>(turns: &mut [Turn<'a>], raw: &'a RawValue) {
    let mut blocks = turns.iter_mut().flat_map(|turn| &mut turn.blocks);
    let Some((block, citations)) = blocks.find_map(|block| match &block.content {
        Content::Text(text) if !text.is_empty() => {
            let citations = grounding::read(raw, text);
            Some((block, citations))
        }
        _ => None,
    }) else {
        let first = turns.iter_mut().flat_map(|turn| &mut turn.blocks).next();
        return first.into_iter().for_each(|block| block.marks_mut().other_annotations = true);
    };
    match citations {
        Some(citations) if !citations.is_empty() => block.marks_mut().citations = citations,
        Some(_) => {}
        None => block.marks_mut().other_annotations = true,
    }
}

/// Undoes in a call what writing the request did: names, the tool that stands for structured output, custom
/// tools.
fn restore(content: &mut Content<'_>, exchange: &Exchange) {
    let Content::ToolCall(call) = content else { return };
    if exchange.json_tool && call.name == JSON_TOOL {
        *content = Content::Text(Cow::Owned(call.arguments.as_text().into_owned()));
        return;
    }
    call.name = Cow::Owned(exchange.names.client(std::mem::take(&mut call.name)).into_owned());
    call.id = exchange.id(std::mem::take(&mut call.id));
    custom::restore(call, &exchange.custom);
}

/// The answer to a prompt that was blocked.
fn blocked(feedback: &RawValue) -> Option<Choice<'_>> {
    let native = blocked_word(feedback)?;
    Some(Choice {
        finish: Some(Finish::ContentFilter),
        native_finish: Some(Cow::Owned(native)),
        ..Choice::default()
    })
}

/// The native word for why a prompt was blocked.
pub(super) fn blocked_word(feedback: &RawValue) -> Option<String> {
    let feedback: wire::Feedback<'_> = lenient(feedback.get()).ok()?;
    Some(format!("{}{}", finish::BLOCKED, feedback.block_reason?.as_ref()))
}
