//! Writing a request that came in another protocol.

use foldhash::HashSet;

use crate::account::{self, source_facts};
use crate::codec::Target;
use crate::custom;
use crate::facts::{Facts, Field};
use crate::ir::{Effort, OutputFormat, Request, Scope, Thinking, Tool, ToolChoice, ToolKind};
use crate::json::write::{List, Object};
use crate::names::Names;
use crate::notes::{Notes, Rejected};
use crate::openai_chat::foreign::{NO_PARAMETERS, STRICT_NO_PARAMETERS};
use crate::openai_chat::settle;
use crate::protocol::Protocol;

use super::request::{LOGPROBS, STATE};
use super::write_request::Purpose;
use super::{THIS, write_input};

/// The fewest output tokens the vendor takes.
const MIN_OUTPUT: u64 = 16;

/// A request from another protocol on its way out.
pub(super) struct Foreign<'f, 'a> {
    pub(super) request: &'f Request<'a>,
    pub(super) target: &'f Target<'f>,
    pub(super) names: &'f Names,
    pub(super) purpose: Purpose,
}

impl Foreign<'_, '_> {
    /// Writes the members of the body.
    ///
    /// # Errors
    /// Something that changes the answer cannot be carried; in strict mode, anything.
    pub(super) fn write(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        o.str("model", self.target.model);
        write_input::write(o, self, notes)?;
        self.write_tools(o, notes)?;
        self.write_tool_choice(o, notes)?;
        o.opt_bool("parallel_tool_calls", self.request.parallel_tools);
        self.write_text(o, notes)?;
        let effort = settle::effort(self.request, self.target, notes)?;
        self.write_reasoning(o, effort.as_ref());
        match self.purpose {
            Purpose::Answer => self.write_answer(o, effort.as_ref(), notes),
            Purpose::Count => Ok(()),
        }
    }

