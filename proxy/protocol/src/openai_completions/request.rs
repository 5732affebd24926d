//! Requests.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::codec::{Encoded, Exchange, Target};
use crate::ir::{Block, Content, Ext, NONE, Request, Role, Sampling, Turn, has};
use crate::json::write::{self, Object};
use crate::json::{DecodeError, Str, StrOr, read, read_raw, whole};
use crate::notes::Rejected;

use super::{THIS, wire};

/// Reads a request body. The prompt becomes what the user says.
pub(super) fn decode(bytes: &[u8]) -> Result<Request<'_>, DecodeError> {
    let body: wire::Body<'_> = read(bytes)?;
    let model = body.model.ok_or_else(|| DecodeError::field("model", "is required"))?;
    let raw = body.prompt.ok_or_else(|| DecodeError::field("prompt", "is required"))?;
    let mut request = Request::new(THIS, model.0);
    request.body = bytes;
    let mut ext = Ext::of(body.rest);
    match prompt(raw) {
        Some(turn) => request.turns.push(turn),
        // A batch, or tokens.
        None => ext.push("", "prompt", raw),
    }
    request.stream = body.stream;
    request.include_usage = body.stream_options.is_some_and(wants_usage);
    request.max_output = whole(body.max_tokens, "max_tokens")?;
    request.stop = body.stop.map(stops).transpose()?.unwrap_or_default();
    request.end_user = body.user.map(|user| user.0);
    request.sampling = Sampling {
        temperature: body.temperature.map(|number| Cow::Borrowed(number.0)),
        top_p: body.top_p.map(|number| Cow::Borrowed(number.0)),
        seed: body.seed.map(|number| Cow::Borrowed(number.0)),
        frequency_penalty: body.frequency_penalty.map(|number| Cow::Borrowed(number.0)),
        presence_penalty: body.presence_penalty.map(|number| Cow::Borrowed(number.0)),
        logit_bias: body.logit_bias.map(Cow::Borrowed),
        n: whole(body.n, "n")?,
        ..Sampling::default()
    };
    let twins = [
        ("stream_options", body.stream_options),
        ("max_tokens", body.max_tokens),
        ("n", body.n),
        ("stop", body.stop),
    ];
    for (key, raw) in twins {
        if let Some(raw) = raw {
            ext.push("", key, raw);
        }
    }
    request.ext = ext;
    Ok(request)
}

/// One text, plain or alone in a list.
fn prompt(raw: &RawValue) -> Option<Turn<'_>> {
    let text = match serde_json::from_str::<StrOr<'_, Str<'_>>>(raw.get()).ok()? {
        StrOr::Str(text) => (text, true),
        StrOr::List(mut list) if list.len() == 1 => (list.pop()?.0, false),
        StrOr::List(_) => return None,
    };
    let (text, plain) = text;
    Some(Turn { role: Role::User, blocks: vec![Block::text(text)], plain, at: NONE, ext: Ext::default() })
}

fn wants_usage(raw: &RawValue) -> bool {
    let options: Option<wire::StreamOptions> = serde_json::from_str(raw.get()).ok();
    options.is_some_and(|options| options.include_usage == Some(true))
}

fn stops(raw: &RawValue) -> Result<Vec<Cow<'_, str>>, DecodeError> {
    match read_raw::<StrOr<'_, Str<'_>>>(raw)? {
        StrOr::Str(one) => Ok(vec![one]),
        StrOr::List(many) => Ok(many.into_iter().map(|one| one.0).collect()),
    }
}

/// Writes a request body: what was read, and the provider's name of the model.
///
/// # Errors
/// The request came in another protocol: a conversation is no text to complete.
pub(super) fn encode(request: &Request<'_>, target: &Target<'_>) -> Result<Encoded, Rejected> {
    if request.source != THIS {
        return Err(Rejected::new("model", "the provider completes text only and has no conversations"));
    }
    let mut body = Vec::with_capacity(1024);
    write::object(&mut body, |o| native(o, request, target));
    Ok(Encoded { body, exchange: Exchange::default() })
}

fn native(o: &mut Object<'_>, request: &Request<'_>, target: &Target<'_>) {
    let own = request.ext.own(THIS, THIS);
    o.str("model", target.model);
    for turn in &request.turns {
        let text = turn.blocks.iter().find_map(|block| match &block.content {
            Content::Text(text) => Some(text.as_ref()),
            _ => None,
        });
        if let (Some(text), false) = (text, has(own, "prompt")) {
            if turn.plain { o.str("prompt", text) } else { o.list("prompt", |l| l.str(text)) }
        }
    }
    own.iter().for_each(|field| o.field(&field.key, &field.value));
    let sampling = &request.sampling;
    o.opt_bool("stream", request.stream);
    o.opt_raw("temperature", sampling.temperature.as_deref());
    o.opt_raw("top_p", sampling.top_p.as_deref());
    o.opt_raw("seed", sampling.seed.as_deref());
    o.opt_raw("frequency_penalty", sampling.frequency_penalty.as_deref());
    o.opt_raw("presence_penalty", sampling.presence_penalty.as_deref());
    o.opt_raw("logit_bias", sampling.logit_bias.as_ref().map(|json| json.get()));
    o.opt_str("user", request.end_user.as_deref());
}
