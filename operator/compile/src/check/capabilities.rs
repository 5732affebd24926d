//! The rules of a model's capabilities.

use super::{Problems, Rule, form};
use llm_crds::capabilities::{Budget, Capabilities};
use std::fmt;

/// Most tokens of anything.
const MAX_TOKENS: u32 = 10_000_000;

const BUDGET: &[Rule<Budget>] = &[Rule {
    field: ".min",
    broken: |budget| budget.min > budget.max,
    fix: "must not be more than budget.max",
}];

/// Finds everything that is wrong with `capabilities`.
pub(super) fn check(problems: &mut Problems, place: fmt::Arguments<'_>, capabilities: &Capabilities) {
    if let Some(tokens) = capabilities.max_output {
        problems.between(format_args!("{place}.maxOutput"), tokens, 1, MAX_TOKENS);
    }
    problems.at_most(format_args!("{place}.maxStop"), capabilities.max_stop.unwrap_or(0), 64);
    if let Some(thinking) = &capabilities.thinking {
        problems.count(format_args!("{place}.thinking"), thinking.len(), 0, 4);
    }
    let efforts = capabilities.efforts.as_deref().unwrap_or_default();
    problems.count(format_args!("{place}.efforts"), efforts.len(), 0, 8);
    for (index, effort) in efforts.iter().enumerate() {
        problems.text(format_args!("{place}.efforts[{index}]"), effort, &form::EFFORT);
    }
    if let Some(budget) = &capabilities.budget {
        problems.rules(format_args!("{place}.budget"), budget, BUDGET);
        problems.at_most(format_args!("{place}.budget.min"), budget.min, MAX_TOKENS);
        problems.at_most(format_args!("{place}.budget.max"), budget.max, MAX_TOKENS);
    }
}
