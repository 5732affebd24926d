//! Settings of a request that its response repeats.

use crate::ir::{OutputFormat, Request, Tool, ToolKind};
use crate::json::compact;
use crate::json::write::{self, Object};

use super::THIS;

/// What is repeated, and what stands there if the request says nothing: the vendor's defaults.
const REPEATED: [(&str, &str); 15] = [
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("prompt_cache_key", "null"),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("safety_identifier", "null"),
    ("temperature", "1.0"),
    ("text", r#"{"format":{"type":"text"}}"#),
    ("tool_choice", "\"auto\""),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "1.0"),
    ("truncation", "\"disabled\""),
];

/// Writes them all.
pub(super) fn write(o: &mut Object<'_>, echo: &[(&'static str, String)]) {
    for (key, default) in REPEATED {
        let said = echo.iter().find(|(known, _)| *known == key);
        o.raw(key, said.map_or(default, |(_, json)| json));
    }
    o.opt_raw("user", echo.iter().find(|(known, _)| *known == "user").map(|(_, json)| json.as_str()));
}

/// What a request says.
pub(super) fn of(request: &Request<'_>) -> Vec<(&'static str, String)> {
    if request.source != THIS {
        return Vec::new();
    }
    let mut echo: Vec<(&'static str, String)> = Vec::new();
    for key in REPEATED.map(|(key, _)| key).into_iter().chain(["user"]) {
        let said = request.ext.get(key).filter(|raw| raw.get() != "null" && !matches!(key, "tools" | "text"));
        if let Some(raw) = said {
            echo.push((key, raw.get().to_owned()));
        }
    }
    let sampling = &request.sampling;
    for (key, json) in [
        ("metadata", request.metadata.as_ref().map(|json| json.get().to_owned())),
        ("parallel_tool_calls", request.parallel_tools.map(|parallel| parallel.to_string())),
        ("temperature", sampling.temperature.as_deref().map(str::to_owned)),
        ("top_p", sampling.top_p.as_deref().map(str::to_owned)),
        ("top_logprobs", sampling.top_logprobs.map(|count| count.to_string())),
        ("tools", tools(request)),
        ("text", text(request)),
    ] {
        echo.extend(json.map(|json| (key, json)));
    }
    // In a stream the response stands on one line.
    echo.iter_mut().for_each(|(_, json)| *json = compact(json).into_owned());
    echo
}

fn text_of(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    // What is written is JSON, which is UTF-8.
    String::from_utf8(out).unwrap_or_default()
}

/// `text`, with the form of the answer though the request leaves it out.
fn text(request: &Request<'_>) -> Option<String> {
    let raw = request.ext.get("text").filter(|raw| raw.get() != "null")?;
    if request.output.as_ref().is_some_and(|output| !matches!(output, OutputFormat::Text)) {
        return Some(raw.get().to_owned());
    }
    Some(text_of(|out| {
        write::object(out, |o| {
            o.object("format", |o| o.str("type", "text"));
            o.opt_str("verbosity", request.verbosity.as_deref());
        });
    }))
}

fn tools(request: &Request<'_>) -> Option<String> {
    if request.tools.is_empty() {
        return None;
    }
    Some(text_of(|out| write::list(out, |l| request.tools.iter().for_each(|tool| write_tool(l, tool)))))
}

/// A definition, with the members a function may leave out but clients want to read.
fn write_tool(l: &mut write::List<'_>, tool: &Tool<'_>) {
    let is_function = match &tool.kind {
        ToolKind::Hosted(_, raw) => return l.raw(raw.get()),
        ToolKind::Function => true,
        ToolKind::Custom => false,
    };
    l.object(|o| {
        o.str("type", if is_function { "function" } else { "custom" });
        o.str("name", &tool.name);
        match tool.description.as_deref() {
            Some(text) => o.str("description", text),
            None => o.null("description"),
        }
        if is_function {
            o.raw("parameters", tool.parameters.as_ref().map_or("null", |json| json.get()));
            o.opt_bool("strict", tool.strict);
        }
        for field in tool.ext.iter().filter(|field| field.value.get() != "null") {
            o.field(&field.key, &field.value);
        }
    });
}
