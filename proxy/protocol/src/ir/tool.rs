//! Tools, calls, results.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::json::{Json, compact, object_text};

use super::{Block, Ext};

/// A tool the model may call.
#[derive(Clone, Debug)]
pub struct Tool<'a> {
    /// Who runs it, and so what its definition looks like.
    pub kind: ToolKind<'a>,
    /// The name the model calls it by; empty for a hosted tool without one.
    pub name: Cow<'a, str>,
    /// What it is for.
    pub description: Option<Cow<'a, str>>,
    /// The JSON Schema of its arguments.
    pub parameters: Option<Json<'a>>,
    /// The arguments must match the schema.
    pub strict: Option<bool>,
    /// Position in the source's list.
    pub at: u32,
    /// Other fields of the definition.
    pub ext: Ext<'a>,
}

/// The key of [`Tool::strict`] in every protocol that has it.
const STRICT: &str = "strict";

impl Tool<'_> {
    /// Marks [`Tool::strict`] as what the protocol means by saying nothing.
    pub(crate) fn leave_strict_unsaid(&mut self) {
        self.ext.absent(STRICT);
    }

    /// Whether [`Tool::strict`] is only what the protocol means by saying nothing.
    pub(crate) fn is_strict_unsaid(&self) -> bool {
        self.ext.is_absent(STRICT)
    }

    /// Whether it is a vendor's search of the web: `web_search` of Responses and Messages with its versions,
    /// `googleSearch` of Gemini.
    pub fn is_web_search(&self) -> bool {
        let ToolKind::Hosted(kind, _) = &self.kind else { return false };
        kind.starts_with("web_search") || matches!(kind.as_ref(), "googleSearch" | "google_search")
    }
}

/// Who runs a tool.
#[derive(Clone, Debug)]
pub enum ToolKind<'a> {
    /// The client; arguments are a JSON object.
    Function,
    /// The client; the argument is free text (OpenAI `custom`). The format definition is among the extensions.
    Custom,
    /// The provider: the tool's type, and the whole definition.
    Hosted(Cow<'a, str>, Json<'a>),
}

/// A call the model made.
#[derive(Clone, Debug)]
pub struct ToolCall<'a> {
    /// The id results refer to; empty in an answer of a provider that gives none (Gemini 2.5, some compatible
    /// servers). Never empty in a request: see [`super::pair`].
    pub id: Cow<'a, str>,
    /// The id was made by [`super::pair`]: the client does not know it.
    pub made_id: bool,
    /// The tool's name.
    pub name: Cow<'a, str>,
    /// What it is called with.
    pub arguments: Arguments<'a>,
    /// How the call is spelled.
    pub style: CallStyle,
}

impl ToolCall<'_> {
    /// Whether its arguments should be one JSON object and are not.
    pub fn lacks_object(&self) -> bool {
        self.style != CallStyle::Custom && self.arguments.as_object().is_none()
    }

    /// Whether nothing came of its arguments. Free text may be empty.
    pub(crate) fn has_nothing(&self) -> bool {
        let is_empty = |text: &str| text.trim().is_empty();
        self.style != CallStyle::Custom && matches!(&self.arguments, Arguments::Text(text) if is_empty(text))
    }

    /// Takes an empty object for nothing.
    pub(super) fn empty(&mut self) {
        if matches!(&self.arguments, Arguments::Json(json) if compact(json.get()) == "{}") {
            self.arguments = Arguments::Text(Cow::Borrowed(""));
        }
    }
}

/// How a call is spelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallStyle {
    /// A function call: JSON arguments.
    #[default]
    Function,
    /// A custom tool call: the argument is free text.
    Custom,
    /// The deprecated `function_call` of Chat Completions.
    Legacy,
}

/// Arguments, kept as text.
#[derive(Clone, Debug)]
pub enum Arguments<'a> {
    /// Text from the model that should be a JSON object but may not be, or the free text of a custom call.
    Text(Cow<'a, str>),
    /// A JSON value.
    Json(Json<'a>),
}

impl Arguments<'_> {
    /// The text, for a protocol that wants a string: as the model wrote it, or compact JSON. Never empty.
    pub fn as_text(&self) -> Cow<'_, str> {
        match self {
            Arguments::Text(text) if text.is_empty() => Cow::Borrowed("{}"),
            Arguments::Text(text) => Cow::Borrowed(text),
            Arguments::Json(json) => compact(json.get()),
        }
    }

    /// The object, for a protocol that wants one; `None` if the text is not one JSON object. No arguments are `{}`.
    pub fn as_object(&self) -> Option<&RawValue> {
        match self {
            Arguments::Text(text) if text.trim().is_empty() => object_text("{}"),
            Arguments::Text(text) => object_text(text),
            Arguments::Json(json) => object_text(json.get()),
        }
    }
}

/// What a tool answered.
#[derive(Clone, Debug)]
pub struct ToolResult<'a> {
    /// The id of the call it answers.
    pub call_id: Cow<'a, str>,
    /// The id was made by [`super::pair`]: the client does not know it.
    pub made_id: bool,
    /// The tool's name; found by [`super::pair`] where the protocol does not say it. Empty if the call is unknown.
    pub name: Cow<'a, str>,
    /// The answer: text and media.
    pub content: Vec<Block<'a>>,
    /// The answer is one JSON object (Gemini `response`); `content` is then empty.
    pub json: Option<Json<'a>>,
    /// The tool failed.
    pub is_error: Option<bool>,
    /// The content was a plain string rather than a list.
    pub plain: bool,
}

impl ToolResult<'_> {
    /// The answer as one text: texts joined by line feeds, media left out; the JSON object compact.
    pub fn text(&self) -> Cow<'_, str> {
        if let Some(json) = &self.json {
            return compact(json.get());
        }
        let mut texts = self.content.iter().filter_map(|block| match &block.content {
            super::Content::Text(text) => Some(text),
            _ => None,
        });
        let Some(first) = texts.next() else { return Cow::Borrowed("") };
        let mut joined = Cow::Borrowed(first.as_ref());
        for text in texts {
            let joined = joined.to_mut();
            joined.push('\n');
            joined.push_str(text);
        }
        joined
    }
}

/// Which tools the model may or must call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice<'a> {
    /// As it likes.
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Tool(Cow<'a, str>),
    /// Only these; at least one of them if `required`.
    Subset {
        /// Whether one of them must be called.
        required: bool,
        /// Their names.
        names: Vec<Cow<'a, str>>,
    },
}
