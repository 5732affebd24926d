//! Reading a request.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::ir::{
    Block, Effort, Ext, NONE, OutputFormat, Request, Role, Thinking, Tool, ToolChoice, ToolKind, Turn, pair,
};
use crate::json::{DecodeError, Str, StrOr, read, read_raw, string, whole, words};

use super::facts::{FORMAT, REASONING, TEXT};
use super::item::Side;
use super::{THIS, item, wire};

/// What `include` asks for log probabilities with.
pub(super) const LOGPROBS: &str = "message.output_text.logprobs";

/// What `include` asks for opaque state with.
pub(super) const STATE: &str = "reasoning.encrypted_content";

/// Reads a request body.
pub(super) fn decode(bytes: &[u8]) -> Result<Request<'_>, DecodeError> {
    let (body, input) = match read::<wire::Whole<'_>>(bytes) {
        Ok(whole) => whole.divide(),
        // Items not known here may have members of any type.
        Err(_) => {
            let mut body: wire::Body<'_> = read(bytes)?;
            body.rest.retain(|(key, raw)| key != "input" || raw.get() == "null");
            (body, None)
        }
    };
    let model = body.model.ok_or_else(|| DecodeError::field("model", "is required"))?;
    let mut ext = Ext::of(body.rest);
    let mut request = Request::new(THIS, model.0);
    request.body = bytes;
    for (key, twin) in [
        ("instructions", body.instructions),
        ("stream_options", body.stream_options),
        ("max_output_tokens", body.max_output_tokens),
        ("include", body.include),
        ("tools", body.tools),
        ("tool_choice", body.tool_choice),
        ("text", body.text),
        ("reasoning", body.reasoning),
        ("safety_identifier", body.safety_identifier),
        ("user", body.user),
    ] {
        if let Some(raw) = twin {
            ext.push("", key, raw);
        }
    }
    request.turns = body.instructions.map(instructions).transpose()?.into_iter().collect();
    turns(input, bytes, &mut request.turns)?;
    pair(&mut request.turns);
    request.stream = body.stream;
    request.tools = body.tools.map(tools).transpose()?.unwrap_or_default();
    request.tool_choice = body.tool_choice.map(choice).transpose()?.flatten();
    request.parallel_tools = body.parallel_tool_calls;
    if let Some(raw) = body.text {
        text(raw, &mut request, &mut ext)?;
    }
    request.thinking = body.reasoning.map(|raw| thinking(raw, &mut ext)).transpose()?;
    request.max_output = whole(body.max_output_tokens, "max_output_tokens")?;
    request.end_user = words(body.safety_identifier, "safety_identifier")?.or(words(body.user, "user")?);
    request.metadata = body.metadata.map(Cow::Borrowed);
    request.service_tier = body.service_tier.map(|tier| tier.0);
    request.store = body.store;
    request.sampling.temperature = body.temperature.map(|number| Cow::Borrowed(number.0));
    request.sampling.top_p = body.top_p.map(|number| Cow::Borrowed(number.0));
    request.sampling.top_logprobs = body.top_logprobs;
    request.sampling.logprobs = body.include.filter(|raw| raw.get().contains(LOGPROBS)).map(|_| true);
    request.ext = ext;
    Ok(request)
}

fn said(role: Role, text: Cow<'_, str>, at: u32) -> Turn<'_> {
    Turn { role, blocks: vec![Block::text(text)], plain: true, at, ext: Ext::default() }
}

fn instructions(raw: &RawValue) -> Result<Turn<'_>, DecodeError> {
    let text = string(raw).ok_or_else(|| DecodeError::field("instructions", "is not a string"))?;
    Ok(said(Role::System, text, NONE))
}

