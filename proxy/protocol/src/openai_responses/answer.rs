//! The response object and its items, as a client gets them: whole, or at the ends of a stream.

use std::borrow::Cow;

use crate::codec::Reply;
use crate::error::ApiError;
use crate::ir::{CallStyle, Citation, State, Usage};
use crate::json::object_text;
use crate::json::write::{self, Object};
use crate::openai_chat::annotations;
use crate::state::tag;

use super::write_item::write_summary;
use super::{THIS, echo, error, usage};

/// What a response is known by.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// Its id.
    pub(super) id: String,
    /// The model that answers.
    pub(super) model: String,
    /// When, in seconds since 1970.
    pub(super) created: u64,
    /// The class of service that answers, if it is known.
    pub(super) service_tier: Option<String>,
}

/// What a provider says of its answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told<'t> {
    /// Its id; may be empty.
    pub(super) id: &'t str,
    /// The model; may be empty.
    pub(super) model: &'t str,
    /// When, in seconds since 1970.
    pub(super) created: Option<u64>,
    /// The class of service.
    pub(super) service_tier: Option<&'t str>,
}

/// Classes of service that this protocol has words for.
const TIERS: [&str; 7] = ["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"];

/// How far a response has come.
pub(super) struct Progress<'p> {
    /// `status`.
    pub(super) status: &'p str,
    /// Why it is incomplete.
    pub(super) reason: Option<&'p str>,
    /// Why it failed.
    pub(super) error: Option<&'p ApiError>,
    /// What it cost.
    pub(super) usage: Option<&'p Usage>,
    /// Its items.
    pub(super) items: &'p Items,
}

impl Head {
    /// Of an answer that a provider says that of.
    pub(super) fn of(told: Told<'_>, reply: &mut Reply) -> Self {
        let id = response_id(told.id, reply);
        let model = reply.model(Some(told.model)).to_owned();
        let service_tier = told.service_tier.filter(|tier| TIERS.contains(tier)).map(str::to_owned);
        Head { id, model, created: told.created.unwrap_or(reply.created), service_tier }
    }

    /// Writes the members of the response. Clients read them strictly: none is left out.
    pub(super) fn write(&self, o: &mut Object<'_>, progress: &Progress<'_>, reply: &Reply) {
        o.str("id", &self.id);
        o.str("object", "response");
        o.u64("created_at", self.created);
        o.str("status", progress.status);
        o.bool("background", false);
        match progress.error {
            Some(failure) => o.object("error", |o| error::write_response(o, failure)),
            None => o.null("error"),
        }
        match progress.reason {
            Some(reason) => o.object("incomplete_details", |o| o.str("reason", reason)),
            None => o.null("incomplete_details"),
        }
        o.str("model", &self.model);
        o.items("output", &progress.items.written);
        o.null("previous_response_id");
        o.bool("store", false);
        // The one that was asked for may not be the one that answered.
        match &self.service_tier {
            Some(tier) => o.str("service_tier", tier),
            None => o.null("service_tier"),
        }
        echo::write(o, &reply.echo);
        match progress.usage {
            Some(counts) => o.object("usage", |o| usage::write(o, counts)),
            None => o.null("usage"),
        }
    }
}

/// An id as this protocol makes them, with the provider's own inside so that both can be found by it.
fn response_id(upstream: &str, reply: &mut Reply) -> String {
    if upstream.is_empty() {
        return reply.ids.mint("resp_");
    }
    let bare = ["chatcmpl-", "msg_", "resp_"].iter().find_map(|prefix| upstream.strip_prefix(prefix));
    format!("resp_{}", bare.unwrap_or(upstream))
}

/// Items of the output that are complete, as the JSON of a list without its brackets.
#[derive(Debug, Default)]
pub(super) struct Items {
    written: Vec<u8>,
    /// How many there are: the index of the next.
    pub(super) count: u32,
}

impl Items {
    /// Adds an item, and gives it back as it was written.
    pub(super) fn add(&mut self, item: impl FnOnce(&mut Object<'_>)) -> &[u8] {
        if self.count > 0 {
            self.written.push(b',');
        }
        self.count += 1;
        let start = self.written.len();
        write::object(&mut self.written, |o| item(o));
        &self.written[start..]
    }
}

/// How an item ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// All of it came.
    Complete,
    /// The rest of it did not come.
    Cut,
}

