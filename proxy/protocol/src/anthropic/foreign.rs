//! Writing a request that came in another protocol.

use std::borrow::Cow;

use crate::account::{self, source_facts};
use crate::capabilities::SamplingRule;
use crate::codec::{JSON_TOOL, Target};
use crate::custom;
use crate::facts::{Facts, Field};
use crate::ir::{OutputFormat, Request, Tool, ToolChoice, ToolKind};
use crate::json::write::{self, List, Object};
use crate::json::{Tree, constant};
use crate::names::Names;
use crate::notes::{Notes, Rejected, code};
use crate::schema::{described, to_anthropic};

use super::cache::{Mark, Marks};
use super::plan::{Form, Plan, Reasoning};
use super::prompt::{Manner, Prepared};
use super::request::TIERS;
use super::write_request::{Purpose, named};
use super::{THIS, media, native};

/// The vendor's search of the web, in the version that every model with tools has.
const WEB_SEARCH: &str = "web_search_20250305";

/// Arguments of a tool that has none.
pub(crate) const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;

/// The same, of a strict tool.
const STRICT_NO_PARAMETERS: &str = r#"{"type":"object","properties":{},"additionalProperties":false}"#;

/// A request from another protocol on its way out.
pub(crate) struct Foreign<'f, 'a> {
    pub(crate) request: &'f Request<'a>,
    pub(crate) target: &'f Target<'f>,
    pub(crate) names: &'f Names,
    pub(crate) plan: &'f Plan<'f>,
    pub(crate) purpose: Purpose,
}

impl Foreign<'_, '_> {
    /// Writes the body.
    ///
    /// # Errors
    /// Something that changes the answer cannot be carried; in strict mode, anything.
    pub(crate) fn write(&self, out: &mut Vec<u8>, notes: &mut Notes) -> Result<(), Rejected> {
        let manner = Manner { mid_system: self.target.capabilities.mid_system, media: media::adapt };
        let prompt = Prepared::of(self, manner, notes)?;
        let marks = prompt.marks(self);
        write::object(out, |o| {
            native::name(o, named(self.target, self.purpose), false);
            if self.purpose == Purpose::Answer {
                o.u64("max_tokens", self.plan.max_tokens);
            }
            prompt.write(o, self, &marks);
            self.write_tools(o, &marks, notes)?;
            self.write_choice(o);
            self.write_reasoning(o);
            self.write_output(o, notes)?;
            match self.purpose {
                Purpose::Answer => self.write_answer(o, notes),
                Purpose::Count => Ok(()),
            }
        })
    }

