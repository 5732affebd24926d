//! The models of a provider: every public name an entry of its own.

use crate::capabilities;
use llm_crds::provider::Model;
use llm_snapshot::provider as snapshot;
use std::collections::HashMap;
use std::fmt;

/// Every public name of `models`, in order, aliases behind the name they stand for. `priority` is the
/// provider's.
pub(crate) fn expand(models: &[Model], priority: u32) -> Vec<snapshot::Model> {
    let entries = |model: &Model| {
        let upstream = model.upstream.clone().unwrap_or_else(|| model.name.clone());
        let priority = model.priority.unwrap_or(priority);
        let capabilities = model.capabilities.as_ref().map(capabilities::fields).unwrap_or_default();
        let entry = move |name: &String| snapshot::Model {
            priority,
            capabilities: capabilities.clone(),
            ..snapshot::Model::new(name, &upstream)
        };
        std::iter::once(&model.name).chain(&model.aliases).map(entry).collect::<Vec<_>>()
    };
    models.iter().flat_map(entries).collect()
}

/// Calls `found` for every name that is there a second time, with its field and the field that has it.
pub(crate) fn repeated(models: &[Model], mut found: impl FnMut(fmt::Arguments<'_>, &str)) {
    let mut first: HashMap<&str, (usize, Option<usize>)> = HashMap::new();
    for (model, offered) in models.iter().enumerate() {
        let aliases = offered.aliases.iter().enumerate().map(|(alias, name)| (Some(alias), name));
        for (alias, name) in std::iter::once((None, &offered.name)).chain(aliases) {
            if let Some((model_before, alias_before)) = first.get(name.as_str()) {
                let before = place(*model_before, *alias_before);
                found(format_args!("{}", place(model, alias)), &before);
            } else {
                first.insert(name, (model, alias));
            }
        }
    }
}

fn place(model: usize, alias: Option<usize>) -> String {
    match alias {
        None => format!("spec.models[{model}].name"),
        Some(alias) => format!("spec.models[{model}].aliases[{alias}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str, upstream: Option<&str>, aliases: &[&str], priority: Option<u32>) -> Model {
        let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        Model { name: name.into(), upstream: upstream.map(Into::into), aliases, priority, capabilities: None }
    }

    #[test]
    fn aliases_lead_to_the_same_upstream_model() {
        let models = [model("a", Some("a-2026"), &["b", "c"], Some(3)), model("gpt-*", None, &[], None)];
        let expanded = expand(&models, 1);
        let told: Vec<_> =
            expanded.iter().map(|m| (m.name.as_str(), m.upstream.as_str(), m.priority)).collect();
        assert_eq!(told, [("a", "a-2026", 3), ("b", "a-2026", 3), ("c", "a-2026", 3), ("gpt-*", "gpt-*", 1)]);
    }

    #[test]
    fn names_that_are_there_twice_are_found() {
        let models = [
            model("a", None, &["b", "b"], None),
            model("b", None, &[], None),
            model("a", None, &["x"], None),
        ];
        let mut found_all = Vec::new();
        repeated(&models, |field, first| found_all.push(format!("{field} {first}")));
        assert_eq!(
            found_all,
            [
                "spec.models[0].aliases[1] spec.models[0].aliases[0]",
                "spec.models[1].name spec.models[0].aliases[0]",
                "spec.models[2].name spec.models[0].name",
            ]
        );
    }
}
