//! Writing a request that came in another protocol.

use std::borrow::Cow;

use crate::account::{self, source_facts};
use crate::capabilities::InstructionRole;
use crate::codec::Target;
use crate::custom;
use crate::facts::{Facts, Field};
use crate::ir::{Effort, OutputFormat, Request, Scope, Tool, ToolKind};
use crate::json::write::{List, Object};
use crate::names::Names;
use crate::notes::{Notes, Rejected};
use crate::protocol::Protocol;

use super::write_request::{write_choice, write_output, write_settings};
use super::{THIS, settle, write_turns};

/// The most stop texts OpenAI takes.
const MAX_STOP: u32 = 4;

/// Parameters of a function that has none.
pub(crate) const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;

/// The same, of a strict function.
pub(crate) const STRICT_NO_PARAMETERS: &str =
    r#"{"type":"object","properties":{},"required":[],"additionalProperties":false}"#;

/// A request from another protocol on its way out.
pub(super) struct Foreign<'f, 'a> {
    pub(super) request: &'f Request<'a>,
    pub(super) target: &'f Target<'f>,
    pub(super) names: &'f Names,
}

impl Foreign<'_, '_> {
    /// Writes the members of the body.
    ///
    /// # Errors
    /// Something that changes the answer cannot be carried; in strict mode, anything.
    pub(super) fn write(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let request = self.request;
        o.str("model", self.target.model);
        o.list("messages", |l| write_turns::write(l, self, notes))?;
        o.opt_bool("stream", request.stream);
        if request.stream == Some(true) && !self.target.options.no_stream_options {
            // The proxy counts, and hides the chunk from clients that did not ask.
            o.object("stream_options", |o| o.bool("include_usage", true));
        }
        self.write_max_output(o, notes)?;
        self.write_stop(o)?;
        self.write_tools(o, notes)?;
        self.write_tool_choice(o, notes)?;
        self.write_output(o, notes)?;
        let effort = settle::effort(request, self.target, notes)?;
        o.opt_str("reasoning_effort", effort.as_ref().map(Effort::word));
        self.note_summary(notes)?;
        self.write_sampling(o, effort.as_ref(), notes)?;
        // OpenAI refuses it without tools.
        o.opt_bool("parallel_tool_calls", request.parallel_tools.filter(|_| !request.tools.is_empty()));
        write_settings(o, request);
        o.opt_str("safety_identifier", request.end_user.as_deref());
        for field in account::same(request.source, THIS, Scope::Request, &request.ext) {
            o.field(&field.key, &field.value);
        }
        Ok(())
    }

    /// Facts of the client's protocol: they name the paths.
    pub(super) fn source(&self) -> &'static Facts {
        source_facts(self.request.source)
    }

    fn path(&self, field: Field) -> String {
        self.source().name(field).to_owned()
    }

    /// Reasoning to be shown cannot be asked for here. Many servers show it all the same, but OpenAI's own models,
    /// which are those that take a developer's role, never do. Clients of Messages are shown it without asking.
    fn note_summary(&self, notes: &mut Notes) -> Result<(), Rejected> {
        let shown = self.request.thinking.as_ref().is_some_and(|thinking| thinking.visible == Some(true));
        let asked = shown && self.request.source != Protocol::Anthropic;
        if asked && self.target.capabilities.instructions == InstructionRole::Developer {
            notes.warn("reasoning_summary_dropped", || self.path(Field::Thinking))?;
        }
        Ok(())
    }

    fn write_sampling(
        &self,
        o: &mut Object<'_>,
        effort: Option<&Effort<'_>>,
        notes: &mut Notes,
    ) -> Result<(), Rejected> {
        let sampling = &self.request.sampling;
        let rule = settle::Sampled::of(self.request, self.target, effort);
        for (field, key, value) in settle::settings(sampling) {
            rule.write(o, field, key, value, notes)?;
        }
        o.opt_raw("seed", sampling.seed.as_deref());
        if rule.takes_logprobs(notes)? {
            o.bool("logprobs", true);
            // OpenAI refuses it alone.
            o.opt_u64("top_logprobs", sampling.top_logprobs);
        }
        o.opt_u64("n", sampling.n);
        Ok(())
    }

    fn write_max_output(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let legacy = self.target.options.legacy_max_tokens;
        let key = if legacy { "max_tokens" } else { "max_completion_tokens" };
        o.opt_u64(key, settle::max_output(self.request, self.target, notes)?);
        Ok(())
    }

    fn write_stop(&self, o: &mut Object<'_>) -> Result<(), Rejected> {
        let stop = &self.request.stop;
        let allowed = self.target.capabilities.max_stop.unwrap_or(MAX_STOP).min(MAX_STOP) as usize;
        if stop.len() > allowed {
            let reason = format!("the model takes at most {allowed} stop texts");
            return Err(Rejected::new(self.path(Field::Stop), reason));
        }
        if !stop.is_empty() {
            o.list("stop", |l| stop.iter().for_each(|text| l.str(text)));
        }
        Ok(())
    }

    fn write_tools(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let tools = &self.request.tools;
        if tools.is_empty() {
            return Ok(());
        }
        o.list("tools", |l| tools.iter().try_for_each(|tool| self.write_tool(l, tool, notes)))
    }

    fn write_tool(&self, l: &mut List<'_>, tool: &Tool<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        match &tool.kind {
            ToolKind::Hosted(kind, _) => {
                let reason = format!("the provider has no tool of type {kind:?}");
                return Err(Rejected::new(format!("tools[{}]", tool.at), reason));
            }
            ToolKind::Custom => l.object(|o| {
                o.str("type", "custom");
                o.object("custom", |o| {
                    o.str("name", self.names.upstream(&tool.name));
                    o.opt_str("description", tool.description.as_deref());
                    if let Some(format) = custom::Format::of(tool) {
                        o.object("format", |o| format.write_nested(o));
                    }
                });
            }),
            ToolKind::Function => {
                let path = || format!("tools[{}]", tool.at);
                let parameters = tool.parameters.as_ref();
                let (parameters, strict) = settle::schema(parameters, tool.strict, path, notes)?;
                l.object(|o| {
                    o.str("type", "function");
                    o.object("function", |o| {
                        o.str("name", self.names.upstream(&tool.name));
                        o.opt_str("description", tool.description.as_deref());
                        let none = if strict == Some(true) { STRICT_NO_PARAMETERS } else { NO_PARAMETERS };
                        o.raw("parameters", parameters.as_ref().map_or(none, |json| json.get()));
                        o.opt_bool("strict", strict);
                    });
                });
            }
        }
        Ok(())
    }

    fn write_tool_choice(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        if let Some(choice) = settle::tool_choice(self.request, self.target, notes)? {
            write_choice(o, &choice, &self.request.tools, self.names);
        }
        Ok(())
    }

    fn write_output(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        match &self.request.output {
            None | Some(OutputFormat::Text) => {}
            Some(OutputFormat::Schema { name, description, schema, strict }) => {
                let path = || self.path(Field::Output);
                let (schema, strict) = settle::schema(schema.as_ref(), *strict, path, notes)?;
                let output = OutputFormat::Schema {
                    name: Some(name.clone().unwrap_or(Cow::Borrowed("response"))),
                    description: description.clone(),
                    schema,
                    strict,
                };
                o.object("response_format", |o| write_output(o, &output, |_| {}));
            }
            Some(output) => o.object("response_format", |o| write_output(o, output, |_| {})),
        }
        Ok(())
    }
}
