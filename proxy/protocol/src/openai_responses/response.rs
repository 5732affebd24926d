//! Responses.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::account;
use crate::codec::{Exchange, Reply};
use crate::ir::{Arguments, Block, Choice, Content, Ext, Finish, Response, ToolCall, Turn};
use crate::json::write::{self, Object};
use crate::json::{DecodeError, count, lenient, read_lenient, string};
use crate::notes::Notes;
use crate::openai_chat::{annotations, logprobs};
use crate::state::{Trailing, UNSIGNED};

use super::answer::{
    Call, Ending, Head, Items, Part, Progress, Told, carried, write_message, write_reasoning,
};
use super::finish::{self, Signs};
use super::item::Side;
use super::{THIS, error, item, usage, wire};

/// Reads a response body.
pub(super) fn decode<'a>(body: &'a [u8], exchange: &Exchange) -> Result<Response<'a>, DecodeError> {
    let answer: wire::Answer<'a> = read_lenient(body)?;
    if answer.output.is_none() && answer.error.is_none() {
        return Err(DecodeError::field("output", "is required"));
    }
    let choice = choice(&answer, exchange)?;
    let mut ext = Ext::of(answer.rest);
    for (key, raw) in [
        ("created_at", answer.created_at),
        ("status", answer.status),
        ("incomplete_details", answer.incomplete_details),
        ("output", answer.output),
        ("usage", answer.usage),
        ("error", answer.error),
    ] {
        if let Some(raw) = raw {
            ext.push("", key, raw);
        }
    }
    let failed = word(answer.status).is_some_and(|status| status == "failed");
    Ok(Response {
        source: THIS,
        id: answer.id.map(|id| id.0),
        model: answer.model.map(|model| model.0),
        created: answer.created_at.and_then(count),
        service_tier: None,
        choices: vec![choice],
        usage: answer.usage.and_then(usage::read),
        error: error::of_response(answer.error).or_else(|| failed.then(error::failed)),
        ext,
    })
}

/// A string, if it is one.
pub(super) fn word(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    string(raw?)
}

/// Why an answer is incomplete.
pub(super) fn reason(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let details: wire::Incomplete<'_> = lenient(raw?.get()).ok()?;
    details.reason.map(|reason| reason.0)
}

fn choice<'a>(answer: &wire::Answer<'a>, exchange: &Exchange) -> Result<Choice<'a>, DecodeError> {
    let mut signs = Signs::default();
    let mut turns = items(answer.output)?;
    for block in turns.iter_mut().flat_map(|turn| &mut turn.blocks) {
        signs.calls |= matches!(block.content, Content::ToolCall(_));
        signs.refuses |= matches!(&block.content, Content::Refusal(text) if !text.is_empty());
        mark(block);
        if let Content::ToolCall(call) = &mut block.content {
            call.name = Cow::Owned(exchange.names.client(std::mem::take(&mut call.name)).into_owned());
        }
    }
    // Some servers leave the status out of an answer that is over.
    let status = word(answer.status).unwrap_or(Cow::Borrowed("completed"));
    let reason = reason(answer.incomplete_details);
    Ok(Choice {
        index: 0,
        turns,
        finish: finish::read(&status, reason.as_deref(), signs),
        native_finish: Some(finish::native(status, reason.as_deref())),
        stop_sequence: None,
        finish_message: None,
        ext: Ext::default(),
    })
}

/// Takes what the provider says about a text of an answer.
pub(super) fn mark(block: &mut Block<'_>) {
    if !matches!(block.content, Content::Text(_)) {
        return;
    }
    let tokens = logprobs::read(block.ext.read("logprobs"));
    if !tokens.is_empty() {
        block.marks_mut().logprobs = tokens;
    }
    let cited = block.ext.read("annotations");
    annotations::mark(block, cited);
}

/// The items of an output.
pub(super) fn items(output: Option<&RawValue>) -> Result<Vec<Turn<'_>>, DecodeError> {
    let Some(raw) = output.filter(|raw| raw.get() != "null") else { return Ok(Vec::new()) };
    item::decode_all(raw, Side::Output)
}

/// Writes a response body.
pub(super) fn encode(response: &Response<'_>, reply: &mut Reply, notes: &mut Notes) -> Vec<u8> {
    let mut body = Vec::with_capacity(2048);
    write::object(&mut body, |o| {
        if response.source == THIS {
            write_native(o, response, reply);
        } else {
            write_foreign(o, response, reply, notes);
        }
    });
    body
}

fn write_native(o: &mut Object<'_>, response: &Response<'_>, reply: &Reply) {
    o.opt_str("id", response.id.as_deref());
    if response.model.is_some() {
        o.str("model", reply.model(response.model.as_deref()));
    }
    response.ext.iter().for_each(|field| o.field(&field.key, &field.value));
}

