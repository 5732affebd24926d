//! Custom tools for providers that have none: functions with one text argument (TRANSLATION §4).

use std::borrow::Cow;

use foldhash::HashSet;

use crate::ir::{Arguments, CallStyle, Request, Tool, ToolCall, ToolKind};
use crate::json::record::record;
use crate::json::write::Object;
use crate::json::{Json, Str, owned, write};

/// The schema of the function that stands for a custom tool.
pub const SCHEMA: &str = r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}"#;

/// The names of a request's custom tools.
pub fn names(request: &Request<'_>) -> HashSet<String> {
    of(&request.tools).into_iter().map(str::to_owned).collect()
}

/// The names of those that are custom.
pub(crate) fn of<'t>(tools: &'t [Tool<'_>]) -> HashSet<&'t str> {
    let custom = tools.iter().filter(|tool| matches!(tool.kind, ToolKind::Custom));
    custom.map(|tool| &*tool.name).collect()
}

/// The text argument as the function's arguments.
pub fn wrap<'a>(text: &str) -> Json<'a> {
    let mut out = Vec::with_capacity(text.len() + 16);
    write::object(&mut out, |o| o.str("input", text));
    owned(out)
}

/// The text argument of the function's arguments; arguments that are something else count as the text itself.
pub fn unwrap(arguments: &str) -> Cow<'_, str> {
    record! {
        struct Wrapped<'a> {
            input: Str<'a>,
        }
    }
    let wrapped: Option<Wrapped<'_>> = serde_json::from_str(arguments).ok();
    wrapped.and_then(|wrapped| wrapped.input).map_or(Cow::Borrowed(arguments), |input| input.0)
}

/// Turns a call of such a function back into one of the custom tool, if its client's name is among `names`.
pub fn restore(call: &mut ToolCall<'_>, names: &HashSet<String>) {
    if names.contains(&*call.name) {
        let text = unwrap(&call.arguments.as_text()).into_owned();
        call.arguments = Arguments::Text(Cow::Owned(text));
        call.style = CallStyle::Custom;
    }
}

/// The form of a custom tool's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Anything.
    Text,
    /// What a grammar says: its syntax (`lark`, `regex`) and its text.
    Grammar(String, String),
}

impl Format {
    /// The form in a definition: Responses has the grammar's members beside the type, Chat Completions within
    /// `grammar`. `None` if there is none, or one that is not known.
    pub(crate) fn of(tool: &Tool<'_>) -> Option<Format> {
        record! {
            struct Wire<'a> {
                kind("type"): Str<'a>,
                syntax: Str<'a>,
                definition: Str<'a>,
                grammar: Grammar<'a>,
            }
        }
        record! {
            struct Grammar<'a> {
                syntax: Str<'a>,
                definition: Str<'a>,
            }
        }
        let field =
            tool.ext.iter().find(|field| matches!(field.inside, "" | "custom") && field.key == "format")?;
        let wire: Wire<'_> = serde_json::from_str(field.value.get()).ok()?;
        match wire.kind?.as_ref() {
            "text" => Some(Format::Text),
            "grammar" => {
                let inner = wire.grammar.unwrap_or_default();
                let word = |text: Str<'_>| text.0.into_owned();
                let syntax = wire.syntax.or(inner.syntax).map(word)?;
                Some(Format::Grammar(syntax, wire.definition.or(inner.definition).map(word)?))
            }
            _ => None,
        }
    }

    /// Writes it as Responses has it.
    pub(crate) fn write_flat(&self, o: &mut Object<'_>) {
        match self {
            Format::Text => o.str("type", "text"),
            Format::Grammar(syntax, definition) => {
                o.str("type", "grammar");
                o.str("syntax", syntax);
                o.str("definition", definition);
            }
        }
    }

    /// Writes it as Chat Completions has it.
    pub(crate) fn write_nested(&self, o: &mut Object<'_>) {
        match self {
            Format::Text => o.str("type", "text"),
            Format::Grammar(syntax, definition) => {
                o.str("type", "grammar");
                o.object("grammar", |o| {
                    o.str("syntax", syntax);
                    o.str("definition", definition);
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_text_comes_back() {
        let wrapped = wrap("a \"b\"\n");
        assert_eq!(wrapped.get(), r#"{"input":"a \"b\"\n"}"#);
        assert_eq!(unwrap(wrapped.get()), "a \"b\"\n");
        for other in ["plain", "{}", r#"{"input":1}"#] {
            assert_eq!(unwrap(other), other);
        }
    }
}
