//! Responses.

use std::borrow::Cow;

use crate::codec::{Exchange, JSON_TOOL};
use crate::custom;
use crate::ir::{Arguments, Block, CallStyle, Choice, Content, Ext, NONE, Response, Role, ToolCall, Turn};
use crate::json::{DecodeError, read_lenient};
use crate::state::untag;

use super::finish::{self, Called};
use super::{THIS, wire};

/// Reads a response body.
pub(super) fn decode<'a>(body: &'a [u8], exchange: &Exchange) -> Result<Response<'a>, DecodeError> {
    let answer: wire::Answer<'a> = read_lenient(body)?;
    let message = answer.output.and_then(|output| output.message);
    let message = message.ok_or_else(|| DecodeError::field("output.message", "is required"))?;
    let mut called = Called::default();
    let parts = message.content.unwrap_or_default().into_iter().enumerate();
    let blocks = parts.filter_map(|(at, part)| {
        let mut block = block(part)?;
        block.at = at as u32;
        restore(&mut block, exchange, &mut called);
        Some(block)
    });
    let turn =
        Turn { role: Role::Assistant, blocks: blocks.collect(), plain: false, at: NONE, ext: Ext::default() };
    let native = answer.stop_reason.map(|reason| reason.0);
    let mut choice = Choice {
        finish: native.as_deref().map(|word| finish::read(word, called)),
        native_finish: native,
        turns: vec![turn],
        ..Choice::default()
    };
    choice.empty_last();
    Ok(Response {
        source: THIS,
        id: None,
        model: None,
        created: None,
        service_tier: None,
        choices: vec![choice],
        usage: answer.usage.and_then(|usage| usage.counts()),
        error: None,
        ext: Ext::default(),
    })
}

/// A block; one without any content is none, and so is one of a kind not known here.
fn block(part: wire::Block<'_>) -> Option<Block<'_>> {
    if let Some(text) = part.text {
        return Some(Block::text(text.0));
    }
    if let Some(call) = part.tool_use {
        let input =
            call.input.map_or(Arguments::Text(Cow::Borrowed("")), |raw| Arguments::Json(Cow::Borrowed(raw)));
        return Some(Block::new(Content::ToolCall(ToolCall {
            id: call.id.map(|id| id.0).unwrap_or_default(),
            made_id: false,
            name: call.name.map(|name| name.0).unwrap_or_default(),
            arguments: input,
            style: CallStyle::Function,
        })));
    }
    if let Some(reasoning) = part.reasoning {
        return Some(reasoned(reasoning));
    }
    let cited = part.citations?.content?;
    let text: String = cited.iter().filter_map(|piece| piece.text.as_ref()).map(AsRef::as_ref).collect();
    Some(Block::text(text))
}

fn reasoned(reasoning: wire::Reasoning<'_>) -> Block<'_> {
    let text = reasoning.text.unwrap_or_default();
    let mut block = Block::new(Content::Reasoning(text.text.map(|text| text.0).unwrap_or_default()));
    let signed = text.signature.map(|data| (data, false)).or(reasoning.redacted.map(|data| (data, true)));
    let signed = signed.filter(|(data, _)| !data.0.is_empty());
    block.state = signed.map(|(data, redacted)| untag(data.0, THIS.family(), redacted));
    block
}

/// Undoes what writing the request changed about a call.
fn restore(block: &mut Block<'_>, exchange: &Exchange, called: &mut Called) {
    let Content::ToolCall(call) = &mut block.content else { return };
    if exchange.json_tool && call.name == JSON_TOOL {
        called.json = true;
        block.content = Content::Text(Cow::Owned(call.arguments.as_text().into_owned()));
        return;
    }
    called.tools = true;
    call.name = Cow::Owned(exchange.names.client(std::mem::take(&mut call.name)).into_owned());
    custom::restore(call, &exchange.custom);
}
