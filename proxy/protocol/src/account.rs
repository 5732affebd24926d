//! Accounts for everything in a request that its target does not write.
//!
//! Every encoder calls [`request`] first when it writes for another protocol. What the target lacks by its table and
//! every extension field of the source is warned about or refused here, once, so that no encoder can forget one.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::codec::ProviderCodec;
use crate::facts::{ExtRule, Facts, Fate, Field, Otherwise};
use crate::gemini::finish;
use crate::ir::{
    Answers, Choice, Content, Ext, ExtField, Found, Request, Response, Scope, Thinking, Turn, whole,
};
use crate::notes::{Notes, Rejected, code};
use crate::protocol::{Protocol, provider_codec};

/// Settings by the word their warnings use, and whether a request has them.
type Present = fn(&Request<'_>) -> bool;

const FIELDS: [(Field, &str, Present); 21] = [
    (Field::MaxOutput, "max_tokens", |r| r.max_output.is_some()),
    (Field::Temperature, "temperature", |r| r.sampling.temperature.is_some()),
    (Field::TopP, "top_p", |r| r.sampling.top_p.is_some()),
    (Field::TopK, "top_k", |r| r.sampling.top_k.is_some()),
    (Field::Stop, "stop", |r| !r.stop.is_empty()),
    (Field::N, "n", |r| r.sampling.n.is_some_and(|n| n > 1)),
    (Field::Seed, "seed", |r| r.sampling.seed.is_some()),
    (Field::FrequencyPenalty, "frequency_penalty", |r| r.sampling.frequency_penalty.is_some()),
    (Field::PresencePenalty, "presence_penalty", |r| r.sampling.presence_penalty.is_some()),
    (Field::LogitBias, "logit_bias", |r| r.sampling.logit_bias.is_some()),
    (Field::Logprobs, "logprobs", |r| r.sampling.logprobs == Some(true)),
    (Field::Tools, "tools", |r| !r.tools.is_empty()),
    (Field::ToolChoice, "tool_choice", |r| r.tool_choice.is_some()),
    (Field::ParallelTools, "parallel_tool_calls", |r| r.parallel_tools == Some(false)),
    (Field::Output, "response_format", |r| r.output.is_some()),
    (Field::Thinking, "reasoning", |r| r.thinking.as_ref().is_some_and(Thinking::is_on)),
    (Field::EndUser, "user", |r| r.end_user.is_some()),
    (Field::Metadata, "metadata", |r| r.metadata.is_some()),
    (Field::ServiceTier, "service_tier", |r| r.service_tier.is_some()),
    (Field::Verbosity, "verbosity", |r| r.verbosity.is_some()),
    (Field::Store, "store", |r| r.store == Some(true)),
];

/// The word a setting's warnings use: `{word}_dropped`, `{word}_clamped`.
pub fn word(field: Field) -> &'static str {
    FIELDS.iter().find(|(known, ..)| *known == field).map_or("", |(_, word, _)| word)
}

/// Facts for a source whose codec is not known: no rules, OpenAI's names.
static NO_FACTS: Facts = Facts {
    messages: "messages",
    parts: "content",
    calls: "",
    system: "",
    names: &[],
    lacks: &[],
    extensions: &[],
};

/// The facts of a request's own protocol.
pub fn source_facts(source: Protocol) -> &'static Facts {
    provider_codec(source).map_or(&NO_FACTS, ProviderCodec::facts)
}

