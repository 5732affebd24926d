//! Settings as OpenAI's models take them: what both of its protocols decide alike for a request from another.

use std::borrow::Cow;

use crate::account::{source_facts, word};
use crate::capabilities::{ForcedTool, SamplingRule};
use crate::codec::Target;
use crate::facts::Field;
use crate::ir::{Effort, Request, Sampling, Thinking, ToolChoice, nearest};
use crate::json::Json;
use crate::json::write::Object;
use crate::notes::{Notes, Rejected, code};
use crate::schema::to_strict;

/// The client's name of a setting.
pub(crate) fn path(request: &Request<'_>, field: Field) -> String {
    source_facts(request.source).name(field).to_owned()
}

/// The most tokens to answer with, within what the model has.
///
/// # Errors
/// In strict mode, if that is less than asked for.
pub(crate) fn max_output(
    request: &Request<'_>,
    target: &Target<'_>,
    notes: &mut Notes,
) -> Result<Option<u64>, Rejected> {
    let Some(asked) = request.max_output else { return Ok(None) };
    let allowed = target.capabilities.max_output.unwrap_or(u64::MAX);
    if asked > allowed {
        notes.warn("max_tokens_clamped", || path(request, Field::MaxOutput))?;
    }
    Ok(Some(asked.min(allowed)))
}

/// The effort the model takes that is nearest to the one asked for; `None`: not said.
///
/// # Errors
/// In strict mode, if it is another, or the model does not reason.
pub(crate) fn effort<'e>(
    request: &'e Request<'_>,
    target: &'e Target<'_>,
    notes: &mut Notes,
) -> Result<Option<Effort<'e>>, Rejected> {
    let wanted = request.thinking.as_ref().and_then(Thinking::nearest_effort);
    let Some(wanted) = wanted else { return Ok(None) };
    let efforts = &target.capabilities.efforts;
    if efforts.is_empty() {
        // A model that does not reason: asking it not to is no loss.
        if wanted != Effort::None {
            notes.warn("reasoning_dropped", || path(request, Field::Thinking))?;
        }
        return Ok(None);
    }
    let given = nearest(&wanted, efforts);
    // A budget is no effort: whichever is nearest to it stands for it (TRANSLATION §6).
    let named = request.thinking.as_ref().is_some_and(|thinking| thinking.effort.is_some());
    let turned = (given == Effort::None) != (wanted == Effort::None);
    if given != wanted && (named || turned) {
        notes.warn("reasoning_changed", || path(request, Field::Thinking))?;
    }
    Ok(Some(given))
}

/// A setting of sampling: its name here, and its value as JSON.
pub(crate) type Setting<'s> = (Field, &'static str, Option<&'s str>);

/// Temperature and `top_p`, which both protocols have.
pub(crate) fn nucleus<'s>(sampling: &'s Sampling<'_>) -> [Setting<'s>; 2] {
    [
        (Field::Temperature, "temperature", sampling.temperature.as_deref()),
        (Field::TopP, "top_p", sampling.top_p.as_deref()),
    ]
}

/// All settings of Chat Completions that a model which reasons refuses.
pub(super) fn settings<'s>(sampling: &'s Sampling<'_>) -> [Setting<'s>; 5] {
    let [temperature, top_p] = nucleus(sampling);
    [
        temperature,
        top_p,
        (Field::FrequencyPenalty, "frequency_penalty", sampling.frequency_penalty.as_deref()),
        (Field::PresencePenalty, "presence_penalty", sampling.presence_penalty.as_deref()),
        (Field::LogitBias, "logit_bias", sampling.logit_bias.as_ref().map(|json| json.get())),
    ]
}

/// What leaving a setting out means.
fn is_default(field: Field, value: &str) -> bool {
    let default = match field {
        Field::Temperature | Field::TopP => 1.0,
        Field::FrequencyPenalty | Field::PresencePenalty => 0.0,
        _ => return value == "{}",
    };
    value.parse() == Ok(default)
}

