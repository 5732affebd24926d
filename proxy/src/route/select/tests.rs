use super::*;
use crate::state::Store;
use crate::state::sample::{apply, provider};
use llm_snapshot::provider::Protocol;

/// Names of the candidates of one request, in order. Providers are given as name, weight and priority.
fn order(store: &Store) -> Vec<String> {
    let runtime = store.load();
    let route = runtime.routes().route("m", "team-a", Protocol::ChatCompletions).unwrap();
    let candidates = Candidates::new(route.group.clone());
    candidates.map(|member| member.provider.name.trim_start_matches("team-a/").to_owned()).collect()
}

fn store(providers: &[(&str, u32, u32)]) -> Store {
    let store = Store::default();
    let providers = providers.iter().map(|(name, weight, priority)| {
        let mut provider = provider(name, &[("m", "m")]);
        provider.weight = *weight;
        provider.models[0].priority = *priority;
        provider
    });
    apply(&store, &providers.collect::<Vec<_>>());
    store
}

#[test]
fn everyone_comes_once_tier_by_tier() {
    let store = store(&[("a", 1, 0), ("b", 1, 0), ("c", 1, 1), ("d", 1, 2), ("e", 1, 1)]);
    for _ in 0..20 {
        let order = order(&store);
        let mut sorted = order.clone();
        sorted.sort();
        assert_eq!(sorted, ["a", "b", "c", "d", "e"]);
        assert!(order[..2].iter().all(|name| name == "a" || name == "b"), "{order:?}");
        assert_eq!(order[4], "d");
    }
}

#[test]
fn the_first_turn_follows_the_weights() {
    let store = store(&[("a", 3, 0), ("b", 1, 0), ("never", 0, 0)]);
    let firsts: Vec<String> = (0..400)
        .map(|_| {
            // As requests that are answered at the first attempt take them.
            let runtime = store.load();
            let route = runtime.routes().route("m", "team-a", Protocol::ChatCompletions).unwrap();
            let first = Candidates::new(route.group.clone()).next().unwrap();
            first.provider.name.to_string()
        })
        .collect();
    let count = |name: &str| firsts.iter().filter(|first| first.ends_with(name)).count();
    assert_eq!((count("/a"), count("/b"), count("/never")), (300, 100, 0));
}

#[test]
fn lower_tiers_have_no_turns_until_it_comes_to_them() {
    let store = store(&[("a", 1, 0), ("b", 1, 1), ("c", 1, 1)]);
    let runtime = store.load();
    let route = runtime.routes().route("m", "team-a", Protocol::ChatCompletions).unwrap();
    let mut seconds = Vec::new();
    for round in 0..40 {
        let mut candidates = Candidates::new(route.group.clone());
        assert!(candidates.more());
        assert!(candidates.next().unwrap().provider.name.ends_with("/a"));
        if round % 2 == 0 {
            seconds.push(candidates.next().unwrap().provider.name.to_string());
        }
    }
    assert_eq!(seconds.iter().filter(|name| name.ends_with("/b")).count(), 10);
}

#[test]
fn more_says_whether_there_is_another_one() {
    let store = store(&[("a", 1, 0), ("b", 1, 0), ("c", 1, 1)]);
    let runtime = store.load();
    let route = runtime.routes().route("m", "team-a", Protocol::ChatCompletions).unwrap();
    let mut candidates = Candidates::new(route.group.clone());
    for left in [true, true, true] {
        assert_eq!(candidates.more(), left);
        assert!(candidates.next().is_some());
    }
    assert!(!candidates.more() && candidates.next().is_none());
}
