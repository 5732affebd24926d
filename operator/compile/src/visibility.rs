//! Whose keys may use a provider: label selectors resolved to namespaces.

use crate::world::Labels;
use llm_crds::provider::{AllowedFrom, AllowedKeys, LabelSelector, Operator, Requirement};
use llm_snapshot::provider::Visibility;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Whether the answer of [`visible_to`] depends on the labels of namespaces.
pub(crate) fn uses_labels(allowed: Option<&AllowedKeys>) -> bool {
    allowed.is_some_and(|allowed| allowed.from == AllowedFrom::Selector)
}

/// The keys that may use a provider of `namespace`.
pub(crate) fn visible_to(
    allowed: Option<&AllowedKeys>,
    namespace: &str,
    namespaces: &BTreeMap<String, Arc<Labels>>,
) -> Visibility {
    let from = allowed.map_or(AllowedFrom::Same, |allowed| allowed.from);
    match (from, allowed.and_then(|allowed| allowed.selector.as_ref())) {
        (AllowedFrom::All, _) => Visibility::All,
        (AllowedFrom::Same, _) => Visibility::Namespaces(BTreeSet::from([namespace.to_owned()])),
        (AllowedFrom::Selector, None) => Visibility::Namespaces(BTreeSet::new()),
        (AllowedFrom::Selector, Some(selector)) => {
            let matching = namespaces.iter().filter(|(_, labels)| matches(selector, labels));
            Visibility::Namespaces(matching.map(|(name, _)| name.clone()).collect())
        }
    }
}

/// As in `metav1.LabelSelector`: every requirement holds.
fn matches(selector: &LabelSelector, labels: &Labels) -> bool {
    selector.match_labels.iter().all(|(label, value)| labels.get(label) == Some(&value.0))
        && selector.match_expressions.iter().all(|requirement| holds(requirement, labels))
}

fn holds(requirement: &Requirement, labels: &Labels) -> bool {
    let value = labels.get(&requirement.key);
    let among = value.is_some_and(|value| requirement.values.contains(value));
    match requirement.operator {
        Operator::In => among,
        Operator::NotIn => !among,
        Operator::Exists => value.is_some(),
        Operator::DoesNotExist => value.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn visible(allowed: &Value) -> String {
        let labels = |pairs: &[(&str, &str)]| {
            Arc::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Labels>())
        };
        let namespaces = BTreeMap::from([
            ("shop".to_owned(), labels(&[("team", "a"), ("env", "prod")])),
            ("test".to_owned(), labels(&[("team", "a")])),
            ("none".to_owned(), labels(&[])),
        ]);
        let allowed: Option<AllowedKeys> = serde_json::from_value(allowed.clone()).unwrap();
        match visible_to(allowed.as_ref(), "home", &namespaces) {
            Visibility::All => "*".to_owned(),
            Visibility::Namespaces(names) => names.into_iter().collect::<Vec<_>>().join(" "),
        }
    }

    #[test]
    fn selectors_match_as_in_kubernetes() {
        let expression = |key: &str, operator: &str, values: &[&str]| {
            json!({"from": "Selector", "selector": {"matchExpressions":
                [{"key": key, "operator": operator, "values": values}]}})
        };
        for (allowed, names) in [
            (json!(null), "home"),
            (json!({}), "home"),
            (json!({"from": "All"}), "*"),
            (json!({"from": "Selector", "selector": {}}), "none shop test"),
            (json!({"from": "Selector", "selector": {"matchLabels": {"team": "a"}}}), "shop test"),
            (json!({"from": "Selector", "selector": {"matchLabels": {"team": "a", "env": "prod"}}}), "shop"),
            (expression("env", "In", &["prod", "stage"]), "shop"),
            (expression("env", "NotIn", &["prod"]), "none test"),
            (expression("env", "Exists", &[]), "shop"),
            (expression("team", "DoesNotExist", &[]), "none"),
            (expression("team", "In", &["b"]), ""),
        ] {
            assert_eq!(visible(&allowed), names, "{allowed}");
        }
    }
}
