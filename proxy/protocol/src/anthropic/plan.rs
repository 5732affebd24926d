//! What a request from another protocol becomes, decided before anything is written (TRANSLATION §2, §4–§6).

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::value::RawValue;

use crate::account::source_facts;
use crate::capabilities::{Capabilities, ForcedTool, ThinkingStyle};
use crate::codec::{JSON_TOOL, Target};
use crate::facts::Field;
use crate::ir::{Content, Effort, OutputFormat, Request, Role, Thinking, ToolChoice, nearest, runs};
use crate::notes::{Notes, Rejected};
use crate::schema;
use crate::state::for_family;

use super::THIS;

/// The most output tokens for a model whose limit is not known: the protocol has no request without one.
const UNKNOWN_LIMIT: u64 = 32_768;

/// The least thinking budget there is.
const MIN_BUDGET: u64 = 1024;

/// How the model reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reasoning {
    /// As it does when nothing is said.
    Unsaid,
    /// Not at all.
    Off,
    /// As much as it sees fit.
    Adaptive,
    /// With at most so many tokens.
    Budget(u64),
}

impl Reasoning {
    /// Whether it does, as far as the request says.
    pub(crate) fn is_on(self) -> bool {
        matches!(self, Reasoning::Adaptive | Reasoning::Budget(_))
    }
}

/// How JSON is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// It is not.
    Text,
    /// By a line of instructions.
    Instructed,
    /// By schema.
    Schema,
    /// By a call of a tool with that schema.
    Tool,
}

/// The decisions.
#[derive(Debug)]
pub(crate) struct Plan<'p> {
    /// The most output tokens.
    pub(crate) max_tokens: u64,
    /// Reasoning.
    pub(crate) reasoning: Reasoning,
    /// The word for the effort.
    pub(crate) effort: Option<Effort<'p>>,
    /// Whether reasoning is shown; `None` as the vendor does.
    pub(crate) shown: Option<bool>,
    /// The form of the answer.
    pub(crate) form: Form,
    /// Which tools; `None` if not said.
    pub(crate) choice: Option<ToolChoice<'p>>,
    /// Of the client's tools, the only ones to offer.
    pub(crate) only: Option<HashSet<&'p str>>,
    /// One call at a time.
    pub(crate) single: bool,
}

impl<'p> Plan<'p> {
    /// Decides.
    ///
    /// # Errors
    /// Structured output that the model has no way to give; in strict mode, any change.
    pub(crate) fn of(
        request: &'p Request<'_>,
        target: &Target<'p>,
        notes: &mut Notes,
    ) -> Result<Plan<'p>, Rejected> {
        let mut plan = Plan {
            max_tokens: 0,
            reasoning: Reasoning::Unsaid,
            effort: None,
            shown: None,
            form: Form::Text,
            choice: None,
            only: None,
            single: request.parallel_tools == Some(false),
        };
        let mut planner = Planner { request, can: target.capabilities, notes };
        plan.max_tokens = planner.max_tokens()?;
        planner.reasoning(&mut plan)?;
        planner.history(&mut plan)?;
        planner.choice(&mut plan)?;
        planner.form(&mut plan)?;
        Ok(plan)
    }
}

struct Planner<'p, 'a, 'n> {
    request: &'p Request<'a>,
    can: &'p Capabilities,
    notes: &'n mut Notes,
}

impl<'p> Planner<'p, '_, '_> {
    fn path(&self, field: Field) -> String {
        source_facts(self.request.source).name(field).to_owned()
    }

    fn warn(&mut self, code: &'static str, field: Field) -> Result<(), Rejected> {
        let path = self.path(field);
        self.notes.warn(code, || path)
    }

    fn max_tokens(&mut self) -> Result<u64, Rejected> {
        let limit = self.can.max_output;
        let Some(asked) = self.request.max_output else { return Ok(limit.unwrap_or(UNKNOWN_LIMIT)) };
        let given = asked.clamp(1, limit.unwrap_or(u64::MAX));
        if given != asked {
            self.warn("max_tokens_clamped", Field::MaxOutput)?;
        }
        Ok(given)
    }

