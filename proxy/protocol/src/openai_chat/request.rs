//! Reading a request.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::ir::{Effort, Ext, OutputFormat, Request, Sampling, Thinking, Tool, ToolChoice, ToolKind, pair};
use crate::json::write::{self, Object};
use crate::json::{DecodeError, Str, StrOr, constant, owned, read, read_raw, string, whole, words};

use super::{THIS, message, wire};

/// What is absent of a function that stands in the deprecated list.
pub(super) const TOOL: &str = "tools";

/// Reads a request body.
pub(super) fn decode(bytes: &[u8]) -> Result<Request<'_>, DecodeError> {
    let body: wire::Body<'_> = read(bytes)?;
    let model = body.model.ok_or_else(|| DecodeError::field("model", "is required"))?;
    let messages = body.messages.ok_or_else(|| DecodeError::field("messages", "is required"))?;
    let mut ext = Ext::of(body.rest);
    let mut request = Request::new(THIS, model.0);
    request.body = bytes;
    request.stream = body.stream;
    request.include_usage = body.stream_options.is_some_and(wants_usage);
    for (at, one) in messages.into_iter().enumerate() {
        request.turns.push(message::decode(one, at as u32)?);
    }
    pair(&mut request.turns);
    request.tools = tools(body.tools, body.functions, &mut ext)?;
    request.tool_choice = choice(body.tool_choice.or(body.function_call))?;
    request.parallel_tools = body.parallel_tool_calls;
    request.output = body.response_format.map(|raw| output(raw, &mut ext)).transpose()?.flatten();
    request.thinking = body
        .reasoning_effort
        .map(|word| Thinking { effort: Some(Effort::from_word(word.0)), ..Thinking::default() });
    // The deprecated names count only where the new ones are absent.
    request.max_output =
        whole(body.max_completion_tokens, "max_completion_tokens")?.or(whole(body.max_tokens, "max_tokens")?);
    request.stop = body.stop.map(stops).transpose()?.unwrap_or_default();
    request.end_user = words(body.safety_identifier, "safety_identifier")?.or(words(body.user, "user")?);
    for (key, raw) in [
        ("stream_options", body.stream_options),
        ("tool_choice", body.tool_choice),
        ("function_call", body.function_call),
        ("max_completion_tokens", body.max_completion_tokens),
        ("max_tokens", body.max_tokens),
        ("stop", body.stop),
        ("n", body.n),
        ("top_logprobs", body.top_logprobs),
        ("safety_identifier", body.safety_identifier),
        ("user", body.user),
    ] {
        if let Some(raw) = raw {
            ext.push("", key, raw);
        }
    }
    request.metadata = body.metadata.map(Cow::Borrowed);
    request.service_tier = body.service_tier.map(|tier| tier.0);
    request.verbosity = body.verbosity.map(|word| word.0);
    request.store = body.store;
    request.sampling = Sampling {
        temperature: body.temperature.map(|number| Cow::Borrowed(number.0)),
        top_p: body.top_p.map(|number| Cow::Borrowed(number.0)),
        top_k: None,
        seed: body.seed.map(|number| Cow::Borrowed(number.0)),
        frequency_penalty: body.frequency_penalty.map(|number| Cow::Borrowed(number.0)),
        presence_penalty: body.presence_penalty.map(|number| Cow::Borrowed(number.0)),
        logit_bias: body.logit_bias.map(Cow::Borrowed),
        logprobs: body.logprobs,
        top_logprobs: whole(body.top_logprobs, "top_logprobs")?,
        n: whole(body.n, "n")?,
    };
    request.ext = ext;
    Ok(request)
}

fn wants_usage(raw: &RawValue) -> bool {
    let options = serde_json::from_str::<wire::StreamOptions>(raw.get());
    options.is_ok_and(|options| options.include_usage == Some(true))
}

fn stops(raw: &RawValue) -> Result<Vec<Cow<'_, str>>, DecodeError> {
    match read_raw::<StrOr<'_, Str<'_>>>(raw)? {
        StrOr::Str(one) => Ok(vec![one]),
        StrOr::List(many) => Ok(many.into_iter().map(|one| one.0).collect()),
    }
}

fn tools<'a>(
    tools: Option<Vec<wire::Tool<'a>>>,
    functions: Option<&'a RawValue>,
    ext: &mut Ext<'a>,
) -> Result<Vec<Tool<'a>>, DecodeError> {
    if tools.as_ref().is_some_and(Vec::is_empty) {
        ext.push("", "tools", constant(message::EMPTY_LIST));
    }
    let tools = tools.unwrap_or_default();
    let mut list: Vec<Tool<'a>> =
        tools.into_iter().enumerate().map(|(at, one)| tool(one, at as u32)).collect();
    if let Some(raw) = functions {
        ext.push("", "functions", raw);
        let functions: Vec<wire::Function<'a>> = read_raw(raw)?;
        let from = list.len();
        for (at, one) in functions.into_iter().enumerate() {
            // The twin of their list has them.
            let mut ext = Ext::default();
            ext.absent(TOOL);
            list.push(function(ToolKind::Function, one, (from + at) as u32, ext, ""));
        }
    }
    Ok(list)
}

