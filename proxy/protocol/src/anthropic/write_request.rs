//! Writing a request.

use crate::account;
use crate::codec::{Encoded, Exchange, Target};
use crate::custom;
use crate::ir::Request;
use crate::json::write;
use crate::names::{NameLimits, Names};
use crate::notes::{Notes, Rejected};

use super::cache::{Marks, Prompt};
use super::foreign::Foreign;
use super::plan::{Form, Plan};
use super::{Anthropic, THIS, native};

/// Tool names (TRANSLATION §2).
const NAMES: NameLimits = NameLimits { max: 128, also: "" };

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// An answer.
    Answer,
    /// The number of its tokens: settings that say how to answer are left out.
    Count,
}

/// The name of the model, where the body holds it.
pub(crate) fn named<'t>(target: &Target<'t>, purpose: Purpose) -> Option<&'t str> {
    (!target.options.vertex || purpose == Purpose::Count).then_some(target.model)
}

/// Writes a request body.
pub(crate) fn encode(
    request: &Request<'_>,
    target: &Target<'_>,
    purpose: Purpose,
    notes: &mut Notes,
) -> Result<Encoded, Rejected> {
    let mut body = request.buffer();
    if request.source == THIS {
        account::states(request, notes)?;
        let marks = target.options.cache_min_tokens.map_or_else(Marks::default, |min_tokens| {
            Prompt::of(request).map(|prompt| prompt.plan(min_tokens)).unwrap_or_default()
        });
        write::object(&mut body, |o| native::request(o, request, named(target, purpose), &marks));
        return Ok(Encoded { body, exchange: Exchange::default() });
    }
    let request = &*account::request(request, &Anthropic, notes)?;
    let plan = Plan::of(request, target, notes)?;
    let names = Names::of(request, NAMES);
    let custom = custom::names(request);
    let json_tool = plan.form == Form::Tool;
    let foreign = Foreign { request, target, names: &names, plan: &plan, purpose };
    foreign.write(&mut body, notes)?;
    Ok(Encoded { body, exchange: Exchange { names, json_tool, custom, ..Exchange::default() } })
}
