//! Writing a request that came in another protocol.

use serde_json::value::RawValue;

use crate::account::{self, source_facts};
use crate::capabilities::ForcedTool;
use crate::codec::Target;
use crate::facts::{Facts, Field};
use crate::ir::{OutputFormat, Request, Scope, ToolChoice, ToolKind};
use crate::json::write::Object;
use crate::names::Names;
use crate::notes::{Notes, Rejected, code};
use crate::protocol::Protocol;
use crate::schema;
use crate::schema::{described, to_openapi};

use super::{THIS, resource, thinking, write_tools, write_turns};

/// The most stop texts Gemini takes.
const MAX_STOP: u32 = 5;

/// The highest temperature, which is admitted.
const MAX_TEMPERATURE: f64 = 2.0;

/// The most alternatives a token.
const MAX_LOGPROBS: u64 = 20;

/// Words for classes of service, by OpenAI's, which the neutral form has. `auto` is the same as saying
/// nothing.
const TIERS: [(&str, Option<&str>); 4] =
    [("auto", None), ("default", Some("standard")), ("flex", Some("flex")), ("priority", Some("priority"))];

/// A request from another protocol on its way out.
pub(super) struct Foreign<'f, 'a> {
    pub(super) request: &'f Request<'a>,
    pub(super) target: &'f Target<'f>,
    pub(super) names: Names,
    /// The schema of the answer is asked for as a call of a function, because the model has no schema with
    /// functions.
    pub(super) json_tool: bool,
    /// The instruction that stands for "some JSON object" where the model has no such setting with functions.
    pub(super) json_line: bool,
    /// No functions are declared: they may not be called, and would forbid the form of the answer.
    pub(super) no_functions: bool,
}

impl<'f, 'a> Foreign<'f, 'a> {
    /// Decides how tools and the form of the answer go together.
    ///
    /// # Errors
    /// They do not; in strict mode, something must change.
    pub(super) fn new(
        request: &'f Request<'a>,
        target: &'f Target<'f>,
        names: Names,
        notes: &mut Notes,
    ) -> Result<Self, Rejected> {
        let mut foreign =
            Foreign { request, target, names, json_tool: false, json_line: false, no_functions: false };
        let capabilities = target.capabilities;
        let structured = matches!(request.output, Some(OutputFormat::Json | OutputFormat::Schema { .. }));
        let functions = request.tools.iter().any(|tool| !matches!(tool.kind, ToolKind::Hosted(..)));
        if !structured || !functions || capabilities.schema_with_tools {
            return Ok(foreign);
        }
        let path = || foreign.path(Field::Output);
        match (&request.tool_choice, &request.output) {
            (Some(ToolChoice::None), _) => {
                notes.warn("tools_dropped", || foreign.path(Field::Tools))?;
                foreign.no_functions = true;
            }
            // The answer will be a call: the form of its text is of no importance.
            (Some(choice), _) if is_forced(choice) => notes.warn("response_format_dropped", path)?,
            (_, Some(OutputFormat::Schema { schema: Some(schema), .. })) if schema::is_object(schema) => {
                foreign.json_tool = true;
            }
            (_, Some(OutputFormat::Schema { schema: Some(_), .. })) => {
                return Err(Rejected::new(path(), "with tools the model answers with JSON objects only"));
            }
            _ => {
                notes.warn("response_format_changed", path)?;
                foreign.json_line = true;
            }
        }
        Ok(foreign)
    }

    /// Writes the members of the body.
    ///
    /// # Errors
    /// Something that changes the answer cannot be carried; in strict mode, anything.
    pub(super) fn write(&self, o: &mut Object<'_>, named: bool, notes: &mut Notes) -> Result<(), Rejected> {
        if named {
            o.str("model", &resource(self.target.model));
        }
        write_turns::write(o, self, notes)?;
        write_tools::foreign(o, self, notes)?;
        self.write_tier(o, notes)?;
        let mut config = Vec::new();
        crate::json::write::object(&mut config, |o| self.write_config(o, notes))?;
        if config != b"{}" {
            o.key("generationConfig").extend_from_slice(&config);
        }
        for field in account::same(self.request.source, THIS, Scope::Request, &self.request.ext) {
            o.field(&field.key, &field.value);
        }
        Ok(())
    }