    /// Facts of the client's protocol: they name the paths.
    pub(super) fn source(&self) -> &'static Facts {
        source_facts(self.request.source)
    }

    /// What says how to answer.
    fn write_answer(
        &self,
        o: &mut Object<'_>,
        effort: Option<&Effort<'_>>,
        notes: &mut Notes,
    ) -> Result<(), Rejected> {
        let request = self.request;
        o.opt_bool("stream", request.stream);
        // The proxy keeps no answers, so nobody could ask for one: only who says so has it kept.
        o.bool("store", request.store.unwrap_or(false));
        let rule = settle::Sampled::of(request, self.target, effort);
        let logprobs = rule.takes_logprobs(notes)?;
        self.write_include(o, logprobs);
        self.write_max_output(o, notes)?;
        for (field, key, value) in settle::nucleus(&request.sampling) {
            rule.write(o, field, key, value, notes)?;
        }
        o.opt_u64("top_logprobs", request.sampling.top_logprobs.filter(|_| logprobs));
        o.opt_raw("metadata", request.metadata.as_ref().map(|json| json.get()));
        o.opt_str("service_tier", request.service_tier.as_deref());
        o.opt_str("safety_identifier", request.end_user.as_deref());
        for field in account::same(request.source, THIS, Scope::Request, &request.ext) {
            o.field(&field.key, &field.value);
        }
        Ok(())
    }

    /// State is asked for of models that reason; others refuse the word.
    fn write_include(&self, o: &mut Object<'_>, logprobs: bool) {
        let state = !self.target.capabilities.efforts.is_empty();
        if state || logprobs {
            o.list("include", |l| {
                let asked = [(state, STATE), (logprobs, LOGPROBS)];
                asked.iter().filter(|(asked, _)| *asked).for_each(|(_, word)| l.str(word));
            });
        }
    }

    fn write_max_output(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let Some(most) = settle::max_output(self.request, self.target, notes)? else { return Ok(()) };
        if most < MIN_OUTPUT {
            notes.warn("max_tokens_raised", || settle::path(self.request, Field::MaxOutput))?;
        }
        o.u64("max_output_tokens", most.max(MIN_OUTPUT));
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
        let path = || format!("tools[{}]", tool.at);
        match &tool.kind {
            ToolKind::Hosted(..) if self.target.options.web_search && tool.is_web_search() => {
                l.object(|o| o.str("type", "web_search"));
            }
            ToolKind::Hosted(kind, _) => {
                return Err(Rejected::new(path(), format!("the provider has no tool of type {kind:?}")));
            }
            ToolKind::Custom => l.object(|o| {
                o.str("type", "custom");
                self.write_name(o, tool);
                if let Some(format) = custom::Format::of(tool) {
                    o.object("format", |o| format.write_flat(o));
                }
            }),
            ToolKind::Function => {
                let (parameters, strict) =
                    settle::schema(tool.parameters.as_ref(), tool.strict, path, notes)?;
                // Said always: leaving it out means yes.
                let strict = strict.unwrap_or(false);
                let none = if strict { STRICT_NO_PARAMETERS } else { NO_PARAMETERS };
                l.object(|o| {
                    o.str("type", "function");
                    self.write_name(o, tool);
                    o.raw("parameters", parameters.as_ref().map_or(none, |json| json.get()));
                    o.bool("strict", strict);
                });
            }
        }
        Ok(())
    }

    fn write_name(&self, o: &mut Object<'_>, tool: &Tool<'_>) {
        o.str("name", self.names.upstream(&tool.name));
        o.opt_str("description", tool.description.as_deref());
    }

    fn write_tool_choice(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let Some(choice) = settle::tool_choice(self.request, self.target, notes)? else { return Ok(()) };
        let custom = custom::of(&self.request.tools);
        match choice.as_ref() {
            ToolChoice::Auto => o.str("tool_choice", "auto"),
            ToolChoice::None => o.str("tool_choice", "none"),
            ToolChoice::Required => o.str("tool_choice", "required"),
            ToolChoice::Tool(name) => o.object("tool_choice", |o| self.write_named(o, name, &custom)),
            ToolChoice::Subset { required, names } => o.object("tool_choice", |o| {
                o.str("type", "allowed_tools");
                o.str("mode", if *required { "required" } else { "auto" });
                o.list("tools", |l| {
                    names.iter().for_each(|name| l.object(|o| self.write_named(o, name, &custom)))
                });
            }),
        }
        Ok(())
    }

    fn write_named(&self, o: &mut Object<'_>, name: &str, custom: &HashSet<&str>) {
        o.str("type", if custom.contains(name) { "custom" } else { "function" });
        o.str("name", self.names.upstream(name));
    }

    /// The form of the answer, and how talkative it is.
    fn write_text(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let output = self.request.output.as_ref().filter(|output| !matches!(output, OutputFormat::Text));
        let verbosity = self.request.verbosity.as_deref();
        if output.is_none() && verbosity.is_none() {
            return Ok(());
        }
        o.object("text", |o| {
            o.opt_str("verbosity", verbosity);
            output.map_or(Ok(()), |output| o.object("format", |o| self.write_format(o, output, notes)))
        })
    }

    fn write_format(
        &self,
        o: &mut Object<'_>,
        output: &OutputFormat<'_>,
        notes: &mut Notes,
    ) -> Result<(), Rejected> {
        let OutputFormat::Schema { name, description, schema: Some(schema), strict } = output else {
            o.str("type", "json_object");
            return Ok(());
        };
        let path = || settle::path(self.request, Field::Output);
        let (schema, strict) = settle::schema(Some(schema), *strict, path, notes)?;
        o.str("type", "json_schema");
        o.str("name", name.as_deref().unwrap_or("response"));
        o.opt_str("description", description.as_deref());
        o.opt_raw("schema", schema.as_ref().map(|json| json.get()));
        o.bool("strict", strict.unwrap_or(false));
        Ok(())
    }

    fn write_reasoning(&self, o: &mut Object<'_>, effort: Option<&Effort<'_>>) {
        let summary = self.summary();
        if effort.is_none() && summary.is_none() {
            return;
        }
        o.object("reasoning", |o| {
            o.opt_str("effort", effort.map(Effort::word));
            o.opt_str("summary", summary);
        });
    }

    /// The summary to ask for. Clients of Messages see reasoning by asking for it, those of Chat Completions never
    /// ask; a model that does not reason refuses the question.
    fn summary(&self) -> Option<&str> {
        let thinking = self.request.thinking.as_ref()?;
        let by_asking = self.request.source == Protocol::Anthropic && Thinking::is_on(thinking);
        let wanted = thinking.visible.unwrap_or(by_asking) && !self.target.capabilities.efforts.is_empty();
        wanted.then(|| thinking.summary.as_deref().unwrap_or("auto"))
    }
}