fn tool(tool: wire::Tool<'_>, at: u32) -> Tool<'_> {
    let kind = tool.kind.map(|kind| kind.0);
    match (kind.as_deref().unwrap_or("function"), tool.function, tool.custom) {
        ("function", Some(one), None) => {
            let mut ext = Ext::of(tool.rest);
            if kind.is_none() {
                ext.absent("type");
            }
            function(ToolKind::Function, one, at, ext, "function")
        }
        ("custom", None, Some(one)) => function(ToolKind::Custom, one, at, Ext::of(tool.rest), "custom"),
        (_, function, custom) => {
            let mut text = Vec::new();
            write::object(&mut text, |o| {
                o.opt_str("type", kind.as_deref());
                for (key, one) in [("function", function), ("custom", custom)] {
                    if let Some(one) = one {
                        o.object(key, |o| definition(o, &one));
                    }
                }
                tool.rest.iter().for_each(|(key, value)| o.field(key, value));
            });
            Tool {
                kind: ToolKind::Hosted(kind.unwrap_or_default(), owned(text)),
                name: Cow::Borrowed(""),
                description: None,
                parameters: None,
                strict: None,
                at,
                ext: Ext::default(),
            }
        }
    }
}

/// Writes a definition as it was read.
fn definition(o: &mut Object<'_>, one: &wire::Function<'_>) {
    o.opt_str("name", one.name.as_ref().map(AsRef::as_ref));
    o.opt_str("description", one.description.as_ref().map(AsRef::as_ref));
    o.opt_raw("parameters", one.parameters.map(RawValue::get));
    o.opt_bool("strict", one.strict);
    one.rest.iter().for_each(|(key, value)| o.field(key, value));
}

fn function<'a>(
    kind: ToolKind<'a>,
    one: wire::Function<'a>,
    at: u32,
    mut ext: Ext<'a>,
    inside: &'static str,
) -> Tool<'a> {
    ext.add(inside, one.rest);
    if one.name.is_none() {
        ext.absent("name");
    }
    Tool {
        kind,
        name: one.name.map_or(Cow::Borrowed(""), |name| name.0),
        description: one.description.map(|text| text.0),
        parameters: one.parameters.map(Cow::Borrowed),
        strict: one.strict,
        at,
        ext,
    }
}

fn choice<'a>(raw: Option<&'a RawValue>) -> Result<Option<ToolChoice<'a>>, DecodeError> {
    let Some(raw) = raw else { return Ok(None) };
    if let Some(word) = string(raw) {
        return match word.as_ref() {
            "auto" => Ok(Some(ToolChoice::Auto)),
            "none" => Ok(Some(ToolChoice::None)),
            "required" | "any" => Ok(Some(ToolChoice::Required)),
            _ => Err(DecodeError::field("tool_choice", "is not a choice")),
        };
    }
    let choice: wire::Choice<'a> = read_raw(raw)?;
    if let Some(allowed) = choice.allowed_tools {
        let names = allowed.tools.unwrap_or_default().into_iter().filter_map(|tool| {
            tool.name.or(tool.function.and_then(|one| one.name)).or(tool.custom.and_then(|one| one.name))
        });
        let required = allowed.mode.is_some_and(|mode| mode.as_ref() == "required");
        return Ok(Some(ToolChoice::Subset { required, names: names.map(|name| name.0).collect() }));
    }
    // The deprecated `function_call` holds the name itself.
    let named = choice.function.or(choice.custom).and_then(|one| one.name).or(choice.name);
    match named {
        Some(name) => Ok(Some(ToolChoice::Tool(name.0))),
        None => Err(DecodeError::field("tool_choice", "is not a choice")),
    }
}

/// The form of the answer; one that only some compatible servers know is kept as it is, and refused elsewhere.
fn output<'a>(raw: &'a RawValue, ext: &mut Ext<'a>) -> Result<Option<OutputFormat<'a>>, DecodeError> {
    let format: wire::Format<'a> = read_raw(raw)?;
    let kind = format.kind.as_ref().map_or("", |kind| kind.as_ref());
    if !matches!(kind, "text" | "json_object" | "json_schema") {
        ext.push("", "response_format", raw);
        return Ok(None);
    }
    let output = match kind {
        "text" => OutputFormat::Text,
        "json_object" => OutputFormat::Json,
        _ => {
            if format.json_schema.is_none() {
                ext.absent("json_schema");
            }
            let schema = format.json_schema.unwrap_or_default();
            ext.add("json_schema", schema.rest);
            OutputFormat::Schema {
                name: schema.name.map(|name| name.0),
                description: schema.description.map(|text| text.0),
                schema: schema.schema.map(Cow::Borrowed),
                strict: schema.strict,
            }
        }
    };
    ext.add("response_format", format.rest);
    Ok(Some(output))
}
