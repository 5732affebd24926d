//! The rules of a MasterKey.

use super::{Problems, Rule, form};
use crate::check::provider::key_ref;
use llm_crds::key::MasterKeySpec;

const RULES: &[Rule<MasterKeySpec>] = &[
    Rule {
        field: ".secretRef",
        broken: |spec| spec.secret_ref.is_none() && spec.generate.is_none(),
        fix: "exactly one of secretRef and generate is required: name a Secret that holds the key, or have one generated",
    },
    Rule {
        field: ".generate",
        broken: |spec| spec.secret_ref.is_some() && spec.generate.is_some(),
        fix: "exactly one of secretRef and generate is required: remove the other",
    },
];

const NO_OPERATOR: Rule<MasterKeySpec> = Rule {
    field: ".generate",
    broken: |spec| spec.generate.is_some(),
    fix: "needs the operator, and there is none here: make a key yourself, put it in a Secret and name it in secretRef",
};

/// Everything that is wrong with `spec`. Without an operator that `generates` keys, asking for one is.
pub(crate) fn check(spec: &MasterKeySpec, generates: bool) -> Problems {
    let mut problems = Problems::default();
    problems.rules(format_args!("spec"), spec, RULES);
    if !generates {
        problems.rules(format_args!("spec"), spec, &[NO_OPERATOR]);
    }
    if let Some(reference) = &spec.secret_ref {
        key_ref(&mut problems, format_args!("spec.secretRef"), reference);
    }
    if let Some(generate) = &spec.generate {
        problems.text(format_args!("spec.generate.secretName"), &generate.secret_name, &form::DNS_NAME);
    }
    if let Some(expires_at) = &spec.expires_at {
        problems.text(format_args!("spec.expiresAt"), expires_at, &form::MOMENT);
    }
    if let Some(allowed) = &spec.allowed_models {
        problems.count(format_args!("spec.allowedModels"), allowed.len(), 1, 64);
        globs(&mut problems, "allowedModels", allowed);
    }
    problems.count(format_args!("spec.deniedModels"), spec.denied_models.len(), 0, 64);
    globs(&mut problems, "deniedModels", &spec.denied_models);
    problems
}

fn globs(problems: &mut Problems, field: &str, globs: &[String]) {
    problems.unique(format_args!("spec.{field}"), globs);
    for (index, glob) in globs.iter().enumerate() {
        problems.text(format_args!("spec.{field}[{index}]"), glob, &form::GLOB);
    }
}
