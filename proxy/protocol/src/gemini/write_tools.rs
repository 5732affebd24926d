//! Writing tools and which of them may be called.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::codec::JSON_TOOL;
use crate::custom;
use crate::facts::Field;
use crate::ir::{OutputFormat, Tool, ToolChoice, ToolKind};
use crate::json::constant;
use crate::json::write::{self, List, Object};
use crate::notes::{Notes, Rejected};
use crate::schema::described;

use super::facts::CALLING;
use super::foreign::{Foreign, is_forced};
use super::write_native::Own;

/// What the function is for whose arguments are the answer (TRANSLATION §5).
const JSON_TOOL_TEXT: &str = "Give the final answer to the user.";

/// Writes `tools` as they were read: in their groups.
pub(super) fn native(l: &mut List<'_>, tools: &[Tool<'_>]) {
    for group in tools.chunk_by(|left, right| left.at == right.at) {
        let mut functions = group.iter().filter(|tool| !matches!(tool.kind, ToolKind::Hosted(..))).peekable();
        l.object(|o| {
            if functions.peek().is_some() {
                o.list("functionDeclarations", |l| functions.for_each(|tool| native_function(l, tool)));
            }
            for tool in group {
                if let ToolKind::Hosted(key, raw) = &tool.kind {
                    o.field(key, raw);
                }
            }
        });
    }
}

fn native_function(l: &mut List<'_>, tool: &Tool<'_>) {
    let own = Own::of(&tool.ext);
    l.object(|o| {
        own.write(o, "");
        if !tool.name.is_empty() {
            o.str("name", &tool.name);
        }
        o.opt_str("description", tool.description.as_deref());
        if !own.has("", "parametersJsonSchema") {
            o.opt_raw("parametersJsonSchema", tool.parameters.as_ref().map(|json| json.get()));
        }
    });
}

/// Writes the members of `functionCallingConfig`.
pub(super) fn write_choice(o: &mut Object<'_>, choice: &ToolChoice<'_>, own: &Own<'_, '_>) {
    let (mode, names) = match choice {
        ToolChoice::Auto => ("AUTO", &[][..]),
        ToolChoice::None => ("NONE", &[][..]),
        ToolChoice::Required => ("ANY", &[][..]),
        ToolChoice::Tool(name) => ("ANY", std::slice::from_ref(name)),
        ToolChoice::Subset { required, names } => (if *required { "ANY" } else { "AUTO" }, names.as_slice()),
    };
    o.str("mode", mode);
    if !names.is_empty() && !own.has(CALLING, "allowedFunctionNames") {
        o.list("allowedFunctionNames", |l| names.iter().for_each(|name| l.str(name)));
    }
}

/// Writes `tools` and `toolConfig` of a request from another protocol.
///
/// # Errors
/// A tool that only its vendor runs; a schema the model's form of schemas cannot express; in strict mode,
/// anything that has to change.
pub(super) fn foreign(
    o: &mut Object<'_>,
    foreign: &Foreign<'_, '_>,
    notes: &mut Notes,
) -> Result<(), Rejected> {
    let mut functions = Vec::new();
    let mut searches = false;
    let only = only(foreign);
    for tool in &foreign.request.tools {
        match &tool.kind {
            ToolKind::Hosted(..) if foreign.target.options.web_search && tool.is_web_search() => {
                searches = true
            }
            ToolKind::Hosted(kind, _) => {
                let reason = format!("the provider has no tool of type {kind:?}");
                return Err(Rejected::new(format!("tools[{}]", tool.at), reason));
            }
            ToolKind::Function | ToolKind::Custom => {
                let may_be_called = only.as_ref().is_none_or(|names| names.contains(tool.name.as_ref()));
                if may_be_called && !foreign.no_functions {
                    functions.push(tool);
                }
            }
        }
    }
    let declares = !functions.is_empty() || foreign.json_tool;
    if declares || searches {
        o.list("tools", |l| write_lists(l, foreign, &functions, searches, notes))?;
    }
    if declares { write_config(o, foreign, &functions, notes) } else { Ok(()) }
}

/// The names of the tools that may be called, where Gemini has no other way to say so than to declare no
/// others.
fn only<'t>(foreign: &'t Foreign<'_, '_>) -> Option<HashSet<&'t str>> {
    match &foreign.request.tool_choice {
        Some(ToolChoice::Subset { required, names }) if !*required || !foreign.may_force() => {
            Some(names.iter().map(AsRef::as_ref).collect())
        }
        Some(ToolChoice::Tool(name)) if !foreign.may_force() => Some(HashSet::from([name.as_ref()])),
        _ => None,
    }
}