fn write_foreign(o: &mut Object<'_>, response: &Response<'_>, reply: &mut Reply, notes: &mut Notes) {
    account::response(response, THIS, notes);
    let empty = Choice::default();
    let choice = response.choices.first().unwrap_or(&empty);
    account::choice(response.source, THIS, choice, notes);
    account::annotations(choice, true, notes);
    let told = Told {
        id: response.id.as_deref().unwrap_or(""),
        model: response.model.as_deref().unwrap_or(""),
        created: response.created,
        service_tier: response.service_tier.as_deref(),
    };
    let head = Head::of(told, reply);
    let mut output =
        Output { reply, notes, items: Items::default(), parts: Vec::new(), signs: Signs::default() };
    let cut = choice.finish == Some(Finish::Length);
    let blocks: Vec<&Block<'_>> = choice.blocks().collect();
    let mut trailing = Trailing::default();
    for (at, block) in blocks.iter().enumerate() {
        trailing.after(block);
        output.block(block, if cut && at + 1 == blocks.len() { Ending::Cut } else { Ending::Complete });
    }
    let finish = choice.finish.unwrap_or(Finish::Unknown);
    output.explain(finish, choice.finish_message.as_deref());
    output.message(if cut { Ending::Cut } else { Ending::Complete });
    trailing.take().into_iter().for_each(|state| output.reasoning("", Some(&carried(&state))));
    if trailing.lost {
        output.notes.tell("reasoning_state_dropped");
    }
    let end = finish::word(finish, output.signs);
    end.warning.into_iter().for_each(|warning| output.notes.tell(warning));
    let items = output.items;
    let failure = response.error.as_ref();
    let progress = Progress {
        status: if failure.is_some() { "failed" } else { end.status },
        reason: end.reason.filter(|_| failure.is_none()),
        error: failure,
        usage: Some(&response.usage.unwrap_or_default()),
        items: &items,
    };
    head.write(o, &progress, reply);
}

/// The output being written.
struct Output<'o> {
    reply: &'o mut Reply,
    notes: &'o mut Notes,
    items: Items,
    /// Parts of a message that is not complete: texts that follow each other are one.
    parts: Vec<Part>,
    signs: Signs,
}

impl Output<'_> {
    fn block(&mut self, block: &Block<'_>, ending: Ending) {
        match &block.content {
            Content::Text(text) => self.part(false, text, block),
            Content::Refusal(text) => {
                if !block.logprobs().is_empty() {
                    self.notes.tell("logprobs_dropped");
                }
                self.part(true, text, block);
            }
            Content::Reasoning(text) => {
                self.message(Ending::Complete);
                let shown = if self.reply.show_reasoning { text.as_ref() } else { "" };
                self.reasoning(shown, block.state.as_ref().map(carried).as_deref());
            }
            Content::ToolCall(call) => {
                self.message(Ending::Complete);
                // The signature of a call has no place on it: it goes before it.
                if let Some(state) = &block.state {
                    self.reasoning("", Some(&carried(state)));
                }
                self.call(call, ending);
            }
            Content::Opaque(..) | Content::Media(_) | Content::ToolResult(_) => {
                self.notes.tell("output_block_dropped");
            }
        }
    }

    fn part(&mut self, refusal: bool, text: &str, block: &Block<'_>) {
        if !text.is_empty() {
            self.signs.refuses |= refusal;
            let mut part = Part { refusal, text: text.to_owned(), ..Part::default() };
            logprobs::append(&mut part.logprobs, block.logprobs());
            block.citations().iter().for_each(|citation| part.cite(citation));
            self.parts.push(part);
        }
    }

    /// What the provider says about a refusal stands for the text of one that has none.
    fn explain(&mut self, finish: Finish, message: Option<&str>) {
        if let (Finish::Refusal, Some(text), false) = (finish, message, self.signs.refuses) {
            self.part(true, text, &Block::text(""));
        }
    }

    /// Writes the message, if there is one: no item without text.
    fn message(&mut self, ending: Ending) {
        if self.parts.is_empty() {
            return;
        }
        let mut parts = Vec::new();
        for part in self.parts.drain(..) {
            if !parts.is_empty() {
                parts.push(b',');
            }
            write::object(&mut parts, |o| part.write(o));
        }
        let id = self.reply.ids.mint("msg_");
        self.items.add(|o| write_message(o, &id, ending.status(), &parts));
    }

    fn reasoning(&mut self, text: &str, state: Option<&str>) {
        if !text.is_empty() || state.is_some() {
            let id = self.reply.ids.mint("rs_");
            self.items.add(|o| write_reasoning(o, &id, text, Some(state.unwrap_or(UNSIGNED))));
        }
    }

    fn call(&mut self, call: &ToolCall<'_>, ending: Ending) {
        self.signs.calls = true;
        let item = Call::new(&call.id, &call.name, call.style, self.reply);
        let arguments = match &call.arguments {
            // Free text may be empty, and so may what came of a call before it was cut.
            Arguments::Text(text) if item.is_custom() || ending == Ending::Cut => {
                Cow::Borrowed(text.as_ref())
            }
            arguments => arguments.as_text(),
        };
        self.items.add(|o| item.write(o, ending.status(), &arguments));
    }
}
