//! Writing parts of answers of other protocols.

use std::borrow::Cow;

use crate::custom;
use crate::ir::{Arguments, Block, CallStyle, State, ToolCall};
use crate::json::write::List;
use crate::json::{Json, compact, object_text};
use crate::state::tag_base64;

use super::THIS;

/// The arguments of a call are not one JSON object, which is all that Gemini has.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotAnObject;

/// Whether thoughts are shown, and the state of those that are not, or have no text: it goes with the next part, so
/// that the client sends it back.
#[derive(Debug, Default)]
pub(super) struct Thoughts {
    pub(super) show: bool,
    pending: Option<String>,
}

impl Thoughts {
    pub(super) fn new(show: bool) -> Self {
        Thoughts { show, pending: None }
    }

    /// Keeps the state of a thought of which nothing is shown. What waited before is given back: a part has one.
    pub(super) fn keep(&mut self, state: &State<'_>) -> Option<String> {
        self.pending.replace(signature(state))
    }

    /// The signature of the next part: its own, or the one that waits.
    pub(super) fn sign(&mut self, own: Option<&State<'_>>) -> Option<String> {
        own.map(signature).or_else(|| self.pending.take())
    }
}

/// The part of state that no other part takes.
pub(super) fn alone(l: &mut List<'_>, signature: &str) {
    text(l, "", false, Some(signature));
}

/// The state to write for a client: Gemini's own as it is, another family's with its tag. It is bytes to Google's SDKs.
pub(super) fn signature(state: &State<'_>) -> String {
    if state.family == THIS.family() { state.data.to_string() } else { tag_base64(state) }
}

/// A part of text, or of thought.
pub(super) fn text(l: &mut List<'_>, text: &str, thought: bool, signature: Option<&str>) {
    l.object(|o| {
        o.str("text", text);
        if thought {
            o.bool("thought", true);
        }
        o.opt_str("thoughtSignature", signature);
    });
}

/// A call.
pub(super) fn call(l: &mut List<'_>, id: &str, name: &str, args: &str, signature: Option<&str>) {
    l.object(|o| {
        o.object("functionCall", |o| {
            if !id.is_empty() {
                o.str("id", id);
            }
            o.str("name", name);
            o.raw("args", args);
        });
        o.opt_str("thoughtSignature", signature);
    });
}

/// The arguments of a call as the text of an object.
///
/// # Errors
/// They are not one.
pub(super) fn args<'c>(call: &'c ToolCall<'_>) -> Result<Cow<'c, str>, NotAnObject> {
    match (&call.arguments, call.style) {
        (Arguments::Text(text), CallStyle::Custom) => Ok(Cow::Owned(wrapped(text))),
        (arguments, _) => arguments.as_object().map(|raw| compact(raw.get())).ok_or(NotAnObject),
    }
}

/// Whether a block is no call, or one whose arguments Gemini has a place for.
pub(super) fn has_args(block: &Block<'_>) -> bool {
    block.content.call().is_none_or(|call| args(call).is_ok())
}

/// The same for arguments that came in pieces.
///
/// # Errors
/// They are not one object.
pub(super) fn args_of_text(text: &str, style: CallStyle) -> Result<Cow<'_, str>, NotAnObject> {
    match style {
        CallStyle::Custom => Ok(Cow::Owned(wrapped(text))),
        _ if text.trim().is_empty() => Ok(Cow::Borrowed("{}")),
        // In a stream, a line feed would end the event.
        _ => object_text(text).map(|raw| compact(raw.get())).ok_or(NotAnObject),
    }
}

fn wrapped(text: &str) -> String {
    let json: Json<'_> = custom::wrap(text);
    json.get().to_owned()
}