fn write_lists(
    l: &mut List<'_>,
    foreign: &Foreign<'_, '_>,
    functions: &[&Tool<'_>],
    searches: bool,
    notes: &mut Notes,
) -> Result<(), Rejected> {
    if !functions.is_empty() || foreign.json_tool {
        let mut list = Vec::new();
        write::list(&mut list, |l| {
            functions.iter().try_for_each(|tool| function(l, foreign, tool, notes))?;
            if foreign.json_tool { json_tool(l, foreign, notes) } else { Ok(()) }
        })?;
        l.object(|o| o.key("functionDeclarations").extend_from_slice(&list));
    }
    if searches {
        l.object(|o| o.object("googleSearch", |_| {}));
    }
    Ok(())
}

fn function(
    l: &mut List<'_>,
    foreign: &Foreign<'_, '_>,
    tool: &Tool<'_>,
    notes: &mut Notes,
) -> Result<(), Rejected> {
    let path = || format!("tools[{}]", tool.at);
    let is_custom = matches!(tool.kind, ToolKind::Custom);
    if is_custom {
        notes.warn("custom_tool_wrapped", path)?;
    }
    let wrapped = is_custom.then(|| Cow::Borrowed(constant(custom::SCHEMA)));
    l.object(|o| {
        o.str("name", foreign.names.upstream(&tool.name));
        o.opt_str("description", tool.description.as_deref());
        match wrapped.as_ref().or(tool.parameters.as_ref()) {
            Some(schema) => parameters(o, foreign, schema, path, notes),
            None => Ok(()),
        }
    })
}

/// Writes the schema of a function's arguments. A function without arguments has none.
fn parameters(
    o: &mut Object<'_>,
    foreign: &Foreign<'_, '_>,
    schema: &serde_json::value::RawValue,
    path: impl Fn() -> String,
    notes: &mut Notes,
) -> Result<(), Rejected> {
    if foreign.takes_json_schema() {
        o.raw("parametersJsonSchema", schema.get());
        return Ok(());
    }
    let subset = foreign.openapi(schema, path, notes)?;
    // Objects without properties are refused there.
    if subset.schema != "{\"type\":\"OBJECT\"}" {
        o.raw("parameters", &subset.schema);
    }
    Ok(())
}

/// The function whose arguments are the answer.
fn json_tool(l: &mut List<'_>, foreign: &Foreign<'_, '_>, notes: &mut Notes) -> Result<(), Rejected> {
    let Some(OutputFormat::Schema { schema: Some(schema), description, .. }) = &foreign.request.output else {
        return Ok(());
    };
    let schema = &described(schema, description.as_deref());
    l.object(|o| {
        o.str("name", JSON_TOOL);
        o.str("description", JSON_TOOL_TEXT);
        parameters(o, foreign, schema, || foreign.path(Field::Output), notes)
    })
}

/// Writes `toolConfig`, where the model does not call as it likes.
fn write_config(
    o: &mut Object<'_>,
    foreign: &Foreign<'_, '_>,
    functions: &[&Tool<'_>],
    notes: &mut Notes,
) -> Result<(), Rejected> {
    let asked = foreign.request.tool_choice.as_ref();
    let strict = functions.iter().any(|tool| tool.strict == Some(true));
    let mut mode = |mode: &str, names: &[Cow<'_, str>]| {
        o.object("toolConfig", |o| {
            o.object("functionCallingConfig", |o| {
                o.str("mode", mode);
                if !names.is_empty() {
                    let list = names.iter().map(|name| foreign.names.upstream(name));
                    o.list("allowedFunctionNames", |l| list.for_each(|name| l.str(name)));
                }
            });
        });
    };
    if foreign.json_tool {
        // The answer is a call as well: one of them must be made.
        mode("ANY", &[]);
        return Ok(());
    }
    let forced = asked.is_some_and(is_forced);
    if forced && !foreign.may_force() {
        notes.warn("tool_choice_changed", || foreign.path(Field::ToolChoice))?;
    }
    match asked {
        Some(ToolChoice::None) => mode("NONE", &[]),
        Some(ToolChoice::Required) if foreign.may_force() => mode("ANY", &[]),
        Some(ToolChoice::Tool(name)) if foreign.may_force() => mode("ANY", std::slice::from_ref(name)),
        Some(ToolChoice::Subset { required: true, names }) if foreign.may_force() => mode("ANY", names),
        // The only way to ask that arguments follow their schema, and only newer models know it.
        _ if strict && foreign.takes_json_schema() => mode("VALIDATED", &[]),
        Some(_) => mode("AUTO", &[]),
        None => {}
    }
    if strict && !forced && !foreign.takes_json_schema() {
        notes.warn("strict_dropped", || foreign.path(Field::Tools))?;
    }
    Ok(())
}
