//! Writing a request that came in another protocol.

use std::borrow::Cow;

use crate::account::{self, source_facts};
use crate::capabilities::{ForcedTool, SamplingRule};
use crate::codec::Target;
use crate::facts::{Facts, Field};
use crate::ir::{Effort, OutputFormat, Request, Scope, Thinking, Tool, ToolChoice, ToolKind, nearest};
use crate::json::write::{List, Object};
use crate::names::Names;
use crate::notes::{Notes, Rejected, code};

use super::write_request::{
    write_choice, write_definition, write_other_sampling, write_output, write_settings,
};
use super::{THIS, write_turns};

/// The most stop texts OpenAI takes.
const MAX_STOP: u32 = 4;

/// Parameters of a function that has none.
const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;

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
        if request.stream == Some(true) {
            // Asked for always: the proxy counts, and hides the chunk from clients that did not ask.
            o.object("stream_options", |o| o.bool("include_usage", true));
        }
        self.write_max_output(o, notes)?;
        self.write_stop(o)?;
        self.write_tools(o)?;
        self.write_tool_choice(o, notes)?;
        self.write_output(o);
        let thinking = self.write_effort(o, notes)?;
        self.write_nucleus(o, thinking, notes)?;
        write_other_sampling(o, request);
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

    fn write_max_output(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let Some(asked) = self.request.max_output else { return Ok(()) };
        let allowed = self.target.capabilities.max_output.unwrap_or(u64::MAX);
        if asked > allowed {
            notes.warn("max_tokens_clamped", || self.path(Field::MaxOutput))?;
        }
        let legacy = self.target.options.legacy_max_tokens;
        o.u64(if legacy { "max_tokens" } else { "max_completion_tokens" }, asked.min(allowed));
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

    fn write_tools(&self, o: &mut Object<'_>) -> Result<(), Rejected> {
        let tools = &self.request.tools;
        if tools.is_empty() {
            return Ok(());
        }
        o.list("tools", |l| tools.iter().try_for_each(|tool| self.write_tool(l, tool)))
    }

    fn write_tool(&self, l: &mut List<'_>, tool: &Tool<'_>) -> Result<(), Rejected> {
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
                    for field in tool.ext.inside("").filter(|field| field.key == "format") {
                        o.field(&field.key, &field.value);
                    }
                });
            }),
            ToolKind::Function => l.object(|o| {
                o.str("type", "function");
                o.object("function", |o| {
                    write_definition(o, tool, self.names.upstream(&tool.name));
                    if tool.parameters.is_none() {
                        o.raw("parameters", NO_PARAMETERS);
                    }
                    o.opt_bool("strict", tool.strict);
                });
            }),
        }
        Ok(())
    }

    fn write_tool_choice(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let Some(choice) = &self.request.tool_choice else { return Ok(()) };
        let forced = matches!(choice, ToolChoice::Required | ToolChoice::Tool(_));
        if forced && self.target.capabilities.forced_tool == ForcedTool::Never {
            notes.warn("tool_choice_changed", || self.path(Field::ToolChoice))?;
            write_choice(o, &ToolChoice::Auto, self.names);
            return Ok(());
        }
        // OpenAI refuses a choice without tools to choose from.
        if !self.request.tools.is_empty() {
            write_choice(o, choice, self.names);
        }
        Ok(())
    }

    fn write_output(&self, o: &mut Object<'_>) {
        match &self.request.output {
            None | Some(OutputFormat::Text) => {}
            Some(OutputFormat::Schema { name, description, schema, strict }) => {
                let output = OutputFormat::Schema {
                    name: Some(name.clone().unwrap_or(Cow::Borrowed("response"))),
                    description: description.clone(),
                    schema: schema.clone(),
                    strict: *strict,
                };
                o.object("response_format", |o| write_output(o, &output, |_| {}));
            }
            Some(output) => o.object("response_format", |o| write_output(o, output, |_| {})),
        }
    }

    /// Writes the effort, and returns whether the model will reason because of it.
    fn write_effort(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<Option<bool>, Rejected> {
        let wanted = self.request.thinking.as_ref().and_then(Thinking::nearest_effort);
        let Some(wanted) = wanted else { return Ok(None) };
        let efforts = &self.target.capabilities.efforts;
        if efforts.is_empty() {
            // A model that does not reason: asking it not to is no loss.
            if wanted != Effort::None {
                notes.warn("reasoning_dropped", || self.path(Field::Thinking))?;
            }
            return Ok(None);
        }
        let given = nearest(&wanted, efforts);
        if given != wanted {
            notes.warn("reasoning_changed", || self.path(Field::Thinking))?;
        }
        o.str("reasoning_effort", given.word());
        Ok(Some(given != Effort::None))
    }

    /// Writes temperature and `top_p`, where the model takes them.
    fn write_nucleus(
        &self,
        o: &mut Object<'_>,
        thinking: Option<bool>,
        notes: &mut Notes,
    ) -> Result<(), Rejected> {
        let accepted = match self.target.capabilities.sampling {
            SamplingRule::Always => true,
            SamplingRule::Never => false,
            SamplingRule::EffortNone => thinking == Some(false),
            SamplingRule::WithoutEffort | SamplingRule::WithoutThinking => thinking != Some(true),
        };
        let sampling = &self.request.sampling;
        for (field, key, value) in [
            (Field::Temperature, "temperature", &sampling.temperature),
            (Field::TopP, "top_p", &sampling.top_p),
        ] {
            let Some(value) = value else { continue };
            if accepted {
                o.raw(key, value);
            } else {
                notes.warn(code(key, "dropped"), || self.path(field))?;
            }
        }
        Ok(())
    }
}