    fn reasoning(&mut self, plan: &mut Plan<'p>) -> Result<(), Rejected> {
        let Some(asked) = &self.request.thinking else { return Ok(()) };
        let can = self.can;
        let off = asked.nearest_effort() == Some(Effort::None) && !asked.adaptive;
        plan.reasoning = match (off, can.thinks(ThinkingStyle::Adaptive), can.thinks(ThinkingStyle::Budget)) {
            // A model that only reasons when asked to is not asked.
            (true, adaptive, _) => {
                if adaptive {
                    Reasoning::Off
                } else {
                    Reasoning::Unsaid
                }
            }
            (false, true, _) => self.adaptive(asked, plan)?,
            (false, false, true) => self.budget(asked, plan.max_tokens)?,
            (false, false, false) if asked.is_on() => {
                self.warn("reasoning_dropped", Field::Thinking)?;
                Reasoning::Unsaid
            }
            (false, false, false) => Reasoning::Unsaid,
        };
        if plan.reasoning.is_on() {
            plan.shown = asked.visible;
        }
        Ok(())
    }

    fn adaptive(&mut self, asked: &'p Thinking<'_>, plan: &mut Plan<'p>) -> Result<Reasoning, Rejected> {
        if !is_asked(asked) {
            return Ok(Reasoning::Unsaid);
        }
        if let Some(wanted) = asked.nearest_effort().filter(|_| !self.can.efforts.is_empty()) {
            let given = nearest(&wanted, &self.can.efforts);
            // There is no word for minimal anywhere: low is what it stands for.
            if given != wanted && wanted != Effort::Minimal {
                self.warn("reasoning_changed", Field::Thinking)?;
            }
            plan.effort = Some(given);
        }
        Ok(Reasoning::Adaptive)
    }

    /// The budget asked for, or that of the effort; below the output limit, within what the model takes.
    fn budget(&mut self, asked: &Thinking<'_>, max_tokens: u64) -> Result<Reasoning, Rejected> {
        if !is_asked(asked) {
            return Ok(Reasoning::Unsaid);
        }
        let of_effort = || asked.effort.as_ref().and_then(Effort::budget);
        let wanted = asked.budget.or_else(of_effort).or(Effort::Medium.budget()).unwrap_or(MIN_BUDGET);
        let (least, most) = self.can.budget.unwrap_or((MIN_BUDGET, u64::MAX));
        let given = wanted.clamp(least, most.max(least)).min(max_tokens.saturating_sub(1));
        if given < MIN_BUDGET {
            self.warn("reasoning_dropped", Field::Thinking)?;
            return Ok(Reasoning::Unsaid);
        }
        if asked.budget.is_some_and(|budget| budget != given) {
            self.warn("reasoning_changed", Field::Thinking)?;
        }
        Ok(Reasoning::Budget(given))
    }

    /// With a budget, the model's last turn must begin with its reasoning while tools are being called: if the client
    /// lost it there is no reasoning for this request (opencode#3077).
    fn history(&mut self, plan: &mut Plan<'p>) -> Result<(), Rejected> {
        if !matches!(plan.reasoning, Reasoning::Budget(_)) || !self.lost_reasoning() {
            return Ok(());
        }
        plan.reasoning = Reasoning::Unsaid;
        plan.shown = None;
        self.warn("reasoning_dropped", Field::Thinking)
    }

    fn lost_reasoning(&self) -> bool {
        let last = runs(&self.request.turns, |left, right| left == right && left == Role::Assistant)
            .filter(|run| run[0].role == Role::Assistant)
            .last();
        let mut blocks = last.into_iter().flatten().flat_map(|turn| &turn.blocks);
        let calls = blocks.clone().any(|block| matches!(block.content, Content::ToolCall(_)));
        let first =
            blocks.find(|block| !matches!(&block.content, Content::Text(text) if text.trim().is_empty()));
        let reasons = first.is_some_and(|block| {
            let own = for_family(block.state.as_ref(), THIS.family()).is_some();
            matches!(block.content, Content::Reasoning(_)) && own
        });
        calls && !reasons
    }