/// Accounts for a request written to `target`, and gives it back with the pieces of each message together.
///
/// # Errors
/// The first thing that changes what the model sees or the client gets back; in strict mode, the first of anything.
pub fn request<'r, 'a>(
    request: &'r Request<'a>,
    target: &dyn ProviderCodec,
    notes: &mut Notes,
) -> Result<Cow<'r, Request<'a>>, Rejected> {
    let source = source_facts(request.source);
    for (field, fate) in target.facts().lacks {
        let present = FIELDS.iter().any(|(known, _, present)| known == field && present(request));
        if present {
            drop_field(source, *field, *fate, notes)?;
        }
    }
    let walk = Walk { source, target: target.protocol() };
    walk.ext(Scope::Request, &request.ext, String::new, notes)?;
    for turn in &request.turns {
        walk.ext(Scope::Turn, &turn.ext, || source.turn_path(turn), notes)?;
        for block in &turn.blocks {
            walk.ext(Scope::Block, &block.ext, || source.block_path(turn, block), notes)?;
            if let Content::ToolResult(result) = &block.content {
                for part in &result.content {
                    walk.ext(Scope::Block, &part.ext, || source.block_path(turn, block), notes)?;
                }
            }
        }
    }
    for tool in &request.tools {
        walk.ext(Scope::Tool, &tool.ext, || format!("tools[{}]", tool.at), notes)?;
    }
    Ok(whole(request))
}

/// Accounts for the state in a request that goes out in its own protocol: what another family made stays behind.
///
/// # Errors
/// In strict mode, if there is such state.
pub(crate) fn states(request: &Request<'_>, notes: &mut Notes) -> Result<(), Rejected> {
    let (source, family) = (source_facts(request.source), request.source.family());
    for (turn, block) in
        request.turns.iter().flat_map(|turn| turn.blocks.iter().map(move |block| (turn, block)))
    {
        if block.state.as_ref().is_some_and(|state| state.family != family) {
            notes.warn("reasoning_state_dropped", || source.block_path(turn, block))?;
        }
    }
    Ok(())
}

/// The results of tools in a run that are still to be written where they stand, because no call has taken them: whether
/// they belong there is for the provider to judge. A second one of a call is dropped.
///
/// # Errors
/// In strict mode, if there is a second one.
pub(crate) fn late_results<'p, 'a>(
    answers: &mut Answers<'p, 'a>,
    run: &'p [Turn<'a>],
    source: &Facts,
    notes: &mut Notes,
) -> Result<Vec<Found<'p, 'a>>, Rejected> {
    let mut late = Vec::new();
    for (turn, block) in run.iter().flat_map(|turn| turn.blocks.iter().map(move |block| (turn, block))) {
        let Content::ToolResult(result) = &block.content else { continue };
        match answers.pass() {
            (true, _) => {}
            (false, true) => notes.warn("tool_result_dropped", || source.block_path(turn, block))?,
            (false, false) => late.push(Found { turn, block, result }),
        }
    }
    Ok(late)
}

/// Drops a setting with a warning, or refuses it.
///
/// # Errors
/// [`Fate::Refuse`], or strict mode.
pub fn drop_field(source: &Facts, field: Field, fate: Fate, notes: &mut Notes) -> Result<(), Rejected> {
    let path = || source.name(field).to_owned();
    match fate {
        Fate::Drop => notes.warn(code(word(field), "dropped"), path),
        Fate::Refuse => Err(Rejected::new(path(), "the provider has no such setting")),
    }
}

/// Notes what of a response, its choices apart, its client cannot be given.
pub(crate) fn response(response: &Response<'_>, target: Protocol, notes: &mut Notes) {
    Walk { source: source_facts(response.source), target }.told(Scope::Response, &response.ext, notes);
}

/// Notes what of a choice its client cannot be given.
pub(crate) fn choice(source: Protocol, target: Protocol, choice: &Choice<'_>, notes: &mut Notes) {
    let walk = Walk { source: source_facts(source), target };
    walk.told(Scope::Choice, &choice.ext, notes);
    let native = choice.native_finish.as_deref().unwrap_or_default();
    finish::warning(choice.finish, native).into_iter().for_each(|warning| notes.tell(warning));
    for turn in &choice.turns {
        walk.told(Scope::Turn, &turn.ext, notes);
        turn.blocks.iter().for_each(|block| walk.told(Scope::Block, &block.ext, notes));
    }
}

/// What a client without a place for them misses, whatever their own protocol calls them.
pub(crate) const ANNOTATIONS: &str = "annotations";

/// Of a call that was cut: nobody is to run it with the arguments that are left.
pub(crate) const CALL_DROPPED: &str = "tool_call_dropped";

