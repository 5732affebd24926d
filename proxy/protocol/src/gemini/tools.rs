//! Reading tools and which of them may be called.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::ir::{Ext, Tool, ToolChoice, ToolKind};
use crate::json::{DecodeError, Str, read_raw};
use crate::schema::{from_openapi, reordered};

use super::facts::{ABSENT, CALLING, TOOL_CONFIG, twin};
use super::wire;

/// Reads `tools`: functions and hosted tools, in groups.
pub(super) fn decode<'a>(raw: &'a RawValue, ext: &mut Ext<'a>) -> Result<Vec<Tool<'a>>, DecodeError> {
    let groups: Vec<wire::ToolGroup<'a>> = read_raw(raw)?;
    let mut tools = Vec::new();
    let mut odd = groups.is_empty();
    for (at, group) in groups.into_iter().enumerate() {
        let before = tools.len();
        odd |= group.function_declarations.as_ref().is_some_and(Vec::is_empty);
        let functions = group.function_declarations.unwrap_or_default();
        tools.extend(functions.into_iter().map(|one| function(one, at as u32)));
        for (key, value) in group.rest {
            // Not a tool: the list of functions spelled in another way, or `null`.
            if value.get() == "null" || crate::json::record::camel(&key) == "functionDeclarations" {
                odd = true;
            } else {
                tools.push(hosted(key, value, at as u32));
            }
        }
        odd |= tools.len() == before;
    }
    if odd {
        // The groups do not say everything: the list as it is.
        twin(ext, "", "tools", raw);
    }
    Ok(tools)
}

fn function(one: wire::Declaration<'_>, at: u32) -> Tool<'_> {
    let mut ext = Ext::of(one.rest);
    if let Some(raw) = one.parameters {
        twin(&mut ext, "", "parameters", raw);
        if one.parameters_json_schema.is_none() {
            ext.push(ABSENT, "parametersJsonSchema", RawValue::NULL);
        }
    }
    let parameters = one.parameters_json_schema.map(|raw| {
        let reordered = reordered(raw);
        if reordered.is_some() {
            twin(&mut ext, "", "parametersJsonSchema", raw);
        }
        reordered.unwrap_or(Cow::Borrowed(raw))
    });
    Tool {
        kind: ToolKind::Function,
        name: one.name.map_or(Cow::Borrowed(""), |name| name.0),
        description: one.description.map(|text| text.0),
        parameters: parameters.or_else(|| one.parameters.map(from_openapi)),
        strict: None,
        at,
        ext,
    }
}

fn hosted<'a>(key: Cow<'a, str>, value: &'a RawValue, at: u32) -> Tool<'a> {
    Tool {
        kind: ToolKind::Hosted(key, Cow::Borrowed(value)),
        name: Cow::Borrowed(""),
        description: None,
        parameters: None,
        strict: None,
        at,
        ext: Ext::default(),
    }
}

/// Reads `toolConfig`.
pub(super) fn choice<'a>(
    raw: &'a RawValue,
    ext: &mut Ext<'a>,
) -> Result<Option<ToolChoice<'a>>, DecodeError> {
    let config: wire::ToolConfig<'a> = read_raw(raw)?;
    ext.add(TOOL_CONFIG, config.rest);
    let Some(calling) = config.function_calling_config else {
        twin(ext, "", "toolConfig", raw);
        return Ok(None);
    };
    ext.add(CALLING, calling.rest);
    let mode = calling.mode.map_or("", RawValue::get);
    let listed = calling.allowed_function_names;
    let names: Vec<Cow<'a, str>> = listed.iter().flatten().map(|name: &Str<'a>| name.0.clone()).collect();
    let plain = match mode {
        "\"ANY\"" => listed.is_none() || !names.is_empty(),
        "\"AUTO\"" => listed.is_none() || !names.is_empty(),
        "\"NONE\"" => listed.is_none(),
        _ => false,
    };
    if !plain {
        // Spelled in another way than the neutral form would be.
        twin(ext, "", "toolConfig", raw);
        if let Some(raw) = calling.mode {
            twin(ext, CALLING, "mode", raw);
        }
    }
    Ok(match mode.trim_matches('"').to_ascii_uppercase().as_str() {
        "NONE" => Some(ToolChoice::None),
        "ANY" => Some(required(names)),
        "" | "MODE_UNSPECIFIED" if names.is_empty() => None,
        _ if names.is_empty() => Some(ToolChoice::Auto),
        _ => Some(ToolChoice::Subset { required: false, names }),
    })
}

fn required(mut names: Vec<Cow<'_, str>>) -> ToolChoice<'_> {
    match (names.len(), names.pop()) {
        (1, Some(name)) => ToolChoice::Tool(name),
        (_, Some(last)) => {
            names.push(last);
            ToolChoice::Subset { required: true, names }
        }
        (_, None) => ToolChoice::Required,
    }
}
