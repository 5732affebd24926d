//! Writing a request.

use crate::account;
use crate::codec::{Encoded, Exchange, Target};
use crate::custom;
use crate::instructed::{Word, instructed};
use crate::ir::{Content, Request, Tool};
use crate::json::write;
use crate::names::{NameLimits, Names};
use crate::notes::{Notes, Rejected};

use super::foreign::Foreign;
use super::{Gemini, THIS, write_native};

/// Function names (Gemini's own limit).
const NAMES: NameLimits = NameLimits { max: 128, also: ".:" };

/// Writes a request body.
pub(super) fn encode(
    request: &Request<'_>,
    target: &Target<'_>,
    notes: &mut Notes,
) -> Result<Encoded, Rejected> {
    encode_named(request, target, false, notes)
}

/// Writes a request body, with its model's name in it if `named`.
pub(super) fn encode_named(
    request: &Request<'_>,
    target: &Target<'_>,
    named: bool,
    notes: &mut Notes,
) -> Result<Encoded, Rejected> {
    let mut body = request.buffer();
    if request.source == THIS {
        account::states(request, notes)?;
        let bare;
        let request = match target.options.vertex {
            true => {
                bare = without_ids(request);
                &bare
            }
            false => request,
        };
        write::object(&mut body, |o| write_native::request(o, request, target.model, named));
        return Ok(Encoded { body, exchange: Exchange::default() });
    }
    let request = account::request(request, &Gemini, notes)?;
    let request = &*instructed(request, target, Word::Unneeded, notes)?;
    let foreign = Foreign::new(request, target, Names::of(request, NAMES), notes)?;
    write::object(&mut body, |o| foreign.write(o, named, notes))?;
    let exchange = Exchange {
        names: foreign.names,
        json_tool: foreign.json_tool,
        custom: custom::names(request),
        searches: request.tools.iter().any(Tool::is_web_search),
        fit_ids: true,
        ..Exchange::default()
    };
    Ok(Encoded { body, exchange })
}

/// The request as Vertex AI takes it: it refuses ids on parts (TRANSLATION §4).
fn without_ids<'a>(request: &Request<'a>) -> Request<'a> {
    let mut request = request.clone();
    for block in request.turns.iter_mut().flat_map(|turn| &mut turn.blocks) {
        match &mut block.content {
            Content::ToolCall(call) => call.made_id = true,
            Content::ToolResult(result) => result.made_id = true,
            _ => {}
        }
    }
    request
}