/// Where answers have them: [`annotations`] tells of these.
const ANNOTATED: [(Scope, &str); 3] =
    [(Scope::Turn, ANNOTATIONS), (Scope::Block, ANNOTATIONS), (Scope::Block, "citations")];

/// The fields of a piece of a stream that only their own protocol knows.
pub(crate) fn extensions<'r>(
    facts: &Facts,
    scope: Scope,
    rest: &'r [(Cow<'_, str>, &RawValue)],
) -> impl Iterator<Item = &'r str> {
    let is_only_its_own = move |(key, value): &&(Cow<'_, str>, &RawValue)| {
        fate(facts.rule(scope, "", key), value.get(), |same_in| !same_in.is_empty()) != Otherwise::Carried
    };
    rest.iter().filter(is_only_its_own).map(|(key, _)| key.as_ref())
}

/// Notes annotations of an answer that its client cannot be given: those of kinds that only their own protocol knows,
/// or, if it has no place for any, all.
pub(crate) fn annotations(choice: &Choice<'_>, has_place: bool, notes: &mut Notes) {
    let marks = choice.blocks().filter_map(|block| block.marks.as_deref());
    if { marks }.any(|marks| marks.other_annotations || !has_place && !marks.citations.is_empty()) {
        notes.tell(code(ANNOTATIONS, "dropped"));
    }
}

/// The fields of a node that the target takes as they are, by the source's rules.
pub(crate) fn same<'e, 'a>(
    source: Protocol,
    target: Protocol,
    scope: Scope,
    ext: &'e Ext<'a>,
) -> impl Iterator<Item = &'e ExtField<'a>> {
    let facts = source_facts(source);
    ext.iter().filter(move |field| {
        let rule = facts.rule(scope, field.inside, &field.key);
        field.inside.is_empty() && rule.is_some_and(|rule| rule.same_in.contains(&target))
    })
}

/// Notes how likely tokens of an answer were, whatever its protocol calls it, for a client without a place for that.
pub(crate) fn logprobs(choice: &Choice<'_>, notes: &mut Notes) {
    if choice.blocks().any(|block| !block.logprobs().is_empty()) {
        notes.tell("logprobs_dropped");
    }
}

struct Walk {
    source: &'static Facts,
    target: Protocol,
}

impl Walk {
    fn ext(
        &self,
        scope: Scope,
        ext: &Ext<'_>,
        node: impl Fn() -> String,
        notes: &mut Notes,
    ) -> Result<(), Rejected> {
        for field in ext.iter() {
            let path = || join(&[&node(), field.inside, &field.key]);
            match self.fate(scope, field) {
                Otherwise::Carried => {}
                Otherwise::Drop => notes.warn(code(&field.key, "dropped"), path)?,
                Otherwise::Refuse => return Err(Rejected::new(path(), "the provider has no such setting")),
            }
        }
        Ok(())
    }

    /// Of an answer, which can no longer be rejected.
    fn told(&self, scope: Scope, ext: &Ext<'_>, notes: &mut Notes) {
        let fields = ext.iter().filter(|field| !ANNOTATED.contains(&(scope, field.key.as_ref())));
        for field in fields.filter(|field| self.fate(scope, field) != Otherwise::Carried) {
            notes.tell(code(&field.key, "dropped"));
        }
    }

    fn fate(&self, scope: Scope, field: &ExtField<'_>) -> Otherwise {
        let rule = self.source.rule(scope, field.inside, &field.key);
        fate(rule, field.value.get(), |same_in| same_in.contains(&self.target))
    }
}

/// What becomes of a value by its rule; `has_it` says whether who is to get it is among the protocols with the field.
fn fate(rule: Option<&ExtRule>, value: &str, has_it: impl Fn(&[Protocol]) -> bool) -> Otherwise {
    match rule {
        _ if value == "null" => Otherwise::Carried,
        None => Otherwise::Drop,
        Some(rule) if rule.says_nothing(value) || has_it(rule.same_in) => Otherwise::Carried,
        Some(rule) => rule.otherwise,
    }
}

/// Joins the parts of a path that are not empty.
fn join(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    parts.join(".")
}
