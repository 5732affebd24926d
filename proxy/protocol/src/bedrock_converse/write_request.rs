//! Writing a request.

use std::borrow::Cow;

use crate::account;
use crate::anthropic::cache::{Mark, Marks};
use crate::anthropic::foreign::{Foreign, NO_PARAMETERS, parameters};
use crate::anthropic::plan::{Form, Plan, Reasoning};
use crate::anthropic::prompt::{Manner, Prepared};
use crate::anthropic::turns::mark_of_tool;
use crate::anthropic::write_request::Purpose;
use crate::capabilities::SamplingRule;
use crate::codec::{Encoded, Exchange, JSON_TOOL, Target};
use crate::custom;
use crate::facts::Field;
use crate::ir::{OutputFormat, Request, Tool, ToolChoice, ToolKind};
use crate::json::constant;
use crate::json::write::{self, List, Object, string};
use crate::names::{NameLimits, Names};
use crate::notes::{Notes, Rejected, code};

use super::{Converse, content, is_claude, media};

/// Tool names (`ToolName`).
const NAMES: NameLimits = NameLimits { max: 64, also: "" };

/// Classes of service, by the neutral word; `auto` is what leaving it out means.
const TIERS: [(&str, Option<&str>); 5] = [
    ("auto", None),
    ("default", Some("default")),
    ("priority", Some("priority")),
    ("fast", Some("priority")),
    ("flex", Some("flex")),
];

/// Writes a request body.
pub(super) fn encode(
    request: &Request<'_>,
    target: &Target<'_>,
    purpose: Purpose,
    notes: &mut Notes,
) -> Result<Encoded, Rejected> {
    let request = &*account::request(request, &Converse, notes)?;
    let plan = Plan::of(request, target, notes)?;
    let names = Names::of(request, NAMES);
    let foreign = Foreign { request, target, names: &names, plan: &plan, purpose };
    let manner = Manner { mid_system: false, media: media::adapt };
    let prompt = Prepared::of(&foreign, manner, notes)?;
    let marks = match purpose {
        Purpose::Answer => prompt.marks(&foreign),
        Purpose::Count => Marks::default(),
    };
    let writer = Writer { foreign, prompt, marks };
    let mut body = request.buffer();
    write::object(&mut body, |o| match purpose {
        Purpose::Answer => writer.write(o, notes),
        Purpose::Count => o.object("input", |o| o.object("converse", |o| writer.write_counted(o, notes))),
    })?;
    let json_tool = plan.form == Form::Tool;
    let custom = custom::names(request);
    Ok(Encoded { body, exchange: Exchange { names, json_tool, custom, ..Exchange::default() } })
}

struct Writer<'w, 'a> {
    foreign: Foreign<'w, 'a>,
    prompt: Prepared<'w, 'a>,
    marks: Marks,
}

impl Writer<'_, '_> {
    fn write(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        content::write(o, &self.prompt, &self.foreign, &self.marks);
        self.write_tools(o, notes)?;
        let mut fields = Vec::new();
        self.write_inference(o, &mut fields, notes)?;
        self.write_thinking(&mut fields);
        write_fields(o, &fields);
        self.write_output(o, notes)?;
        self.write_guardrail(o);
        self.write_tier(o, notes)
    }

    /// What of a request is counted (`ConverseTokensRequest`): there are no other members.
    fn write_counted(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        content::write(o, &self.prompt, &self.foreign, &self.marks);
        self.write_tools(o, notes)?;
        let mut fields = Vec::new();
        self.write_thinking(&mut fields);
        write_fields(o, &fields);
        Ok(())
    }

    fn path(&self, field: Field) -> String {
        self.foreign.path(field)
    }

    /// There is no way to forbid tools but to offer none, and no conversation with calls in it without any.
    fn write_tools(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let plan = self.foreign.plan;
        let called = content::called(&self.prompt);
        let forbidden = plan.choice == Some(ToolChoice::None);
        if forbidden && !called.is_empty() && self.foreign.tools().next().is_some() {
            notes.warn("tool_choice_changed", || self.path(Field::ToolChoice))?;
        }
        let offers = !forbidden || !called.is_empty();
        let any = offers && self.foreign.tools().next().is_some() || plan.form == Form::Tool;
        if !any && called.is_empty() {
            return Ok(());
        }
        if !any {
            notes.warn("tools_added", || self.path(Field::Tools))?;
        }
        o.object("toolConfig", |o| {
            o.list("tools", |l| {
                if !any {
                    called.iter().for_each(|name| self.write_called(l, name));
                }
                for (at, tool) in self.foreign.tools().enumerate().filter(|_| offers) {
                    self.write_tool(l, tool, notes)?;
                    content::cache_point(l, mark_of_tool(tool), self.marks.has(Mark::Tool(at)));
                }
                if plan.form == Form::Tool {
                    self.write_json_tool(l);
                }
                Ok(())
            })?;
            if any {
                self.write_choice(o);
            }
            Ok(())
        })
    }

