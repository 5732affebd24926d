//! Reading a request.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::codec::UrlFacts;
use crate::ir::{Ext, NONE, Request, Role, pair};
use crate::json::{DecodeError, read, string};

use super::facts::{NAMED, twin};
use super::{THIS, message, settings, tools, wire};

/// Reads a request body. The model and whether to stream stand in the URL.
pub(super) fn decode<'a>(body: &'a [u8], url: UrlFacts<'a>) -> Result<Request<'a>, DecodeError> {
    Ok(Request { body, ..of_body(read(body)?, url)? })
}

/// The request of a body.
pub(super) fn of_body<'a>(body: wire::Body<'a>, url: UrlFacts<'a>) -> Result<Request<'a>, DecodeError> {
    let contents = body.contents.ok_or_else(|| DecodeError::field("contents", "is required"))?;
    let mut request = Request::new(THIS, Cow::Borrowed(url.model.unwrap_or("")));
    let mut ext = Ext::of(body.rest);
    request.stream = url.stream;
    // Google's SDKs send a streamed answer back as one message a chunk.
    request.pieces = true;
    if body.model.is_some() {
        ext.push(NAMED, "model", RawValue::NULL);
    }
    if let Some(system) = body.system_instruction {
        request.turns.push(message::decode(system, Role::System, NONE));
    }
    let turns = contents.into_iter().enumerate();
    request.turns.extend(turns.map(|(at, one)| message::decode(one, Role::User, at as u32)));
    pair(&mut request.turns);
    if let Some(raw) = body.tools {
        request.tools = tools::decode(raw, &mut ext)?;
    }
    if let Some(raw) = body.tool_config {
        request.tool_choice = tools::choice(raw, &mut ext)?;
    }
    if let Some(raw) = body.service_tier {
        twin(&mut ext, "", "serviceTier", raw);
        request.service_tier = tier(raw);
    }
    request.metadata = body.labels.map(Cow::Borrowed);
    if let Some(raw) = body.generation_config {
        settings::decode(raw, &mut request, &mut ext)?;
    }
    request.ext = ext;
    Ok(request)
}

/// A class of service, `flex` or `SERVICE_TIER_FLEX`, in the neutral form's words, which are OpenAI's.
fn tier(raw: &RawValue) -> Option<Cow<'_, str>> {
    let lower = string(raw)?.to_ascii_lowercase();
    Some(match lower.strip_prefix("service_tier_").unwrap_or(&lower) {
        "standard" => Cow::Borrowed("default"),
        "unspecified" => Cow::Borrowed("auto"),
        other => Cow::Owned(other.to_owned()),
    })
}