    /// Facts of the client's protocol: they name the paths.
    pub(super) fn source(&self) -> &'static Facts {
        source_facts(self.request.source)
    }

    pub(super) fn path(&self, field: Field) -> String {
        self.source().name(field).to_owned()
    }

    /// Whether the model takes JSON Schema; if not, only the OpenAPI subset.
    pub(super) fn takes_json_schema(&self) -> bool {
        self.target.capabilities.json_schema_fields
    }

    fn write_tier(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let Some(tier) = self.request.service_tier.as_deref() else { return Ok(()) };
        match TIERS.iter().find(|(known, _)| *known == tier) {
            Some((_, word)) => o.opt_str("serviceTier", *word),
            None => notes.warn("service_tier_dropped", || self.path(Field::ServiceTier))?,
        }
        Ok(())
    }

    fn write_config(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        self.write_sampling(o, notes)?;
        self.write_limits(o, notes)?;
        self.write_output(o, notes)?;
        thinking::write(o, self, notes)
    }

    fn write_sampling(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let sampling = &self.request.sampling;
        if let Some(text) = &sampling.temperature {
            let hot = text.parse::<f64>().is_ok_and(|value| value > MAX_TEMPERATURE);
            if hot {
                notes.warn("temperature_clamped", || self.path(Field::Temperature))?;
            }
            o.raw("temperature", if hot { "2" } else { text });
        }
        o.opt_raw("topP", sampling.top_p.as_deref());
        o.opt_raw("topK", sampling.top_k.as_deref());
        o.opt_raw("frequencyPenalty", sampling.frequency_penalty.as_deref());
        o.opt_raw("presencePenalty", sampling.presence_penalty.as_deref());
        if let Some(seed) = &sampling.seed {
            if seed.parse::<i32>().is_ok() {
                o.raw("seed", seed);
            } else {
                notes.warn("seed_dropped", || self.path(Field::Seed))?;
            }
        }
        if sampling.logprobs == Some(true) {
            o.bool("responseLogprobs", true);
            o.opt_u64("logprobs", sampling.top_logprobs.map(|top| top.min(MAX_LOGPROBS)));
        }
        o.opt_u64("candidateCount", sampling.n.filter(|n| *n > 1));
        Ok(())
    }

    fn write_limits(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let capabilities = self.target.capabilities;
        if let Some(asked) = self.request.max_output {
            let allowed = capabilities.max_output.unwrap_or(u64::MAX);
            if asked > allowed {
                notes.warn("max_tokens_clamped", || self.path(Field::MaxOutput))?;
            }
            o.u64("maxOutputTokens", asked.min(allowed));
        }
        let stop = &self.request.stop;
        let allowed = capabilities.max_stop.unwrap_or(MAX_STOP).min(MAX_STOP) as usize;
        if stop.len() > allowed {
            let reason = format!("the model takes at most {allowed} stop texts");
            return Err(Rejected::new(self.path(Field::Stop), reason));
        }
        if !stop.is_empty() {
            o.list("stopSequences", |l| stop.iter().for_each(|text| l.str(text)));
        }
        Ok(())
    }

    /// The form of the answer, where it is not asked for in another way.
    fn write_output(&self, o: &mut Object<'_>, notes: &mut Notes) -> Result<(), Rejected> {
        let forced = self.request.tool_choice.as_ref().is_some_and(is_forced);
        let dropped = forced && !self.target.capabilities.schema_with_tools && !self.request.tools.is_empty();
        let Some(output) = &self.request.output else { return Ok(()) };
        if dropped || self.json_tool || self.json_line || matches!(output, OutputFormat::Text) {
            return Ok(());
        }
        o.str("responseMimeType", "application/json");
        match output {
            OutputFormat::Schema { schema: Some(schema), description, .. } if self.takes_json_schema() => {
                o.raw("responseJsonSchema", described(schema, description.as_deref()).get());
            }
            OutputFormat::Schema { schema: Some(schema), description, .. } => {
                let schema = described(schema, description.as_deref());
                let text = self.openapi(&schema, || self.path(Field::Output), notes)?;
                o.raw("responseSchema", &text.schema);
            }
            _ => {}
        }
        Ok(())
    }

    /// A schema in the OpenAPI subset.
    ///
    /// # Errors
    /// It cannot be written so; in strict mode, a constraint is lost.
    pub(super) fn openapi(
        &self,
        schema: &RawValue,
        path: impl Fn() -> String,
        notes: &mut Notes,
    ) -> Result<crate::schema::Subset, Rejected> {
        let subset = to_openapi(schema.get()).map_err(|error| Rejected::new(path(), error.to_string()))?;
        if subset.lossy {
            notes.warn("schema_constraints_dropped", path)?;
        }
        Ok(subset)
    }

    /// Whether a call is forced, as far as the model allows that.
    pub(super) fn may_force(&self) -> bool {
        self.target.capabilities.forced_tool != ForcedTool::Never
    }

    /// Warns of the name or title of media, which Gemini has no place for.
    pub(super) fn drop_word(
        &self,
        word: &str,
        path: impl Fn() -> String,
        notes: &mut Notes,
    ) -> Result<(), Rejected> {
        notes.warn(code(word, "dropped"), path)
    }

    /// Whether the client's protocol is that one.
    pub(super) fn is_from(&self, protocol: Protocol) -> bool {
        self.request.source == protocol
    }
}

/// Whether a call must be made.
pub(super) fn is_forced(choice: &ToolChoice<'_>) -> bool {
    matches!(choice, ToolChoice::Required | ToolChoice::Tool(_) | ToolChoice::Subset { required: true, .. })
}
