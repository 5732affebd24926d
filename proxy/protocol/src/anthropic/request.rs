//! Reading a request.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::ir::{
    Block, Effort, Ext, NONE, OutputFormat, Request, Role, Sampling, Thinking, Tool, ToolChoice, ToolKind,
    Turn, pair,
};
use crate::json::{DecodeError, Num, Str, StrOr, constant, owned, read, read_raw, whole, write};

use super::{THIS, block, wire};

/// Reads a request body, for an answer or for a count.
pub(super) fn decode(bytes: &[u8]) -> Result<Request<'_>, DecodeError> {
    let body: wire::Body<'_> = read(bytes)?;
    let model = body.model.ok_or_else(|| DecodeError::field("model", "is required"))?;
    let messages = body.messages.ok_or_else(|| DecodeError::field("messages", "is required"))?;
    let mut request = Request::new(THIS, model.0);
    request.body = bytes;
    let mut ext = Ext::of(body.rest);
    request.stream = body.stream;
    if let Some(system) = body.system {
        request.turns.push(turn(Role::System, system, NONE, Ext::default()));
    }
    for (at, message) in messages.into_iter().enumerate() {
        request.turns.push(self::message(message, at as u32)?);
    }
    pair(&mut request.turns);
    request.tools = tools(body.tools, &mut ext);
    request.max_output = whole(body.max_tokens, "max_tokens")?;
    request.sampling = Sampling {
        temperature: body.temperature.map(|number| Cow::Borrowed(number.0)),
        top_p: body.top_p.map(|number| Cow::Borrowed(number.0)),
        top_k: body.top_k.map(|number| Cow::Borrowed(number.0)),
        ..Sampling::default()
    };
    if let Some(stop) = body.stop_sequences {
        if stop.is_empty() {
            ext.push("", "stop_sequences", constant("[]"));
        }
        request.stop = stop.into_iter().map(|text| text.0).collect();
    }
    // What has a shape of its own is kept as it was, and its unknown members are accounted for one by one.
    for (key, raw) in [
        ("max_tokens", body.max_tokens),
        ("tool_choice", body.tool_choice),
        ("thinking", body.thinking),
        ("output_config", body.output_config),
        ("output_format", body.output_format),
        ("metadata", body.metadata),
        ("service_tier", body.service_tier),
    ] {
        if let Some(raw) = raw {
            ext.push("", key, raw);
        }
    }
    choice(body.tool_choice, &mut request, &mut ext)?;
    thinking(body.thinking, &mut request, &mut ext)?;
    output(body.output_config, body.output_format, &mut request, &mut ext)?;
    if let Some(raw) = body.metadata {
        let metadata: wire::Metadata<'_> = read_raw(raw)?;
        request.end_user = metadata.user_id.map(|id| id.0);
        ext.add("metadata", metadata.rest);
    }
    request.service_tier = body.service_tier.and_then(tier);
    request.ext = ext;
    Ok(request)
}

fn message<'a>(message: wire::Message<'a>, at: u32) -> Result<Turn<'a>, DecodeError> {
    let role = match message.role.as_ref().map_or("", |role| role.as_ref()) {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => return Err(DecodeError::field(format!("messages[{at}].role"), "is not a role")),
    };
    let content = message
        .content
        .ok_or_else(|| DecodeError::field(format!("messages[{at}].content"), "is required"))?;
    Ok(turn(role, content, at, Ext::of(message.rest)))
}

fn turn<'a>(role: Role, content: StrOr<'a, wire::Block<'a>>, at: u32, ext: Ext<'a>) -> Turn<'a> {
    let (blocks, plain) = match content {
        StrOr::Str(text) => (vec![Block::text(text)], true),
        StrOr::List(parts) => (block::decode_all(parts), false),
    };
    Turn { role, blocks, plain, at, ext }
}

fn tools<'a>(tools: Option<Vec<wire::Tool<'a>>>, ext: &mut Ext<'a>) -> Vec<Tool<'a>> {
    if tools.as_ref().is_some_and(Vec::is_empty) {
        ext.push("", "tools", constant("[]"));
    }
    let tools = tools.unwrap_or_default().into_iter().enumerate();
    tools.map(|(at, one)| tool(one, at as u32)).collect()
}