impl Ending {
    /// The word for it in items.
    pub(super) fn status(self) -> &'static str {
        match self {
            Ending::Complete => "completed",
            Ending::Cut => "incomplete",
        }
    }
}

/// A part of a message.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    /// It declines.
    pub(super) refusal: bool,
    /// What it says.
    pub(super) text: String,
    /// Its annotations, as items of a list, and how many there are.
    pub(super) annotations: Vec<u8>,
    pub(super) cited: u32,
    /// How likely its tokens are, as items of a list. A refusal has no place for it.
    pub(super) logprobs: Vec<u8>,
}

impl Part {
    /// Adds a citation.
    pub(super) fn cite(&mut self, citation: &Citation<'_>) {
        if self.cited > 0 {
            self.annotations.push(b',');
        }
        self.cited += 1;
        write::object(&mut self.annotations, |o| annotations::write_flat(o, citation));
    }

    /// Writes its members.
    pub(super) fn write(&self, o: &mut Object<'_>) {
        if self.refusal {
            o.str("type", "refusal");
            o.str("refusal", &self.text);
        } else {
            o.str("type", "output_text");
            o.str("text", &self.text);
            o.items("annotations", &self.annotations);
            o.items("logprobs", &self.logprobs);
        }
    }
}

/// Writes a message; `parts` is the JSON of a list without its brackets.
pub(super) fn write_message(o: &mut Object<'_>, id: &str, status: &str, parts: &[u8]) {
    o.str("id", id);
    o.str("type", "message");
    o.str("status", status);
    o.str("role", "assistant");
    o.items("content", parts);
}

/// Writes reasoning: what of it is shown, and its state.
pub(super) fn write_reasoning(o: &mut Object<'_>, id: &str, text: &str, state: Option<&str>) {
    o.str("id", id);
    o.str("type", "reasoning");
    write_summary(o, text);
    match state {
        Some(state) => o.str("encrypted_content", state),
        None => o.null("encrypted_content"),
    }
}

/// A call of a tool.
#[derive(Debug)]
pub(super) struct Call {
    /// The item's id.
    pub(super) id: String,
    /// The id results refer to.
    pub(super) call_id: String,
    /// The tool.
    pub(super) name: String,
    /// How it is spelled.
    pub(super) style: CallStyle,
}

impl Call {
    /// A call, by the provider's id for it if there is one.
    pub(super) fn new(call_id: &str, name: &str, style: CallStyle, reply: &mut Reply) -> Self {
        let prefix = if style == CallStyle::Custom { "ctc_" } else { "fc_" };
        let id = reply.ids.mint(prefix);
        let call_id = if call_id.is_empty() { reply.ids.mint("call_") } else { call_id.to_owned() };
        Call { id, call_id, name: name.to_owned(), style }
    }

    /// Whether its argument is free text.
    pub(super) fn is_custom(&self) -> bool {
        self.style == CallStyle::Custom
    }

    /// Whether those are arguments to run it with.
    pub(super) fn is_whole(&self, arguments: &str) -> bool {
        self.is_custom() || arguments.is_empty() || object_text(arguments).is_some()
    }

    /// The event of a piece of its arguments, or of their end.
    pub(super) fn event(&self, done: bool) -> &'static str {
        match (self.is_custom(), done) {
            (false, false) => "response.function_call_arguments.delta",
            (false, true) => "response.function_call_arguments.done",
            (true, false) => "response.custom_tool_call_input.delta",
            (true, true) => "response.custom_tool_call_input.done",
        }
    }

    /// Writes its members.
    pub(super) fn write(&self, o: &mut Object<'_>, status: &str, arguments: &str) {
        o.str("id", &self.id);
        o.str("type", if self.is_custom() { "custom_tool_call" } else { "function_call" });
        o.str("status", status);
        o.str("call_id", &self.call_id);
        o.str("name", &self.name);
        o.str(if self.is_custom() { "input" } else { "arguments" }, arguments);
    }
}

/// State as the client keeps it: tagged unless this family's own.
pub(super) fn carried<'s>(state: &'s State<'_>) -> Cow<'s, str> {
    if state.family == THIS.family() { Cow::Borrowed(state.data.as_ref()) } else { Cow::Owned(tag(state)) }
}