/// Adds a turn an item.
fn turns<'a>(
    input: Option<StrOr<'a, wire::Item<'a>>>,
    body: &'a [u8],
    turns: &mut Vec<Turn<'a>>,
) -> Result<(), DecodeError> {
    match input {
        Some(StrOr::Str(text)) => turns.push(said(Role::User, text, 0)),
        Some(StrOr::List(items)) => item::known(items, Side::Input, || raw_input(body), turns)?,
        None => match raw_input(body) {
            None => {}
            Some(raw) if raw.get().starts_with('"') => {
                turns.push(said(Role::User, read_raw::<Str<'a>>(raw)?.0, 0));
            }
            Some(raw) if raw.get().starts_with('[') => item::each(raw, Side::Input, turns)?,
            Some(_) => return Err(DecodeError::field("input", "is neither a string nor a list")),
        },
    }
    Ok(())
}

/// The input as it stands in a body.
pub(super) fn raw_input(body: &[u8]) -> Option<&RawValue> {
    read::<wire::Input<'_>>(body).ok()?.input
}

fn tools(raw: &RawValue) -> Result<Vec<Tool<'_>>, DecodeError> {
    let list: Vec<&RawValue> = read_raw(raw)?;
    list.into_iter().enumerate().map(|(at, raw)| tool(raw, at as u32)).collect()
}

fn tool(raw: &RawValue, at: u32) -> Result<Tool<'_>, DecodeError> {
    let tool: wire::Tool<'_> = read_raw(raw)?;
    let name = tool.name.map_or(Cow::Borrowed(""), |name| name.0);
    let kind = match tool.kind.map_or(Cow::Borrowed(""), |kind| kind.0) {
        kind if kind == "function" => ToolKind::Function,
        kind if kind == "custom" => ToolKind::Custom,
        kind => {
            return Ok(Tool {
                kind: ToolKind::Hosted(kind, Cow::Borrowed(raw)),
                name,
                description: None,
                parameters: None,
                strict: None,
                at,
                ext: Ext::default(),
            });
        }
    };
    // Strict is what this protocol means by saying nothing; others mean the opposite.
    let is_unsaid = tool.strict.is_none() && matches!(kind, ToolKind::Function);
    let mut read = Tool {
        strict: tool.strict.or(is_unsaid.then_some(true)),
        kind,
        name,
        description: tool.description.map(|text| text.0),
        parameters: tool.parameters.map(Cow::Borrowed),
        at,
        ext: Ext::of(tool.rest),
    };
    if is_unsaid {
        read.leave_strict_unsaid();
    }
    Ok(read)
}

/// The choice; `None` for one of a hosted tool, which the neutral form has no word for.
fn choice<'a>(raw: &'a RawValue) -> Result<Option<ToolChoice<'a>>, DecodeError> {
    if let Some(word) = string(raw) {
        return match word.as_ref() {
            "auto" => Ok(Some(ToolChoice::Auto)),
            "none" => Ok(Some(ToolChoice::None)),
            "required" => Ok(Some(ToolChoice::Required)),
            _ => Err(DecodeError::field("tool_choice", "is not a choice")),
        };
    }
    let choice: wire::Choice<'a> = read_raw(raw)?;
    if let Some(tools) = choice.tools {
        let names = tools.into_iter().filter_map(|tool| tool.name).map(|name| name.0).collect();
        let required = choice.mode.is_some_and(|mode| mode.as_ref() == "required");
        return Ok(Some(ToolChoice::Subset { required, names }));
    }
    let kind = choice.kind.map_or(Cow::Borrowed(""), |kind| kind.0);
    let client_runs = matches!(kind.as_ref(), "function" | "custom");
    Ok(choice.name.filter(|_| client_runs).map(|name| ToolChoice::Tool(name.0)))
}

fn text<'a>(raw: &'a RawValue, request: &mut Request<'a>, ext: &mut Ext<'a>) -> Result<(), DecodeError> {
    let text: wire::Text<'a> = read_raw(raw)?;
    ext.add(TEXT, text.rest);
    request.verbosity = text.verbosity.map(|word| word.0);
    let Some(format) = text.format else { return Ok(()) };
    ext.add(FORMAT, format.rest);
    request.output = Some(match format.kind.as_ref().map_or("", |kind| kind.as_ref()) {
        "text" => OutputFormat::Text,
        "json_object" => OutputFormat::Json,
        "json_schema" => OutputFormat::Schema {
            name: format.name.map(|name| name.0),
            description: format.description.map(|text| text.0),
            schema: format.schema.map(Cow::Borrowed),
            strict: format.strict,
        },
        _ => return Err(DecodeError::field("text.format.type", "is not a format")),
    });
    Ok(())
}

fn thinking<'a>(raw: &'a RawValue, ext: &mut Ext<'a>) -> Result<Thinking<'a>, DecodeError> {
    let reasoning: wire::Reasoning<'a> = read_raw(raw)?;
    ext.add(REASONING, reasoning.rest);
    let summary = reasoning.summary.or(reasoning.generate_summary).map(|word| word.0);
    Ok(Thinking {
        effort: reasoning.effort.map(|word| Effort::from_word(word.0)),
        visible: summary.as_ref().map(|_| true),
        summary,
        ..Thinking::default()
    })
}