/// A tool without a type, or of type `custom`, is a function; any other is the vendor's.
fn tool(tool: wire::Tool<'_>, at: u32) -> Tool<'_> {
    let kind = tool.kind.as_ref().map_or("custom", |kind| kind.as_ref());
    if kind != "custom" {
        return hosted(tool, at);
    }
    let mut ext = Ext::of(tool.rest);
    if tool.kind.is_some() {
        ext.push("", "type", constant("\"custom\""));
    }
    if tool.name.as_ref().is_some_and(|name| name.0.is_empty()) {
        ext.push("", "name", constant("\"\""));
    }
    Tool {
        kind: ToolKind::Function,
        name: tool.name.map_or(Cow::Borrowed(""), |name| name.0),
        description: tool.description.map(|text| text.0),
        parameters: tool.input_schema.map(Cow::Borrowed),
        strict: tool.strict,
        at,
        ext,
    }
}

fn hosted(tool: wire::Tool<'_>, at: u32) -> Tool<'_> {
    let mut text = Vec::new();
    write::object(&mut text, |o| {
        o.opt_str("type", tool.kind.as_ref().map(AsRef::as_ref));
        o.opt_str("name", tool.name.as_ref().map(AsRef::as_ref));
        o.opt_str("description", tool.description.as_ref().map(AsRef::as_ref));
        o.opt_raw("input_schema", tool.input_schema.map(RawValue::get));
        o.opt_bool("strict", tool.strict);
        tool.rest.iter().for_each(|(key, value)| o.field(key, value));
    });
    let kind = tool.kind.map_or(Cow::Borrowed(""), |kind| kind.0);
    Tool {
        kind: ToolKind::Hosted(kind, owned(text)),
        name: tool.name.map_or(Cow::Borrowed(""), |name| name.0),
        description: None,
        parameters: None,
        strict: None,
        at,
        ext: Ext::default(),
    }
}

fn choice<'a>(
    raw: Option<&'a RawValue>,
    request: &mut Request<'a>,
    ext: &mut Ext<'a>,
) -> Result<(), DecodeError> {
    let Some(raw) = raw else { return Ok(()) };
    let choice: wire::Choice<'a> = read_raw(raw)?;
    let kind = choice.kind.as_ref().map_or("", |kind| kind.as_ref());
    request.tool_choice = Some(match (kind, choice.name) {
        ("auto", _) => ToolChoice::Auto,
        ("none", _) => ToolChoice::None,
        ("any", _) => ToolChoice::Required,
        ("tool", Some(name)) => ToolChoice::Tool(name.0),
        _ => return Err(DecodeError::field("tool_choice", "is not a choice")),
    });
    request.parallel_tools = choice.disable_parallel_tool_use.map(|disabled| !disabled);
    ext.add("tool_choice", choice.rest);
    Ok(())
}

fn thinking<'a>(
    raw: Option<&'a RawValue>,
    request: &mut Request<'a>,
    ext: &mut Ext<'a>,
) -> Result<(), DecodeError> {
    let Some(raw) = raw else { return Ok(()) };
    let told: wire::Thinking<'a> = read_raw(raw)?;
    let shown = told.display.as_ref().is_none_or(|word| word.as_ref() != "omitted");
    let asked = match told.kind.as_ref().map_or("", |kind| kind.as_ref()) {
        "disabled" => Thinking { effort: Some(Effort::None), budget: Some(0), ..Thinking::default() },
        "enabled" => Thinking {
            budget: told.budget_tokens.as_ref().and_then(Num::as_u64),
            visible: Some(shown),
            ..Thinking::default()
        },
        // Whatever else turns thinking on leaves it to the model how much.
        _ => Thinking { adaptive: true, visible: Some(shown), ..Thinking::default() },
    };
    request.thinking = Some(asked);
    ext.add("thinking", told.rest);
    Ok(())
}

/// Effort and form of the answer; the form also under its older name.
fn output<'a>(
    config: Option<&'a RawValue>,
    older: Option<&'a RawValue>,
    request: &mut Request<'a>,
    ext: &mut Ext<'a>,
) -> Result<(), DecodeError> {
    let mut format: Option<wire::Format<'a>> = older.map(read_raw).transpose()?;
    if let Some(raw) = config {
        let config: wire::OutputConfig<'a> = read_raw(raw)?;
        if let Some(word) = config.effort {
            let thinking = request.thinking.get_or_insert_default();
            // Thinking turned off is off, whatever the effort of the answer.
            thinking.effort.get_or_insert(Effort::from_word(word.0));
        }
        format = config.format.or(format);
        ext.add("output_config", config.rest);
    }
    let Some(format) = format else { return Ok(()) };
    if format.kind.as_ref().map_or("", |kind| kind.as_ref()) != "json_schema" {
        return Err(DecodeError::field("output_config.format.type", "is not a format"));
    }
    ext.add("output_format", format.rest);
    request.output = Some(OutputFormat::Schema {
        name: format.name.map(|name| name.0),
        description: None,
        schema: format.schema.map(Cow::Borrowed),
        // The vendor always holds the answer to the schema.
        strict: Some(true),
    });
    Ok(())
}

/// Classes of service by their neutral word, which is OpenAI's.
pub(super) const TIERS: [(&str, &str); 2] = [("auto", "auto"), ("standard_only", "default")];

fn tier(raw: &RawValue) -> Option<Cow<'_, str>> {
    let word: Str<'_> = serde_json::from_str(raw.get()).ok()?;
    let known = TIERS.iter().find(|(own, _)| *own == word.0);
    Some(known.map_or(word.0, |(_, neutral)| Cow::Borrowed(*neutral)))
}
