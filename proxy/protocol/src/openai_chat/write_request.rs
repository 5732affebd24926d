//! Writing a request.

use crate::account;
use crate::codec::{Encoded, Exchange, Target};
use crate::custom;
use crate::instructed::{Word, instructed};
use crate::ir::{ExtField, OutputFormat, Request, Tool, ToolChoice, ToolKind, has};
use crate::json::write::{self, List, Object};
use crate::names::{NameLimits, Names};
use crate::notes::{Notes, Rejected};

use super::foreign::Foreign;
use super::request::TOOL;
use super::write_message::{write_ext, write_native};
use super::{OpenAiChat, THIS, settle};

/// Function names (OpenAI's own limit).
pub(crate) const NAMES: NameLimits = NameLimits { max: 64, also: "" };

/// Writes a request body.
pub(super) fn encode(
    request: &Request<'_>,
    target: &Target<'_>,
    notes: &mut Notes,
) -> Result<Encoded, Rejected> {
    let mut body = request.buffer();
    if request.source == THIS {
        write::object(&mut body, |o| native(o, request, target));
        return Ok(Encoded { body, exchange: Exchange::default() });
    }
    let request = account::request(request, &OpenAiChat, notes)?;
    let request = &*instructed(request, target, Word::Wanted, notes)?;
    let names = Names::of(request, NAMES);
    write::object(&mut body, |o| Foreign { request, target, names: &names }.write(o, notes))?;
    Ok(Encoded { body, exchange: Exchange { names, ..Exchange::default() } })
}

/// Writes what was read, and the provider's name of the model.
fn native(o: &mut Object<'_>, request: &Request<'_>, target: &Target<'_>) {
    let own = request.ext.own(THIS, THIS);
    o.str("model", target.model);
    o.list("messages", |l| {
        request.turns.iter().for_each(|turn| l.object(|o| write_native(o, turn)));
    });
    write_ext(o, own, "");
    o.opt_bool("stream", request.stream);
    // Functions of the deprecated list are in its twin.
    let mut tools = request.tools.iter().filter(|tool| !has(tool.ext.own(THIS, THIS), TOOL)).peekable();
    if tools.peek().is_some() {
        o.list("tools", |l| tools.for_each(|tool| native_tool(l, tool)));
    }
    if let Some(output) = &request.output {
        o.object("response_format", |o| {
            match output {
                OutputFormat::Schema { .. } if has(own, "json_schema") => o.str("type", "json_schema"),
                output => write_output(o, output, |o| write_ext(o, own, "json_schema")),
            }
            write_ext(o, own, "response_format");
        });
    }
    if let Some(effort) = request.thinking.as_ref().and_then(|thinking| thinking.effort.as_ref()) {
        o.str("reasoning_effort", effort.word());
    }
    o.opt_bool("parallel_tool_calls", request.parallel_tools);
    write_settings(o, request);
    let sampling = &request.sampling;
    settle::settings(sampling).into_iter().for_each(|(_, key, value)| o.opt_raw(key, value));
    o.opt_raw("seed", sampling.seed.as_deref());
    o.opt_bool("logprobs", sampling.logprobs);
}

/// Settings that are spelled the same both ways.
pub(super) fn write_settings(o: &mut Object<'_>, request: &Request<'_>) {
    o.opt_raw("metadata", request.metadata.as_ref().map(|json| json.get()));
    o.opt_str("service_tier", request.service_tier.as_deref());
    o.opt_str("verbosity", request.verbosity.as_deref());
    o.opt_bool("store", request.store);
}

fn native_tool(l: &mut List<'_>, tool: &Tool<'_>) {
    let own = tool.ext.own(THIS, THIS);
    let key = match &tool.kind {
        ToolKind::Hosted(_, raw) => return l.raw(raw.get()),
        ToolKind::Function => "function",
        ToolKind::Custom => "custom",
    };
    l.object(|o| {
        write_ext(o, own, "");
        if !has(own, "type") {
            o.str("type", key);
        }
        o.object(key, |o| {
            write_definition(o, tool, own);
            o.opt_bool("strict", tool.strict);
            write_ext(o, own, key);
        });
    });
}

/// Name, description and parameters of a tool.
fn write_definition(o: &mut Object<'_>, tool: &Tool<'_>, own: &[ExtField<'_>]) {
    if !has(own, "name") {
        o.str("name", &tool.name);
    }
    o.opt_str("description", tool.description.as_deref());
    o.opt_raw("parameters", tool.parameters.as_ref().map(|json| json.get()));
}

/// `tool_choice` among these tools.
pub(super) fn write_choice(o: &mut Object<'_>, choice: &ToolChoice<'_>, tools: &[Tool<'_>], names: &Names) {
    let custom = custom::of(tools);
    let named = |o: &mut Object<'_>, name: &str| {
        let kind = if custom.contains(name) { "custom" } else { "function" };
        o.str("type", kind);
        o.object(kind, |o| o.str("name", names.upstream(name)));
    };
    match choice {
        ToolChoice::Auto => o.str("tool_choice", "auto"),
        ToolChoice::None => o.str("tool_choice", "none"),
        ToolChoice::Required => o.str("tool_choice", "required"),
        ToolChoice::Tool(name) => o.object("tool_choice", |o| named(o, name)),
        ToolChoice::Subset { required, names: subset } => o.object("tool_choice", |o| {
            o.str("type", "allowed_tools");
            o.object("allowed_tools", |o| {
                o.str("mode", if *required { "required" } else { "auto" });
                o.list("tools", |l| subset.iter().for_each(|name| l.object(|o| named(o, name))));
            });
        }),
    }
}

/// The members of `response_format`; the closure adds to the schema's.
pub(super) fn write_output(
    o: &mut Object<'_>,
    output: &OutputFormat<'_>,
    more: impl FnOnce(&mut Object<'_>),
) {
    match output {
        OutputFormat::Text => o.str("type", "text"),
        OutputFormat::Json => o.str("type", "json_object"),
        OutputFormat::Schema { name, description, schema, strict } => {
            o.str("type", "json_schema");
            o.object("json_schema", |o| {
                o.opt_str("name", name.as_deref());
                o.opt_str("description", description.as_deref());
                o.opt_raw("schema", schema.as_ref().map(|json| json.get()));
                o.opt_bool("strict", *strict);
                more(o);
            });
        }
    }
}
