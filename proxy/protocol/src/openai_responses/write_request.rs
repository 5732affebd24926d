//! Writing a request.

use crate::account;
use crate::codec::{Encoded, Exchange, Target};
use crate::instructed::{Word, instructed};
use crate::ir::Request;
use crate::json::write;
use crate::names::Names;
use crate::notes::{Notes, Rejected};
use crate::openai_chat::write_request::NAMES;

use super::foreign::Foreign;
use super::{OpenAiResponses, THIS, native};

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// An answer.
    Answer,
    /// The number of its tokens: settings that say how to answer are left out.
    Count,
}

/// Writes a request body.
pub(super) fn encode(
    request: &Request<'_>,
    target: &Target<'_>,
    purpose: Purpose,
    notes: &mut Notes,
) -> Result<Encoded, Rejected> {
    let mut body = request.buffer();
    if request.source == THIS {
        account::states(request, notes)?;
        write::object(&mut body, |o| native::write(o, request, target));
        return Ok(Encoded { body, exchange: Exchange::default() });
    }
    let request = account::request(request, &OpenAiResponses, notes)?;
    let request = &*instructed(request, target, Word::Wanted, notes)?;
    let names = Names::of(request, NAMES);
    write::object(&mut body, |o| Foreign { request, target, names: &names, purpose }.write(o, notes))?;
    Ok(Encoded { body, exchange: Exchange { names, ..Exchange::default() } })
}