    fn choice(&mut self, plan: &mut Plan<'p>) -> Result<(), Rejected> {
        let request = self.request;
        // A choice without tools to choose from is refused.
        let Some(choice) = request.tool_choice.as_ref().filter(|_| !request.tools.is_empty()) else {
            return Ok(());
        };
        let only = |names: &'p [Cow<'_, str>]| Some(names.iter().map(AsRef::as_ref).collect());
        let mut named = None;
        let plain = match choice {
            ToolChoice::Auto => ToolChoice::Auto,
            ToolChoice::None => ToolChoice::None,
            ToolChoice::Required => ToolChoice::Required,
            ToolChoice::Tool(name) => {
                named = Some(std::slice::from_ref(name));
                ToolChoice::Tool(Cow::Borrowed(name))
            }
            ToolChoice::Subset { required, names } => {
                plan.only = only(names);
                if *required { ToolChoice::Required } else { ToolChoice::Auto }
            }
        };
        let forced = matches!(plain, ToolChoice::Required | ToolChoice::Tool(_));
        plan.choice = Some(plain);
        if forced && self.conflicts(plan.reasoning) && !self.gives_way(plan)? {
            self.warn("tool_choice_changed", Field::ToolChoice)?;
            plan.choice = Some(ToolChoice::Auto);
            // The nearest to a forced call: no other tool to call.
            plan.only = named.map_or(plan.only.take(), only);
        }
        Ok(())
    }

    fn conflicts(&self, reasoning: Reasoning) -> bool {
        match self.can.forced_tool {
            ForcedTool::Always => matches!(reasoning, Reasoning::Budget(_)),
            ForcedTool::WithoutBudget => matches!(reasoning, Reasoning::Budget(_)),
            ForcedTool::WithoutThinking => reasoning.is_on(),
            ForcedTool::Never => true,
        }
    }

    /// Gives reasoning up for a forced call, unless the client asked for more than an effort.
    fn gives_way(&mut self, plan: &mut Plan<'p>) -> Result<bool, Rejected> {
        let explicit = self.request.thinking.as_ref().is_some_and(|asked| {
            asked.budget.is_some_and(|budget| budget > 0) || asked.adaptive || asked.visible == Some(true)
        });
        if self.can.forced_tool == ForcedTool::Never || explicit {
            return Ok(false);
        }
        self.warn("reasoning_dropped", Field::Thinking)?;
        let adaptive = plan.reasoning == Reasoning::Adaptive;
        plan.reasoning = if adaptive { Reasoning::Off } else { Reasoning::Unsaid };
        plan.effort = None;
        plan.shown = None;
        Ok(true)
    }

    fn form(&mut self, plan: &mut Plan<'p>) -> Result<(), Rejected> {
        plan.form = match &self.request.output {
            None | Some(OutputFormat::Text) => Form::Text,
            Some(OutputFormat::Json | OutputFormat::Schema { schema: None, .. }) => {
                self.warn("json_object_instructed", Field::Output)?;
                Form::Instructed
            }
            Some(OutputFormat::Schema { .. }) if self.can.schema => Form::Schema,
            Some(OutputFormat::Schema { schema: Some(schema), .. }) => {
                self.json_tool(schema, plan)?;
                Form::Tool
            }
        };
        Ok(())
    }

    /// Output by schema as a forced call: not while reasoning (litellm#26334), and not beside another forced call.
    fn json_tool(&mut self, schema: &RawValue, plan: &mut Plan<'p>) -> Result<(), Rejected> {
        let refuse = |reason: &str| Err(Rejected::new(self.path(Field::Output), reason));
        if schema::is_other(schema) {
            return refuse("the model gives output by schema only as a JSON object");
        }
        if plan.reasoning.is_on() {
            return refuse("the model gives output by schema only without reasoning");
        }
        if matches!(plan.choice, Some(ToolChoice::Required | ToolChoice::Tool(_))) {
            return refuse("the model gives output by schema only without a forced tool call");
        }
        if self.request.tools.iter().any(|tool| tool.name == JSON_TOOL) {
            return refuse("a tool has the name that output by schema needs");
        }
        let others = !self.request.tools.is_empty() && plan.choice != Some(ToolChoice::None);
        plan.choice =
            Some(if others { ToolChoice::Required } else { ToolChoice::Tool(Cow::Borrowed(JSON_TOOL)) });
        plan.single = true;
        Ok(())
    }
}

/// Whoever wants to see reasoning wants it to happen.
fn is_asked(asked: &Thinking<'_>) -> bool {
    asked.is_on() || asked.visible == Some(true)
}