/// Whether a model takes settings of sampling, with the effort it is asked for.
pub(crate) struct Sampled<'r, 'a> {
    request: &'r Request<'a>,
    is_taken: bool,
}

impl<'r, 'a> Sampled<'r, 'a> {
    pub(crate) fn of(request: &'r Request<'a>, target: &Target<'_>, effort: Option<&Effort<'_>>) -> Self {
        let thinks = effort.map(|effort| *effort != Effort::None);
        let is_taken = match target.capabilities.sampling {
            SamplingRule::Always => true,
            SamplingRule::Never => false,
            SamplingRule::EffortNone => thinks == Some(false),
            SamplingRule::WithoutEffort | SamplingRule::WithoutThinking => thinks != Some(true),
        };
        Sampled { request, is_taken }
    }

    /// Writes a setting, if the model takes it.
    ///
    /// # Errors
    /// In strict mode, if it does not.
    pub(crate) fn write(
        &self,
        o: &mut Object<'_>,
        field: Field,
        key: &'static str,
        value: Option<&str>,
        notes: &mut Notes,
    ) -> Result<(), Rejected> {
        match value {
            Some(value) if self.is_taken => o.raw(key, value),
            Some(value) if !is_default(field, value) => self.drop(field, notes)?,
            _ => {}
        }
        Ok(())
    }

    /// Whether log probabilities are asked for, of a model that gives them.
    ///
    /// # Errors
    /// In strict mode, if it gives none.
    pub(crate) fn takes_logprobs(&self, notes: &mut Notes) -> Result<bool, Rejected> {
        let is_asked = self.request.sampling.logprobs == Some(true);
        if is_asked && !self.is_taken {
            self.drop(Field::Logprobs, notes)?;
        }
        Ok(is_asked && self.is_taken)
    }

    fn drop(&self, field: Field, notes: &mut Notes) -> Result<(), Rejected> {
        notes.warn(code(word(field), "dropped"), || path(self.request, field))
    }
}

/// Which tools, as the model takes it; `None`: not said. OpenAI refuses a choice without tools to choose from.
///
/// # Errors
/// In strict mode, if the model cannot be forced to call.
pub(crate) fn tool_choice<'c>(
    request: &'c Request<'_>,
    target: &Target<'_>,
    notes: &mut Notes,
) -> Result<Option<Cow<'c, ToolChoice<'c>>>, Rejected> {
    let Some(choice) = request.tool_choice.as_ref().filter(|_| !request.tools.is_empty()) else {
        return Ok(None);
    };
    let forced = matches!(choice, ToolChoice::Required | ToolChoice::Tool(_));
    if forced && target.capabilities.forced_tool == ForcedTool::Never {
        notes.warn("tool_choice_changed", || path(request, Field::ToolChoice))?;
        return Ok(Some(Cow::Owned(ToolChoice::Auto)));
    }
    Ok(Some(Cow::Borrowed(choice)))
}

/// A schema and whether it holds the answer to it. OpenAI takes strict schemas only in one form: what is not in it is
/// brought into it, and what cannot be is a schema that is not strict (TRANSLATION §5).
///
/// # Errors
/// In strict mode, if it cannot be strict.
pub(crate) fn schema<'s>(
    schema: Option<&'s Json<'_>>,
    strict: Option<bool>,
    path: impl FnOnce() -> String,
    notes: &mut Notes,
) -> Result<(Option<Json<'s>>, Option<bool>), Rejected> {
    let as_is = schema.map(|json| Cow::Borrowed(json.as_ref()));
    let (Some(json), Some(true)) = (schema, strict) else { return Ok((as_is, strict)) };
    match to_strict(json) {
        Some(strict_form) => Ok((Some(strict_form), strict)),
        None => {
            notes.warn("strict_dropped", path)?;
            Ok((as_is, Some(false)))
        }
    }
}