    /// Facts of the client's protocol: they name the paths.
    pub(crate) fn source(&self) -> &'static Facts {
        source_facts(self.request.source)
    }

    pub(crate) fn path(&self, field: Field) -> String {
        self.source().name(field).to_owned()
    }

    /// The tools to offer, in order.
    pub(crate) fn tools(&self) -> impl Iterator<Item = &Tool<'_>> {
        let only = self.plan.only.as_ref();
        self.request
            .tools
            .iter()
            .filter(move |tool| only.is_none_or(|only| only.contains(tool.name.as_ref())))
    }

    fn write_tools(&self, o: &mut Object<'_>, marks: &Marks, notes: &mut Notes) -> Result<(), Rejected> {
        let json_tool = self.plan.form == Form::Tool;
        if self.tools().next().is_none() && !json_tool {
            return Ok(());
        }
        o.list("tools", |l| {
            for (at, tool) in self.tools().enumerate() {
                self.write_tool(l, tool, marks.has(Mark::Tool(at)), notes)?;
            }
            if json_tool {
                self.write_json_tool(l);
            }
            Ok(())
        })
    }

    fn write_tool(
        &self,
        l: &mut List<'_>,
        tool: &Tool<'_>,
        marked: bool,
        notes: &mut Notes,
    ) -> Result<(), Rejected> {
        let path = || format!("tools[{}]", tool.at);
        let strict = self.is_strict(tool, notes)?;
        let schema = match &tool.kind {
            ToolKind::Hosted(..) if self.target.options.web_search && tool.is_web_search() => {
                l.object(|o| {
                    o.str("type", WEB_SEARCH);
                    o.str("name", "web_search");
                });
                return Ok(());
            }
            ToolKind::Hosted(kind, _) => {
                return Err(Rejected::new(path(), format!("the provider has no tool of type {kind:?}")));
            }
            ToolKind::Custom => {
                notes.warn("custom_tool_wrapped", path)?;
                Cow::Borrowed(constant(custom::SCHEMA))
            }
            ToolKind::Function => self.schema(tool, strict, notes)?,
        };
        l.object(|o| {
            o.str("name", self.names.upstream(&tool.name));
            o.opt_str("description", tool.description.as_deref().filter(|text| !text.is_empty()));
            o.raw("input_schema", schema.get());
            if strict {
                o.bool("strict", true);
            }
            match tool.ext.get("cache_control").filter(|raw| raw.get() != "null") {
                Some(own) => o.raw("cache_control", own.get()),
                None => native::mark(o, marked),
            }
        });
        Ok(())
    }

    /// Whether a tool is held to its schema: where the client said so and the model can. What saying nothing means to the
    /// client's protocol is no reason: the vendor refuses requests with many strict tools.
    ///
    /// # Errors
    /// In strict mode, if the model cannot.
    pub(crate) fn is_strict(&self, tool: &Tool<'_>, notes: &mut Notes) -> Result<bool, Rejected> {
        let is_asked = tool.strict == Some(true) && !tool.is_strict_unsaid();
        if is_asked && !self.target.capabilities.schema {
            notes.warn("strict_dropped", || format!("tools[{}]", tool.at))?;
        }
        Ok(is_asked && self.target.capabilities.schema)
    }

    /// The schema of a function's arguments.
    ///
    /// # Errors
    /// In strict mode, if one that is held to does not fit within the vendor's limits.
    pub(crate) fn schema(
        &self,
        tool: &Tool<'_>,
        strict: bool,
        notes: &mut Notes,
    ) -> Result<crate::json::Json<'static>, Rejected> {
        match tool.parameters.as_deref().map(|raw| parameters(raw.get())) {
            Some(Some(text)) if strict => self.limit(&text, || format!("tools[{}]", tool.at), notes),
            Some(Some(text)) => Ok(crate::json::owned(text.into_owned().into_bytes())),
            _ => Ok(Cow::Borrowed(constant(if strict { STRICT_NO_PARAMETERS } else { NO_PARAMETERS }))),
        }
    }

    /// The schema within the vendor's limits.
    pub(crate) fn limit(
        &self,
        schema: &str,
        path: impl FnOnce() -> String,
        notes: &mut Notes,
    ) -> Result<crate::json::Json<'static>, Rejected> {
        let Some(limited) = to_anthropic(schema) else {
            return Ok(crate::json::owned(schema.as_bytes().to_vec()));
        };
        if limited.moved {
            notes.warn("schema_constraints_moved", path)?;
        }
        Ok(limited.schema)
    }

    fn write_json_tool(&self, l: &mut List<'_>) {
        let Some(OutputFormat::Schema { description, schema: Some(schema), .. }) = &self.request.output
        else {
            return;
        };
        let schema = parameters(schema.get()).unwrap_or(Cow::Borrowed(NO_PARAMETERS));
        l.object(|o| {
            o.str("name", JSON_TOOL);
            o.str("description", description.as_deref().unwrap_or("The answer, in the form it must have."));
            o.raw("input_schema", &schema);
        });
    }

    fn write_choice(&self, o: &mut Object<'_>) {
        let single = self.plan.single && (self.plan.form == Form::Tool || self.tools().next().is_some());
        let choice = match &self.plan.choice {
            Some(choice) => choice,
            None if single => &ToolChoice::Auto,
            None => return,
        };
        o.object("tool_choice", |o| {
            let kind = match choice {
                ToolChoice::Auto | ToolChoice::Subset { .. } => "auto",
                ToolChoice::Required => "any",
                ToolChoice::None => "none",
                ToolChoice::Tool(_) => "tool",
            };
            o.str("type", kind);
            if let ToolChoice::Tool(name) = choice {
                o.str("name", self.names.upstream(name));
            }
            if single && *choice != ToolChoice::None {
                o.bool("disable_parallel_tool_use", true);
            }
        });
    }

    fn write_reasoning(&self, o: &mut Object<'_>) {
        let shown = self.plan.shown.map(|shown| if shown { "summarized" } else { "omitted" });
        match self.plan.reasoning {
            Reasoning::Unsaid => {}
            Reasoning::Off => o.object("thinking", |o| o.str("type", "disabled")),
            Reasoning::Adaptive => o.object("thinking", |o| {
                o.str("type", "adaptive");
                o.opt_str("display", shown);
            }),
            Reasoning::Budget(budget) => o.object("thinking", |o| {
                o.str("type", "enabled");
                o.u64("budget_tokens", budget);
                o.opt_str("display", shown);
            }),
        }
    }

    /// Effort and schema of the answer.
    fn write_output(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let schema = match &self.request.output {
            Some(OutputFormat::Schema { schema: Some(schema), description, .. })
                if self.plan.form == Form::Schema =>
            {
                let schema = described(schema, description.as_deref());
                Some(self.limit(schema.get(), || self.path(Field::Output), notes)?)
            }
            _ => None,
        };
        if schema.is_none() && self.plan.effort.is_none() {
            return Ok(());
        }
        o.object("output_config", |o| {
            o.opt_str("effort", self.plan.effort.as_ref().map(|effort| effort.word()));
            if let Some(schema) = schema {
                o.object("format", |o| {
                    o.str("type", "json_schema");
                    o.raw("schema", schema.get());
                });
            }
        });
        Ok(())
    }

    /// Settings that say how to answer.
    fn write_answer(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        self.write_sampling(o, notes)?;
        self.write_stop(o)?;
        if let Some(id) = &self.request.end_user {
            o.object("metadata", |o| o.str("user_id", id));
        }
        if let Some(tier) = &self.request.service_tier {
            match TIERS.iter().find(|(_, neutral)| neutral == tier) {
                Some((own, _)) => o.str("service_tier", own),
                None => notes.warn("service_tier_dropped", || self.path(Field::ServiceTier))?,
            }
        }
        o.opt_bool("stream", self.request.stream);
        for field in account::same(self.request.source, THIS, crate::ir::Scope::Request, &self.request.ext) {
            o.field(&field.key, &field.value);
        }
        Ok(())
    }

    fn write_stop(&self, o: &mut Object<'_>) -> Result<(), Rejected> {
        let stop = &self.request.stop;
        let allowed = self.target.capabilities.max_stop.map_or(usize::MAX, |most| most as usize);
        if stop.len() > allowed {
            let reason = format!("the model takes at most {allowed} stop texts");
            return Err(Rejected::new(self.path(Field::Stop), reason));
        }
        if !stop.is_empty() {
            o.list("stop_sequences", |l| stop.iter().for_each(|text| l.str(text)));
        }
        Ok(())
    }

    /// Temperature up to 1, `top_p` and `top_k`, where the model takes them; no Claude does while it reasons.
    fn write_sampling(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let sampling = &self.request.sampling;
        let capabilities = self.target.capabilities;
        let accepted = match capabilities.sampling {
            SamplingRule::Never => false,
            SamplingRule::EffortNone => self.plan.reasoning == Reasoning::Off,
            _ => !self.plan.reasoning.is_on(),
        };
        let both = capabilities.temperature_with_top_p || sampling.temperature.is_none();
        for (field, key, value, accepted) in [
            (Field::Temperature, "temperature", &sampling.temperature, accepted),
            (Field::TopP, "top_p", &sampling.top_p, accepted && both),
            (Field::TopK, "top_k", &sampling.top_k, accepted),
        ] {
            let Some(value) = value else { continue };
            let number = value.parse::<f64>().ok();
            if !accepted {
                // 1 is what leaving it out means.
                if number != Some(1.0) || field == Field::TopK {
                    notes.warn(code(key, "dropped"), || self.path(field))?;
                }
            } else if let Some(limit) = beyond(field, number) {
                notes.warn("temperature_clamped", || self.path(field))?;
                o.raw(key, limit);
            } else {
                o.raw(key, value);
            }
        }
        Ok(())
    }
}

/// The end of the range of temperatures that a number lies beyond.
fn beyond(field: Field, number: Option<f64>) -> Option<&'static str> {
    match number.filter(|_| field == Field::Temperature)? {
        number if number > 1.0 => Some("1"),
        number if number < 0.0 => Some("0"),
        _ => None,
    }
}

/// A schema of arguments: it must say that they are an object. `None` if it says nothing at all.
pub(crate) fn parameters(schema: &str) -> Option<Cow<'_, str>> {
    let Some(Tree::Object(mut members)) = Tree::read(schema) else { return None };
    let typed = |text: Option<&Tree<'_>>| text.and_then(Tree::text) == Some("object");
    if typed(members.iter().find(|(key, _)| key == "type").map(|(_, value)| value)) {
        return Some(Cow::Borrowed(schema));
    }
    if members.is_empty() {
        return None;
    }
    members.retain(|(key, _)| key != "type");
    members.insert(0, (Cow::Borrowed("type"), Tree::Text(Cow::Borrowed("object"))));
    let mut out = Vec::with_capacity(schema.len() + 16);
    Tree::Object(members).write(&mut out);
    String::from_utf8(out).ok().map(Cow::Owned)
}