    /// A tool that is known only because it was called.
    fn write_called(&self, l: &mut List<'_>, name: &str) {
        tool_spec(l, self.foreign.names.upstream(name), None, NO_PARAMETERS, false);
    }

    fn write_tool(&self, l: &mut List<'_>, tool: &Tool<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let path = || format!("tools[{}]", tool.at);
        let strict = self.foreign.is_strict(tool, notes)?;
        let schema = match &tool.kind {
            ToolKind::Hosted(kind, _) => {
                return Err(Rejected::new(path(), format!("the provider has no tool of type {kind:?}")));
            }
            ToolKind::Custom => {
                notes.warn("custom_tool_wrapped", path)?;
                Cow::Borrowed(constant(custom::SCHEMA))
            }
            ToolKind::Function => self.foreign.schema(tool, strict, notes)?,
        };
        let name = self.foreign.names.upstream(&tool.name);
        let description = tool.description.as_deref().filter(|text| !text.is_empty());
        tool_spec(l, name, description, schema.get(), strict);
        Ok(())
    }

    fn write_json_tool(&self, l: &mut List<'_>) {
        let Some(OutputFormat::Schema { description, schema: Some(schema), .. }) =
            &self.foreign.request.output
        else {
            return;
        };
        let schema = parameters(schema.get()).unwrap_or(Cow::Borrowed(NO_PARAMETERS));
        let description = description.as_deref().unwrap_or("The answer, in the form it must have.");
        tool_spec(l, JSON_TOOL, Some(description), &schema, false);
    }

    fn write_choice(&self, o: &mut Object<'_>) {
        match &self.foreign.plan.choice {
            None | Some(ToolChoice::None) => {}
            Some(ToolChoice::Auto | ToolChoice::Subset { .. }) => {
                o.object("toolChoice", |o| o.raw("auto", "{}"));
            }
            Some(ToolChoice::Required) => o.object("toolChoice", |o| o.raw("any", "{}")),
            Some(ToolChoice::Tool(name)) => o.object("toolChoice", |o| {
                o.object("tool", |o| o.str("name", self.foreign.names.upstream(name)));
            }),
        }
    }

    fn write_inference(
        &self,
        o: &mut Object<'_>,
        fields: &mut Vec<(&'static str, String)>,
        notes: &mut Notes,
    ) -> Result<(), Rejected> {
        let (request, plan) = (self.foreign.request, self.foreign.plan);
        // Unsaid it is the most the model can do, which a budget must stay below.
        let limited = request.max_output.is_some() || matches!(plan.reasoning, Reasoning::Budget(_));
        let sampling = self.sampling(fields, notes)?;
        let stop = &request.stop;
        let allowed = self.foreign.target.capabilities.max_stop.map_or(usize::MAX, |most| most as usize);
        if stop.len() > allowed {
            let reason = format!("the model takes at most {allowed} stop texts");
            return Err(Rejected::new(self.path(Field::Stop), reason));
        }
        if !limited && sampling.is_empty() && stop.is_empty() {
            return Ok(());
        }
        o.object("inferenceConfig", |o| {
            if limited {
                o.u64("maxTokens", plan.max_tokens);
            }
            sampling.iter().for_each(|(key, value)| o.raw(key, value));
            if !stop.is_empty() {
                o.list("stopSequences", |l| stop.iter().for_each(|text| l.str(text)));
            }
        });
        Ok(())
    }

    /// Temperature and `topP` where the model takes them, the former up to 1; `top_k` among the fields of Claude.
    fn sampling(
        &self,
        fields: &mut Vec<(&'static str, String)>,
        notes: &mut Notes,
    ) -> Result<Vec<(&'static str, Cow<'_, str>)>, Rejected> {
        let sampling = &self.foreign.request.sampling;
        let capabilities = self.foreign.target.capabilities;
        let reasoning = self.foreign.plan.reasoning;
        let claude = is_claude(self.foreign.target.model);
        let accepted = match capabilities.sampling {
            SamplingRule::Never => false,
            SamplingRule::EffortNone => reasoning == Reasoning::Off,
            _ => !reasoning.is_on(),
        };
        let both = capabilities.temperature_with_top_p || sampling.temperature.is_none();
        let mut written = Vec::new();
        for (field, key, value, accepted) in [
            (Field::Temperature, "temperature", &sampling.temperature, accepted),
            (Field::TopP, "topP", &sampling.top_p, accepted && both),
            (Field::TopK, "top_k", &sampling.top_k, accepted && claude),
        ] {
            let Some(value) = value else { continue };
            let number = value.parse::<f64>().ok();
            if !accepted {
                // 1 is what leaving it out means.
                if number != Some(1.0) || field == Field::TopK {
                    notes.warn(code(account::word(field), "dropped"), || self.path(field))?;
                }
            } else if field == Field::TopK {
                fields.push((key, value.as_ref().to_owned()));
            } else if number.is_some_and(|number| number > 1.0) {
                notes.warn(code(account::word(field), "clamped"), || self.path(field))?;
                written.push((key, Cow::Borrowed("1")));
            } else {
                written.push((key, Cow::Borrowed(value.as_ref())));
            }
        }
        Ok(written)
    }

    /// Reasoning of Claude, in the words of Messages.
    fn write_thinking(&self, fields: &mut Vec<(&'static str, String)>) {
        if !is_claude(self.foreign.target.model) {
            return;
        }
        let thinking = match (self.foreign.plan.reasoning, self.foreign.plan.shown) {
            (Reasoning::Unsaid, _) => return,
            (Reasoning::Off, _) => r#"{"type":"disabled"}"#.to_owned(),
            // Models that decide how much they reason do not all show it unless asked to; the others do.
            (Reasoning::Adaptive, Some(true)) => r#"{"type":"adaptive","display":"summarized"}"#.to_owned(),
            (Reasoning::Adaptive, _) => r#"{"type":"adaptive"}"#.to_owned(),
            (Reasoning::Budget(budget), _) => format!(r#"{{"type":"enabled","budget_tokens":{budget}}}"#),
        };
        fields.push(("thinking", thinking));
    }

    /// Effort and schema of the answer.
    fn write_output(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let plan = self.foreign.plan;
        let schema = match &self.foreign.request.output {
            Some(OutputFormat::Schema { name, description, schema: Some(schema), .. })
                if plan.form == Form::Schema =>
            {
                let schema = self.foreign.limit(schema.get(), || self.path(Field::Output), notes)?;
                Some((name, description, schema))
            }
            _ => None,
        };
        if schema.is_none() && plan.effort.is_none() {
            return Ok(());
        }
        o.object("outputConfig", |o| {
            if let Some((name, description, schema)) = schema {
                o.object("textFormat", |o| {
                    o.str("type", "json_schema");
                    o.object("structure", |o| {
                        o.object("jsonSchema", |o| {
                            string(o.key("schema"), schema.get());
                            o.opt_str("name", name.as_deref());
                            o.opt_str("description", description.as_deref());
                        });
                    });
                });
            }
            o.opt_str("effort", plan.effort.as_ref().map(|effort| effort.word()));
        });
        Ok(())
    }

    fn write_guardrail(&self, o: &mut Object<'_>) {
        let Some(guardrail) = self.foreign.target.options.guardrail else { return };
        o.object("guardrailConfig", |o| {
            o.str("guardrailIdentifier", guardrail.id);
            o.str("guardrailVersion", guardrail.version);
            o.opt_str("trace", guardrail.trace);
        });
    }

    fn write_tier(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let Some(tier) = &self.foreign.request.service_tier else { return Ok(()) };
        match TIERS.iter().find(|(neutral, _)| neutral == tier) {
            Some((_, Some(own))) => o.object("serviceTier", |o| o.str("type", own)),
            Some((_, None)) => {}
            None => notes.warn("service_tier_dropped", || self.path(Field::ServiceTier))?,
        }
        Ok(())
    }
}

/// What the model itself knows and Converse does not.
fn write_fields(o: &mut Object<'_>, fields: &[(&'static str, String)]) {
    if !fields.is_empty() {
        o.object("additionalModelRequestFields", |o| {
            fields.iter().for_each(|(key, json)| o.raw(key, json));
        });
    }
}

fn tool_spec(l: &mut List<'_>, name: &str, description: Option<&str>, schema: &str, strict: bool) {
    l.object(|o| {
        o.object("toolSpec", |o| {
            o.str("name", name);
            o.opt_str("description", description);
            o.object("inputSchema", |o| o.raw("json", schema));
            if strict {
                o.bool("strict", true);
            }
        });
    });
}
